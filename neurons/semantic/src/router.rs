//! Learning from reward which handler a text belongs to.
//!
//! What a text is about and who takes it are learned apart. There is a *topic* for each handler, which begins as the
//! meaning of the handler's name, and three things decide of which topic a text is:
//!
//! - A *prototype*, which moves towards what was rewarded; compared as in linear discriminant analysis, with the spread
//!   that all topics share (Fisher, 1936), which is learned too.
//! - A *correction*, which learns from what the rest gets wrong: what was not foreseen moves it (Rescorla and Wagner,
//!   1972), as in logistic regression on top of the other two.
//! - *Episodes*: what was rewarded and blamed before votes for what resembles it, so that a handler may be good at
//!   several things, and not at what lies between them. What has not been tried near a text is not blamed for it: the
//!   vote lets the choice go on to the next best, and the more is known, the less is tried.
//!
//! Who takes a topic is believed, not known (`tenure.rs`): when the world changes and handlers change
//! places, what was learned about texts stays, and only who takes them is found anew.

mod saving;

use std::sync::Arc;

use crate::encoder::{Model, VectorError};
use crate::episodes::Episodes;
use crate::matrix::{Matrix, dot};
use crate::tenure::{Tenure, Verdict};

/// How a router learns.
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `prior` | 2 | how many rewarded texts a handler's name counts for |
/// | `spread` | 300 | how many texts the assumed spread counts for, before it is learned |
/// | `vote` | 150 | what a unanimous vote of the episodes is worth, in log odds |
/// | `voters` | 5 | episodes of a handler that vote, the most similar first |
/// | `candidates` | 15 | handlers whose episodes are asked, the best first |
/// | `sharpness` | 10 | how much faster than its similarity an episode's weight falls, as e^(sharpness (cos - 1)) |
/// | `doubt` | 0.3 | weight of an episode that says nothing, so that few voters count less |
/// | `memory` | 400 | episodes kept for each handler, the latest |
/// | `rate` | 1 | how fast the correction learns; 0 is not at all |
/// | `change` | 0.005 | how likely a topic's handler is to have changed from one of its texts to the next |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RouterSettings {
    /// How many rewarded texts a handler's name counts for.
    pub prior: f32,
    /// How many texts the assumed spread counts for.
    pub spread: f32,
    /// What a unanimous vote is worth.
    pub vote: f32,
    /// Episodes of a handler that vote.
    pub voters: usize,
    /// Handlers whose episodes are asked.
    pub candidates: usize,
    /// How fast an episode's weight falls with its similarity.
    pub sharpness: f32,
    /// Weight of an episode that says nothing.
    pub doubt: f32,
    /// Episodes kept for each handler.
    pub memory: usize,
    /// How fast the correction learns.
    pub rate: f32,
    /// How likely a topic's handler is to have changed from one of its texts to the next, below 1.
    pub change: f32,
}

impl Default for RouterSettings {
    fn default() -> Self {
        Self {
            prior: 2.0,
            spread: 300.0,
            vote: 150.0,
            voters: 5,
            candidates: 15,
            sharpness: 10.0,
            doubt: 0.3,
            memory: 400,
            rate: 1.0,
            change: 0.005,
        }
    }
}

/// Why a router is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RouterError {
    /// There is nobody to route to.
    #[error("a router needs at least one handler")]
    NoHandlers,
    /// A setting is no number that it could be.
    #[error("{name} = {value} is refused: it must be a finite number above 0")]
    Setting {
        /// Which.
        name: &'static str,
        /// What was given.
        value: f32,
    },
    /// A change as likely as this would leave nothing to be believed.
    #[error("change = {0} is refused: it must be below 1")]
    Change(f32),
    /// A vector is refused.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// These bytes are no state of a router like this one.
    #[error("the state of a router is refused: {0}")]
    State(String),
}

/// A choice that waits for its reward.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The handler.
    pub handler: usize,
    /// How much reward was expected of it, from -1 to 1; 0 where nothing is known.
    pub expected: f32,
    /// Log odds by which it was ahead of the second.
    pub margin: f32,
    /// Cosine of the text with the handler's prototype: low for what belongs to nobody.
    pub familiarity: f32,
    topic: usize,
    /// How likely each of the likelier topics was, by everything that decides.
    odds: Vec<(u32, f32)>,
    vector: Vec<f32>,
}

/// A [`Choice`] as it is written: handler, topic, expected, odds, vector.
pub(crate) type SavedChoice = (u32, u32, f32, Vec<(u32, f32)>, Vec<f32>);

impl Choice {
    /// A choice that somebody else made, to learn from its outcome.
    #[must_use]
    pub fn of(handler: usize, vector: Vec<f32>) -> Self {
        let odds = Vec::new();
        Self { handler, expected: 0.0, margin: 0.0, familiarity: 0.0, topic: handler, odds, vector }
    }

    pub(crate) fn saved(&self) -> SavedChoice {
        let Self { handler, topic, expected, odds, vector, .. } = self;
        (*handler as u32, *topic as u32, *expected, odds.clone(), vector.clone())
    }

    pub(crate) fn of_saved((handler, topic, expected, odds, vector): SavedChoice) -> Self {
        let (handler, topic) = (handler as usize, topic as usize);
        Self { handler, expected, margin: 0.0, familiarity: 0.0, topic, odds, vector }
    }
}

/// Chooses handlers for texts, and learns from what comes of it.
#[derive(Debug, Clone)]
pub struct Router {
    settings: RouterSettings,
    prototypes: Matrix,
    /// Rewarded texts that each prototype stands for.
    counts: Vec<f32>,
    /// Half the length of each prototype, measured by the spread.
    offsets: Vec<f32>,
    /// What is added to the log odds by prototype, over [`UNIT`].
    corrections: Matrix,
    tenure: Tenure,
    /// The inverse of the summed spread.
    precision: Matrix,
    /// Texts that the spread stands for.
    seen: f32,
    rounds: u64,
    episodes: Episodes,
    /// For each topic, failures that are its handler's or the text's: which, will be known.
    open: Vec<Vec<(Choice, f32)>>,
    scratch: Scratch,
}

#[derive(Debug, Clone, Default)]
struct Scratch {
    whitened: Vec<f32>,
    scores: Vec<f32>,
    corrected: Vec<f32>,
    order: Vec<u32>,
    turned: Vec<f32>,
}

/// Rounds in which the spread is learned from every text; later from one in [`SELDOM`], for it hardly changes.
const OFTEN: f32 = 2_000.0;
const SELDOM: u64 = 8;

/// Log odds by prototype are too sure of themselves by about this: texts are no independent numbers. Found on
/// validation queries, where it makes them as likely as they say.
const UNIT: f32 = 10.0;

/// Failures of one topic that wait until it is known whose they are; further ones are let go, the oldest first.
const OPEN: usize = 8;

/// What is less likely than this is not corrected.
const UNLIKELY: f32 = 0.002;

/// A name is about as similar to the texts of its handler as this; so long is a prototype that is only a name.
const NAME_LENGTH: f32 = 0.6;

impl Router {
    /// A router over handlers that are known by the vectors of their names, or of texts that describe them; a vector of
    /// zeros is a handler of which nothing is known.
    ///
    /// # Errors
    /// [`RouterError`].
    pub fn new(
        model: Arc<Model>,
        handlers: &[Vec<f32>],
        settings: RouterSettings,
    ) -> Result<Self, RouterError> {
        settings.check()?;
        if handlers.is_empty() {
            return Err(RouterError::NoHandlers);
        }
        let width = model.dimensions();
        let [mut prototypes, mut precision, mut corrections] =
            [(); 3].map(|()| Matrix::new(model.clone()));
        for vector in handlers {
            prototypes.check(vector)?;
            if let Some(at) = vector.iter().position(|number| !number.is_finite()) {
                return Err(VectorError::NotFinite { at }.into());
            }
            let short: Vec<f32> = vector.iter().map(|number| number * NAME_LENGTH).collect();
            prototypes.push_raw(&short);
            corrections.push_raw(&[]);
        }
        // What is left of a unit vector beside its prototype, spread evenly over all dimensions.
        let variance = NAME_LENGTH / width as f32;
        for at in 0..width {
            let mut row = vec![0.0; width];
            row[at] = 1.0 / (settings.spread * variance);
            precision.push_raw(&row);
        }
        let mut router = Self {
            settings,
            counts: vec![settings.prior; handlers.len()],
            offsets: vec![0.0; handlers.len()],
            tenure: Tenure::new(handlers.len(), settings.change),
            corrections,
            episodes: Episodes::new(handlers.len(), width, settings.memory),
            prototypes,
            precision,
            seen: settings.spread,
            rounds: 0,
            open: vec![Vec::new(); handlers.len()],
            scratch: Scratch::default(),
        };
        (0..handlers.len()).for_each(|handler| router.measure(handler));
        Ok(router)
    }

    /// How many handlers there are.
    #[must_use]
    pub fn handlers(&self) -> usize {
        self.counts.len()
    }

    /// How many rewards it has learned from.
    #[must_use]
    pub const fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Chooses a handler for a text.
    ///
    /// # Errors
    /// [`VectorError`] for a vector of another length.
    pub fn choose(&mut self, vector: &[f32]) -> Result<Choice, VectorError> {
        self.score(vector)?;
        let Scratch { scores, order, .. } = &mut self.scratch;
        order.clear();
        order.extend(0..scores.len() as u32);
        let asked = self.settings.candidates.min(order.len());
        let better =
            |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
        if asked < order.len() {
            order.select_nth_unstable_by(asked, better);
        }
        let question = self.episodes.question(vector);
        let (mut best, mut second) = ((f32::NEG_INFINITY, 0, 0.0), f32::NEG_INFINITY);
        order[..asked].sort_unstable();
        let mut odds = Vec::with_capacity(asked);
        for &topic in &order[..asked] {
            let expected = self.episodes.vote(topic as usize, &question, &self.settings);
            let total = scores[topic as usize] + self.settings.vote * expected;
            odds.push((topic, total / UNIT));
            if total > best.0 {
                second = best.0;
                best = (total, topic as usize, expected);
            } else {
                second = second.max(total);
            }
        }
        likely(&mut odds);
        let margin = if second.is_finite() { best.0 - second } else { 0.0 };
        let prototype = self.prototypes.row(best.1);
        let length = dot(prototype, prototype).sqrt().max(f32::MIN_POSITIVE);
        let familiarity = dot(prototype, vector) / length;
        let (topic, expected) = (best.1, best.2);
        let handler = self.tenure.handler(topic);
        Ok(Choice { handler, expected, margin, familiarity, topic, odds, vector: vector.to_vec() })
    }

    /// Log odds of every topic by its prototype and its correction, up to a constant, into `scratch.scores`.
    fn score(&mut self, vector: &[f32]) -> Result<(), VectorError> {
        let Scratch { whitened, scores, corrected, .. } = &mut self.scratch;
        self.precision.scores(vector, whitened)?;
        self.prototypes.scores(whitened, scores)?;
        self.corrections.scores(vector, corrected)?;
        for ((score, offset), correction) in scores.iter_mut().zip(&self.offsets).zip(corrected) {
            *score = *score * self.seen - offset + UNIT * *correction;
        }
        Ok(())
    }

    /// Learns from the outcome of a choice: 1 for right, -1 for wrong, and anything between.
    pub fn learn(&mut self, choice: &Choice, reward: f32) {
        let known = self.handlers();
        if !reward.is_finite()
            || choice.handler.max(choice.topic) >= known
            || self.prototypes.check(&choice.vector).is_err()
        {
            return;
        }
        let (topic, reward) = (choice.topic, reward.clamp(-1.0, 1.0));
        self.rounds += 1;
        let verdict = self.tenure.hear(topic, choice.handler, choice.expected, reward);
        let succeeded = reward > 0.0;
        match verdict {
            // Whoever took them was wrong, and not what they were taken for.
            Verdict::Settled => self.open[topic].clear(),
            Verdict::Topic => {
                for (failed, reward) in std::mem::take(&mut self.open[topic]) {
                    self.take_in(&failed, reward);
                }
            }
            Verdict::Open if !succeeded => return self.put_off(choice, reward),
            Verdict::Handler if !succeeded => return,
            Verdict::Open | Verdict::Handler => {}
        }
        if succeeded {
            self.approach(topic, &choice.vector, reward);
        }
        self.take_in(choice, reward);
    }

    /// Keeps a failure until it is known whose it is.
    fn put_off(&mut self, choice: &Choice, reward: f32) {
        let open = &mut self.open[choice.topic];
        if open.len() == OPEN {
            open.remove(0);
        }
        open.push((choice.clone(), reward));
    }

    /// Learns what an outcome says about the text.
    fn take_in(&mut self, choice: &Choice, reward: f32) {
        let question = self.episodes.question(&choice.vector);
        self.episodes.keep(choice.topic, &question, reward);
        self.correct(choice, reward);
    }

    /// Moves the corrections so that what happened would have been likelier.
    fn correct(&mut self, choice: &Choice, reward: f32) {
        let Some(own) = choice.odds.iter().find(|&&(topic, _)| topic as usize == choice.topic)
        else {
            return;
        };
        let own = own.1;
        for &(topic, odds) in &choice.odds {
            let is_own = topic as usize == choice.topic;
            // Of what was wrong only so much is known: it is one of the others, each as likely as before.
            let should = match (reward > 0.0, is_own) {
                (true, is_own) => f32::from(u8::from(is_own)),
                (false, true) => 0.0,
                (false, false) => odds / (1.0 - own).max(UNLIKELY),
            };
            let error = (should - odds) * reward.abs();
            if error.abs() > UNLIKELY && topic < self.handlers() as u32 {
                let step = self.settings.rate * error;
                self.corrections.add_to_row(topic as usize, &choice.vector, step);
            }
        }
    }

    /// Moves a prototype towards a text, and learns how far texts lie from prototypes.
    fn approach(&mut self, handler: usize, vector: &[f32], reward: f32) {
        let count = self.counts[handler];
        let after = count + reward;
        let prototype = self.prototypes.row_mut(handler);
        let mut away: Vec<f32> = vector.iter().zip(&*prototype).map(|(x, m)| x - m).collect();
        for (number, away) in prototype.iter_mut().zip(&away) {
            *number += away * (reward / after);
        }
        self.counts[handler] = after;
        if self.seen < OFTEN || self.rounds.is_multiple_of(SELDOM) {
            let part = (count / after).sqrt();
            away.iter_mut().for_each(|number| *number *= part);
            self.widen(&away);
            // Whoever is measured by the old spread is measured by the new one in turn.
            self.measure((self.rounds % self.counts.len() as u64) as usize);
        }
        self.measure(handler);
    }

    /// Adds one deviation to the spread: its inverse changes as Sherman and Morrison (1950) say.
    fn widen(&mut self, away: &[f32]) {
        let turned = &mut self.scratch.turned;
        if self.precision.scores(away, turned).is_err() {
            return;
        }
        let scale = 1.0 / (1.0 + dot(away, turned));
        self.precision.subtract_outer(turned, scale);
        self.seen += 1.0;
    }

    fn measure(&mut self, handler: usize) {
        let prototype = self.prototypes.row(handler);
        let turned = &mut self.scratch.turned;
        if self.precision.scores(prototype, turned).is_ok() {
            self.offsets[handler] = 0.5 * self.seen * dot(prototype, turned);
        }
    }
}

/// Log odds become odds; those that are next to nothing go.
fn likely(odds: &mut Vec<(u32, f32)>) {
    let most = odds.iter().fold(f32::NEG_INFINITY, |most, &(_, odds)| most.max(odds));
    let mut all = 0.0;
    for (_, odds) in &mut *odds {
        *odds = libm::expf(*odds - most);
        all += *odds;
    }
    odds.iter_mut().for_each(|(_, odds)| *odds /= all);
    odds.retain(|&(_, odds)| odds > UNLIKELY);
}

impl RouterSettings {
    fn check(&self) -> Result<(), RouterError> {
        let sizes =
            [("voters", self.voters), ("candidates", self.candidates), ("memory", self.memory)];
        let sizes = sizes.map(|(name, value)| (name, value as f32));
        let numbers = [
            ("prior", self.prior),
            ("spread", self.spread),
            ("vote", self.vote + f32::MIN_POSITIVE),
            ("sharpness", self.sharpness),
            ("doubt", self.doubt),
            ("rate", self.rate + f32::MIN_POSITIVE),
            ("change", self.change + f32::MIN_POSITIVE),
        ];
        if self.change >= 1.0 {
            return Err(RouterError::Change(self.change));
        }
        let wrong = |&(_, value): &(&str, f32)| !(value.is_finite() && value > 0.0);
        match numbers.into_iter().chain(sizes).find(wrong) {
            Some((name, value)) => Err(RouterError::Setting { name, value }),
            None => Ok(()),
        }
    }
}
