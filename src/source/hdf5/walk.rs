//! The tree of groups in an HDF5 file, from which the contiguous datasets become members. Soft and
//! external links are not followed; an object that is met again is skipped.

use std::collections::HashMap;
use std::sync::Arc;

use hdf5_pure::{Dataset, Error, File, FormatError as LibraryError, Group, Layout};

use super::attributes::AttributesReader;
use super::bytes::ReadLog;
use super::conventions::{self, Dimensions};
use super::{brief, datatype, reason};
use crate::array::{Order, Shape, View};
use crate::source::{Attributes, Contents, Details, FormatError, Member};

/// The most groups below one another.
const MAX_DEPTH: usize = 64;

/// The most groups of a file.
const MAX_GROUPS: usize = 100_000;

/// The most bytes of all names together.
const MAX_NAMES: usize = 64 << 20;

/// How to get a file whose datasets can be shown.
const REPACK: &str = "h5repack -l CONTI -f NONE IN OUT makes a file whose datasets can be shown";

/// The same for what only the programs of HDF5 2.0 read.
const REPACK_NEWER: &str = "with HDF5 2.0 or later, h5repack -l CONTI -f NONE IN OUT makes a file \
                            whose datasets can be shown";

/// How to get at a dataset in another file.
const BRING_IN: &str = "h5repack -l CONTI IN OUT brings in what an external file holds";

/// Collects what a file holds.
#[derive(Debug)]
pub(super) struct Walk {
    log: Arc<ReadLog>,
    contents: Contents,
    attributes: AttributesReader,
    dimensions: Dimensions,
    /// The length of all names so far, in bytes.
    names: usize,
    /// The paths of the groups met, by the positions of their headers.
    groups: HashMap<u64, String>,
    /// The paths of the datasets met, by the positions of their data.
    datasets: HashMap<u64, String>,
}

/// Why a dataset cannot be shown, and what the user can do about it.
struct NotShown {
    why: String,
    remedy: Option<&'static str>,
}

impl From<String> for NotShown {
    fn from(why: String) -> NotShown {
        NotShown { why, remedy: None }
    }
}

impl From<Error> for NotShown {
    fn from(error: Error) -> NotShown {
        reason(&error).into()
    }
}

/// Where a dataset is in the file.
struct Place {
    /// The position of its data. `None` if it has no bytes.
    address: Option<u64>,
    size: u64,
}

impl Walk {
    /// A walk through the file whose reads are in `log`.
    pub fn new(log: Arc<ReadLog>) -> Walk {
        Walk {
            log,
            contents: Contents::group(),
            attributes: AttributesReader::new(),
            dimensions: Dimensions::default(),
            names: 0,
            groups: HashMap::new(),
            datasets: HashMap::new(),
        }
    }

    /// What `file` holds.
    ///
    /// # Errors
    ///
    /// When its root cannot be read, or it has too many objects.
    pub fn file(mut self, file: &File) -> Result<Contents, FormatError> {
        let root = file.root();
        let is_readable = root.groups();
        self.log.check()?;
        is_readable.map_err(|error| FormatError::invalid(reason(&error)))?;
        self.group(&root, "", 0)?;
        self.log.check()?;
        for member in &mut self.contents.members {
            self.dimensions.name_axes(member);
        }
        Ok(self.contents)
    }

    /// Adds the group at `path`.
    ///
    /// # Errors
    ///
    /// When the file has too many objects.
    fn group(&mut self, group: &Group, path: &str, depth: usize) -> Result<(), FormatError> {
        self.count_name(path)?;
        let (header, values) = self.log.clone().first_read(|| group.attrs());
        let first = header.and_then(|header| self.groups.insert(header, path.to_owned()));
        if let Some(first) = first {
            if let Some(header) = header {
                self.groups.insert(header, first.clone());
            }
            return self.skip(path, format!("the same group as /{first}"));
        }
        if self.groups.len() > MAX_GROUPS {
            return Err(FormatError::invalid(format!(
                "more than {MAX_GROUPS} groups"
            )));
        }
        if depth > MAX_DEPTH {
            return self.skip(path, format!("lies below {MAX_DEPTH} groups"));
        }
        if let (Ok(values), Ok(datatypes)) = (values, group.attr_datatypes()) {
            let attributes = self.attributes.attributes(values, datatypes);
            self.add_attributes(path, attributes);
        }
        match group.iter_datasets() {
            Ok(datasets) => {
                for (name, dataset) in sorted(datasets) {
                    self.dataset(&dataset, &join(path, &name))?;
                }
            }
            Err(error) => self.skip(path, reason(&error))?,
        }
        match group.iter_groups() {
            Ok(groups) => {
                for (name, group) in sorted(groups) {
                    self.group(&group, &join(path, &name), depth + 1)?;
                }
            }
            Err(error) => self.skip(path, reason(&error))?,
        }
        Ok(())
    }

    /// Counts the name of an object, before anything else is made of it.
    ///
    /// # Errors
    ///
    /// When all names together are too long.
    fn count_name(&mut self, path: &str) -> Result<(), FormatError> {
        self.names = self.names.saturating_add(path.len());
        match self.names {
            names if names > MAX_NAMES => Err(FormatError::invalid(format!(
                "names of more than {MAX_NAMES} bytes"
            ))),
            _ => Ok(()),
        }
    }

    fn add_attributes(&mut self, path: &str, attributes: Attributes) {
        if path.is_empty() {
            self.contents.attributes = attributes;
        } else if !attributes.is_empty() {
            self.contents.groups.push((path.into(), attributes));
        }
    }

    /// Adds the dataset at `path`.
    ///
    /// # Errors
    ///
    /// When the file has too many objects.
    fn dataset(&mut self, dataset: &Dataset, path: &str) -> Result<(), FormatError> {
        self.count_name(path)?;
        let attributes = match (dataset.attrs(), dataset.attr_datatypes()) {
            (Ok(values), Ok(datatypes)) => self.attributes.attributes(values, datatypes),
            _ => Attributes::new(),
        };
        if self.dimensions.add(path, &attributes) {
            return Ok(());
        }
        match self.member(dataset, path, attributes) {
            Ok(member) => self.contents.push(member),
            Err(NotShown { why, remedy }) => self.contents.skip(path, why, remedy),
        }
    }

    fn skip(&mut self, path: &str, why: String) -> Result<(), FormatError> {
        let name = if path.is_empty() { "/" } else { path };
        self.contents.skip(name, why, None)
    }

    /// The array in `dataset`, which has these attributes.
    ///
    /// # Errors
    ///
    /// When it cannot be shown.
    fn member(
        &mut self,
        dataset: &Dataset,
        path: &str,
        attributes: Attributes,
    ) -> Result<Member, NotShown> {
        let (dtype, inner_lengths) = datatype::dtype(&dataset.datatype()?)
            .map_err(|elements| format!("its elements are {elements}"))?;
        let place = place(dataset)?;
        let mut lengths = dataset.shape()?;
        lengths.extend(inner_lengths);
        let shape = Shape::new(lengths);
        let view =
            View::contiguous(dtype, place.address.unwrap_or(0), shape, Order::C).map_err(brief)?;
        if place.address.is_none() && view.size() > 0 {
            return Err("null: it has no elements".to_owned().into());
        }
        if view.nbytes() != place.size {
            let (need, size) = (view.nbytes(), place.size);
            let shape = view.shape();
            return Err(format!("{size} bytes: its shape {shape} needs {need}").into());
        }
        if let Some(address) = place.address {
            if let Some(first) = self.datasets.get(&address) {
                return Err(format!("same as /{first}").into());
            }
            self.datasets.insert(address, path.to_owned());
        }
        Ok(Member {
            dims: conventions::dims(&attributes, path, view.ndim()),
            details: Arc::new(Details {
                scale: conventions::scale(&attributes),
                attributes,
                ..Details::default()
            }),
            ..Member::new(path, view, Order::C)
        })
    }
}

/// The links in the order of their names, as the library of HDF5 lists them.
fn sorted<T>(links: impl Iterator<Item = (String, T)>) -> Vec<(String, T)> {
    let mut links: Vec<(String, T)> = links.collect();
    links.sort_by(|(a, _), (b, _)| a.cmp(b));
    links
}

/// The path of `name` in the group at `path`.
fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    }
}

/// Where the data of `dataset` is.
///
/// # Errors
///
/// When it is not in one piece in the file.
fn place(dataset: &Dataset) -> Result<Place, NotShown> {
    let layout = dataset.layout().map_err(|error| {
        let (why, remedy) = match &error {
            Error::Format(LibraryError::InvalidLayoutVersion(..3)) => (
                "written by HDF5 before 1.6.3, in a form that is not read".to_owned(),
                REPACK,
            ),
            // Only chunks have filters.
            Error::Format(LibraryError::InvalidLayoutVersion(5..)) => match filters(dataset) {
                filters if filters.is_empty() => (
                    "written by HDF5 2.0 or later, in a form that is not read".to_owned(),
                    REPACK_NEWER,
                ),
                filters => (
                    format!("chunked, and filtered by {filters}, as HDF5 2.0 or later writes it"),
                    REPACK_NEWER,
                ),
            },
            error => (reason(error), REPACK),
        };
        let remedy = Some(remedy);
        NotShown { why, remedy }
    })?;
    let why = match layout {
        Layout::Contiguous { address, size } if address.is_some() || size == 0 => {
            return Ok(Place { address, size });
        }
        Layout::Contiguous { .. } => {
            let why = "not in this file: it was never written, or an external file holds it";
            return Err(NotShown {
                why: why.into(),
                remedy: Some(BRING_IN),
            });
        }
        Layout::Compact { .. } => "compact: it is part of its header".to_owned(),
        Layout::Chunked { .. } => match filters(dataset) {
            filters if filters.is_empty() => "chunked".to_owned(),
            filters => format!("chunked, and filtered by {filters}"),
        },
        Layout::Virtual => "virtual: its elements are in other datasets".to_owned(),
        other => brief(other),
    };
    let remedy = Some(REPACK);
    Err(NotShown { why, remedy })
}

/// The filters of `dataset`, in a list.
fn filters(dataset: &Dataset) -> String {
    let filters = dataset.filter_pipeline();
    let name = |filter| brief(filter).replace(" [optional]", "");
    let filters: Vec<String> = filters.iter().map(name).collect();
    filters.join(", ")
}
