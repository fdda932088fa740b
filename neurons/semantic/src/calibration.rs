//! Thresholds from examples: how near is near enough, for each concept and model.
//!
//! A cosine means something only for the model it comes from, and often only for one concept. From texts with labels
//! this finds a threshold for each label, and says what it is worth on texts that it was not chosen by; and whether a
//! [`Classifier`] that learns the labels would do better, and from which logit on it is to be believed.

use serde::Serialize;

use crate::classifier::{Classifier, ClassifierError, ClassifierSettings};
use crate::concept::{Concept, ConceptError};
use crate::encoder::{EncodeError, Encoder, VectorError};
use crate::lexicon::Lexicon;
use crate::matrix::Matrix;
use crate::text::spaced;

/// A text and the concept that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The text.
    pub text: String,
    /// The concept's name.
    pub label: String,
}

/// Why nothing was calibrated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// There must be something to tell apart.
    #[error("{0} labels are too few: there must be at least 2 to tell apart")]
    Labels(usize),
    /// A label has too few texts to be held out in turn.
    #[error("the label {label:?} has {texts} text, and needs at least 2")]
    Texts {
        /// Which.
        label: String,
        /// How many it has.
        texts: usize,
    },
    /// A number of parts that cannot be.
    #[error("{0} folds are refused: there must be 2 to 100")]
    Folds(usize),
    /// A text cannot be encoded.
    #[error("text {line} is refused: {reason}")]
    Encode {
        /// Which, from 1.
        line: usize,
        /// Why.
        reason: EncodeError,
    },
    /// A vector is refused.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// A classifier cannot be fitted.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// The labels are no concepts.
    #[error(transparent)]
    Concept(#[from] ConceptError),
}

/// What a threshold does, on texts that it was not chosen by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// The concept.
    pub concept: String,
    /// How many texts it has.
    pub texts: usize,
    /// From which cosine on a text belongs to it.
    pub threshold: f32,
    /// Of the texts that it fired for, how many were its own.
    pub precision: f64,
    /// Of its own texts, for how many it fired.
    pub recall: f64,
    /// Between these a text could be its own or another's: nine of ten of its own lie above the first, and nine of ten
    /// of the others that come nearest lie below the second.
    pub band: (f32, f32),
}

/// What a classifier does, on texts that it was not fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Classified {
    /// Texts that were taken for their own label, of all.
    pub accuracy: f64,
    /// The logit below which it should abstain.
    pub abstain: f32,
    /// Texts that were taken for their own label, and not abstained from, of all.
    pub kept: f64,
    /// Of texts whose label it was not told about, those it abstained from; `None` where there are too few labels to
    /// leave some out.
    pub refused: Option<f64>,
}

/// Thresholds for the labels of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The model that they are good for.
    pub model: String,
    /// Each label, by name.
    pub concepts: Vec<Calibrated>,
    /// Texts whose nearest concept was their own, of all.
    pub accuracy: f64,
    /// What a classifier of the labels does on texts that it was not fitted to.
    pub classified: Classified,
    /// How many parts the texts were divided into.
    pub folds: usize,
}

/// Finds a threshold for each label, with cross-validation: the texts are dealt into `folds` parts, each text is
/// compared with those of the other parts, and what a threshold is worth is counted in a part it was not chosen by.
///
/// # Errors
/// [`CalibrationError`].
pub fn calibrate(
    samples: &[Sample],
    encoder: &dyn Encoder,
    folds: usize,
) -> Result<Calibration, CalibrationError> {
    if !(2..=100).contains(&folds) {
        return Err(CalibrationError::Folds(folds));
    }
    let mut labels: Vec<&str> = samples.iter().map(|sample| sample.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    if labels.len() < 2 {
        return Err(CalibrationError::Labels(labels.len()));
    }
    // Dealt label by label in the order of the file: every part has its share of each.
    let mut dealt = vec![0; labels.len()];
    let mut cards = Vec::with_capacity(samples.len());
    for sample in samples {
        let label = labels.binary_search(&sample.label.as_str()).unwrap_or(0);
        cards.push(Card { label, fold: dealt[label] % folds });
        dealt[label] += 1;
    }
    if let Some(few) = dealt.iter().position(|&texts| texts < 2) {
        return Err(CalibrationError::Texts { label: labels[few].to_owned(), texts: dealt[few] });
    }
    let matrix = encoded(samples, encoder)?;
    let nearest = nearest(&matrix, &cards, labels.len())?;
    let classified = classify(&matrix, &cards, labels.len(), folds)?;
    let right =
        |(card, best): &(&Card, &Vec<f32>)| best.iter().all(|&other| other <= best[card.label]);
    let accuracy = cards.iter().zip(&nearest).filter(right).count() as f64 / samples.len() as f64;
    let concepts = labels.iter().enumerate().map(|(label, name)| {
        let scores = cards.iter().zip(&nearest);
        let scores = scores.map(|(card, best)| Score {
            fold: card.fold,
            own: card.label == label,
            value: best[label],
        });
        judge(name, &scores.collect::<Vec<_>>(), folds)
    });
    let concepts = concepts.collect();
    Ok(Calibration { model: encoder.model().to_string(), concepts, accuracy, classified, folds })
}

impl Calibration {
    /// The labels as concepts, with their texts for exemplars and the thresholds that were found.
    #[must_use]
    pub fn concepts(&self, samples: &[Sample]) -> Vec<Concept> {
        let concept = |found: &Calibrated| {
            let own = samples.iter().filter(|sample| sample.label == found.concept);
            // A threshold outside of what a concept can have means that nothing told its texts from others.
            let threshold = found.threshold.clamp(0.01, 1.0);
            Concept::new(&found.concept)
                .exemplars(own.map(|sample| &*sample.text))
                .threshold(threshold)
        };
        self.concepts.iter().map(concept).collect()
    }

    /// The logit to abstain below, if a classifier is right at least as often as the nearest text.
    #[must_use]
    pub fn abstain(&self) -> Option<f32> {
        (self.classified.accuracy >= self.accuracy).then_some(self.classified.abstain)
    }

    /// The labels as a lexicon, which decides by the better of both ways.
    ///
    /// # Errors
    /// [`CalibrationError`] for texts that cannot be encoded, and for those of another calibration.
    pub fn lexicon(
        &self,
        samples: &[Sample],
        encoder: &dyn Encoder,
    ) -> Result<Lexicon, CalibrationError> {
        let lexicon = Lexicon::new(&self.concepts(samples), encoder)?;
        match self.abstain() {
            Some(abstain) => Ok(lexicon.classifying(abstain)?),
            None => Ok(lexicon),
        }
    }
}

struct Card {
    label: usize,
    fold: usize,
}

#[derive(Clone, Copy)]
struct Score {
    fold: usize,
    own: bool,
    value: f32,
}

fn encoded(samples: &[Sample], encoder: &dyn Encoder) -> Result<Matrix, CalibrationError> {
    let mut matrix = Matrix::new(std::sync::Arc::new(encoder.model().clone()));
    for (at, sample) in samples.iter().enumerate() {
        let vector = encoder.encode(&spaced(&sample.text));
        let vector = vector.map_err(|reason| CalibrationError::Encode { line: at + 1, reason })?;
        matrix.push(&vector)?;
    }
    Ok(matrix)
}

/// For each text, the cosine with the nearest text of each label in the other parts.
fn nearest(
    matrix: &Matrix,
    cards: &[Card],
    labels: usize,
) -> Result<Vec<Vec<f32>>, CalibrationError> {
    let mut scores = Vec::new();
    let mut found = Vec::with_capacity(cards.len());
    for (at, own) in cards.iter().enumerate() {
        matrix.scores(matrix.row(at), &mut scores)?;
        let mut best = vec![-1.0f32; labels];
        for (other, &score) in cards.iter().zip(&scores).filter(|(other, _)| other.fold != own.fold)
        {
            best[other.label] = best[other.label].max(score);
        }
        found.push(best);
    }
    Ok(found)
}

/// Fits a classifier without each part in turn, and without each share of the labels, which are then strangers to it.
fn classify(
    matrix: &Matrix,
    cards: &[Card],
    labels: usize,
    folds: usize,
) -> Result<Classified, CalibrationError> {
    let leaves_enough = labels >= labels.div_ceil(folds) + 2;
    let (mut own, mut strangers, mut room) = (Vec::new(), Vec::new(), Vec::new());
    for fold in 0..folds {
        let in_part = |card: &Card| card.fold == fold;
        let fitted = fit(matrix, cards, labels, |card| !in_part(card))?;
        for (at, card) in cards.iter().enumerate().filter(|(_, card)| in_part(card)) {
            let found = fitted.decide(matrix.row(at), &mut room)?;
            own.push((found.label == card.label, found.logit));
        }
        let is_strange = |card: &Card| card.label % folds == fold;
        if leaves_enough && cards.iter().any(is_strange) {
            let fitted = fit(matrix, cards, labels, |card| !is_strange(card))?;
            for (at, _) in cards.iter().enumerate().filter(|(_, card)| is_strange(card)) {
                strangers.push(fitted.decide(matrix.row(at), &mut room)?.logit);
            }
        }
    }
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let right = || own.iter().filter(|(right, _)| *right).map(|&(_, logit)| logit);
    let kept = |from: f32| share(right().filter(|&logit| logit >= from).count(), own.len());
    let refused =
        |from: f32| share(strangers.iter().filter(|&&l| l < from).count(), strangers.len());
    let mut logits: Vec<f32> = right().collect();
    logits.sort_by(f32::total_cmp);
    let abstain = if strangers.is_empty() {
        logits.get(logits.len() / 20).copied().unwrap_or(0.0)
    } else {
        // A hundred quantiles of what was right are as fine as anybody needs it.
        let tried = (0..100).filter_map(|n| logits.get(logits.len() * n / 100).copied());
        let worth = |from: f32| kept(from) + refused(from);
        tried.max_by(|a, b| worth(*a).total_cmp(&worth(*b))).unwrap_or(0.0)
    };
    Ok(Classified {
        accuracy: share(right().count(), own.len()),
        abstain,
        kept: kept(abstain),
        refused: (!strangers.is_empty()).then(|| refused(abstain)),
    })
}

/// A classifier of the texts that are let in.
fn fit(
    matrix: &Matrix,
    cards: &[Card],
    labels: usize,
    is_let_in: impl Fn(&Card) -> bool,
) -> Result<Classifier, CalibrationError> {
    let (mut texts, mut own) = (Matrix::new(matrix.model().clone()), Vec::new());
    for (at, card) in cards.iter().enumerate().filter(|(_, card)| is_let_in(card)) {
        texts.push_raw(matrix.row(at));
        own.push(card.label);
    }
    Ok(Classifier::fit(&texts, &own, labels, ClassifierSettings::default())?)
}

fn judge(name: &str, scores: &[Score], folds: usize) -> Calibrated {
    let (mut hits, mut fired, mut own) = (0, 0, 0);
    for fold in 0..folds {
        let threshold = best_threshold(scores.iter().copied().filter(|score| score.fold != fold));
        for score in scores.iter().filter(|score| score.fold == fold) {
            let fires = score.value >= threshold;
            hits += usize::from(fires && score.own);
            fired += usize::from(fires);
            own += usize::from(score.own);
        }
    }
    let share =
        |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let mut sides = [true, false].map(|own| -> Vec<f32> {
        let mut side: Vec<f32> = scores.iter().filter(|s| s.own == own).map(|s| s.value).collect();
        side.sort_by(f32::total_cmp);
        side
    });
    // Of the others only as many as there are own ones, the nearest: the rest is far away and says nothing.
    let skip = sides[1].len().saturating_sub(sides[0].len());
    sides[1].drain(..skip);
    let at = |side: &[f32], tenth: usize| side.get(side.len() * tenth / 10).copied().unwrap_or(0.0);
    let (low, high) = (at(&sides[0], 1), at(&sides[1], 9));
    Calibrated {
        concept: name.to_owned(),
        texts: own,
        threshold: best_threshold(scores.iter().copied()),
        precision: share(hits, fired),
        recall: share(hits, own),
        band: (low.min(high), low.max(high)),
    }
}

/// The threshold with the best balance of precision and recall (F1), in the middle of the gap that it may lie in.
fn best_threshold(scores: impl Iterator<Item = Score>) -> f32 {
    let mut scores: Vec<Score> = scores.collect();
    scores.sort_by(|a, b| b.value.total_cmp(&a.value));
    let own = scores.iter().filter(|score| score.own).count();
    let (mut hits, mut best, mut threshold) = (0, 0.0, 1.0);
    for (at, score) in scores.iter().enumerate() {
        hits += usize::from(score.own);
        let next = scores.get(at + 1).map_or(-1.0, |next| next.value);
        let balance = 2.0 * hits as f64 / (at + 1 + own) as f64;
        if next < score.value && balance > best {
            (best, threshold) = (balance, (score.value + next) / 2.0);
        }
    }
    threshold
}
