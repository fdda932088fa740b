//! Thresholds are found from examples.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus_semantic::calibration::{CalibrationError, Sample, calibrate};
use neuronbus_semantic::prelude::*;

fn samples() -> Vec<Sample> {
    let texts = [
        ("payment", "the card was declined"),
        ("payment", "my credit card was rejected"),
        ("payment", "card payment declined again"),
        ("payment", "credit card payment rejected"),
        ("weather", "will it rain tomorrow"),
        ("weather", "is rain likely tomorrow"),
        ("weather", "rain or snow tomorrow"),
        ("weather", "will it snow or rain"),
    ];
    texts.map(|(label, text)| Sample { text: text.to_owned(), label: label.to_owned() }).to_vec()
}

#[test]
fn what_is_easily_told_apart_is_told_apart_and_the_threshold_lies_between() {
    let encoder = StaticTable::bundled();
    let found = calibrate(&samples(), &*encoder, 4).unwrap();
    assert_eq!(found.accuracy, 1.0, "{found:?}");
    for concept in &found.concepts {
        assert_eq!((concept.texts, concept.recall), (4, 1.0), "{concept:?}");
        assert!(concept.threshold > 0.1 && concept.threshold < 0.9, "{concept:?}");
        assert!(concept.band.0 <= concept.band.1);
    }
    let lexicon = Lexicon::new(&found.concepts(&samples()), &*encoder).unwrap();
    let told = lexicon.judge("rejected card", &encoder.encode("rejected card").unwrap()).unwrap();
    assert_eq!(told[0].concept, "payment");
}

#[test]
fn too_little_to_learn_from_is_refused_with_what_is_missing() {
    let encoder = StaticTable::bundled();
    let refused = |samples: &[Sample], folds| calibrate(samples, &*encoder, folds).unwrap_err();
    assert_eq!(refused(&[], 5), CalibrationError::Labels(0));
    assert_eq!(refused(&samples()[..4], 5), CalibrationError::Labels(1));
    assert!(matches!(refused(&samples()[..5], 5), CalibrationError::Texts { texts: 1, .. }));
    assert_eq!(refused(&samples(), 1), CalibrationError::Folds(1));
    let mut blank = samples();
    blank[2].text.clear();
    assert!(refused(&blank, 5).to_string().contains("text 3"));
}
