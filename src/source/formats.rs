//! The table of file formats, and detection. A format is a module and a row of [`FORMATS`];
//! help texts, completions and errors use the table.

use std::path::Path;

use super::format::{Format, FormatError, Reader};
#[cfg(feature = "hdf5")]
use super::hdf5;
use super::signature::{self, Sample};
use super::{
    Description, Input, SourceError, envi, fits, gguf, metaimage, mrc, netcdf, nifti, npy, npz,
    nrrd, raw, safetensors, wav,
};
use crate::mapping::{BackingFile, FileError};

/// All formats. A file has the first that matches; `raw`, the last, matches all.
pub static FORMATS: &[Format] = &[
    npy::FORMAT,
    npz::FORMAT,
    safetensors::FORMAT,
    gguf::FORMAT,
    #[cfg(feature = "hdf5")]
    hdf5::FORMAT,
    netcdf::FORMAT,
    fits::FORMAT,
    nifti::FORMAT,
    mrc::FORMAT,
    wav::FORMAT,
    nrrd::FORMAT,
    metaimage::FORMAT,
    envi::FORMAT,
    raw::FORMAT,
];

impl Format {
    /// The format with this name, if there is one.
    pub fn named(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The names of all formats, `raw` first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let (raw, others) = FORMATS.split_last().unzip();
        let formats = raw.into_iter().chain(others.into_iter().flatten());
        formats.map(|format| format.name)
    }

    /// The format of a new file with this name.
    pub fn of_new(path: &Path) -> &'static Format {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let has_suffix = |format: &&Format| format.own_suffix(&name).is_some();
        FORMATS.iter().find(has_suffix).unwrap_or(&raw::FORMAT)
    }

    /// The suffix of a file name that is one of a format.
    pub fn suffix_of(name: &str) -> Option<&'static str> {
        FORMATS.iter().find_map(|format| format.own_suffix(name))
    }

    /// The suffix of a file name that is one of this format.
    fn own_suffix(&self, name: &str) -> Option<&'static str> {
        let mut suffixes = self.suffixes.iter();
        suffixes.find(|suffix| name.ends_with(**suffix)).copied()
    }

    /// The format of an existing file, detected from its first bytes and its name. A description
    /// by the user means `raw`, unless the format must agree with it. Also what the file would be
    /// without that description, if something else.
    ///
    /// # Errors
    ///
    /// - [`SourceError::Foreign`] when the file is of a known kind that holds no array to show,
    ///   and the user describes none.
    /// - [`SourceError::Empty`] when it is empty, and its name is that of a format.
    pub(super) fn of(
        backing: &BackingFile,
        description: &Description,
    ) -> Result<(&'static Format, Option<String>), SourceError> {
        let path = || backing.path().to_path_buf();
        let is_described = description.option().is_some();
        let named = Format::of_new(backing.path());
        if backing.size() == 0 && *named != raw::FORMAT && !is_described {
            return Err(SourceError::Empty {
                path: path(),
                format: named.name,
            });
        }
        let sample = Sample::of(&Input::of(backing)).map_err(|error| match error {
            FormatError::Read(source) => FileError::Open {
                path: path(),
                source,
            }
            .into(),
            error => SourceError::Format {
                path: path(),
                format: raw::FORMAT.name,
                error,
            },
        })?;
        let fits = |format: &&Format| match format.reader {
            Reader::Described(_) => true,
            Reader::SelfDescribing(_) => !is_described,
        };
        let mut formats = FORMATS.iter().filter(fits);
        let found = formats.find(|format| (format.matches)(&sample));
        let found = found.unwrap_or(&raw::FORMAT);
        if is_described && *found == raw::FORMAT {
            // Reading more would bring pages into memory that nobody has asked for.
            let first = sample.first.clone();
            let input = Input::from_bytes(backing.path(), first);
            return Ok((found, Format::overruled(&Sample { input, ..sample })));
        }
        if *found != raw::FORMAT {
            return Ok((found, None));
        }
        match signature::of(&sample) {
            None => Ok((found, None)),
            Some(signature) => Err(SourceError::Foreign {
                path: path(),
                signature,
            }),
        }
    }

    /// What a file with this sample is that is read as raw because the user describes an array: a
    /// file of another format. `None` if it is none.
    fn overruled(sample: &Sample) -> Option<String> {
        let mut formats = FORMATS.iter().filter(|format| **format != raw::FORMAT);
        match formats.find(|format| (format.matches)(sample)) {
            Some(format) => Some(format!("the {} file", format.name)),
            None => signature::of(sample).map(|signature| signature.kind.to_owned()),
        }
    }
}
