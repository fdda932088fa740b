//! Any bytes that come over a wire, in any pieces, are the same frames or the same refusal.

#![no_main]

#[path = "../../neurons/relay/tests/support/stream.rs"]
mod stream;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| stream::check(input));
