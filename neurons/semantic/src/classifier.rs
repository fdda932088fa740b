//! Labels learned from texts that have one: multinomial logistic regression on the vectors of a model.
//!
//! What prototypes and nearest neighbours ignore is what tells labels *apart*. This is fitted to that: each label has a
//! weight for every dimension, and the weights are moved until the labels of the texts are as likely as they can be
//! (Cox, 1958). The fit is stochastic gradient descent with momentum (Polyak, 1964) at a rate that falls to zero;
//! order, sums and exponentials are the same on every machine, so the same texts give the same weights to the bit.

use std::sync::Arc;

use serde::Serialize;

use crate::encoder::{Model, VectorError};
use crate::matrix::Matrix;

/// How a classifier is fitted.
///
/// | parameter | default | meaning |
/// | --- | --- | --- |
/// | `epochs` | 20 | how often each text is looked at |
/// | `rate` | 5 | how far weights move at first; vectors have length 1, so this is no small number |
/// | `batch` | 64 | texts that are looked at together |
/// | `decay` | 1e-5 | how much weights shrink in a step, as a part of the rate |
/// | `seed` | 0 | of the order in which texts are looked at |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassifierSettings {
    /// How often each text is looked at.
    pub epochs: usize,
    /// How far weights move at first.
    pub rate: f32,
    /// Texts that are looked at together.
    pub batch: usize,
    /// How much weights shrink in a step.
    pub decay: f32,
    /// Of the order in which texts are looked at.
    pub seed: u64,
}

impl Default for ClassifierSettings {
    fn default() -> Self {
        Self { epochs: 20, rate: 5.0, batch: 64, decay: 1e-5, seed: 0 }
    }
}

/// Why a classifier is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// There must be something to tell apart.
    #[error("{0} labels are too few: there must be at least 2 to tell apart")]
    Labels(usize),
    /// A text's label is none.
    #[error("label {label} of text {text} is refused: there are {labels}")]
    Label {
        /// Which text, from 0.
        text: usize,
        /// What it was given.
        label: usize,
        /// How many labels there are.
        labels: usize,
    },
    /// There are not as many labels as texts.
    #[error("{texts} texts with {labels} labels are refused: each needs one")]
    Texts {
        /// How many vectors.
        texts: usize,
        /// How many labels.
        labels: usize,
    },
    /// A setting is no number that it could be.
    #[error("{name} = {value} is refused: it must be a finite number above 0")]
    Setting {
        /// Which.
        name: &'static str,
        /// What was given.
        value: f32,
    },
}

/// What a text was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Decision {
    /// The label, by its position.
    pub label: usize,
    /// The label's *logit*: its log odds up to what all labels share. It grows with familiarity, and a text that
    /// belongs to none has a low one.
    pub logit: f32,
    /// How likely the label is, given that it is one of these.
    pub probability: f32,
}

/// Weights that tell labels apart.
#[derive(Debug, Clone)]
pub struct Classifier {
    weights: Matrix,
    biases: Vec<f32>,
}

const MOMENTUM: f32 = 0.9;

/// Few texts are looked at more often, until there were so many steps.
const STEPS: usize = 300;

/// A text that says less than this about a label says nothing.
const SILENT: f32 = 1e-4;

impl Classifier {
    /// Fits weights to texts: `labels` has the label of each row of `texts`, from 0 to `count` - 1.
    ///
    /// A label without texts is never likelier than one with any.
    ///
    /// # Errors
    /// [`ClassifierError`].
    pub fn fit(
        texts: &Matrix,
        labels: &[usize],
        count: usize,
        settings: ClassifierSettings,
    ) -> Result<Self, ClassifierError> {
        settings.check()?;
        if count < 2 {
            return Err(ClassifierError::Labels(count));
        }
        if texts.len() != labels.len() {
            return Err(ClassifierError::Texts { texts: texts.len(), labels: labels.len() });
        }
        if let Some(text) = labels.iter().position(|&label| label >= count) {
            return Err(ClassifierError::Label { text, label: labels[text], labels: count });
        }
        let mut fit = Fit::new(texts.model(), count);
        let each = labels.len().div_ceil(settings.batch).max(1);
        let epochs = settings.epochs.max(STEPS.div_ceil(each));
        let (mut step, steps) = (0, epochs * each);
        let mut order: Vec<usize> = (0..labels.len()).collect();
        for epoch in 0..epochs {
            shuffle(&mut order, settings.seed, epoch as u64);
            for batch in order.chunks(settings.batch) {
                let rate = settings.rate * (1.0 - step as f32 / steps as f32);
                for &text in batch {
                    fit.look(texts.row(text), labels[text], 1.0 / batch.len() as f32);
                }
                fit.step(rate, settings.decay);
                step += 1;
            }
        }
        Ok(fit.classifier)
    }

    /// Whose vectors it reads.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        self.weights.model()
    }

    /// How many labels it tells apart.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.biases.len()
    }

    /// The logit of every label, into `logits`.
    ///
    /// # Errors
    /// [`VectorError::Dimensions`] for a vector of another length.
    pub fn logits(&self, vector: &[f32], logits: &mut Vec<f32>) -> Result<(), VectorError> {
        self.weights.scores(vector, logits)?;
        logits.iter_mut().zip(&self.biases).for_each(|(logit, bias)| *logit += bias);
        Ok(())
    }

    /// What a text is taken for; `logits` is room that is kept from call to call.
    ///
    /// # Errors
    /// [`VectorError::Dimensions`] for a vector of another length.
    pub fn decide(&self, vector: &[f32], logits: &mut Vec<f32>) -> Result<Decision, VectorError> {
        self.logits(vector, logits)?;
        let first = (0, f32::NEG_INFINITY);
        let (label, logit) = logits
            .iter()
            .enumerate()
            .fold(first, |best, (at, &logit)| if logit > best.1 { (at, logit) } else { best });
        let all: f32 = logits.iter().map(|other| libm::expf(other - logit)).sum();
        Ok(Decision { label, logit, probability: 1.0 / all })
    }
}

/// What a fit needs besides the weights themselves.
struct Fit {
    classifier: Classifier,
    slope: Matrix,
    slope_biases: Vec<f32>,
    speed: Matrix,
    speed_biases: Vec<f32>,
    odds: Vec<f32>,
}

impl Fit {
    fn new(model: &Arc<Model>, count: usize) -> Self {
        let zeros = || {
            let mut zeros = Matrix::new(model.clone());
            (0..count).for_each(|_| {
                zeros.push_raw(&[]);
            });
            zeros
        };
        Self {
            classifier: Classifier { weights: zeros(), biases: vec![0.0; count] },
            slope: zeros(),
            slope_biases: vec![0.0; count],
            speed: zeros(),
            speed_biases: vec![0.0; count],
            odds: Vec::with_capacity(count),
        }
    }

    /// Adds what one text says to the slope.
    fn look(&mut self, vector: &[f32], label: usize, part: f32) {
        // A row of the same model's matrix has the right length.
        if self.classifier.logits(vector, &mut self.odds).is_err() {
            return;
        }
        softmax(&mut self.odds);
        self.odds[label] -= 1.0;
        for (at, &error) in self.odds.iter().enumerate() {
            if error.abs() > SILENT {
                self.slope.add_to_row(at, vector, error * part);
                self.slope_biases[at] += error * part;
            }
        }
    }

    /// Moves the weights down the slope, which is flat afterwards.
    fn step(&mut self, rate: f32, decay: f32) {
        let Classifier { weights, biases } = &mut self.classifier;
        let all = weights.flat_mut().iter_mut().zip(self.speed.flat_mut());
        for ((weight, speed), slope) in all.zip(self.slope.flat_mut()) {
            *speed = MOMENTUM * *speed + *slope + decay * *weight;
            *weight -= rate * *speed;
            *slope = 0.0;
        }
        let all = biases.iter_mut().zip(&mut self.speed_biases);
        for ((bias, speed), slope) in all.zip(&mut self.slope_biases) {
            *speed = MOMENTUM * *speed + *slope;
            *bias -= rate * *speed;
            *slope = 0.0;
        }
    }
}

/// Logits become probabilities.
pub(crate) fn softmax(logits: &mut [f32]) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut all = 0.0;
    for logit in &mut *logits {
        *logit = libm::expf(*logit - most);
        all += *logit;
    }
    logits.iter_mut().for_each(|odds| *odds /= all);
}

/// As Fisher and Yates (1938) do it.
fn shuffle(order: &mut [usize], seed: u64, epoch: u64) {
    for at in (1..order.len()).rev() {
        let drawn = neuronbus::math::random(seed, epoch, 0, at as u64);
        order.swap(at, (drawn % (at as u64 + 1)) as usize);
    }
}

impl ClassifierSettings {
    fn check(&self) -> Result<(), ClassifierError> {
        let numbers = [
            ("epochs", self.epochs as f32),
            ("rate", self.rate),
            ("batch", self.batch as f32),
            ("decay", self.decay + f32::MIN_POSITIVE),
        ];
        let wrong = |&(_, value): &(&str, f32)| !(value.is_finite() && value > 0.0);
        match numbers.into_iter().find(wrong) {
            Some((name, value)) => Err(ClassifierError::Setting { name, value }),
            None => Ok(()),
        }
    }
}
