//! The units of `datetime64` and `timedelta64`: parsing and printing of `[ns]`, `[10ms]`, and of
//! divisors such as `[s/25]`, which NumPy converts to a multiple of a smaller unit.

use std::fmt;

use super::{Refusal, integer::leading_integer};

/// The step of a datetime: a multiple of a unit, as `numpy.datetime_data` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeUnit {
    /// The unit.
    pub unit: Unit,
    /// The number of units in one step, from 0 to 2^31 - 1. NumPy allows 0. Always 1 for
    /// [`Unit::Generic`].
    pub multiple: u32,
}

/// A calendar or clock unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// `Y`
    Year,
    /// `M`
    Month,
    /// `W`
    Week,
    /// `D`
    Day,
    /// `h`
    Hour,
    /// `m`
    Minute,
    /// `s`
    Second,
    /// `ms`
    Millisecond,
    /// `us`
    Microsecond,
    /// `ns`
    Nanosecond,
    /// `ps`
    Picosecond,
    /// `fs`
    Femtosecond,
    /// `as`
    Attosecond,
    /// `generic`, or no unit.
    Generic,
}

impl Unit {
    /// All units, longest first, then [`Unit::Generic`].
    pub const ALL: [Self; 14] = [
        Self::Year,
        Self::Month,
        Self::Week,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
        Self::Millisecond,
        Self::Microsecond,
        Self::Nanosecond,
        Self::Picosecond,
        Self::Femtosecond,
        Self::Attosecond,
        Self::Generic,
    ];

    /// The name of the unit in a dtype.
    pub fn name(self) -> &'static str {
        match self {
            Self::Year => "Y",
            Self::Month => "M",
            Self::Week => "W",
            Self::Day => "D",
            Self::Hour => "h",
            Self::Minute => "m",
            Self::Second => "s",
            Self::Millisecond => "ms",
            Self::Microsecond => "us",
            Self::Nanosecond => "ns",
            Self::Picosecond => "ps",
            Self::Femtosecond => "fs",
            Self::Attosecond => "as",
            Self::Generic => "generic",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        // NumPy accepts the Greek letter mu, U+03BC, but not the micro sign, U+00B5.
        let name = if name == "\u{3bc}s" { "us" } else { name };
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// The smaller units to which a divisor can convert this one, in the order that NumPy tries
    /// them. Each comes with its number in this unit.
    fn parts(self) -> &'static [(u32, Unit)] {
        use Unit::*;
        match self {
            Year => &[(12, Month), (52, Week), (365, Day)],
            Month => &[(4, Week), (30, Day), (720, Hour)],
            Week => &[(7, Day), (168, Hour), (10_080, Minute)],
            Day => &[(24, Hour), (1_440, Minute), (86_400, Second)],
            Hour => &[(60, Minute), (3_600, Second)],
            Minute => &[(60, Second), (60_000, Millisecond)],
            Second => &[(1_000, Millisecond), (1_000_000, Microsecond)],
            Millisecond => &[(1_000, Microsecond), (1_000_000, Nanosecond)],
            Microsecond => &[(1_000, Nanosecond), (1_000_000, Picosecond)],
            Nanosecond => &[(1_000, Picosecond), (1_000_000, Femtosecond)],
            Picosecond => &[(1_000, Femtosecond), (1_000_000, Attosecond)],
            Femtosecond => &[(1_000, Attosecond)],
            Attosecond | Generic => &[],
        }
    }
}

/// The names of all units, for an error message.
pub(super) fn names() -> String {
    Unit::ALL.map(Unit::name).join(", ")
}

impl TimeUnit {
    pub(super) const GENERIC: Self = Self {
        unit: Unit::Generic,
        multiple: 1,
    };

    /// Parses the text after `M8` or `datetime64`: nothing, or a unit in brackets.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Ok(Self::GENERIC);
        }
        let inside = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .ok_or(Refusal::Unit)?;

        let (multiple, rest) = leading_integer(inside).unwrap_or((1, inside));
        let multiple = c_int(multiple).ok_or(Refusal::Multiple)?;
        let (name, divisor) = match rest.split_once('/') {
            Some((name, divisor)) => (name, parse_divisor(divisor)?),
            None => (rest, 1),
        };
        let unit = Unit::from_name(name).ok_or(Refusal::Unit)?;
        match (unit, divisor) {
            (Unit::Generic, 1) => Ok(Self::GENERIC),
            (_, 1) => Ok(Self { unit, multiple }),
            _ => Self { unit, multiple }
                .divided(divisor)
                .ok_or(Refusal::Divisor),
        }
    }

    /// The step divided by `divisor`, in the first smaller unit whose number is a multiple of it.
    /// `None` if there is no such unit, or the multiple overflows.
    fn divided(self, divisor: u32) -> Option<Self> {
        let mut parts = self.unit.parts().iter();
        let &(count, unit) = parts.find(|(count, _)| count % divisor == 0)?;
        let multiple = i64::from(self.multiple) * i64::from(count / divisor);
        Some(Self {
            unit,
            multiple: c_int(multiple)?,
        })
    }
}

/// Parses a divisor, an integer of at least 1. `text` ends at the closing bracket.
fn parse_divisor(text: &str) -> Result<u32, Refusal> {
    let Some((divisor, "")) = leading_integer(text) else {
        return Err(Refusal::Unit);
    };
    match c_int(divisor) {
        None | Some(0) => Err(Refusal::Divisor),
        Some(divisor) => Ok(divisor),
    }
}

/// The value, if it is not negative and fits a C `int`, as in NumPy.
fn c_int(value: i64) -> Option<u32> {
    i32::try_from(value).ok()?.try_into().ok()
}

/// Formats the unit as after `M8` in `dtype.str`, brackets included.
impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unit == Unit::Generic {
            return Ok(());
        }
        let name = self.unit.name();
        match self.multiple {
            1 => write!(f, "[{name}]"),
            multiple => write!(f, "[{multiple}{name}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, TimeUnit};

    #[test]
    fn units_print_as_numpy_prints_them() {
        for (text, printed) in [
            ("", ""),
            ("[generic]", ""),
            ("[10generic]", ""),
            ("[generic/1]", ""),
            ("[ns]", "[ns]"),
            ("[1ns]", "[ns]"),
            ("[10ms]", "[10ms]"),
            ("[ +010D]", "[10D]"),
            ("[0s]", "[0s]"),
            ("[2147483647s]", "[2147483647s]"),
            ("[\u{3bc}s]", "[us]"),
            ("[s/25]", "[40ms]"),
            ("[3s/25]", "[120ms]"),
            ("[s/ +025]", "[40ms]"),
            ("[s/1000000]", "[us]"),
            ("[0s/25]", "[0ms]"),
            ("[Y/52]", "[W]"),
            ("[Y/5]", "[73D]"),
            ("[W/5]", "[2016m]"),
            ("[fs/8]", "[125as]"),
        ] {
            let unit = TimeUnit::parse(text).map(|unit| unit.to_string());
            assert_eq!(unit, Ok(printed.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn invalid_units_are_refused_with_the_reason() {
        for (text, refusal) in [
            ("ns", Refusal::Unit),
            ("[", Refusal::Unit),
            ("[]", Refusal::Unit),
            ("[ns", Refusal::Unit),
            ("[ns]x", Refusal::Unit),
            ("[s][s]", Refusal::Unit),
            ("[s]]", Refusal::Unit),
            ("[ns]\0", Refusal::Unit),
            ("[3 s]", Refusal::Unit),
            ("[min]", Refusal::Unit),
            ("[\u{b5}s]", Refusal::Unit),
            ("[s/]", Refusal::Unit),
            ("[s/25x]", Refusal::Unit),
            ("[s/25/2]", Refusal::Unit),
            ("[/2]", Refusal::Unit),
            ("[-1s]", Refusal::Multiple),
            ("[2147483648s]", Refusal::Multiple),
            ("[99999999999999999999s]", Refusal::Multiple),
            ("[s/3]", Refusal::Divisor),
            ("[as/2]", Refusal::Divisor),
            ("[generic/2]", Refusal::Divisor),
        ] {
            assert_eq!(TimeUnit::parse(text), Err(refusal), "{text:?}");
        }
    }

    #[test]
    fn divisors_that_numpy_miscalculates_are_refused() {
        for text in [
            "[s/0]",
            "[s/-25]",
            "[W/11]",
            "[s/4294967297]",
            "[s/9223372036854775808]",
            "[2147483647s/25]",
        ] {
            assert_eq!(TimeUnit::parse(text), Err(Refusal::Divisor), "{text:?}");
        }
    }
}
