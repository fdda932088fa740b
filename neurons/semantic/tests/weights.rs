//! all-MiniLM-L6-v2 itself, against vectors that another implementation computed from the same weights.
//!
//! `data/minilm.json` has four queries of CLINC150 (CC BY 3.0) and their vectors by a forward pass in NumPy, in 32
//! bits.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]
#![allow(clippy::explicit_write, reason = "what a test prints is kept back unless it fails")]

use std::io::Write;
use std::sync::Arc;

use neuronbus_semantic::encoder::EncodeError;
use neuronbus_semantic::matrix::dot;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::store::{self, StoreError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    text: String,
    vector: Vec<f32>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("data/minilm.json")).unwrap()
}

/// A model, fetched if it is not there; where it cannot be had, that is said past what keeps back the output of tests.
fn model(name: &str) -> Option<Arc<dyn Encoder>> {
    match store::fetch(name).and_then(|_| store::open(name)) {
        Ok(encoder) => Some(encoder),
        Err(why @ (StoreError::Program { .. } | StoreError::NoCache)) => {
            writeln!(std::io::stderr(), "SKIPPED: vectors of {name}: {why}").unwrap();
            None
        }
        Err(why) => panic!("{why}"),
    }
}

fn cosines(encoder: &dyn Encoder) -> Vec<f32> {
    let cosine = |it: &Reference| dot(&encoder.encode(&it.text).unwrap(), &it.vector);
    references().iter().map(cosine).collect()
}

#[test]
fn vectors_in_32_bits_are_those_of_another_implementation() {
    let Some(encoder) = model("minilm-f32") else { return };
    assert_eq!(encoder.model().dimensions(), 384);
    for Reference { text, vector } in references() {
        let ours = encoder.encode(&text).unwrap();
        let most = ours.iter().zip(&vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(most < 1e-4, "{text:?} differs by {most}");
    }
    // The first numbers that its authors show.
    let known = [0.0677, 0.0635, 0.0487, 0.0793, 0.0374];
    let ours = encoder.encode("This is an example sentence").unwrap();
    let near = ours.iter().zip(known).all(|(ours, known)| (ours - known).abs() < 6e-4);
    assert!(near, "{:?}", &ours[..5]);
}

#[test]
fn vectors_in_8_bits_point_where_those_in_32_do() {
    let Some(encoder) = model("minilm") else { return };
    let cosines = cosines(&*encoder);
    assert!(cosines.iter().all(|&cosine| cosine > 0.98), "{cosines:?}");
    let alone = encoder.encode("a text").unwrap();
    let mut together = Vec::new();
    encoder.encode_batch(&["another, longer text", "a text"], &mut together).unwrap();
    assert!(together[384..] == alone[..], "a vector depends on its neighbours");
    assert!(!encoder.is_instant());
    assert_eq!(encoder.encode(" "), Err(EncodeError::Empty));
}
