//! Plain templates: text that stands in the result as it is, but for
//!
//! ```text
//! @name@                  the value of a word
//! @if CONDITION LINE      a line that is there on a condition
//! @if CONDITION           lines that are, up to @end; those after @else otherwise
//! @let NAME CONDITION V   a new word. The first V whose condition holds is its value,
//!                         which is empty if none does
//! @# ...                  a remark
//! ```
//!
//! A condition is one of [`Words`] or a `@let` that is not empty. `!a` is not a, `a&b` is
//! both, `a|b&c` is a, or b and c. `else` always holds. Several empty lines are one,
//! and there are none at the start and the end.

use std::collections::BTreeSet;

use super::words::Words;

/// The text that `template` is for an array with these `words`.
pub(super) fn render(template: &str, words: &Words) -> String {
    let mut words = words.clone();
    let mut settled = BTreeSet::new();
    let mut blocks: Vec<bool> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in template.lines() {
        let kept = blocks.iter().all(|kept| *kept);
        let (directive, rest) = line.split_once(' ').unwrap_or((line, ""));
        match directive {
            "@#" => {}
            "@else" => {
                if let Some(kept) = blocks.last_mut() {
                    *kept = !*kept;
                }
            }
            "@end" => {
                blocks.pop();
            }
            "@if" => match rest.split_once(' ') {
                None => blocks.push(holds(rest, &words)),
                Some((condition, line)) if kept && holds(condition, &words) => {
                    lines.push(fill(line, &words));
                }
                Some(_) => {}
            },
            "@let" if kept => define(rest, &mut words, &mut settled),
            "@let" => {}
            _ if kept => lines.push(fill(line, &words)),
            _ => {}
        }
    }
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    let text = lines.join("\n");
    match text.trim_matches('\n') {
        "" => String::new(),
        text => format!("{text}\n"),
    }
}

/// Whether a condition holds.
fn holds(condition: &str, words: &Words) -> bool {
    let holds = |word: &str| match word.strip_prefix('!') {
        Some(word) => !words.holds(word),
        None => words.holds(word),
    };
    condition.split('|').any(|all| all.split('&').all(holds))
}

/// Sets a word to the value of a definition whose condition holds, unless an earlier one
/// of it did. The words that are `settled` have their value.
fn define<'a>(definition: &'a str, words: &mut Words, settled: &mut BTreeSet<&'a str>) {
    let mut parts = definition.splitn(3, ' ');
    let [name, condition, value] = [(); 3].map(|()| parts.next().unwrap_or(""));
    if settled.contains(name) {
        return;
    }
    let mut filled = String::new();
    if holds(condition, words) {
        filled = fill(value.trim_start(), words);
        settled.insert(name);
    }
    words.set(name, filled);
}

/// `line` with the values of its words.
fn fill(line: &str, words: &Words) -> String {
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('@') {
        filled += before;
        let value = after
            .split_once('@')
            .and_then(|(name, after)| Some((words.value(name)?, after)));
        (filled, rest) = match value {
            Some((value, after)) => (filled + value, after),
            None => (filled + "@", after),
        };
    }
    filled + rest
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The words of a template that are neither among `words` nor defined in it, and
    /// those that are both.
    pub fn unknown(template: &str, words: &Words) -> Vec<String> {
        let mut words = words.clone();
        let mut unknown = Vec::new();
        for line in template.lines().filter(|line| !line.starts_with("@#")) {
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            let (condition, text) = match parts[..] {
                ["@let", name, condition, value] => {
                    if words.value(name).is_some_and(|value| !value.is_empty()) {
                        unknown.push(format!("@let {name}: there is such a word"));
                    }
                    words.set(name, "");
                    (condition, value.to_owned())
                }
                ["@if", condition, ref text @ ..] => (condition, text.join(" ")),
                ["@else" | "@end"] => continue,
                _ => ("else", line.to_owned()),
            };
            let conditions = condition.split(['|', '&']);
            let conditions = conditions.map(|word| word.trim_start_matches('!'));
            unknown.extend(
                conditions
                    .filter(|word| !words.knows(word))
                    .map(str::to_owned),
            );
            let mut rest = text.as_str();
            while let Some((_, after)) = rest.split_once('@') {
                rest = after;
                let Some((name, after)) = after.split_once('@') else {
                    break;
                };
                let is_name = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
                if !name.is_empty() && name.bytes().all(is_name) {
                    rest = after;
                    if words.value(name).is_none() {
                        unknown.push(name.to_owned());
                    }
                }
            }
        }
        unknown
    }

    #[test]
    fn words_and_conditions_are_what_they_are_called() {
        let mut words = Words::default();
        words.set("n", "5");
        words.set("none", "");
        words.set_condition("big", true);
        words.set_condition("small", false);
        for (template, expected) in [
            ("a @n@ b@n@@n@\n", "a 5 b55\n"),
            ("@(k) n@x @m@ @\n", "@(k) n@x @m@ @\n"),
            ("@# nothing\n\n\na\n\n\nb\n\n", "a\n\nb\n"),
            ("@if big   a\n@if small b\n@if !small c", "  a\nc\n"),
            ("@if big&small a\n@if small|big&n b\n@if none c", "b\n"),
            (
                "@if small\na\n@if big\nb\n@end\n@else\nc\n@end\nd",
                "c\nd\n",
            ),
            ("@if big\n@if small\na\n@else\nb\n@end\n@end", "b\n"),
            (
                "@let x small 1\n@let x big @n@2\n@let x else 3\n@x@",
                "52\n",
            ),
            ("@let x small 1\n@if x a\n<@x@>", "<>\n"),
            ("@let x big @none@\n@let x else 1\n<@x@>", "<>\n"),
            ("@if small\n@let n else 6\n@end\n@n@", "5\n"),
        ] {
            assert_eq!(render(template, &words), expected, "{template}");
        }
    }

    #[test]
    fn values_are_not_templates() {
        let mut words = Words::default();
        words.set("path", "/@n@/@path@");
        words.set("n", "5");
        assert_eq!(render("'@path@'", &words), "'/@n@/@path@'\n");
    }
}
