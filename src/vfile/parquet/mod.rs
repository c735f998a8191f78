//! Parquet files: pages of values, which are not compressed, and a footer that describes them.
//! There can be millions of pages and very many row groups, so headers of pages and descriptions
//! of row groups are computed when they are read. Which type a column has is left to
//! `encoding::parquet`.
//!
//! ```text
//! signature | row group ... | schema, row groups, length, signature
//!             column ...
//!             page ...
//!             header, values
//! ```

mod content;
mod layout;
mod schema;
mod thrift;

pub(super) use content::contents;
pub(super) use layout::{Layout, MAX_FOOTER};
pub(super) use schema::{Leaf, Meaning, Physical, Schema};
