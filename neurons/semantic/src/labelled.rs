//! A lexicon that decides by what tells its concepts apart, instead of by the nearest exemplar.

use crate::classifier::{Classifier, ClassifierError, ClassifierSettings};
use crate::encoder::VectorError;
use crate::lexicon::{Judgement, Kept, Lexicon, Match, Means, Room, Verdict};

/// The score from which a concept fires when labels decide.
pub(crate) const SURE: f32 = 0.5;

/// What labels decide by.
#[derive(Debug)]
pub(crate) struct Labels {
    classifier: Classifier,
    abstain: f32,
}

impl Labels {
    /// A logit as a score: 0.5 where it is the one to abstain below, towards 1 above and towards 0 below.
    fn score(&self, logit: f32) -> f32 {
        1.0 / (1.0 + libm::expf(self.abstain - logit))
    }
}

impl Lexicon {
    /// Decides by a [`Classifier`] that is fitted to the exemplars: of all concepts at most one fires by meaning, the
    /// likeliest, if its logit is at least `abstain`. Scores are then `1 / (1 + e^(abstain - logit))`, and every
    /// threshold is 0.5; topics, siblings and opposites count as before.
    ///
    /// Worth it from about five exemplars a concept on (`docs/learning.md`); where there are fewer, the nearest
    /// exemplar says as much. [`calibrate`](crate::calibration::calibrate) finds `abstain`. A fit takes seconds for ten
    /// thousand exemplars.
    ///
    /// # Errors
    /// [`ClassifierError`]: there are fewer than two concepts, or `abstain` is not finite.
    pub fn classifying(mut self, abstain: f32) -> Result<Self, ClassifierError> {
        if !abstain.is_finite() {
            return Err(ClassifierError::Setting { name: "abstain", value: abstain });
        }
        let rows = self.concepts.iter().enumerate();
        let labels: Vec<usize> =
            rows.flat_map(|(at, kept)| kept.rows.clone().map(move |_| at)).collect();
        let settings = ClassifierSettings::default();
        let classifier = Classifier::fit(&self.exemplars, &labels, self.len(), settings)?;
        self.labels = Some(Labels { classifier, abstain });
        Ok(self)
    }

    /// The concept that a text is taken for, if it is one.
    pub(crate) fn recognise_label(
        &self,
        labels: &Labels,
        words: &str,
        vector: &[f32],
        room: &mut Room,
    ) -> Result<Option<Match>, VectorError> {
        let decision = labels.classifier.decide(vector, &mut room.scores)?;
        let score = labels.score(decision.logit);
        if score < SURE || self.guard(&self.concepts[decision.label], words, vector).is_some() {
            return Ok(None);
        }
        let (concept, drive) = (decision.label as u32, score / SURE);
        Ok(Some(Match { concept, score, drive, by: Means::Meaning }))
    }

    /// What stands before a concept whatever it is taken for: its nearest exemplar is a sibling, or its opposite is
    /// nearer.
    fn guard(&self, kept: &Kept, words: &str, vector: &[f32]) -> Option<Verdict> {
        let (near, row) = self.nearest_row(kept, vector);
        if self.is_held_apart(kept, words, row) {
            return Some(Verdict::Sibling { exemplar: self.texts[row].clone() });
        }
        self.opposed(kept, words, vector, near)
    }

    /// The cosine with the nearest exemplar of a concept, and where that is.
    fn nearest_row(&self, kept: &Kept, vector: &[f32]) -> (f32, usize) {
        let first = (f32::NEG_INFINITY, kept.rows.start);
        kept.rows.clone().fold(first, |best, row| {
            let score = self.exemplars.score(row, vector);
            if score > best.0 { (score, row) } else { best }
        })
    }

    /// What every concept makes of a text where labels decide.
    pub(crate) fn judge_labels(
        &self,
        labels: &Labels,
        fires: impl Fn(u32) -> Option<f32>,
        words: &str,
        vector: &[f32],
    ) -> Result<Vec<Judgement>, VectorError> {
        let mut logits = Vec::new();
        let best = labels.classifier.decide(vector, &mut logits)?.label;
        let judge = |(at, kept): (usize, &Kept)| {
            let mut score = labels.score(logits[at]);
            let verdict = match (fires(at as u32), self.guard(kept, words, vector)) {
                (Some(found), _) => {
                    score = found;
                    Verdict::Fires
                }
                _ if score < SURE => Verdict::BelowThreshold,
                (None, Some(stands)) => stands,
                (None, None) => Verdict::Inhibited { by: self.concepts[best].name.clone() },
            };
            let exemplar = self.texts[self.nearest_row(kept, vector).1].clone();
            Judgement { concept: kept.name.clone(), score, threshold: SURE, exemplar, verdict }
        };
        Ok(self.concepts.iter().enumerate().map(judge).collect())
    }
}
