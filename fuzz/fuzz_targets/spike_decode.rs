//! Any 64 bytes are a spike that reads back as it was, or are refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use neuronbus::spike::{Body, INLINE_MAX, Spike, VOLLEY_MAX};

fuzz_target!(|bytes: [u8; 64]| {
    let Ok(spike) = Spike::from_bytes(&bytes) else { return };
    assert_eq!(spike.as_bytes(), &bytes);
    assert_eq!(Spike::from_words(spike.to_words()), spike);
    assert!(spike.check().is_ok() && spike.kind().is_ok() && spike.source().is_ok());
    assert!(spike.inline().len() <= INLINE_MAX && spike.tier() <= 7);
    match spike.body().expect("a checked spike has a body") {
        Body::Inline(inline) => assert_eq!(inline, spike.inline()),
        Body::Volley(cells) => assert!(cells.len() <= VOLLEY_MAX),
        Body::Arena(place) => assert_eq!(Some(place), spike.arena_ref()),
        Body::EpochEnd => assert!(spike.inline().is_empty()),
    }
});
