//! Any bytes as a brain description: read or refused, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use neuronbus_connectome::Brain;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Brain::parse(text, "fuzz.toml") {
        // What was accepted must mean something to the runtime too.
        Ok(brain) => {
            for projection in brain.projections() {
                assert!(!projection.summary().is_empty());
            }
            assert!(!brain.regions().is_empty());
        }
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
});
