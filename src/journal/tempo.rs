use std::time::Duration;

use crate::pace::Stamp;

/// How fast what was recorded comes again.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Speed {
    /// As fast as it can.
    #[default]
    Max,
    /// So many times as fast as it was recorded: 1.0 with the very delays between the events. Of a journal that is
    /// being written, a factor above 1 catches up with the present; 1 and less never do.
    Times(f64),
}

/// When records are due by the clock of this machine: the first that is asked for is due at once, the others as long
/// after it as they were recorded after it, divided by the speed.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    speed: Speed,
    /// When the first was asked for, here and when it was recorded.
    began: Option<(Stamp, u64)>,
}

impl Tempo {
    /// A replay that begins with the record that is asked for first.
    #[must_use]
    pub const fn new(speed: Speed) -> Self {
        Self { speed, began: None }
    }

    /// How long it is until a record is due, by the time that it was recorded at, in ns since 1970.
    pub fn early(&mut self, time_ns: u64) -> Duration {
        let Speed::Times(times) = self.speed else { return Duration::ZERO };
        let (began, first) = *self.began.get_or_insert_with(|| (Stamp::now(), time_ns));
        let after = time_ns.saturating_sub(first) as f64 / times.max(f64::MIN_POSITIVE);
        let passed = Stamp::now().ns_since(began) as f64;
        Duration::from_nanos((after - passed).max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_due_as_far_apart_as_they_were_divided_by_the_speed() {
        const HOUR: u64 = 3_600_000_000_000;
        for (speed, least, most) in [(1.0, 9, 10), (10.0, 0, 1)] {
            let mut tempo = Tempo::new(Speed::Times(speed));
            assert_eq!(tempo.early(5 * HOUR), Duration::ZERO);
            let early = tempo.early(15 * HOUR).as_nanos() as u64;
            assert!((least * HOUR..=most * HOUR).contains(&early), "{speed}: {early}");
            assert!(early > 0 && tempo.early(4 * HOUR).is_zero());
        }
        let mut tempo = Tempo::new(Speed::Max);
        assert!(tempo.early(0).is_zero() && tempo.early(HOUR).is_zero());
    }
}
