//! Who may hold what, and from which thread: promises that only the compiler can check.

use neuronbus::arena::Arena;
use neuronbus::axon::{Axon, AxonHub, AxonReader, AxonTap, Doorbell};
use neuronbus::cortex::{Cortex, CortexBuilder, Running, Stopper};
use neuronbus::inlet::Inlet;
use neuronbus::spike::Spike;

fn moves<T: Send>() {}
fn is_shared<T: Send + Sync>() {}

/// Compiles only while `$type` is not `Sync`: for a type that is, both impls apply and the call is ambiguous.
macro_rules! assert_not_sync {
    ($($type:ty),*) => {$({
        trait NotSync<A> { fn holds() {} }
        impl<T: ?Sized> NotSync<()> for T {}
        struct IsSync;
        impl<T: ?Sized + Sync> NotSync<IsSync> for T {}
        <$type as NotSync<_>>::holds();
    })*};
}

#[test]
fn rings_move_between_threads_and_are_used_from_one_at_a_time() {
    moves::<Axon>();
    moves::<AxonReader>();
    moves::<AxonTap>();
    moves::<Inlet>();
    assert_not_sync!(Axon, AxonReader, AxonTap);
}

#[test]
fn what_is_meant_to_be_shared_is() {
    is_shared::<AxonHub>();
    is_shared::<Doorbell>();
    is_shared::<Arena>();
    is_shared::<Stopper>();
    is_shared::<Spike>();
}

#[test]
fn a_cortex_moves_to_its_thread_and_stays_with_one() {
    moves::<Cortex>();
    moves::<CortexBuilder>();
    moves::<Running>();
    assert_not_sync!(Cortex);
}

#[test]
fn a_core_that_is_not_there_is_a_note_and_not_a_failure() {
    let mut builder = Cortex::builder();
    builder.pin(100_000);
    let running = builder.build().unwrap().spawn().unwrap();
    let (cortex, _) = running.join().unwrap();
    let notes = cortex.report().notes;
    assert_eq!(notes, ["the worker could not be pinned to core 100000; it floats"]);
}

#[test]
fn a_worker_is_pinned_to_its_core_whatever_core_its_parent_is_pinned_to() {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let [first, .., last] = cores[..] else {
        eprintln!("SKIPPED: there is one core only");
        return;
    };
    // A thread of its own, so that the test harness stays where it is.
    let notes = std::thread::spawn(move || {
        assert!(core_affinity::set_for_current(first));
        let mut builder = Cortex::builder();
        builder.pin(last.id);
        let (cortex, _) = builder.build().unwrap().spawn().unwrap().join().unwrap();
        cortex.report().notes
    });
    assert_eq!(notes.join().unwrap(), [""; 0]);
}
