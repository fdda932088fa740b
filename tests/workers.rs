//! Several workers compute what one does, to the bit.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;
mod worlds;

use std::time::Duration;

use neuronbus::prelude::*;
use proptest::prelude::*;
use worlds::world;

const SPAN: Ticks = Ticks(600);
const TICK: Duration = Duration::from_millis(1);

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agents_do_the_same_on_one_worker_and_on_several(
        world in world(),
        homes in proptest::collection::vec(0..3_usize, 4..8),
        cuts in proptest::collection::vec(1..200_u64, 1..4),
    ) {
        let (mut one, events) = world.build(Pace::Free, TICK);
        one.run_for(SPAN).unwrap();
        let (mut several, seen) = world.build_on(&homes, Pace::Free, TICK);
        for span in cuts {
            several.run_for(Ticks(span.min(SPAN.0 - several.next_tick().0))).unwrap();
        }
        several.run_for(Ticks(SPAN.0 - several.next_tick().0)).unwrap();
        let sorted = |events: &worlds::Events| {
            let mut all = events.all();
            // What agents of one worker do within a tick is in order; that of several is not.
            all.sort_by_key(|&(tick, id, _)| (tick, id));
            all
        };
        prop_assert_eq!(sorted(&seen), sorted(&events));
        prop_assert_eq!(several.counts(), one.counts());
        prop_assert_eq!(several.digest(), one.digest());
    }
}
