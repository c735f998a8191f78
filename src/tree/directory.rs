//! The directories that stand for arrays and for groups of arrays. Groups and arrays are
//! enumerated at mount; the number of an array directory is computed from its array and its
//! form. The nodes in a directory are the business of the tree.
//!
//! ```text
//! groups     0 ... G-1                     none if the root is an array
//! stores     G ... 2G-1                    of the groups, in zarr/ of the root
//! arrays     2G + array * forms + form     the first form is the array as it is
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use super::array_directory::{Array, ArrayDirectory};
use super::form::{Form, VARIANTS, Variant};
use super::group::{Group, NamedDirectories};
use super::member_path::paths;
use super::name;
use super::node::{Folder, Node};
use crate::array::View;
use crate::source::{Attributes, Contents, Member, Meta, Origin};
use crate::vfile::{CodedView, Coding, Encoding, EncodingOptions, Subject, encodings, zarr};

/// All groups and arrays of a mount. Directory 0 is the root.
#[derive(Debug)]
pub(super) struct Directories {
    pub(super) groups: Vec<Group>,
    pub(super) arrays: Vec<Array>,
    encodings: &'static [Encoding],
    options: EncodingOptions,
    /// Whether any array is in a store.
    has_stores: bool,
    /// The variants that any array has.
    variants: Vec<Variant>,
    /// The number of forms of each array in a variant, those included that it does not have.
    forms_per_variant: usize,
}

impl Directories {
    /// The directories of the arrays in the file `origin` that `contents` lists.
    pub(super) fn new(
        origin: &Arc<Origin>,
        contents: &Contents,
        options: &EncodingOptions,
    ) -> Directories {
        let encodings = encodings(options.csv);
        let has_two_axes = |view: &View| view.ndim() >= 2;
        let mut views = contents.members.iter().map(|member| &member.view);
        let transposes = views.any(|view| has_two_axes(view) || !view.dtype().fields().is_empty());
        let has = |variant: &Variant| {
            let mut members = contents.members.iter();
            members.any(|member| variant.is_of(&Meta::of(origin, member)))
        };
        let mut directories = Directories {
            groups: Vec::new(),
            arrays: Vec::new(),
            encodings,
            options: options.clone(),
            has_stores: false,
            variants: VARIANTS.into_iter().filter(has).collect(),
            forms_per_variant: encodings.len() * (1 + usize::from(transposes)),
        };
        if contents.is_group {
            directories.add_group_members(origin, contents);
        } else if let Some(member) = contents.members.first() {
            let root = Node::folder(0, Folder::Top);
            directories.add_array(Meta::of(origin, member), String::new(), root, Some(0));
        }
        directories.fill_stores();
        directories
    }

    /// Leaves out the directories of numbered files of arrays that have more than `limit` of them.
    pub(super) fn leave_out_longer(&mut self, limit: u64) {
        let longer = self.arrays.iter_mut();
        for array in longer.filter(|array| array.most_files > limit) {
            array.most_files = 0;
            array.forms.retain(|form| {
                let encoding = &self.encodings[usize::from(form.encoding_index)];
                encoding.of_views().is_some()
            });
        }
        self.fill_stores();
    }

    /// Lists in each group what its store has.
    fn fill_stores(&mut self) {
        for number in 0..self.groups.len() {
            let children = self.groups[number].children.list().iter();
            let stored = children.filter_map(|&child| self.stored(child)).collect();
            self.groups[number].stored = stored;
        }
        let mut forms = self.arrays.iter().flat_map(|array| &array.forms);
        self.has_stores = forms.any(|form| form.is_in_store);
    }

    fn add_group_members(&mut self, origin: &Arc<Origin>, contents: &Contents) {
        let paths = paths(&contents.members);
        self.groups.push(Group {
            attributes: contents.attributes.clone(),
            ..Group::default()
        });
        // All groups before the first array, whose number depends on how many there are.
        let groups: Vec<usize> = paths
            .iter()
            .map(|path| self.add_groups_above(path))
            .collect();
        let attributes: HashMap<&[u8], &Attributes> = contents
            .groups
            .iter()
            .map(|(name, attributes)| (name.as_slice(), attributes))
            .collect();
        for (position, (member, path)) in contents.members.iter().zip(&paths).enumerate() {
            let Some(name) = path.last() else { continue };
            let group = groups[position];
            let parent = Node::folder(group, Folder::Top);
            let meta = Meta::of(origin, member);
            let number = self.add_array(meta, name.clone(), parent, Some(position));
            self.groups[group].children.push(name, number);
            for alias in &member.aliases {
                self.groups[group].children.add_alias(alias, number);
            }
            self.set_attributes_above(group, member, &attributes);
        }
    }

    /// Adds the groups above a member that do not exist yet. Returns the number of the innermost.
    fn add_groups_above(&mut self, path: &[String]) -> usize {
        let above = path.split_last().map_or(&[][..], |(_, above)| above);
        above.iter().fold(0, |parent, name| {
            if let Some(group) = self.groups[parent].children.get(name) {
                return group;
            }
            let group = self.groups.len();
            self.groups.push(Group {
                name: name.clone(),
                parent,
                ..Group::default()
            });
            self.groups[parent].children.push(name, group);
            group
        })
    }

    /// Gives `group` and those above it the attributes that the file has for them. `member` is
    /// an array in `group`.
    fn set_attributes_above(
        &mut self,
        mut group: usize,
        member: &Member,
        attributes: &HashMap<&[u8], &Attributes>,
    ) {
        let mut name = member.name.as_slice();
        while group != 0 && self.groups[group].attributes.is_empty() {
            let Some(slash) = name.iter().rposition(|&byte| byte == b'/') else {
                return;
            };
            name = &name[..slash];
            if let Some(&attributes) = attributes.get(name) {
                self.groups[group].attributes = attributes.clone();
            }
            group = self.groups[group].parent;
        }
    }

    /// Adds an array and its fields, recursively. Returns the number of its directory.
    fn add_array(
        &mut self,
        meta: Meta,
        name: String,
        parent: Node,
        member: Option<usize>,
    ) -> usize {
        let index = self.arrays.len();
        let number = self.first_array() + index * self.form_count();
        let dtype = meta.view.dtype().clone();
        let scales = &meta.details.field_scales;
        let codings = VARIANTS.map(|variant| variant.coding(&dtype, meta.scale, scales));
        let (forms, most_files) = self.forms_of(&meta.view, &codings, member.is_some());
        self.arrays.push(Array {
            name,
            parent,
            forms,
            most_files,
            codings,
            meta: meta.clone(),
            member,
            fields: NamedDirectories::default(),
        });
        let fields = Node::folder(number, Folder::Fields);
        for (position, field) in dtype.fields().iter().enumerate() {
            if let Some(meta) = meta.field(field) {
                let name = name::field(position, field.name());
                let field_number = self.add_array(meta, name.clone(), fields, None);
                self.arrays[index].fields.push(&name, field_number);
            }
        }
        number
    }

    /// The forms of an array that shows `view` in the `codings` of its variants, and the most
    /// numbered files that a directory of them has.
    fn forms_of(
        &self,
        view: &View,
        codings: &[Option<Coding>; VARIANTS.len()],
        is_member: bool,
    ) -> (Vec<Form>, u64) {
        let transposed = (view.ndim() >= 2).then(|| view.transposed());
        let views = [(false, Some(view)), (true, transposed.as_ref())];
        let (mut forms, mut most_files) = (Vec::new(), 0);
        for (variant, coding) in VARIANTS.into_iter().zip(codings) {
            let Some(coding) = coding else { continue };
            for (is_transposed, view) in views {
                let Some(view) = view else { continue };
                for (encoding_index, encoding) in (0..).zip(self.encodings) {
                    let array = Subject::new(CodedView::new(view, coding), &self.options);
                    let files = encoding.files_of(&array).map(|files| files.count());
                    most_files = files.unwrap_or(0).max(most_files);
                    if encoding_index == 0 || files.is_some() || encoding.shows(&array) {
                        forms.push(Form {
                            variant,
                            is_transposed,
                            encoding_index,
                            is_in_store: false,
                        });
                    }
                }
            }
        }
        if is_member && !self.groups.is_empty() {
            forms.extend(self.form_in_store(view, codings, &forms));
        }
        (forms, most_files)
    }

    /// The form of an array in the store of the root, which has the other `forms`: the first
    /// variant that version 3 of Zarr has. One array that zarr-python lacks, of records with
    /// sub-arrays, would keep it from opening the store.
    fn form_in_store(
        &self,
        view: &View,
        codings: &[Option<Coding>; VARIANTS.len()],
        forms: &[Form],
    ) -> Option<Form> {
        let is_store = |form: &&Form| {
            let encoding = &self.encodings[usize::from(form.encoding_index)];
            encoding.folder() == Some(zarr::FOLDER) && !form.is_transposed
        };
        let mut stores = forms.iter().filter(is_store);
        let is_complete = |form: &&Form| {
            let coding = codings[form.variant as usize].as_ref();
            let dtype = coding.map(|coding| CodedView::new(view, coding).dtype());
            dtype.is_some_and(zarr::has_type)
        };
        let form = *stores.find(is_complete)?;
        Some(Form {
            is_in_store: true,
            ..form
        })
    }

    /// The number of directories, those included that do not exist.
    pub(super) fn count(&self) -> usize {
        self.first_array() + self.arrays.len() * self.form_count()
    }

    /// The number of the first directory of an array.
    pub(super) fn first_array(&self) -> usize {
        2 * self.groups.len()
    }

    /// The number of forms of each array, those included that it does not have.
    fn form_count(&self) -> usize {
        let in_store = usize::from(!self.groups.is_empty());
        self.variants.len() * self.forms_per_variant + in_store
    }

    /// The number of directories that show `array`.
    pub(super) fn forms(&self, array: &Array) -> u64 {
        array.forms.len() as u64
    }

    /// The group with this number; `None` for an array directory.
    pub(super) fn group(&self, number: usize) -> Option<&Group> {
        self.groups.get(number)
    }

    /// The directories of all arrays in the store of the root.
    pub(super) fn stored_arrays(&self) -> impl Iterator<Item = ArrayDirectory<'_>> {
        let arrays = self.arrays.iter().enumerate();
        arrays.filter_map(|(index, array)| {
            let form = array.forms.iter().rev().find(|form| form.is_in_store)?;
            self.array_directory(self.number(index, *form))
        })
    }

    /// The most numbered files of a directory.
    pub(super) fn most_files(&self) -> u64 {
        let counts = self.arrays.iter().map(|array| array.most_files);
        counts.fold(zarr::GROUP_FILES.len() as u64, u64::max)
    }

    /// The group whose store has this number; `None` for any other directory, and if no array is
    /// in a store.
    pub(super) fn group_of_store(&self, number: usize) -> Option<usize> {
        let group = number.checked_sub(self.groups.len())?;
        (group < self.groups.len() && self.has_stores).then_some(group)
    }

    /// The number of the store of the root; `None` if there is none.
    pub(super) fn root_store(&self) -> Option<usize> {
        (!self.groups.is_empty() && self.has_stores).then_some(self.groups.len())
    }

    /// The number of the directory in a store that stands for the group or array with the number
    /// `number`. `None` if Zarr lacks the array.
    pub(super) fn stored(&self, number: usize) -> Option<usize> {
        let Some(position) = number.checked_sub(self.first_array()) else {
            return Some(self.groups.len() + number);
        };
        let index = position / self.form_count();
        let form = self.arrays.get(index)?.forms.iter();
        let form = form.rev().find(|form| form.is_in_store)?;
        Some(self.number(index, *form))
    }

    /// The array directory with this number; `None` for a group, and if there is none.
    pub(super) fn array_directory(&self, number: usize) -> Option<ArrayDirectory<'_>> {
        let position = number.checked_sub(self.first_array())?;
        let array_index = position / self.form_count();
        let array = self.arrays.get(array_index)?;
        let form_index = position % self.form_count();
        let mut forms = array.forms.iter();
        let form = *forms.find(|form| self.form_index(**form) == form_index)?;
        Some(ArrayDirectory {
            array,
            array_index,
            form,
            encoding: &self.encodings[usize::from(form.encoding_index)],
            coding: array.codings[form.variant as usize].as_ref()?,
            options: &self.options,
        })
    }

    /// The number of `form` among the forms of an array.
    fn form_index(&self, form: Form) -> usize {
        if form.is_in_store {
            return self.form_count() - 1;
        }
        let variants = self.variants.iter();
        // A variant that no array has is in no form.
        let variant = variants
            .take_while(|variant| **variant != form.variant)
            .count();
        let transposed = usize::from(form.is_transposed) * self.encodings.len();
        variant * self.forms_per_variant + transposed + usize::from(form.encoding_index)
    }

    /// The number of the directory of an array in `form`.
    fn number(&self, array_index: usize, form: Form) -> usize {
        self.first_array() + array_index * self.form_count() + self.form_index(form)
    }

    /// The parent of a directory. The root is its own parent.
    pub(super) fn parent(&self, number: usize) -> Node {
        let top = |number| Node::folder(number, Folder::Top);
        if let Some(group) = self.group(number) {
            return top(group.parent);
        }
        if let Some(group) = self.group_of_store(number) {
            return match group {
                0 => top(0),
                _ => top(self.groups.len() + self.groups[group].parent),
            };
        }
        let Some(directory) = self.array_directory(number) else {
            return top(0);
        };
        let (form, parent) = (directory.form, directory.array.parent);
        let above = match form {
            Form {
                is_in_store: true, ..
            } => return top(self.groups.len() + parent.directory_index),
            Form {
                encoding_index: 1..,
                ..
            } => form.raw(),
            Form {
                is_transposed: true,
                ..
            } => Form {
                is_transposed: false,
                ..form
            },
            Form {
                variant: Variant::Native | Variant::Float32,
                ..
            } => Form {
                variant: Variant::Stored,
                ..form
            },
            _ => return parent,
        };
        top(self.number(directory.array_index, above))
    }

    /// The array directories that an array directory lists beside its fields: the encodings and
    /// the transpose.
    pub(super) fn nested(
        &self,
        directory: ArrayDirectory<'_>,
    ) -> impl Iterator<Item = (&'static str, usize)> + use<'_> {
        let ArrayDirectory {
            array_index, form, ..
        } = directory;
        let array = &self.arrays[array_index];
        let is_raw = form.encoding_index == 0;
        let others = array
            .forms
            .iter()
            .filter(move |other| is_raw && !other.is_in_store && other.raw() == form);
        // The raw form itself has no folder.
        let others = others.filter_map(move |&other| {
            let folder = self.encodings[usize::from(other.encoding_index)].folder()?;
            Some((folder, self.number(array_index, other)))
        });
        let can_transpose = is_raw && !form.is_transposed && array.meta.view.ndim() >= 2;
        let transposed = Form {
            is_transposed: true,
            ..form
        };
        let transposed = ("T", self.number(array_index, transposed));
        let is_plain = form.is_plain();
        let variants = VARIANTS.into_iter().filter(move |_| is_plain);
        let variants = variants.filter_map(move |variant| {
            array.codings[variant as usize].as_ref()?;
            let form = Form { variant, ..form };
            Some((variant.folder()?, self.number(array_index, form)))
        });
        others
            .chain(can_transpose.then_some(transposed))
            .chain(variants)
    }
}
