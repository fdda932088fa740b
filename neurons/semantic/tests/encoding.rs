//! The static table and its tokenizer, against the library's own way and figures of the model.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::borrow::Cow;

use neuronbus_semantic::encoder::EncodeError;
use neuronbus_semantic::matrix::{Matrix, dot};
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::static_table::TableError;
use proptest::prelude::*;
use std::sync::Arc;

const TOKENIZER: &str = include_str!("../model/tokenizer.json");

/// A table of so many rows and columns, as a file.
fn table(dtype: &str, rows: usize, columns: usize, bytes: usize) -> Vec<u8> {
    let header = format!(
        r#"{{"embeddings":{{"dtype":"{dtype}","shape":[{rows},{columns}],"data_offsets":[0,{bytes}]}}}}"#
    );
    let header = format!("{header:<0$}", header.len().next_multiple_of(8));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.resize(file.len() + bytes, 1);
    file
}

fn parse(bytes: Vec<u8>) -> Result<StaticTable, TableError> {
    StaticTable::parse("test", Cow::Owned(bytes), TOKENIZER)
}

#[test]
fn the_table_of_the_repository_knows_what_is_alike() {
    let encoder = StaticTable::bundled();
    let alike = |a: &str, b: &str| dot(&encoder.encode(a).unwrap(), &encoder.encode(b).unwrap());
    assert!(
        alike("the battery is low", "power is running out")
            > alike("the battery is low", "play some music")
    );
    assert!((alike("refund", "refund") - 1.0).abs() < 1e-6);
    assert_eq!(encoder.model().dimensions(), 256);
}

#[test]
fn case_accents_and_languages_are_read_like_the_model_reads_them() {
    let encoder = StaticTable::bundled();
    let vector = |text: &str| encoder.encode(text).unwrap();
    assert_eq!(vector("Café MÜNCHEN"), vector("cafe munchen"));
    assert_ne!(vector("cafe"), vector("munchen"));
}

#[test]
fn texts_that_say_nothing_are_refused() {
    let encoder = StaticTable::bundled();
    assert_eq!(encoder.encode(""), Err(EncodeError::Empty));
    assert!(matches!(encoder.encode(&"x ".repeat(40_000)), Err(EncodeError::TooLong { .. })));
    assert!(matches!(encoder.encode("\u{1f9e0}\u{1f9e0}"), Err(EncodeError::NothingKnown { .. })));
}

#[test]
fn files_that_are_no_tables_are_refused() {
    let whole = table("I8", 30_522, 4, 30_522 * 4);
    assert_eq!(parse(whole.clone()).unwrap().model().dimensions(), 4);
    let refused = |bytes: Vec<u8>| parse(bytes).map(|_| ()).unwrap_err().to_string();
    for cut in [0, 7, 8, 20, whole.len() - 1] {
        let error = refused(whole[..cut].to_vec());
        assert!(error.contains("damaged or of another format"), "{cut}: {error}");
    }
    assert!(refused(table("F32", 30_522, 4, 30_522 * 16)).contains("F32, not I8"));
    assert!(refused(table("I8", 30_000, 4, 30_000 * 4)).contains("30522 tokens"));
    assert!(refused(table("I8", 30_522, 5000, 30_522 * 5000)).contains("5000 columns"));
    let mut huge = whole;
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(refused(huge).contains("damaged"));
    let other = StaticTable::parse("test", Cow::Owned(table("I8", 1, 1, 1)), "{}");
    assert!(matches!(other, Err(TableError::Tokenizer(_))));
}

#[test]
fn vectors_of_two_models_never_meet() {
    let (ours, other) =
        (StaticTable::bundled(), parse(table("I8", 30_522, 256, 30_522 * 256)).unwrap());
    assert!(ours.model().same(other.model()).unwrap_err().to_string().contains("mean nothing"));
    let mut matrix = Matrix::new(Arc::new(ours.model().clone()));
    assert!(matrix.push(&[1.0; 100]).unwrap_err().to_string().contains("those of"));
    assert!(matrix.push(&[f32::NAN; 256]).unwrap_err().to_string().contains("number 0"));
    assert!(matrix.push(&[0.0; 256]).is_err());
    assert!(matrix.is_empty());
}

fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-1.0f32..1.0, 256)
        .prop_filter("it has a direction", |v| v.iter().any(|n| n.abs() > 0.1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn words_in_ascii_are_read_as_the_library_reads_them(text in "[ -~\\t\\n]{1,60}") {
        // A letter from outside of ASCII, in a word of its own that the model does not know, sends all of the text
        // through the library.
        let encoder = StaticTable::bundled();
        let whole = encoder.encode(&format!("{text} \u{1f9e0}"));
        prop_assert_eq!(encoder.encode(&text).ok(), whole.ok());
    }

    #[test]
    fn no_text_is_too_odd_to_be_read(text in any::<String>()) {
        let _ = StaticTable::bundled().encode(&text);
    }

    #[test]
    fn cosines_are_symmetric_bounded_and_the_same_alone_and_among_many(
        a in vector(),
        rows in prop::collection::vec(vector(), 1..11),
    ) {
        let mut matrix = Matrix::new(Arc::new(StaticTable::bundled().model().clone()));
        let own = matrix.push(&a).unwrap();
        rows.iter().for_each(|row| { matrix.push(row).unwrap(); });
        let unit = matrix.row(own).to_vec();
        let mut scores = Vec::new();
        matrix.scores(&unit, &mut scores).unwrap();
        prop_assert_eq!(scores.len(), rows.len() + 1);
        for (row, &score) in scores.iter().enumerate() {
            let alone = matrix.score(row, &unit);
            prop_assert_eq!(score.to_bits(), alone.to_bits());
            prop_assert_eq!(alone.to_bits(), dot(&unit, matrix.row(row)).to_bits());
            prop_assert!(score.abs() <= 1.0 + 1e-5);
        }
        prop_assert!((scores[0] - 1.0).abs() < 1e-5);
    }
}
