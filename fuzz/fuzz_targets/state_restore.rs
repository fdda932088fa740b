//! The state of a small topology with some of its bytes changed, and bytes that are none: refused, or run.

#![no_main]

use libfuzzer_sys::fuzz_target;
use neuronbus::cortex::SnapshotError;
use neuronbus::plasticity::ShortTerm;
use neuronbus::population::Cells;
use neuronbus::prelude::*;

fn build() -> Cortex {
    let mut builder = Cortex::builder();
    let agents = Region::agents("agents").neuron("a", Relay::default());
    let agents = builder.region(agents.neuron("b", Relay::default()));
    let cells = Cells::lif(Lif::default().refractory(Ticks(2))).drive(0.2);
    let cells = builder.region(Region::population("cells", cells, 5));
    let crowd = builder.region(Region::crowd("crowd", 4, |_| Relay::default()));
    let learns = Projection::all_to_all().weight(0.3).plasticity(Stdp::default());
    builder.project(agents, agents, learns.clone().lossless().delay(Ticks(3)));
    builder.project(cells, cells, learns.short_term(ShortTerm::default()));
    builder.project(cells, agents, Projection::all_to_all().weight(0.6));
    builder.project(agents, crowd, Projection::all_to_all().weight(0.9).delay(Ticks(5)));
    builder.pace(Pace::Free);
    builder.build().expect("it is described correctly")
}

/// A state as it is saved.
fn saved() -> Vec<u8> {
    let mut cortex = build();
    cortex.run_for(Ticks(20)).expect("nothing ends it");
    let mut state = Vec::new();
    cortex.snapshot(&mut state).expect("all of it can be saved");
    state
}

thread_local! {
    static SAVED: Vec<u8> = saved();
}

fuzz_target!(|bytes: &[u8]| {
    let mut cortex = build();
    assert!(cortex.restore(bytes).is_err(), "this is no state");
    let mut state = SAVED.with(Clone::clone);
    for change in bytes.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % state.len();
        state[at] ^= change[2];
    }
    let mut restored = cortex.restore(&state);
    if matches!(restored, Err(SnapshotError::NotFresh(_))) {
        // The bytes were a state up to some part of it, which leaves the cortex closed.
        cortex = build();
        restored = cortex.restore(&state);
    }
    if restored.is_ok() {
        cortex.run_for(Ticks(20)).expect("what was taken can be run");
    }
});
