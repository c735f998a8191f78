//! The header of an HDU: its cards as keywords and as text, and the place of its data.

use serde_json::Value;

use super::card::{CARD, Card, short};
use crate::source::{Attributes, FormatError, Input};

/// The bytes of a block. Headers and data begin at multiples of it.
pub(super) const BLOCK: u64 = 2880;

/// The longest header, in bytes.
const MAX_HEADER: u64 = 16 << 20;

/// The most bytes of a text, or of the lines of a comment, that are shown as an attribute.
const MAX_ATTRIBUTE: usize = 64 << 10;

/// The most axes, as in the standard.
const MAX_AXES: u64 = 999;

/// The header of an HDU.
#[derive(Debug)]
pub(super) struct Header {
    /// The value of each keyword, the first one if it is repeated. Comments are lists of lines.
    pub keywords: Attributes,
    /// One line for each card.
    pub text: Vec<u8>,
    /// The kind of extension. `None` for the first HDU.
    pub extension: Option<String>,
    /// `NAXIS1` and so on: the fastest axis first.
    pub axes: Vec<u64>,
    /// The file offset of the data.
    pub end: u64,
    /// The bytes of the data, without padding.
    size: u64,
}

/// Reads the cards of a header.
#[derive(Debug, Default)]
struct Cards {
    keywords: Attributes,
    text: Vec<u8>,
    /// The keyword of the card before, if its text can be continued.
    open: Option<String>,
}

impl Cards {
    /// Adds the card with these bytes. Returns whether it ends the header.
    fn add(&mut self, bytes: &[u8]) -> bool {
        let line = bytes.trim_ascii_end();
        self.text
            .extend(line.iter().copied().filter(|&byte| byte != 0));
        self.text.push(b'\n');
        let open = self.open.take();
        match Card::parse(bytes) {
            Card::End => return true,
            Card::Value(keyword, value) => {
                if !self.keywords.contains_key(&keyword) {
                    let continues = value.as_str().is_some_and(|text| text.ends_with('&'));
                    self.open = continues.then(|| keyword.clone());
                    self.keywords.insert(keyword, value);
                }
            }
            Card::Continue(more) => {
                let open = open.filter(|keyword| match self.keywords.get_mut(keyword) {
                    Some(Value::String(text)) => {
                        text.pop();
                        text.push_str(&more);
                        true
                    }
                    _ => false,
                });
                self.open = open.filter(|_| more.ends_with('&'));
            }
            Card::Comment(keyword, line) => {
                if keyword.is_empty() && line.is_empty() {
                    return false;
                }
                let lines = self.keywords.entry(keyword);
                if let Value::Array(lines) = lines.or_insert_with(|| Value::Array(Vec::new())) {
                    lines.push(line.into());
                }
            }
        }
        false
    }
}

/// Replaces an attribute that is too long by its size.
fn shorten(value: &mut Value) {
    let length = |text: &Value| text.as_str().map_or(0, str::len);
    let size = match value {
        Value::Array(lines) => lines.iter().map(length).sum(),
        _ => length(value),
    };
    if size > MAX_ATTRIBUTE {
        *value = format!("not shown: {size} bytes, which are in header.txt").into();
    }
}

impl Header {
    /// Reads the header of HDU `number`, at byte `at`.
    ///
    /// # Errors
    ///
    /// When it is not valid, or does not end.
    pub fn read(input: &Input, at: u64, number: usize) -> Result<Header, FormatError> {
        let first: &[u8] = match number {
            0 => b"SIMPLE  =",
            _ => b"XTENSION=",
        };
        let mut cards = Cards::default();
        let mut end = at;
        loop {
            let block = input.up_to(end, BLOCK as usize)?;
            if end == at && !block.starts_with(first) {
                let begins = String::from_utf8_lossy(block.get(..9).unwrap_or(&block)).into_owned();
                let expected = String::from_utf8_lossy(first);
                return Err(FormatError::invalid(format!(
                    "HDU {number} begins with {begins:?}: expected {expected:?}"
                )));
            }
            if block.is_empty() {
                return Err(FormatError::invalid(format!(
                    "the header of HDU {number} has no END card"
                )));
            }
            end += BLOCK;
            if block.chunks(CARD).any(|card| cards.add(card)) {
                break;
            }
            if end - at > MAX_HEADER {
                return Err(FormatError::invalid(format!(
                    "the header of HDU {number} has over {MAX_HEADER} bytes"
                )));
            }
        }
        let Cards {
            mut keywords, text, ..
        } = cards;
        keywords.values_mut().for_each(shorten);
        let mut header = Header {
            keywords,
            text,
            extension: None,
            axes: Vec::new(),
            end,
            size: 0,
        };
        header.interpret(number).map_err(|problem| {
            FormatError::invalid(format!("the header of HDU {number}: {problem}"))
        })?;
        Ok(header)
    }

    /// Determines what kind of HDU it is and how long its data is, or says what is wrong.
    fn interpret(&mut self, number: usize) -> Result<(), String> {
        match number {
            0 if !self.is_true("SIMPLE") => {
                return Err("SIMPLE is not T: the file departs from the standard".into());
            }
            0 => {}
            _ => {
                let extension = self.text_of("XTENSION").ok_or("XTENSION is no text")?;
                self.extension = Some(extension.to_owned());
            }
        }
        let count = self.count("NAXIS", None)?;
        if count > MAX_AXES {
            return Err(format!("NAXIS is {count}: the maximum is {MAX_AXES}"));
        }
        for axis in 1..=count {
            let length = self.count(&format!("NAXIS{axis}"), None)?;
            self.axes.push(length);
        }
        let item = match self.int("BITPIX") {
            Some(bits @ (8 | 16 | 32 | 64 | -32 | -64)) => bits.unsigned_abs() / 8,
            _ => {
                let found = self.shown("BITPIX");
                return Err(format!(
                    "BITPIX is {found}: expected 8, 16, 32, 64, -32 or -64"
                ));
            }
        };
        let (parameters, groups) = (
            self.count("PCOUNT", Some(0))?,
            self.count("GCOUNT", Some(1))?,
        );
        let axes = match self.is_random_groups() {
            true => self.axes.get(1..),
            false => Some(&self.axes[..]),
        };
        let elements = match axes {
            None | Some([]) => Some(0),
            Some(axes) => axes
                .iter()
                .try_fold(1u64, |product, &length| product.checked_mul(length)),
        };
        let size = || {
            let elements = elements?.checked_add(parameters)?;
            elements.checked_mul(groups)?.checked_mul(item)
        };
        self.size = size().ok_or("the size of its data exceeds 64 bits")?;
        Ok(())
    }

    /// The file offset of the next HDU.
    pub fn next(&self) -> u64 {
        let end = self.end.checked_add(self.size);
        end.and_then(|end| end.checked_next_multiple_of(BLOCK))
            .unwrap_or(u64::MAX)
    }

    /// Whether it has data.
    pub fn has_data(&self) -> bool {
        !self.axes.is_empty() && !self.axes.contains(&0)
    }

    /// Whether it has the keyword.
    pub fn has(&self, keyword: &str) -> bool {
        self.keywords.contains_key(keyword)
    }

    /// Whether the keyword is true.
    pub fn is_true(&self, keyword: &str) -> bool {
        self.keywords.get(keyword) == Some(&Value::Bool(true))
    }

    /// The text of a keyword.
    pub fn text_of(&self, keyword: &str) -> Option<&str> {
        self.keywords.get(keyword)?.as_str()
    }

    /// The integer of a keyword.
    pub fn int(&self, keyword: &str) -> Option<i64> {
        self.keywords.get(keyword)?.as_i64()
    }

    /// The number of a keyword.
    pub fn number(&self, keyword: &str) -> Option<f64> {
        self.keywords.get(keyword)?.as_f64()
    }

    /// The count of a keyword, which can be missing if there is a default.
    ///
    /// # Errors
    ///
    /// When it is missing or is no count.
    pub fn count(&self, keyword: &str, default: Option<u64>) -> Result<u64, String> {
        let value = self.keywords.get(keyword);
        let found = match value {
            None => default,
            Some(value) => value.as_u64(),
        };
        found.ok_or_else(|| {
            let found = self.shown(keyword);
            format!("{keyword} is {found}: expected a count")
        })
    }

    /// The value of a keyword, for a message.
    pub fn shown(&self, keyword: &str) -> String {
        match self.keywords.get(keyword) {
            None => "missing".into(),
            Some(value) => short(&value.to_string()),
        }
    }

    /// Whether the data is random groups, whose first axis has length 0.
    pub fn is_random_groups(&self) -> bool {
        self.extension.is_none() && self.axes.first() == Some(&0) && self.is_true("GROUPS")
    }
}
