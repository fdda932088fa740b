//! Any file is a table, or weights that can be written as a graph, or is refused; nothing panics, and nothing is made
//! that is much larger than the file.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use neuronbus_semantic::convert::{Precision, convert};
use neuronbus_semantic::encoder::Encoder;
use neuronbus_semantic::static_table::StaticTable;

/// Three words, so that a small file can be a whole table.
const TOKENIZER: &str = r###"{
    "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": null},
    "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 4}}
}"###;

fuzz_target!(|input: &[u8]| {
    if let Ok(table) = StaticTable::parse("fuzz", Cow::Owned(input.to_vec()), TOKENIZER) {
        let _ = table.encode("a ab");
    }
    for precision in [Precision::F32, Precision::Int8] {
        if let Ok(graph) = convert(input, precision) {
            assert!(graph.len() < 2 * input.len() + (1 << 20));
        }
    }
    // The other file of a model.
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = StaticTable::parse("fuzz", Cow::Owned(input.to_vec()), text);
    }
});
