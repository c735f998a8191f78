//! The format of Markdown pages: lines that fit a screen. (Missing docs of public items are
//! reported by the compiler, `missing_docs`.)

use std::fs;
use std::path::{Path, PathBuf};

/// The most characters in a line of prose.
const WIDTH: usize = 100;

fn pages(root: &Path) -> Vec<PathBuf> {
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    let mut directories = vec![root.join("docs")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// The lines of prose that are too long, by number. Tables and code are left out, and so is a
/// line without a blank to break it at, such as a link.
fn long_lines(page: &str) -> Vec<usize> {
    let mut is_code = false;
    let lines = page.lines().enumerate().filter_map(|(number, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        let is_prose = !(is_code || is_fence || line.starts_with('|') || line.starts_with("    "));
        let breaks = line.trim_start().trim_start_matches("- ").contains(' ');
        (is_prose && breaks && line.chars().count() > WIDTH).then_some(number + 1)
    });
    lines.collect()
}

#[test]
fn lines_of_markdown_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for path in pages(root) {
        let page = fs::read_to_string(&path).unwrap();
        let shown = path.strip_prefix(root).unwrap().display();
        found.extend(
            long_lines(&page)
                .iter()
                .map(|line| format!("{shown}:{line}")),
        );
    }
    assert!(
        found.is_empty(),
        "over {WIDTH} characters:\n{}",
        found.join("\n")
    );
}

#[test]
fn long_lines_are_found_outside_tables_and_code() {
    let long = "word ".repeat(30);
    let page = format!(
        "short\n{long}\n| {long} |\n```sh\n{long}\n```\n- {long}\n{}",
        "x".repeat(150)
    );
    assert_eq!(long_lines(&page), [2, 7]);
}

#[test]
fn the_table_of_formats_has_a_row_for_each() {
    let page = include_str!("../docs/FORMATS.md");
    for name in arrayfs::source::Format::names() {
        assert!(page.contains(&format!("| `{name}` | ")), "{name}");
    }
}
