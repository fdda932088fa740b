//! Any text is a filter that decides about any event, or is refused at a place within it; nothing panics or hangs. The
//! first line is the expression, the rest the body of the event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use neuronbus::event::{Event, EventIds, EventView};
use neuronbus_context::Filter;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (expression, body) = text.split_once('\n').unwrap_or((text, "null"));
    let filter = match Filter::new(expression) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.at <= expression.len());
            let _ = (error.to_string(), error.shown());
            return;
        }
    };
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let mut record = Vec::new();
    if Event::new("a.b").body(body).encode(&mut EventIds::new(0), 0, &mut record).is_ok() {
        let event = EventView::open(&record).expect("what was written is read");
        let _ = filter.passes(&event, any_priority(expression), u64::MAX);
    }
});

/// Some priority, the same for the same expression.
fn any_priority(expression: &str) -> u8 {
    expression.bytes().fold(0, u8::wrapping_add)
}
