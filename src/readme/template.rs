//! Rendering of plain-text templates. Text is copied, except for:
//!
//! ```text
//! @name@                  the value of a variable
//! @if CONDITION LINE      a conditional line
//! @if CONDITION           a conditional block up to @else or @end
//! @else                   the alternative block up to @end
//! @let NAME CONDITION V   defines a variable: the first V whose condition is true,
//!                         or empty if none is
//! @# ...                  a comment
//! ```
//!
//! A condition is the name of a condition or variable of [`Variables`], or of a `@let` variable.
//! A variable is true if it is not empty. Operators: `!a`, `a&b`, `a|b`; `&` binds closer than
//! `|`. `else` is always true. Consecutive empty lines are merged; leading and trailing ones are
//! removed.

use std::collections::BTreeSet;

use super::variables::Variables;

/// Renders `template` with `variables`.
pub(super) fn render(template: &str, variables: &Variables) -> String {
    let mut variables = variables.clone();
    let mut defined = BTreeSet::new();
    let mut blocks: Vec<bool> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in template.lines() {
        let included = blocks.iter().all(|included| *included);
        let (directive, rest) = line.split_once(' ').unwrap_or((line, ""));
        match directive {
            "@#" => {}
            "@else" => {
                if let Some(included) = blocks.last_mut() {
                    *included = !*included;
                }
            }
            "@end" => {
                blocks.pop();
            }
            "@if" => match rest.split_once(' ') {
                None => blocks.push(holds(rest, &variables)),
                Some((condition, line)) if included && holds(condition, &variables) => {
                    lines.push(fill(line, &variables));
                }
                Some(_) => {}
            },
            "@let" if included => define(rest, &mut variables, &mut defined),
            "@let" => {}
            _ if included => lines.push(fill(line, &variables)),
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

/// Evaluates a condition.
fn holds(condition: &str, variables: &Variables) -> bool {
    let holds = |name: &str| match name.strip_prefix('!') {
        Some(name) => !variables.holds(name),
        None => variables.holds(name),
    };
    condition.split('|').any(|all| all.split('&').all(holds))
}

/// Evaluates a `@let`: sets the variable if the condition is true, unless an earlier `@let` has
/// set it. `defined` holds the names of the variables set so far.
fn define<'a>(definition: &'a str, variables: &mut Variables, defined: &mut BTreeSet<&'a str>) {
    let mut parts = definition.splitn(3, ' ');
    let [name, condition, value] = [(); 3].map(|()| parts.next().unwrap_or(""));
    if defined.contains(name) {
        return;
    }
    let mut filled = String::new();
    if holds(condition, variables) {
        filled = fill(value.trim_start(), variables);
        defined.insert(name);
    }
    variables.set(name, filled);
}

/// Replaces the variables in `line` by their values.
fn fill(line: &str, variables: &Variables) -> String {
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('@') {
        filled += before;
        let value = after
            .split_once('@')
            .and_then(|(name, after)| Some((variables.value(name)?, after)));
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

    /// The names in a template that are neither among `variables` nor defined in it, and those
    /// that are both.
    pub fn unknown(template: &str, variables: &Variables) -> Vec<String> {
        let mut variables = variables.clone();
        let mut unknown = Vec::new();
        for line in template.lines().filter(|line| !line.starts_with("@#")) {
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            let (condition, text) = match parts[..] {
                ["@let", name, condition, value] => {
                    if variables.value(name).is_some_and(|value| !value.is_empty()) {
                        unknown.push(format!("@let {name}: already defined"));
                    }
                    variables.set(name, "");
                    (condition, value.to_owned())
                }
                ["@if", condition, ref text @ ..] => (condition, text.join(" ")),
                ["@else" | "@end"] => continue,
                _ => ("else", line.to_owned()),
            };
            let conditions = condition.split(['|', '&']);
            let conditions = conditions.map(|name| name.trim_start_matches('!'));
            unknown.extend(
                conditions
                    .filter(|name| !variables.knows(name))
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
                    if variables.value(name).is_none() {
                        unknown.push(name.to_owned());
                    }
                }
            }
        }
        unknown
    }

    #[test]
    fn variables_and_conditions_are_evaluated() {
        let mut variables = Variables::default();
        variables.set("n", "5");
        variables.set("none", "");
        variables.set_condition("big", true);
        variables.set_condition("small", false);
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
            assert_eq!(render(template, &variables), expected, "{template}");
        }
    }

    #[test]
    fn values_are_not_rendered() {
        let mut variables = Variables::default();
        variables.set("path", "/@n@/@path@");
        variables.set("n", "5");
        assert_eq!(render("'@path@'", &variables), "'/@n@/@path@'\n");
    }
}
