//! `docs/TOOLS.md` lists exactly the tested cases.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::case::Case;
use crate::{copying, dd, emptying, names, reading, science, serving, shapes, sparse, writing};

/// What each row says of its tool.
fn rows() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/TOOLS.md");
    let text = fs::read_to_string(path).unwrap();
    let mut rows = BTreeMap::new();
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| tool |");
    for line in text.lines().filter(is_row) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 3, "docs/TOOLS.md: {line}");
        let tool = cells[0].replace('`', "");
        let earlier = rows.insert(tool, cells[1].to_owned());
        assert_eq!(earlier, None, "docs/TOOLS.md: twice: {}", cells[0]);
    }
    rows
}

fn cases() -> Vec<Case> {
    let tables: [fn() -> Vec<Case>; 11] = [
        copying::cases,
        dd::cases,
        emptying::cases,
        names::cases,
        reading::cases,
        science::cases,
        serving::cases,
        shapes::cases_of_axes,
        shapes::cases_of_point,
        sparse::cases,
        writing::cases,
    ];
    tables.iter().flat_map(|cases| cases()).collect()
}

#[test]
fn every_row_of_the_documentation_has_its_cases_and_every_case_its_row() {
    let rows = rows();
    let cases = cases();
    let mut wrong = Vec::new();
    for case in &cases {
        match rows.get(case.row) {
            None => wrong.push(format!("{}: {}: has no row", case.row, case.command)),
            Some(says) if !says.contains(case.stderr) => {
                wrong.push(format!(
                    "{}: does not say {:?}: {}",
                    case.row, case.stderr, case.command
                ));
            }
            Some(_) => {}
        }
    }
    for (tool, says) in &rows {
        let own: Vec<&Case> = cases.iter().filter(|case| case.row == tool).collect();
        for (word, meant) in [("works", true), ("fails", false)] {
            let shown = own.iter().any(|case| (case.status == 0) == meant);
            if says.contains(word) != shown {
                wrong.push(format!(
                    "{tool}: does the row say {word:?}? is there a case that does so?"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "docs/TOOLS.md:\n{}", wrong.join("\n"));
}
