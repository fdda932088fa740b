//! Labels are learned from texts that have one.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::Arc;

use neuronbus_semantic::calibration::{Sample, calibrate};
use neuronbus_semantic::classifier::{Classifier, ClassifierError, ClassifierSettings};
use neuronbus_semantic::encoder::Model;
use neuronbus_semantic::lexicon::Verdict;
use neuronbus_semantic::matrix::Matrix;
use neuronbus_semantic::prelude::*;

/// Two labels that share a word each, so that prototypes lie near to each other.
const TEXTS: [(usize, &str); 12] = [
    (0, "book a flight to boston"),
    (0, "i need a flight to berlin"),
    (0, "flight for two to rome"),
    (0, "get me on a flight to paris"),
    (1, "book a hotel in boston"),
    (1, "i need a hotel in berlin"),
    (1, "hotel for two in rome"),
    (1, "get me a hotel in paris"),
    (2, "will it rain in boston"),
    (2, "how is the weather in berlin"),
    (2, "is it cold in rome"),
    (2, "forecast for paris tomorrow"),
];

fn matrix() -> (Matrix, Vec<usize>) {
    let encoder = StaticTable::bundled();
    let mut matrix = Matrix::new(Arc::new(encoder.model().clone()));
    for (_, text) in TEXTS {
        matrix.push(&encoder.encode(text).unwrap()).unwrap();
    }
    (matrix, TEXTS.map(|(label, _)| label).to_vec())
}

fn label(classifier: &Classifier, text: &str) -> usize {
    let vector = StaticTable::bundled().encode(text).unwrap();
    classifier.decide(&vector, &mut Vec::new()).unwrap().label
}

#[test]
fn what_tells_labels_apart_is_learned_and_not_what_they_share() {
    let (texts, labels) = matrix();
    let fitted = Classifier::fit(&texts, &labels, 3, ClassifierSettings::default()).unwrap();
    assert_eq!((fitted.labels(), fitted.model().name()), (3, "static-minilm"));
    assert_eq!(label(&fitted, "a flight to madrid please"), 0);
    assert_eq!(label(&fitted, "a hotel in madrid please"), 1);
    assert_eq!(label(&fitted, "rain in madrid tomorrow"), 2);
}

#[test]
fn the_likeliest_label_has_the_largest_logit_and_what_is_strange_a_low_one() {
    let (texts, labels) = matrix();
    let fitted = Classifier::fit(&texts, &labels, 3, ClassifierSettings::default()).unwrap();
    let encoder = StaticTable::bundled();
    let mut logits = Vec::new();
    let decide = |text: &str, logits: &mut Vec<f32>| {
        fitted.decide(&encoder.encode(text).unwrap(), logits).unwrap()
    };
    let known = decide("a flight to rome", &mut logits);
    assert_eq!(known.logit, logits.iter().copied().fold(f32::MIN, f32::max));
    let all: f32 = logits.iter().map(|logit| libm::expf(logit - known.logit)).sum();
    assert!((known.probability - 1.0 / all).abs() < 1e-6 && known.probability > 0.9, "{known:?}");
    let strange = decide("photosynthesis of algae", &mut logits);
    assert!(strange.logit < known.logit - 2.0, "{strange:?} beside {known:?}");
}

#[test]
fn the_same_texts_give_the_same_weights_to_the_bit_and_another_order_of_looking_others() {
    let (texts, labels) = matrix();
    let logits = |seed: u64| {
        let settings = ClassifierSettings { seed, batch: 4, ..ClassifierSettings::default() };
        let fitted = Classifier::fit(&texts, &labels, 3, settings).unwrap();
        let mut logits = Vec::new();
        fitted.logits(texts.row(0), &mut logits).unwrap();
        logits.iter().map(|logit| logit.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(logits(7), logits(7));
    assert_ne!(logits(7), logits(8));
}

#[test]
fn a_label_without_texts_is_never_chosen() {
    let (texts, labels) = matrix();
    let fitted = Classifier::fit(&texts, &labels, 4, ClassifierSettings::default()).unwrap();
    assert!(TEXTS.iter().all(|&(own, text)| label(&fitted, text) == own));
}

#[test]
fn what_cannot_be_fitted_is_refused_with_what_is_wrong() {
    let (texts, labels) = matrix();
    let settings = ClassifierSettings::default();
    let refused = |labels: &[usize], count, settings| {
        Classifier::fit(&texts, labels, count, settings).unwrap_err()
    };
    assert_eq!(refused(&labels, 1, settings), ClassifierError::Labels(1));
    let error = refused(&labels[..3], 3, settings);
    assert_eq!(error, ClassifierError::Texts { texts: 12, labels: 3 });
    let error = refused(&labels, 2, settings);
    assert_eq!(error, ClassifierError::Label { text: 8, label: 2, labels: 2 });
    let error = refused(&labels, 3, ClassifierSettings { rate: f32::NAN, ..settings });
    assert!(error.to_string().contains("rate = NaN"));
    let fitted = Classifier::fit(&texts, &labels, 3, settings).unwrap();
    assert!(fitted.decide(&[1.0; 3], &mut Vec::new()).is_err());
    let other = Matrix::new(Arc::new(Model::new("other", 256, b"other")));
    assert!(Classifier::fit(&other, &[], 2, settings).is_ok(), "nothing to learn is no mistake");
}

fn samples() -> Vec<Sample> {
    let names = ["book flight", "book hotel", "weather report"];
    let sample =
        |&(at, text): &(usize, &str)| Sample { text: text.to_owned(), label: names[at].to_owned() };
    TEXTS.iter().map(sample).collect()
}

#[test]
fn a_calibrated_lexicon_decides_by_labels_and_abstains_from_what_is_strange() {
    let (samples, encoder) = (samples(), StaticTable::bundled());
    let found = calibrate(&samples, &*encoder, 4).unwrap();
    let classified = found.classified;
    assert!(classified.accuracy >= found.accuracy && classified.accuracy > 0.8, "{found:?}");
    assert!(classified.kept <= classified.accuracy && classified.refused.is_some());
    assert_eq!(found.abstain(), Some(classified.abstain));
    let lexicon = found.lexicon(&samples, &*encoder).unwrap();
    let judge = |text: &str| lexicon.judge(text, &encoder.encode(text).unwrap()).unwrap();
    let told = judge("a hotel in rome");
    assert_eq!((&*told[0].concept, &told[0].verdict), ("book hotel", &Verdict::Fires), "{told:?}");
    assert!(told[1..].iter().all(|other| other.verdict != Verdict::Fires), "{told:?}");
    assert!(told[0].score >= 0.5 && told[0].threshold == 0.5);
    let strange = judge("photosynthesis of algae");
    assert!(strange[0].score < told[0].score, "{strange:?} beside {told:?}");
    let strict = Lexicon::new(&found.concepts(&samples), &*encoder).unwrap();
    let strict = strict.classifying(classified.abstain + 1.0).unwrap();
    let vector = encoder.encode("photosynthesis of algae").unwrap();
    let strange = strict.judge("photosynthesis of algae", &vector).unwrap();
    assert!(strange.iter().all(|it| it.verdict == Verdict::BelowThreshold), "{strange:?}");
    // The name of a concept is one of its exemplars, and what differs from it in a word is held apart as ever.
    let told = judge("cancel hotel");
    let hotel = told.iter().find(|judgement| judgement.concept == "book hotel").unwrap();
    let sibling = Verdict::Sibling { exemplar: "book hotel".to_owned() };
    assert!([sibling, Verdict::BelowThreshold].contains(&hotel.verdict), "{hotel:?}");
    let again = Lexicon::new(&found.concepts(&samples), &*encoder).unwrap();
    assert!(again.classifying(f32::NAN).is_err());
}
