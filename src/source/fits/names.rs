//! The names of HDUs: `EXTNAME,EXTVER`, `EXTNAME`, or the number; and other names that find them.

use std::collections::HashSet;

use super::header::Header;

/// The names of the HDUs so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

/// The names of an HDU.
#[derive(Debug)]
pub(super) struct Name {
    /// The name that is shown.
    pub main: String,
    /// Other names that find it.
    pub aliases: Vec<String>,
}

impl Names {
    /// The names of HDU `number`. If another has its name, `+` and the number follow.
    pub fn of(&mut self, header: &Header, number: usize) -> Name {
        let position = number.to_string();
        let given = header.text_of("EXTNAME").map(str::trim);
        let given = given.filter(|name| !name.is_empty());
        let version = header.int("EXTVER");
        let mut main = match (given, version, number) {
            (Some(name), Some(version), _) => format!("{name},{version}"),
            (Some(name), None, _) => name.to_owned(),
            (None, _, 0) => "PRIMARY".to_owned(),
            (None, _, _) => position.clone(),
        };
        if self.taken.contains(&main) {
            main = format!("{main}+{number}");
        }
        self.taken.insert(main.clone());
        let mut aliases = vec![position];
        if number == 0 {
            aliases.push("PRIMARY".to_owned());
        }
        if let Some(name) = given {
            aliases.push(name.to_owned());
            aliases.push(format!("{name},{}", version.unwrap_or(1)));
        }
        aliases.retain(|alias| *alias != main);
        Name { main, aliases }
    }
}
