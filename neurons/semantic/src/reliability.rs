//! How often what was expected comes true, learned from outcomes.
//!
//! Episodes say how much reward to expect, and mean something else for every model and every set of handlers: on
//! CLINC150 an expectation of 0.5 comes true in 97 of 100 cases (`docs/learning.md`). Whoever takes it at its word
//! believes too long that a failure was chance.

use serde::{Deserialize, Serialize};

/// Parts into which expectations from 0 to 1 are divided.
const PARTS: usize = 20;

/// Outcomes that what is assumed at first counts for: that an expectation is a mean of outcomes from -1 to 1.
const ASSUMED: f32 = 10.0;

/// For each part, how often it came true, and how often it was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reliability {
    parts: [(f32, f32); PARTS],
}

impl Default for Reliability {
    fn default() -> Self {
        Self { parts: [(0.0, 0.0); PARTS] }
    }
}

/// The part of an expectation above 0.
fn part(expected: f32) -> usize {
    ((expected * PARTS as f32) as usize).min(PARTS - 1)
}

impl Reliability {
    /// How likely an expectation above 0 is to come true.
    pub(crate) fn of(&self, expected: f32) -> f32 {
        let part = part(expected);
        let assumed = 0.5 + 0.5 * (part as f32 + 0.5) / PARTS as f32;
        let (came_true, all) = self.parts[part];
        (came_true + ASSUMED * assumed) / (all + ASSUMED)
    }

    /// Learns from what became of one.
    pub(crate) fn note(&mut self, expected: f32, came_true: bool) {
        let (hits, all) = &mut self.parts[part(expected)];
        *hits += f32::from(u8::from(came_true));
        *all += 1.0;
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.parts.iter().all(|&(hits, all)| (0.0..=all).contains(&hits) && all.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_is_worth_what_became_of_it() {
        let mut reliability = Reliability::default();
        assert!((reliability.of(0.5) - 0.7625).abs() < 1e-6);
        (0..200).for_each(|n| reliability.note(0.52, n % 20 != 0));
        assert!((reliability.of(0.5) - 0.94).abs() < 0.01, "{}", reliability.of(0.5));
        assert!((reliability.of(1.0) - 0.9875).abs() < 1e-6, "others are as they were");
        assert!(reliability.is_sound());
    }
}
