//! Any bytes as a compressed segment of a journal, as a frame of one, and a written one with any changes, are refused
//! or read, in bounded memory.

#![no_main]

#[path = "../../tests/support/segments.rs"]
mod segments;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    segments::check_packed(input);
    segments::check_frame(input);
    segments::check_packed_changed(input);
    segments::check_frame_changed(input);
});
