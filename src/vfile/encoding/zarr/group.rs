//! The files of a group of Zarr arrays. Those of the outermost group hold the metadata of all
//! groups and arrays below it, so that a program that cannot list directories finds them.

use serde_json::{Value, json};

use super::Text;
use crate::source::Attributes;
use crate::vfile::encoding::FileSet;

/// The names of the files of a group: of version 3, and of version 2. The last one is only in the
/// outermost group.
pub const GROUP_FILES: [&str; 4] = ["zarr.json", ".zgroup", ".zattrs", ".zmetadata"];

/// The most bytes of the metadata of all that is below a group. Of a group with more there is none:
/// programs list its directories.
const MAX_CONSOLIDATED: usize = 16 << 20;

/// What is below a group.
#[derive(Debug)]
pub enum Member<'a> {
    /// A group with these attributes.
    Group(&'a Attributes),
    /// An array with these files.
    Array(Box<dyn FileSet + 'a>),
}

impl Member<'_> {
    /// The text of the file called `name`.
    fn text(&self, name: &str) -> Option<String> {
        match self {
            Member::Array(files) => files.text(files.find(name)?),
            Member::Group(attributes) => {
                let number = GROUP_FILES.iter().position(|file| *file == name)?;
                plain(number, attributes)
            }
        }
    }
}

/// The text of file `number` of [`GROUP_FILES`] for a group with these attributes. `members` are
/// those of the outermost group, with their paths; groups come before what is in them. `None` if
/// there is no such file.
pub fn group_text<'a>(
    number: usize,
    attributes: &Attributes,
    members: Option<impl Iterator<Item = (String, Member<'a>)>>,
) -> Option<String> {
    match (number, members) {
        (0, Some(members)) => {
            let text = plain(0, attributes)?;
            Some(with_members(&text, members).unwrap_or(text))
        }
        (3, Some(members)) => all_of_version_2(attributes, members),
        _ => plain(number, attributes),
    }
}

/// The file `text` of version 3 of a group, with the metadata of what is below it. `None` if that
/// is too long.
fn with_members<'a>(
    text: &str,
    members: impl Iterator<Item = (String, Member<'a>)>,
) -> Option<String> {
    let all = consolidated(members, &[("", Text::V3.name())])?;
    Some(format!(
        "{},\"consolidated_metadata\":{{\"kind\":\"inline\",\"must_understand\":false,\
         \"metadata\":{{{all}}}}}}}",
        text.strip_suffix('}')?
    ))
}

/// The metadata of version 2 of a group and of what is below it. `None` if that is too long.
fn all_of_version_2<'a>(
    attributes: &Attributes,
    members: impl Iterator<Item = (String, Member<'a>)>,
) -> Option<String> {
    let files = [GROUP_FILES[1], Text::V2.name(), Text::V2Attributes.name()];
    let mut all = Vec::new();
    for number in [1, 2] {
        let text = plain(number, attributes)?;
        all.push(format!("{}:{text}", json!(GROUP_FILES[number])));
    }
    all.push(consolidated(members, &files.map(|file| ("/", file)))?);
    all.retain(|part| !part.is_empty());
    let all = all.join(",");
    Some(format!(
        "{{\"zarr_consolidated_format\":1,\"metadata\":{{{all}}}}}"
    ))
}

/// The text of a file of a group, without what is below it.
fn plain(number: usize, attributes: &Attributes) -> Option<String> {
    let json = match number {
        0 => json!({"zarr_format": 3, "node_type": "group", "attributes": attributes}),
        1 => json!({"zarr_format": 2}),
        2 => Value::Object(attributes.clone()),
        _ => return None,
    };
    Some(json.to_string())
}

/// The members of a JSON object with the texts of `files` of all `members`. A key is the path of
/// the member, followed by a separator and the name of the file if there is a separator. `None` if
/// they exceed [`MAX_CONSOLIDATED`].
fn consolidated<'a>(
    members: impl Iterator<Item = (String, Member<'a>)>,
    files: &[(&str, &str)],
) -> Option<String> {
    let mut all = String::new();
    for (path, member) in members {
        for (separator, file) in files {
            let Some(text) = member.text(file) else {
                continue;
            };
            let key = match *separator {
                "" => json!(path),
                separator => json!(format!("{path}{separator}{file}")),
            };
            let comma = if all.is_empty() { "" } else { "," };
            all.push_str(&format!("{comma}{key}:{text}"));
            if all.len() > MAX_CONSOLIDATED {
                return None;
            }
        }
    }
    Some(all)
}
