//! Any bytes are an event record that is read and written back the same, or are refused; either way nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use neuronbus::event::{Event, EventIds, EventView, merge};

fuzz_target!(|input: &[u8]| {
    if let Ok(view) = EventView::open(input) {
        let _ = (view.to_event(), view.id(), view.headers().count());
        let mut both = Vec::new();
        merge(view.context(), view.body(), &mut both);
    }
    if let Ok(view) = EventView::parse(input) {
        let event = view.to_event();
        let mut record = Vec::new();
        if event.encode(&mut EventIds::new(0), 0, &mut record).is_ok() {
            let again = EventView::parse(&record).expect("what was written is read");
            assert_eq!(again.to_event(), event);
        }
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(event) = Event::from_json(text)
    {
        assert_eq!(Event::from_json(&event.to_json()), Ok(event));
    }
});
