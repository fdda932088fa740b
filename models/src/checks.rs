//! Every model holds, and fails when an ordering that it needs is weakened.

use std::panic::catch_unwind;

use crate::sync::order;
use crate::{
    model_arena as arena, model_axon as axon, model_bell as bell, model_idle as idle,
    model_meeting as meeting,
};

/// Runs a model in every order with at most so many preemptions.
fn explore(model: fn()) {
    let mut explorer = loom::model::Builder::new();
    explorer.preemption_bound = Some(PREEMPTIONS);
    explorer.check(model);
}

const PREEMPTIONS: usize = 3;

macro_rules! models {
    ($($file:ident: $($name:ident)*;)*) => {
        $($(
            #[test]
            fn $name() {
                explore($file::$name);
            }
        )*)*

        const MODELS: &[(&str, fn())] = &[$($((stringify!($name), $file::$name),)*)*];
    };
}

models! {
    axon:
        a_reader_gets_every_spike_whole_and_in_order
        a_batch_is_seen_whole_or_not_at_all
        a_tap_is_never_torn_and_knows_what_it_lost
        a_tap_that_drains_is_never_torn_and_knows_what_it_lost
        a_tap_that_attaches_late_sees_no_older_lap
        a_reader_that_attaches_late_holds_the_writer_from_its_start
        a_clone_holds_the_writer_where_it_was_made
        a_shed_reader_is_never_torn_and_knows_what_it_lost
        a_reader_is_judged_by_what_it_said_it_is;
    arena:
        a_guessed_reference_shows_a_whole_block_or_none
        a_released_block_is_overwritten_only_after_its_readers
        a_lease_outlives_the_last_reference
        of_two_last_releases_one_is_refused
        two_writers_get_two_places
        a_copy_that_holds_nothing_is_whole_or_refused
        a_look_in_place_is_whole_or_dropped
        a_header_is_seen_whole_or_refused;
    bell:
        a_ring_wakes_and_shows_the_work
        every_waiter_is_woken
        a_waiter_that_sleeps_again_is_woken_again;
    idle:
        all_are_idle_only_when_the_answer_has_been_taken_in;
    meeting:
        two_that_meet_read_stretch_for_stretch
        two_that_are_full_do_not_hold_each_other_up;
}

/// Which model fails when an ordering is `Relaxed`. None survives.
///
/// `slot_free` deserves a word: that a reader's own loads stay above its cursor cannot be refuted here, since the
/// explorer runs the operations of one thread in program order. What is refuted is that the writer sees a cursor
/// without the clone that was made before; both follow from the same release.
const KILLS: &[(&str, &str)] = &[
    ("spike_visible_publish", "a_reader_gets_every_spike_whole_and_in_order"),
    ("spike_visible_read", "a_reader_gets_every_spike_whole_and_in_order"),
    ("slot_claimed_publish", "a_tap_is_never_torn_and_knows_what_it_lost"),
    ("slot_claimed_check", "a_shed_reader_is_never_torn_and_knows_what_it_lost"),
    ("claim_seen_jump", "a_tap_that_attaches_late_sees_no_older_lap"),
    ("floor_seen_skip", "a_shed_reader_is_never_torn_and_knows_what_it_lost"),
    ("slot_free_publish", "a_clone_holds_the_writer_where_it_was_made"),
    ("slot_free_scan", "a_clone_holds_the_writer_where_it_was_made"),
    ("reader_listed_clone", "a_clone_holds_the_writer_where_it_was_made"),
    ("reader_attached_attach", "a_reader_that_attaches_late_holds_the_writer_from_its_start"),
    ("reader_attached_scan", "a_reader_that_attaches_late_holds_the_writer_from_its_start"),
    ("holder_known_publish", "a_reader_is_judged_by_what_it_said_it_is"),
    ("holder_known_reap", "a_reader_is_judged_by_what_it_said_it_is"),
    ("segment_held_take", "a_lease_outlives_the_last_reference"),
    ("segment_held_let_go", "a_lease_outlives_the_last_reference"),
    ("segment_anew_publish", "a_copy_that_holds_nothing_is_whole_or_refused"),
    ("segment_anew_check", "a_copy_that_holds_nothing_is_whole_or_refused"),
    ("segment_anew_check", "a_look_in_place_is_whole_or_dropped"),
    ("block_written_publish", "a_guessed_reference_shows_a_whole_block_or_none"),
    ("block_written_check", "a_guessed_reference_shows_a_whole_block_or_none"),
    ("header_written_make", "a_header_is_seen_whole_or_refused"),
    ("header_written_open", "a_header_is_seen_whole_or_refused"),
    ("bell_rung_ring", "a_ring_wakes_and_shows_the_work"),
    ("bell_rung_wait", "a_ring_wakes_and_shows_the_work"),
    ("slots_taken_count", "all_are_idle_only_when_the_answer_has_been_taken_in"),
    ("slots_taken_look", "all_are_idle_only_when_the_answer_has_been_taken_in"),
    ("all_idle_say", "all_are_idle_only_when_the_answer_has_been_taken_in"),
    ("all_idle_look", "all_are_idle_only_when_the_answer_has_been_taken_in"),
];

#[test]
fn every_weakened_ordering_makes_its_model_fail() {
    for (ordering, model) in KILLS {
        let (_, run) = MODELS.iter().find(|(name, _)| name == model).expect("a model of that name");
        let outcome = order::weakened(ordering, || catch_unwind(|| explore(*run)));
        assert!(outcome.is_err(), "{model} holds without {ordering}");
    }
}

#[test]
fn every_ordering_of_the_core_is_modelled() {
    let core = include_str!("../../src/sync.rs");
    let mut lines = core.lines().map(str::trim).skip_while(|line| *line != "orders! {").skip(1);
    for (name, ordering) in order::ALL {
        assert_eq!(lines.next(), Some(format!("{name} = {ordering:?};").as_str()));
        assert!(KILLS.iter().any(|(killed, _)| killed == name), "{name} has no mutant");
    }
    assert_eq!(lines.next(), Some("}"), "the core has an ordering that no model knows");
}
