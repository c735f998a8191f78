//! `datetime64` values in ISO 8601, as written by `numpy.datetime_as_string`. The
//! precision is that of the unit. Years can be negative and have more than four digits.
//! Arithmetic wraps where NumPy's does.

use super::short::ShortText;
use crate::dtype::{TimeUnit, Unit};

/// NumPy's `NaT`.
pub(super) const NAT: i64 = i64::MIN;

/// Days in the 400-year cycle of the Gregorian calendar.
const DAYS_OF_400_YEARS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_EPOCH: i64 = 719_468;

/// The format of a time of day.
struct Clock {
    /// Length of the unit in seconds; 1 for fractions of a second.
    seconds: i64,
    /// How many of hour, minute and second are written.
    parts: usize,
    /// Number of decimals of the second.
    decimals: usize,
}

impl Clock {
    /// The format for a unit. `None` for units of a day and longer.
    fn of(unit: Unit) -> Option<Clock> {
        let (seconds, parts, decimals) = match unit {
            Unit::Hour => (3600, 1, 0),
            Unit::Minute => (60, 2, 0),
            Unit::Second => (1, 3, 0),
            Unit::Millisecond => (1, 3, 3),
            Unit::Microsecond => (1, 3, 6),
            Unit::Nanosecond => (1, 3, 9),
            Unit::Picosecond => (1, 3, 12),
            Unit::Femtosecond => (1, 3, 15),
            Unit::Attosecond => (1, 3, 18),
            Unit::Year | Unit::Month | Unit::Week | Unit::Day | Unit::Generic => return None,
        };
        Some(Clock {
            seconds,
            parts,
            decimals,
        })
    }

    /// Splits a count of units since 1970: the day, the second of the day, and the
    /// fraction of the second in units.
    fn split(&self, count: i64) -> (i64, i64, i64) {
        if self.seconds > 1 {
            let units_per_day = 86_400 / self.seconds;
            let second = count.rem_euclid(units_per_day) * self.seconds;
            return (count.div_euclid(units_per_day), second, 0);
        }
        let units_per_second = 10_i64.pow(self.decimals as u32);
        let second = count.div_euclid(units_per_second);
        (
            second.div_euclid(86_400),
            second.rem_euclid(86_400),
            count.rem_euclid(units_per_second),
        )
    }
}

/// Writes the time `count` steps after 1970, or `NaT`. For [`Unit::Generic`] it writes
/// the count itself.
pub(super) fn write(count: i64, step: TimeUnit, text: &mut ShortText) {
    if count == NAT {
        return text.push("NaT");
    }
    write_units(
        count.wrapping_mul(i64::from(step.multiple)),
        step.unit,
        text,
    );
}

/// The time `count` milliseconds after the start of 1970: `2026-11-28T20:16:35.123`.
pub fn milliseconds(count: i64) -> String {
    let mut text = ShortText::new();
    write_units(count, Unit::Millisecond, &mut text);
    String::from_utf8_lossy(text.as_bytes()).into_owned()
}

fn write_units(count: i64, unit: Unit, text: &mut ShortText) {
    match unit {
        Unit::Generic => text.push_integer(count, 0),
        Unit::Year => text.push_integer(count.wrapping_add(1970), 4),
        Unit::Month => {
            text.push_integer(count.div_euclid(12) + 1970, 4);
            text.push("-");
            text.push_integer(count.rem_euclid(12) + 1, 2);
        }
        Unit::Week => write_date(count.wrapping_mul(7), text),
        _ => match Clock::of(unit) {
            None => write_date(count, text),
            Some(clock) => {
                let (day, second, fraction) = clock.split(count);
                write_date(day, text);
                let parts = [second / 3600, second / 60 % 60, second % 60];
                for (part, mark) in parts[..clock.parts].iter().zip(["T", ":", ":"]) {
                    text.push(mark);
                    text.push_integer(*part, 2);
                }
                if clock.decimals > 0 {
                    text.push(".");
                    text.push_integer(fraction, clock.decimals);
                }
            }
        },
    }
}

/// Writes the date `day` days after 1970-01-01. Internally years start in March, so
/// that the leap day is the last day of a year.
fn write_date(day: i64, text: &mut ShortText) {
    let from_march = day.rem_euclid(DAYS_OF_400_YEARS) + DAYS_BEFORE_EPOCH;
    let cycle = day.div_euclid(DAYS_OF_400_YEARS) + from_march / DAYS_OF_400_YEARS;
    let day = from_march % DAYS_OF_400_YEARS;
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5;
    let in_next_year = i64::from(month >= 10);
    text.push_integer(cycle * 400 + year + in_next_year, 4);
    text.push("-");
    text.push_integer(month + 3 - 12 * in_next_year, 2);
    text.push("-");
    text.push_integer(day + 1, 2);
}

/// The maximum width in bytes of a time in this unit. Multiplication by the multiple
/// can wrap to any count, and the extreme counts give the longest text.
pub(super) fn width(unit: Unit) -> u64 {
    let widths = [i64::MIN, i64::MAX].map(|count| {
        let mut text = ShortText::new();
        write_units(count, unit, &mut text);
        text.as_bytes().len() as u64
    });
    widths[0].max(widths[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(count: i64, unit: Unit, multiple: u32) -> String {
        let mut text = ShortText::new();
        write(count, TimeUnit { unit, multiple }, &mut text);
        text.as_str().to_owned()
    }

    #[test]
    fn times_are_written_as_numpy_writes_them() {
        use Unit::*;
        for (count, multiple, unit, expected) in [
            (0, 1, Year, "1970"),
            (-1971, 1, Year, "-001"),
            (-1970, 1, Year, "0000"),
            (8030, 1, Year, "10000"),
            (i64::MAX, 1, Year, "-9223372036854773839"),
            (-1, 1, Month, "1969-12"),
            (-1, 1, Week, "1969-12-25"),
            (59, 1, Day, "1970-03-01"),
            (11_016, 1, Day, "2000-02-29"),
            (i64::MAX, 1, Day, "25252734927768524-07-27"),
            (-1, 1, Hour, "1969-12-31T23"),
            (1, 90, Minute, "1970-01-01T01:30"),
            (1 << 62, 2, Second, "-292277022657-01-27T08:29:52"),
            (77, 0, Second, "1970-01-01T00:00:00"),
            (1, 25, Millisecond, "1970-01-01T00:00:00.025"),
            (-1, 1, Nanosecond, "1969-12-31T23:59:59.999999999"),
            (-1, 1, Attosecond, "1969-12-31T23:59:59.999999999999999999"),
            (5, 1, Generic, "5"),
            (i64::MIN, 1, Generic, "NaT"),
            (i64::MIN, 1, Second, "NaT"),
        ] {
            assert_eq!(iso(count, unit, multiple), expected, "{count} {unit:?}");
        }
    }

    #[test]
    fn no_time_exceeds_the_width_of_its_unit() {
        for unit in Unit::ALL {
            for bit in 0..64 {
                for count in [1 << bit, !(1 << bit), !0 << bit, !(!0 << bit)] {
                    assert!(iso(count, unit, 1).len() as u64 <= width(unit));
                }
            }
        }
    }
}
