//! Any bytes as a segment of a journal, and a written segment with any changes, are refused or read, and recovered.

#![no_main]

#[path = "../../tests/support/segments.rs"]
mod segments;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    segments::check_segment(input);
    segments::check_changed(input);
});
