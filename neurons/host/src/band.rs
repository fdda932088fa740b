//! Change detection: when does a signal leave the band it usually keeps to?
//!
//! A band is a running mean and a running mean absolute deviation, both exponentially weighted. A value further from
//! the mean than `width` deviations leaves the band, once; the band then learns the new level, and the signal is back
//! inside when the mean has come near enough.
//!
//! ```text
//! half  = max(width * deviation, absolute, relative * |mean|)
//! leave : |value - mean| > half            reported once, with how many halves and in which direction
//! return: |value - mean| <= 0.75 * half    so a value on the edge does not flicker
//! learn : mean      += rate * (value - mean)
//!         deviation += rate * (min(|value - mean|, 2 * half) - deviation)
//! ```
//!
//! 1. The first `warm_up` values only teach, with rate `1 / n` while that is larger, so that the start counts for no
//!    more than any other value.
//! 2. The deviation learns from at most two halves: a single step would otherwise widen the band for a long time and
//!    hide what follows.
//! 3. Only `+ - * /` and comparisons are used, which give the same bits on every machine.

/// How a band learns and how wide it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandSettings {
    /// Values that only teach; at least 1. Default 20.
    pub warm_up: u32,
    /// Share of each new value in mean and deviation, above 0 and at most 1. Default 0.05.
    pub rate: f64,
    /// Half width in mean absolute deviations, above 0. Default 6.
    pub width: f64,
    /// The least half width, in the signal's own unit. Default 0.
    pub absolute: f64,
    /// The least half width as a share of the mean's size. Default 0.05.
    pub relative: f64,
}

impl Default for BandSettings {
    fn default() -> Self {
        Self { warm_up: 20, rate: 0.05, width: 6.0, absolute: 0.0, relative: 0.05 }
    }
}

/// Why settings are not those of a band.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BandError {
    /// A number is outside its range.
    #[error("band: {key} = {value} is refused: it must be {expected}")]
    Range {
        /// The field.
        key: &'static str,
        /// What was given.
        value: f64,
        /// What is accepted, in words.
        expected: &'static str,
    },
    /// A saved band cannot be read back.
    #[error(
        "a saved band is {expected} bytes with finite numbers in them; {length} bytes were given"
    )]
    Saved {
        /// Bytes given.
        length: usize,
        /// Bytes of a band.
        expected: usize,
    },
}

impl BandSettings {
    /// Whether the numbers make sense.
    ///
    /// # Errors
    /// The first field outside its range.
    pub fn check(&self) -> Result<(), BandError> {
        let range = |ok: bool, key, value, expected| {
            if ok { Ok(()) } else { Err(BandError::Range { key, value, expected }) }
        };
        range(self.warm_up >= 1, "warm_up", f64::from(self.warm_up), "at least 1")?;
        range(self.rate > 0.0 && self.rate <= 1.0, "rate", self.rate, "above 0 and at most 1")?;
        let finite_positive = self.width > 0.0 && self.width.is_finite();
        range(finite_positive, "width", self.width, "above 0 and finite")?;
        for (key, value) in [("absolute", self.absolute), ("relative", self.relative)] {
            range(value >= 0.0 && value.is_finite(), key, value, "0 or more and finite")?;
        }
        Ok(())
    }
}

/// Which way a signal left its band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Above the band.
    Up,
    /// Below the band.
    Down,
}

impl Direction {
    /// 1 for up, -1 for down: what travels in payloads.
    #[must_use]
    pub const fn sign(self) -> i8 {
        match self {
            Self::Up => 1,
            Self::Down => -1,
        }
    }
}

/// A signal has left its band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Departure {
    /// How far from the mean, in half widths; above 1.
    pub halves: f64,
    /// Which way.
    pub direction: Direction,
}

/// Share of the half width within which a signal counts as back.
const RETURN: f64 = 0.75;

/// Half widths of surprise that the deviation learns from at most.
const CLIP: f64 = 2.0;

/// Keeps a division by the width finite for a signal that has never moved and has no least width.
const LEAST_HALF: f64 = 1e-12;

/// The band of one signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    settings: BandSettings,
    mean: f64,
    deviation: f64,
    seen: u32,
    outside: Option<Direction>,
}

impl Band {
    /// Bytes of a saved band.
    pub const SAVED: usize = 21;

    /// A band that has seen nothing yet.
    #[must_use]
    pub const fn new(settings: BandSettings) -> Self {
        Self { settings, mean: 0.0, deviation: 0.0, seen: 0, outside: None }
    }

    /// The level the band has learned.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// Half of the band's width now.
    #[must_use]
    pub fn half(&self) -> f64 {
        let s = &self.settings;
        (s.width * self.deviation)
            .max(s.absolute)
            .max(s.relative * self.mean.abs())
            .clamp(LEAST_HALF, f64::MAX)
    }

    /// Whether the last value was outside.
    #[must_use]
    pub const fn outside(&self) -> Option<Direction> {
        self.outside
    }

    /// Takes the next value; says if the signal left its band with it.
    ///
    /// A value that is not finite is not learned and never leaves: the caller refuses and counts it.
    pub fn update(&mut self, value: f64) -> Option<Departure> {
        if !value.is_finite() {
            return None;
        }
        if self.seen == 0 {
            self.mean = value;
            self.seen = 1;
            return None;
        }
        // Two opposite values near the largest f64 would differ by infinity, and a mean of infinity never recovers.
        let distance = (value - self.mean).clamp(-f64::MAX, f64::MAX);
        let half = self.half();
        let halves = distance.abs() / half;
        let departure =
            if self.seen < self.settings.warm_up { None } else { self.judge(distance, halves) };
        self.learn(distance, half);
        departure
    }

    fn judge(&mut self, distance: f64, halves: f64) -> Option<Departure> {
        if halves <= RETURN {
            self.outside = None;
        }
        if halves <= 1.0 {
            return None;
        }
        let direction = if distance > 0.0 { Direction::Up } else { Direction::Down };
        if self.outside == Some(direction) {
            return None;
        }
        self.outside = Some(direction);
        Some(Departure { halves: halves.min(f64::MAX), direction })
    }

    fn learn(&mut self, distance: f64, half: f64) {
        let warming = self.seen < self.settings.warm_up;
        self.seen = self.seen.saturating_add(1);
        let rate = if warming {
            self.settings.rate.max(1.0 / f64::from(self.seen))
        } else {
            self.settings.rate
        };
        let surprise = if warming { distance.abs() } else { distance.abs().min(CLIP * half) };
        self.mean += rate * distance;
        self.deviation += rate * (surprise - self.deviation);
    }

    /// Appends what the band has learned: mean and deviation (f64), values seen (u32), direction (i8), little-endian.
    pub fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mean.to_le_bytes());
        out.extend_from_slice(&self.deviation.to_le_bytes());
        out.extend_from_slice(&self.seen.to_le_bytes());
        out.extend_from_slice(&self.outside.map_or(0, Direction::sign).to_le_bytes());
    }

    /// Takes back what [`Band::save`] wrote; the settings stay.
    ///
    /// # Errors
    /// [`BandError::Saved`] for another number of bytes, a number that is not finite or an unknown direction.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), BandError> {
        let refused = BandError::Saved { length: bytes.len(), expected: Self::SAVED };
        let bytes: &[u8; Self::SAVED] = bytes.try_into().map_err(|_| refused)?;
        let (mean, rest) = bytes.split_at(8);
        let (deviation, rest) = rest.split_at(8);
        let (seen, outside) = rest.split_at(4);
        let f64_of = |b: &[u8]| b.try_into().map(f64::from_le_bytes).map_err(|_| refused);
        let mean = f64_of(mean)?;
        let deviation = f64_of(deviation)?;
        if !mean.is_finite() || !deviation.is_finite() || deviation < 0.0 {
            return Err(refused);
        }
        let outside = match outside {
            [0] => None,
            [1] => Some(Direction::Up),
            [255] => Some(Direction::Down),
            _ => return Err(refused),
        };
        let seen = seen.try_into().map(u32::from_le_bytes).map_err(|_| refused)?;
        *self = Self { settings: self.settings, mean, deviation, seen, outside };
        Ok(())
    }
}
