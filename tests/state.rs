//! States as bytes and files: damage is found, differences are named, and no column is ignored.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;
mod worlds;

use neuronbus::cortex::SnapshotError;
use neuronbus::plasticity::Stdp;
use neuronbus::population::Cells;
use neuronbus::prelude::*;
use neuronbus::projection::Synapse;
use neuronbus::snapshot::{self, Capture, FileError, Snapshot};
use neuronbus::state::first_difference;
use worlds::everything::{columns, sample};

#[test]
fn files_are_written_whole_found_and_pruned() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path().join("journal");
    assert!(snapshot::newest(&place).unwrap().snapshot.is_none());
    let mut cortex = sample(0);
    let mut buffer = Vec::new();
    for round in 1..=4 {
        cortex.run_for(Ticks(30)).unwrap();
        let capture = Capture::of(&mut cortex, round, buffer).unwrap();
        let capture = if round == 4 { capture.with_digest(cortex.digest()) } else { capture };
        let path = capture.write(&place).unwrap();
        assert_eq!(Snapshot::read(&path).unwrap().content, capture.content());
        assert_eq!(Snapshot::read(&path).unwrap().header, *capture.header());
        buffer = capture.into_buffer();
    }
    std::fs::write(place.join("snapshot-00000000000000000999.unfinished"), b"half").unwrap();
    std::fs::write(place.join("something else"), b"stays").unwrap();
    let ticks = |place| -> Vec<u64> {
        snapshot::list(place).unwrap().into_iter().map(|(tick, _)| tick).collect()
    };
    assert_eq!(ticks(&place), [30, 60, 90, 120]);
    assert_eq!(snapshot::nearest(&place, 89).unwrap().snapshot.unwrap().header.tick, 60);

    let newest = snapshot::newest(&place).unwrap().snapshot.unwrap();
    assert_eq!((newest.header.tick, newest.header.sequence), (120, 4));
    let mut again = sample(120);
    newest.restore(&mut again).unwrap();
    let mut other = newest.clone();
    other.header.digest = Some(sample(0).digest());
    let error = other.restore(&mut sample(120)).unwrap_err();
    assert!(matches!(error, SnapshotError::Digest { .. }), "{error}");
    cortex.run_for(Ticks(100)).unwrap();
    again.run_for(Ticks(100)).unwrap();
    assert_eq!(again.digest(), cortex.digest());

    let mut bytes = std::fs::read(&newest.path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&newest.path, bytes).unwrap();
    let found = snapshot::newest(&place).unwrap();
    assert_eq!(found.snapshot.unwrap().header.tick, 90);
    let [refused] = &found.refused[..] else { panic!("{:?}", found.refused) };
    assert!(refused.to_string().contains("is damaged: its content has BLAKE3"), "{refused}");

    assert_eq!(snapshot::prune(&place, 1).unwrap().len(), 4, "three, and what was unfinished");
    assert_eq!(ticks(&place), [120]);
    assert!(place.join("something else").exists());
}

#[test]
fn a_file_is_refused_wherever_it_was_changed_or_cut() {
    let place = tempfile::tempdir().unwrap();
    let build = || {
        let mut builder = Cortex::builder();
        builder.region(Region::agents("a").neuron("n", Relay::default()));
        builder.build().unwrap()
    };
    let path = Capture::of(&mut build(), 5, Vec::new()).unwrap().write(place.path()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Snapshot::read(&path).unwrap_err()
    };
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        let error = refused(&changed);
        match at {
            0..8 => assert!(matches!(error, FileError::Magic { .. }), "{at}: {error}"),
            8..12 => assert!(matches!(error, FileError::Version { .. }), "{at}: {error}"),
            _ => assert!(matches!(error, FileError::Damaged { .. }), "{at}: {error}"),
        }
        assert!(matches!(
            refused(&whole[..at]),
            FileError::Length { .. } | FileError::Magic { .. }
        ));
    }
    assert!(matches!(refused(&[&whole[..], b"x"].concat()), FileError::Length { .. }));
    let mut newer = whole.clone();
    newer[8] = 2;
    let message = refused(&newer).to_string();
    assert!(message.ends_with("is a snapshot of version 2: this program reads 1"), "{message}");
}

#[test]
fn whatever_is_changed_in_a_state_it_is_refused_or_run_and_nothing_panics() {
    let mut cortex = sample(0);
    cortex.run_for(Ticks(90)).unwrap();
    let mut bytes = Vec::new();
    cortex.snapshot(&mut bytes).unwrap();
    let mut draw = 0;
    let mut random = |below: usize| {
        draw += 1;
        (neuronbus::math::random(11, 0, 0, draw) % below as u64) as usize
    };
    let (mut refused, mut ran) = (0, 0);
    for _ in 0..70 {
        let mut changed = bytes.clone();
        for _ in 0..1 + random(3) {
            let at = random(changed.len());
            changed[at] = [changed[at] ^ 1 << random(8), 0xFF, 0][random(3)];
        }
        let mut other = sample(90);
        if other.restore(&changed).is_err() {
            refused += 1;
            // Where only the form was looked at, it is as it was; half a state is not run.
            let _ = other.tick();
        } else {
            other.run_for(Ticks(60)).unwrap();
            ran += 1;
        }
    }
    assert!(refused > 10 && ran > 10, "{refused} refused, {ran} ran");
    for _ in 0..30 {
        let cut = random(bytes.len());
        assert!(sample(90).restore(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn every_column_of_a_state_is_taken_back_or_refused() {
    let mut cortex = sample(0);
    cortex.run_for(Ticks(95)).unwrap();
    let mut bytes = Vec::new();
    cortex.snapshot(&mut bytes).unwrap();
    let (mut taken, mut refused, mut empty, mut ignored) = (0, 0, Vec::new(), Vec::new());
    let mut full = std::collections::BTreeSet::new();
    for (section, column, width, range) in columns(&bytes) {
        let digits = |c: char| c.is_ascii_digit() || c == '/';
        let kind = format!("{}/{}", section.trim_end_matches(digits), column.trim_matches(digits));
        if range.is_empty() {
            empty.push(kind);
            continue;
        }
        full.insert(kind);
        // The lowest bit of the last value: every number stays near what it was.
        let mut changed = bytes.clone();
        changed[range.end - width] ^= 1;
        let mut other = sample(95);
        if other.restore(&changed).is_err() {
            refused += 1;
            continue;
        }
        let mut again = Vec::new();
        other.snapshot(&mut again).unwrap();
        let seen = first_difference(&bytes, &again).unwrap();
        let seen = seen.map(|it| (it.section, it.column));
        if column != "asked" && seen != Some((section.clone(), column.clone())) {
            ignored.push((section, column, seen));
        }
        taken += 1;
    }
    assert!(ignored.is_empty(), "they were changed, and are as they were: {ignored:?}");
    assert!(taken > 400 && refused > 100, "{taken} taken, {refused} refused");
    empty.retain(|column| !full.contains(column));
    // What gates have not taken, or have handed in for a tick that they hold, has a test of its own.
    empty.retain(|column| !["held.", "sent.", "admitted."].iter().any(|it| column.contains(it)));
    assert!(empty.is_empty(), "these say nothing here: {empty:?}");
}

#[test]
fn the_first_difference_of_two_states_is_told_by_name() {
    let state = |ticks: u64, weight: f32, kept: &[u8]| {
        let mut builder = Cortex::builder();
        let mut relay = Relay::default();
        relay.restore(kept).unwrap();
        let ears = Region::agents("ears").neuron("left", relay).neuron("right", Relay::default());
        let ears = builder.region(ears);
        let synapse = |pre, weight| Synapse { pre, post: 1, weight, delay: Ticks(1).into() };
        let learns = Projection::synapses(vec![synapse(0, 0.5), synapse(1, weight)]);
        builder.project(ears, ears, learns.plasticity(Stdp::default()).autapses(true));
        let kind = Cells::lif(Lif::default()).drive(weight / 100.0);
        let net = builder.region(Region::population("net", kind, 4));
        builder.project(net, net, Projection::all_to_all().plasticity(Stdp::default()));
        let mut cortex = builder.build().unwrap();
        cortex.run_for(Ticks(ticks)).unwrap();
        let mut bytes = Vec::new();
        cortex.snapshot(&mut bytes).unwrap();
        bytes
    };
    let same = state(5, 0.5, b"");
    let told = |other: &[u8]| {
        let found = snapshot::compare(&same, other).unwrap();
        found.map(|finding| finding.to_string()).unwrap_or_default()
    };
    assert_eq!(told(&same), "");
    let changed = |section: &str, column: &str, value: usize| {
        let mut bytes = same.clone();
        let all = columns(&bytes);
        let (.., width, range) =
            all.iter().find(|(s, c, ..)| (s == section) & (c == column)).unwrap();
        bytes[range.start + value * width] ^= 1;
        told(&bytes)
    };
    assert_eq!(
        changed("neurons", "potential", 1),
        "neuron ears:right: potential is 0.0 in the first and 1e-45 in the second"
    );
    assert_eq!(
        changed("synapses/0", "weight", 1),
        "the synapse ears:right -> ears:right: weight is 0.5 in the first and 0.50000006 in the second"
    );
    let message = changed("link/0", "1.weight", 5);
    assert!(message.starts_with("synapse 2 of cell 1 in net -> net, delay 1: "), "{message}");
    let message = changed("population/0", "state.0", 3);
    assert!(message.starts_with("cell 3 of population net: state.0 is "), "{message}");
    assert_eq!(
        told(&state(6, 0.5, b"")),
        "cell 0 of population net: state.0 is 0.02267753 in the first and 0.026571535 in the second"
    );
}
