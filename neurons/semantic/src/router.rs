//! Learning from reward which handler a text belongs to.
//!
//! Three things decide. A *prototype* for each handler, which begins as the meaning of its name and moves towards what
//! the handler was rewarded for; compared as in linear discriminant analysis, with the spread that all handlers share
//! (Fisher, 1936), which is learned too. *Episodes*: what a handler was rewarded and blamed for before votes for what
//! resembles it, so that a handler may be good at several things, and not at what lies between them. And *trust*: what
//! was not foreseen moves a prototype more than what was (Rescorla and Wagner, 1972), and a handler that fails where it
//! had succeeded loses its episodes there, so that the world may change.
//!
//! A handler that has not been tried near a text is not blamed for it either: the vote lets the choice go on to the
//! next best, and the more is known, the less is tried.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::encoder::{Model, VectorError};
use crate::episodes::{Episodes, SavedEpisodes};
use crate::matrix::{Matrix, dot};

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
    vector: Vec<f32>,
}

impl Choice {
    /// A choice that somebody else made, to learn from its outcome.
    #[must_use]
    pub fn of(handler: usize, vector: Vec<f32>) -> Self {
        Self { handler, expected: 0.0, margin: 0.0, familiarity: 0.0, vector }
    }

    pub(crate) fn parts(&self) -> (u32, f32, f32, &[f32]) {
        (self.handler as u32, self.expected, self.margin, &self.vector)
    }

    pub(crate) fn of_parts((handler, expected, margin, vector): (u32, f32, f32, Vec<f32>)) -> Self {
        Self { handler: handler as usize, expected, margin, familiarity: 0.0, vector }
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
    /// The inverse of the summed spread.
    precision: Matrix,
    /// Texts that the spread stands for.
    seen: f32,
    rounds: u64,
    episodes: Episodes,
    scratch: Scratch,
}

#[derive(Debug, Clone, Default)]
struct Scratch {
    whitened: Vec<f32>,
    scores: Vec<f32>,
    order: Vec<u32>,
    turned: Vec<f32>,
}

/// Rounds in which the spread is learned from every text; later from one in [`SELDOM`], for it hardly changes.
const OFTEN: f32 = 2_000.0;
const SELDOM: u64 = 8;

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
        let (mut prototypes, mut precision) = (Matrix::new(model.clone()), Matrix::new(model));
        for vector in handlers {
            prototypes.check(vector)?;
            if let Some(at) = vector.iter().position(|number| !number.is_finite()) {
                return Err(VectorError::NotFinite { at }.into());
            }
            let short: Vec<f32> = vector.iter().map(|number| number * NAME_LENGTH).collect();
            prototypes.push_raw(&short);
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
            episodes: Episodes::new(handlers.len(), width, settings.memory),
            prototypes,
            precision,
            seen: settings.spread,
            rounds: 0,
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
        for &handler in &order[..asked] {
            let expected = self.episodes.vote(handler as usize, &question, &self.settings);
            let total = scores[handler as usize] + self.settings.vote * expected;
            if total > best.0 {
                second = best.0;
                best = (total, handler as usize, expected);
            } else {
                second = second.max(total);
            }
        }
        let margin = if second.is_finite() { best.0 - second } else { 0.0 };
        let prototype = self.prototypes.row(best.1);
        let length = dot(prototype, prototype).sqrt().max(f32::MIN_POSITIVE);
        let familiarity = dot(prototype, vector) / length;
        let (handler, expected) = (best.1, best.2);
        Ok(Choice { handler, expected, margin, familiarity, vector: vector.to_vec() })
    }

    /// Log odds of every handler by its prototype alone, up to a constant, into `scratch.scores`.
    fn score(&mut self, vector: &[f32]) -> Result<(), VectorError> {
        let Scratch { whitened, scores, .. } = &mut self.scratch;
        self.precision.scores(vector, whitened)?;
        self.prototypes.scores(whitened, scores)?;
        for (score, offset) in scores.iter_mut().zip(&self.offsets) {
            *score = *score * self.seen - offset;
        }
        Ok(())
    }

    /// Learns from the outcome of a choice: 1 for right, -1 for wrong, and anything between.
    pub fn learn(&mut self, choice: &Choice, reward: f32) {
        if !reward.is_finite()
            || choice.handler >= self.handlers()
            || self.prototypes.check(&choice.vector).is_err()
        {
            return;
        }
        let (handler, reward) = (choice.handler, reward.clamp(-1.0, 1.0));
        let question = self.episodes.question(&choice.vector);
        self.rounds += 1;
        if reward > 0.0 {
            self.approach(handler, &choice.vector, reward);
        } else if choice.expected > 0.0 {
            // It was trusted, and failed: what it is remembered for here is no longer so.
            self.episodes.forget(handler, &question);
            self.counts[handler] =
                (self.counts[handler] * (1.0 + 0.5 * reward)).max(self.settings.prior);
        }
        self.episodes.keep(handler, &question, reward);
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

/// What was learned, as it is written.
#[derive(Serialize, Deserialize)]
struct Saved {
    model: String,
    prototypes: Vec<f32>,
    precision: Vec<f32>,
    counts: Vec<f32>,
    offsets: Vec<f32>,
    seen: f32,
    rounds: u64,
    episodes: Vec<SavedEpisodes>,
}

impl Router {
    /// Appends everything that was learned.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        let saved = Saved {
            model: self.prototypes.model().to_string(),
            prototypes: self.prototypes.flat().to_vec(),
            precision: self.precision.flat().to_vec(),
            counts: self.counts.clone(),
            offsets: self.offsets.clone(),
            seen: self.seen,
            rounds: self.rounds,
            episodes: self.episodes.saved(),
        };
        // Into memory, and of types that can all be written.
        if let Ok(bytes) = postcard::to_stdvec(&saved) {
            out.extend_from_slice(&bytes);
        }
    }

    /// Takes back what [`snapshot`](Self::snapshot) wrote.
    ///
    /// # Errors
    /// [`RouterError::State`] for what is no state of a router of this model and these handlers; it is as it was.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), RouterError> {
        let saved: Saved =
            postcard::from_bytes(bytes).map_err(|error| RouterError::State(error.to_string()))?;
        let model = self.prototypes.model().to_string();
        if saved.model != model {
            return Err(RouterError::State(format!(
                "it is of the model {}, and this is {model}",
                saved.model
            )));
        }
        let (expected, found) = (self.handlers(), saved.counts.len());
        let fits = found == expected
            && saved.offsets.len() == expected
            && saved.prototypes.len() == self.prototypes.flat().len()
            && saved.precision.len() == self.precision.flat().len();
        if !fits || !self.episodes.refill(saved.episodes) {
            return Err(RouterError::State(format!(
                "it has {found} handlers, and this has {expected}"
            )));
        }
        self.prototypes.flat_mut().copy_from_slice(&saved.prototypes);
        self.precision.flat_mut().copy_from_slice(&saved.precision);
        (self.counts, self.offsets) = (saved.counts, saved.offsets);
        (self.seen, self.rounds) = (saved.seen, saved.rounds);
        Ok(())
    }
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
        ];
        let wrong = |&(_, value): &(&str, f32)| !(value.is_finite() && value > 0.0);
        match numbers.into_iter().chain(sizes).find(wrong) {
            Some((name, value)) => Err(RouterError::Setting { name, value }),
            None => Ok(()),
        }
    }
}
