//! The directories that stand for arrays and for groups of arrays. Groups and arrays are
//! enumerated at mount; the number of an array directory is computed from its array and its
//! form. The nodes in a directory are the business of the tree.
//!
//! ```text
//! groups     0 ... G-1                     none if the root is an array
//! arrays     G + array * forms + form      the first form is the array as it is
//! ```

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::member_path::paths;
use super::name;
use super::node::{Folder, Node};
use crate::array::View;
use crate::dtype::DType;
use crate::source::{Attributes, Contents, Member, Meta, Origin, Scale};
use crate::vfile::{CodedView, Coding, CsvForm, Encoding, encodings};

/// A directory of named arrays and of other such directories.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The name in the parent directory; empty for the root.
    pub(super) name: String,
    /// The number of the parent. The root is its own parent.
    pub(super) parent: usize,
    /// The arrays and groups in it, in the order of the file.
    pub(super) children: NamedDirectories,
    pub(super) attributes: Attributes,
}

/// The numbers of directories, by name.
#[derive(Debug, Default)]
pub(super) struct NamedDirectories {
    list: Vec<usize>,
    by_name: HashMap<Box<str>, usize>,
}

impl NamedDirectories {
    /// The numbers of the directories, in the order of listing.
    pub(super) fn list(&self) -> &[usize] {
        &self.list
    }

    /// The number of the directory called `name`, also by an alias.
    pub(super) fn get(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    fn push(&mut self, name: &str, number: usize) {
        self.list.push(number);
        self.by_name.insert(name.into(), number);
    }
}

/// An array of the mount: a member of the file, or a field of one.
#[derive(Debug)]
pub(super) struct Array {
    /// The name of its directory; empty for the root.
    pub(super) name: String,
    /// The directory that lists it. The root is its own parent.
    pub(super) parent: Node,
    pub(super) meta: Meta,
    /// The member of the file; `None` for a field.
    pub(super) member: Option<usize>,
    /// How each variant shows its elements; `None` for those that it does not have.
    codings: [Option<Coding>; VARIANTS.len()],
    /// The forms that it has.
    forms: Vec<Form>,
    /// The array directories of its fields, in the order of the dtype.
    pub(super) fields: NamedDirectories,
}

/// How an array directory shows the elements of its array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// As they are stored.
    Stored,
    /// In the byte order of this machine.
    Native,
    /// As float32, for types that NumPy lacks.
    Float32,
}

/// All variants, in the order of [`Array::codings`].
const VARIANTS: [Variant; 3] = [Variant::Stored, Variant::Native, Variant::Float32];

impl Variant {
    /// How the variant shows elements of `dtype`, which the file says are to be scaled by
    /// `scale`, and their fields by `field_scales`. `None` if it is no other than the stored one.
    fn coding(
        self,
        dtype: &DType,
        scale: Option<Scale>,
        field_scales: &BTreeMap<String, Scale>,
    ) -> Option<Coding> {
        match self {
            Variant::Stored => Some(Coding::Stored),
            Variant::Native => Coding::native(dtype, scale, field_scales),
            Variant::Float32 => Coding::float32(dtype),
        }
    }

    /// Whether an array that `meta` describes, or that of a field at any depth, has the variant.
    fn is_of(self, meta: &Meta) -> bool {
        let has = self.coding(meta.view.dtype(), meta.scale, &meta.details.field_scales);
        let mut fields = meta.view.dtype().fields().iter();
        has.is_some() || fields.any(|field| meta.field(field).is_some_and(|meta| self.is_of(&meta)))
    }

    /// The name of the directory; `None` for the array itself.
    fn folder(self) -> Option<&'static str> {
        match self {
            Variant::Stored => None,
            Variant::Native => Some("native"),
            Variant::Float32 => Some("float32"),
        }
    }
}

/// How an array directory shows its array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) variant: Variant,
    pub(super) is_transposed: bool,
    /// The index of the encoding. 0 is raw.
    encoding_index: u8,
}

/// A directory that shows one array in one form.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArrayDirectory<'a> {
    pub(super) array: &'a Array,
    array_index: usize,
    pub(super) form: Form,
    pub(super) encoding: &'static Encoding,
    pub(super) coding: &'a Coding,
}

/// All groups and arrays of a mount. Directory 0 is the root.
#[derive(Debug)]
pub(super) struct Directories {
    pub(super) groups: Vec<Group>,
    pub(super) arrays: Vec<Array>,
    encodings: &'static [Encoding],
    /// The variants that any array has.
    variants: Vec<Variant>,
    /// The number of forms of each array in a variant, those included that it does not have.
    forms_per_variant: usize,
}

impl Directories {
    /// The directories of the arrays in the file `origin` that `contents` lists.
    pub(super) fn new(origin: &Arc<Origin>, contents: &Contents, csv: CsvForm) -> Directories {
        let encodings = encodings(csv);
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
            variants: VARIANTS.into_iter().filter(has).collect(),
            forms_per_variant: encodings.len() * (1 + usize::from(transposes)),
        };
        if contents.is_group {
            directories.add_group_members(origin, contents);
        } else if let Some(member) = contents.members.first() {
            let root = Node::folder(0, Folder::Top);
            directories.add_array(Meta::of(origin, member), String::new(), root, Some(0));
        }
        directories
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
                let by_name = &mut self.groups[group].children.by_name;
                by_name.entry(alias.as_str().into()).or_insert(number);
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
        let number = self.groups.len() + index * self.form_count();
        let dtype = meta.view.dtype().clone();
        let scales = &meta.details.field_scales;
        let codings = VARIANTS.map(|variant| variant.coding(&dtype, meta.scale, scales));
        self.arrays.push(Array {
            name,
            parent,
            forms: self.forms_of(&meta.view, &codings),
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

    /// The forms of an array that shows `view` in the `codings` of its variants.
    fn forms_of(&self, view: &View, codings: &[Option<Coding>; VARIANTS.len()]) -> Vec<Form> {
        let transposed = (view.ndim() >= 2).then(|| view.transposed());
        let views = [(false, Some(view)), (true, transposed.as_ref())];
        let mut forms = Vec::new();
        for (variant, coding) in VARIANTS.into_iter().zip(codings) {
            let Some(coding) = coding else { continue };
            for (is_transposed, view) in views {
                let Some(view) = view else { continue };
                let view = CodedView::new(view, coding);
                for (encoding_index, encoding) in (0..).zip(self.encodings) {
                    if encoding_index == 0 || encoding.shows(&view) {
                        forms.push(Form {
                            variant,
                            is_transposed,
                            encoding_index,
                        });
                    }
                }
            }
        }
        forms
    }

    /// The number of directories, those included that do not exist.
    pub(super) fn count(&self) -> usize {
        self.groups.len() + self.arrays.len() * self.form_count()
    }

    /// The number of forms of each array, those included that it does not have.
    fn form_count(&self) -> usize {
        self.variants.len() * self.forms_per_variant
    }

    /// The number of directories that show `array`.
    pub(super) fn forms(&self, array: &Array) -> u64 {
        array.forms.len() as u64
    }

    /// The group with this number; `None` for an array directory.
    pub(super) fn group(&self, number: usize) -> Option<&Group> {
        self.groups.get(number)
    }

    /// The array directory with this number; `None` for a group, and if there is none.
    pub(super) fn array_directory(&self, number: usize) -> Option<ArrayDirectory<'_>> {
        let position = number.checked_sub(self.groups.len())?;
        let array_index = position / self.form_count();
        let array = self.arrays.get(array_index)?;
        let form_index = position % self.form_count();
        let within = form_index % self.forms_per_variant;
        let form = Form {
            variant: *self.variants.get(form_index / self.forms_per_variant)?,
            is_transposed: within >= self.encodings.len(),
            encoding_index: u8::try_from(within % self.encodings.len()).ok()?,
        };
        let coding = array.codings[form.variant as usize].as_ref()?;
        array.forms.contains(&form).then(|| ArrayDirectory {
            array,
            array_index,
            form,
            encoding: &self.encodings[usize::from(form.encoding_index)],
            coding,
        })
    }

    /// The number of the directory of an array in `form`.
    fn number(&self, array_index: usize, form: Form) -> usize {
        let variants = self.variants.iter();
        // A variant that no array has is in no form.
        let variant = variants
            .take_while(|variant| **variant != form.variant)
            .count();
        let transposed = usize::from(form.is_transposed) * self.encodings.len();
        let first = self.groups.len() + array_index * self.form_count();
        first + variant * self.forms_per_variant + transposed + usize::from(form.encoding_index)
    }

    /// The parent of a directory. The root is its own parent.
    pub(super) fn parent(&self, number: usize) -> Node {
        if let Some(group) = self.group(number) {
            return Node::folder(group.parent, Folder::Top);
        }
        let Some(directory) = self.array_directory(number) else {
            return Node::folder(0, Folder::Top);
        };
        let form = directory.form;
        let above = match form {
            Form {
                encoding_index: 1..,
                ..
            } => Form {
                encoding_index: 0,
                ..form
            },
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
            Form {
                variant: Variant::Stored,
                ..
            } => return directory.array.parent,
        };
        Node::folder(self.number(directory.array_index, above), Folder::Top)
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
        let others = array.forms.iter().filter(move |other| {
            is_raw && other.variant == form.variant && other.is_transposed == form.is_transposed
        });
        // The raw form itself has no folder.
        let others = others.filter_map(move |&other| {
            let folder = self.encodings[usize::from(other.encoding_index)].folder?;
            Some((folder, self.number(array_index, other)))
        });
        let can_transpose = is_raw && !form.is_transposed && array.meta.view.ndim() >= 2;
        let transposed = Form {
            is_transposed: true,
            ..form
        };
        let transposed = ("T", self.number(array_index, transposed));
        let is_plain = directory.is_plain();
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

impl<'a> ArrayDirectory<'a> {
    /// The array that the directory shows.
    pub(super) fn view(&self) -> Cow<'a, View> {
        match self.form.is_transposed {
            true => Cow::Owned(self.array.meta.view.transposed()),
            false => Cow::Borrowed(&self.array.meta.view),
        }
    }

    /// A part of the array, as the directory shows its elements.
    pub(super) fn coded<'v>(&self, view: &'v View) -> CodedView<'v>
    where
        'a: 'v,
    {
        CodedView::new(view, self.coding)
    }

    /// The size in bytes of the file of `view`, a part of the array. `None` if the encoding has
    /// no file of it.
    pub(super) fn len_of(&self, view: &View) -> Option<u64> {
        (self.encoding.len)(&CodedView::new(view, self.coding))
    }

    /// The metadata of the array that the directory shows.
    pub(super) fn meta(&self) -> Meta {
        let meta = match self.form.is_transposed {
            true => self.array.meta.transposed(),
            false => self.array.meta.clone(),
        };
        let dtype = match self.coding {
            Coding::Stored => return meta,
            Coding::Recoded { dtype, .. } => dtype.clone(),
            Coding::Widened(_) => DType::FLOAT32,
        };
        meta.recoded(dtype, self.coding.is_writable())
    }

    /// The name of the directory in its parent; empty for the root.
    pub(super) fn name(&self) -> &'a str {
        let form = self.form;
        match (
            self.encoding.folder,
            form.is_transposed,
            form.variant.folder(),
        ) {
            (Some(folder), ..) => folder,
            (None, true, _) => "T",
            (None, false, Some(folder)) => folder,
            (None, false, None) => &self.array.name,
        }
    }

    /// Whether the directory shows the elements as they are stored, and not transposed.
    pub(super) fn shows_whole_member(&self) -> bool {
        self.form.variant == Variant::Stored && !self.form.is_transposed
    }

    /// Whether the directory shows its array as it is: stored, raw, and not transposed.
    pub(super) fn is_plain(&self) -> bool {
        let form = self.form;
        form.variant == Variant::Stored && form.encoding_index == 0 && !form.is_transposed
    }
}
