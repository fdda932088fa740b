//! Durations and sizes as people write them: `"10 ms"`, `"3 ticks"`, `"1 MiB"`.
//!
//! Numbers are read as decimals, never as floats, so `"0.1 s"` is exactly 100 ms on every machine.

use std::time::Duration;

use neuronbus::time::Span;

const TIME_UNITS: [(&str, u128); 11] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("sec", 1_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SIZE_UNITS: [(&str, u128); 9] = [
    ("", 1),
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Why a text is not a duration or a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// It does not begin with a decimal number.
    #[error("{0:?} does not begin with a number")]
    Number(String),
    /// There is a number and nothing after it.
    #[error("{0:?} has no unit")]
    NoUnit(String),
    /// The unit has no meaning here.
    #[error("{unit:?} is not a unit")]
    Unit {
        /// What was written.
        unit: String,
    },
    /// The value cannot be held, or is not a whole number of the smallest unit.
    #[error("{0:?} is too large or too fine")]
    Size(String),
}

/// A duration such as `"10 ms"`, `"1.5s"` or `"2 min"`; units are ns, us, ms, s, min, h and d.
///
/// # Errors
/// [`QuantityError`] says which part made no sense.
pub fn duration(text: &str) -> Result<Duration, QuantityError> {
    let (number, unit) = split(text)?;
    if unit.is_empty() {
        return Err(QuantityError::NoUnit(text.to_owned()));
    }
    let scale = unit_of(&TIME_UNITS, unit)?;
    let ns = number.times(scale).ok_or_else(|| QuantityError::Size(text.to_owned()))?;
    match u64::try_from(ns) {
        Ok(ns) => Ok(Duration::from_nanos(ns)),
        Err(_) => Err(QuantityError::Size(text.to_owned())),
    }
}

/// A duration, or a whole number of ticks such as `"1 tick"`.
///
/// # Errors
/// [`QuantityError`] says which part made no sense.
pub fn span(text: &str) -> Result<Span, QuantityError> {
    let (number, unit) = split(text)?;
    if !matches!(unit, "tick" | "ticks") {
        return duration(text).map(Span::Time);
    }
    let ticks = number.times(1).and_then(|n| u64::try_from(n).ok());
    ticks.map(Span::Ticks).ok_or_else(|| QuantityError::Size(text.to_owned()))
}

/// A number of bytes such as `"1 MiB"`, `"64 kB"` or `"4096"`.
///
/// # Errors
/// [`QuantityError`] says which part made no sense.
pub fn bytes(text: &str) -> Result<usize, QuantityError> {
    let (number, unit) = split(text)?;
    let scale = unit_of(&SIZE_UNITS, unit)?;
    let bytes = number.times(scale).and_then(|n| usize::try_from(n).ok());
    bytes.ok_or_else(|| QuantityError::Size(text.to_owned()))
}

/// A decimal as `digits / 10^places`.
struct Decimal {
    digits: u128,
    places: u32,
}

impl Decimal {
    /// The product if it is a whole number that fits.
    fn times(&self, scale: u128) -> Option<u128> {
        let product = self.digits.checked_mul(scale)?;
        let divisor = 10_u128.checked_pow(self.places)?;
        (product % divisor == 0).then(|| product / divisor)
    }
}

fn split(text: &str) -> Result<(Decimal, &str), QuantityError> {
    let wrong = || QuantityError::Number(text.to_owned());
    let text_trimmed = text.trim();
    let end = text_trimmed
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text_trimmed.len());
    let (number, unit) = text_trimmed.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = whole.chars().chain(fraction.chars()).filter(|c| *c != '_').collect();
    let has_point = number.contains('.');
    if whole.is_empty() || fraction.contains(['.', '_']) || (has_point && fraction.is_empty()) {
        return Err(wrong());
    }
    let digits = digits.parse().map_err(|_| wrong())?;
    let places = u32::try_from(fraction.len()).map_err(|_| wrong())?;
    Ok((Decimal { digits, places }, unit.trim_start()))
}

fn unit_of(units: &[(&str, u128)], unit: &str) -> Result<u128, QuantityError> {
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, scale)) => Ok(*scale),
        None => Err(QuantityError::Unit { unit: unit.to_owned() }),
    }
}

/// A span as it is written in a description: the largest unit that leaves no fraction.
#[must_use]
pub fn spell_span(span: Span) -> String {
    match span {
        Span::Ticks(1) => "1 tick".to_owned(),
        Span::Ticks(n) => format!("{n} ticks"),
        Span::Time(time) => spell(time),
    }
}

/// A duration as it is written in a description: the largest unit that leaves no fraction.
#[must_use]
pub fn spell(time: Duration) -> String {
    const UNITS: [(&str, u128); 6] = [
        ("h", 3_600_000_000_000),
        ("min", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    let ns = time.as_nanos();
    for (unit, scale) in UNITS {
        if ns >= scale && ns.is_multiple_of(scale) {
            return format!("{} {unit}", ns / scale);
        }
    }
    format!("{ns} ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, ns) in [
            ("10 ms", 10_000_000),
            ("10ms", 10_000_000),
            ("0.1 s", 100_000_000),
            ("1.5 min", 90_000_000_000),
            ("1_000 us", 1_000_000),
            ("1 h", 3_600_000_000_000),
            ("  2 s", 2_000_000_000),
            ("0 ms", 0),
            ("7 µs", 7_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_nanos(ns)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_says_why() {
        assert_eq!(duration("10"), Err(QuantityError::NoUnit("10".into())));
        assert_eq!(duration("ten ms"), Err(QuantityError::Number("ten ms".into())));
        assert_eq!(duration("-1 ms"), Err(QuantityError::Number("-1 ms".into())));
        assert_eq!(duration("1. ms"), Err(QuantityError::Number("1. ms".into())));
        assert_eq!(duration("1.2.3 ms"), Err(QuantityError::Number("1.2.3 ms".into())));
        assert_eq!(duration(""), Err(QuantityError::Number("".into())));
        assert_eq!(duration("3 weeks"), Err(QuantityError::Unit { unit: "weeks".into() }));
        assert_eq!(duration("0.1 ns"), Err(QuantityError::Size("0.1 ns".into())));
        assert_eq!(
            duration("99999999999999999999 h"),
            Err(QuantityError::Size("99999999999999999999 h".into()))
        );
        let long = format!("0.{} s", "1".repeat(60));
        assert!(duration(&long).is_err());
    }

    #[test]
    fn spans_may_be_ticks() {
        assert_eq!(span("1 tick"), Ok(Span::Ticks(1)));
        assert_eq!(span("12 ticks"), Ok(Span::Ticks(12)));
        assert_eq!(span("12 ms"), Ok(Span::Time(Duration::from_millis(12))));
        assert!(span("1.5 ticks").is_err());
    }

    #[test]
    fn sizes_know_both_families_of_units() {
        assert_eq!(bytes("1 MiB"), Ok(1 << 20));
        assert_eq!(bytes("1 MB"), Ok(1_000_000));
        assert_eq!(bytes("0.5 KiB"), Ok(512));
        assert_eq!(bytes("4096"), Ok(4096));
        assert!(bytes("0.3 KiB").is_err());
        assert_eq!(bytes("1 mb"), Err(QuantityError::Unit { unit: "mb".into() }));
    }

    #[test]
    fn spelling_reads_back() {
        for text in ["10 ms", "90 s", "2 min", "1 h", "15 us", "1 ns", "0 ns", "3 ticks"] {
            assert_eq!(spell_span(span(text).unwrap()), text);
        }
    }
}
