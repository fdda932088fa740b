//! Numbers for people: thousands in groups, times with the unit that suits them.

use std::time::Duration;

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time with three significant digits: `870 ns`, `1.23 ms`, `12.3 s`.
pub(crate) fn time(time: Duration) -> String {
    nanoseconds(time.as_nanos())
}

pub(crate) fn nanoseconds(ns: u128) -> String {
    const UNITS: [(u128, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    for (scale, unit) in UNITS {
        if ns >= scale {
            let value = ns as f64 / scale as f64;
            let places = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
            return format!("{value:.places$} {unit}");
        }
    }
    format!("{ns} ns")
}

/// A time as one says it: `about 1.2 s`, whole milliseconds below a second.
pub(crate) fn about(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s >= 9.95 => format!("{s:.0} s"),
        s if s >= 0.9995 => format!("{s:.1} s"),
        s if s >= 0.00995 => format!("{:.0} ms", s * 1e3),
        s if s >= 0.0009995 => format!("{:.1} ms", s * 1e3).replace(".0 ms", " ms"),
        s => format!("{:.0} µs", s * 1e6),
    }
}

/// `1 time`, `14 times`.
pub(crate) fn times(count: u64) -> String {
    counted(count, "time")
}

/// `1 neuron`, `14 neurons`.
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", grouped(count))
}

/// Numbers from zero up as bars, the largest as a whole one.
pub(crate) fn bars(numbers: &[f64]) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let largest = numbers.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let bar = |&number: &f64| BARS[((number / largest).clamp(0.0, 1.0) * 8.0).ceil() as usize];
    numbers.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_share_of_the_largest() {
        assert_eq!(bars(&[0.0, 1.0, 4.0, 8.0]), " ▁▄█");
        assert_eq!(bars(&[0.0, 0.0]), "  ");
        assert_eq!(bars(&[]), "");
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (10_000, "10,000")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn times_keep_three_digits() {
        for (ns, text) in [
            (0, "0 ns"),
            (870, "870 ns"),
            (1_234, "1.23 µs"),
            (12_340, "12.3 µs"),
            (999_940, "1000 µs"),
            (1_200_000_000, "1.20 s"),
            (123_000_000_000, "123 s"),
        ] {
            assert_eq!(nanoseconds(ns), text);
        }
    }

    #[test]
    fn delays_are_said_and_not_measured() {
        for (us, text) in [
            (1_234_567, "1.2 s"),
            (999_999, "1.0 s"),
            (400_000, "400 ms"),
            (3_000, "3 ms"),
            (2_540, "2.5 ms"),
            (1_000, "1 ms"),
            (40, "40 µs"),
            (12_000_000, "12 s"),
        ] {
            assert_eq!(about(Duration::from_micros(us)), text);
        }
    }
}
