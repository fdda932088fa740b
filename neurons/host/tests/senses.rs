//! This machine's senses through a real cortex.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use neuronbus::axon::{AxonTap, Tapped};
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_host::{
    BandSettings, HostSettings, SenseKind, SenseNeuron, SenseReport, TopicNeuron, host,
};

fn band() -> BandSettings {
    BandSettings { absolute: 1.0, ..BandSettings::default() }
}

fn fired(tap: &mut AxonTap) -> Vec<Spike> {
    let mut spikes = Vec::new();
    while let Tapped::Spike(spike) = tap.poll() {
        spikes.push(spike);
    }
    spikes
}

/// Puts readings onto one sense, a tick each, and returns what it fired.
fn readings(values: &[f64]) -> Vec<Spike> {
    let mut builder = Cortex::builder();
    let sense = SenseNeuron::new(SenseKind::Load, band());
    builder.region(Region::agents("senses").neuron("load", sense));
    let (mut inlet, gate) = Inlet::gate(1024).unwrap();
    builder.region(Region::gated("door", gate));
    builder.pace(Pace::Free).axon(1024);
    let mut cortex = builder.build().unwrap();
    let load = cortex.atlas().neuron("senses", "load").unwrap();
    let mut tap = cortex.tap().unwrap();
    cortex.tick().unwrap();
    for value in values {
        inlet.drive(load, 0.0, 96, &value.to_le_bytes()).unwrap();
        cortex.tick().unwrap();
    }
    assert_eq!(cortex.counts().faults, 0);
    fired(&mut tap)
}

#[test]
fn a_quiet_signal_fires_nothing_and_a_step_fires_once_in_its_own_tick() {
    let mut values: Vec<f64> = (0..60).map(|n| 5.0 + f64::from(n % 3) * 0.2).collect();
    assert_eq!(readings(&values).len(), 0);
    values.extend([50.0; 100]);
    let spikes = readings(&values);
    assert_eq!(spikes.len(), 1);
    // The first tick had no reading.
    assert_eq!(spikes[0].time_ns(), 61 * 1_000_000);
    let report = SenseReport::decode(spikes[0].inline()).unwrap();
    assert_eq!((report.value, report.direction), (50.0, 1));
    assert!(report.halves > 8.0);
    assert_eq!(spikes[0].priority(), 255);
}

#[test]
fn the_priority_grows_with_the_distance() {
    let quiet = [5.0; 60];
    let priority = |step: f64| readings(&[&quiet[..], &[step]].concat())[0].priority();
    let (near, far) = (priority(6.5), priority(9.0));
    assert!((96..130).contains(&near) && near < far && far < 255, "{near} {far}");
}

#[test]
fn payloads_that_are_no_readings_fire_nothing_and_are_no_faults() {
    let mut builder = Cortex::builder();
    let region = Region::agents("senses")
        .neuron("load", SenseNeuron::new(SenseKind::Load, band()))
        .neuron("topic", TopicNeuron::new(2, band()));
    builder.region(region);
    let (mut inlet, gate) = Inlet::gate(1024).unwrap();
    builder.region(Region::gated("door", gate));
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    cortex.tick().unwrap();
    let nan = f64::NAN.to_le_bytes();
    for name in ["load", "topic"] {
        let neuron = cortex.atlas().neuron("senses", name).unwrap();
        for payload in [&[][..], &nan, &[0xFF; 42], &[9; 17], &[200; 10], &[7]] {
            inlet.drive(neuron, 0.0, 0, payload).unwrap();
        }
    }
    cortex.tick().unwrap();
    assert_eq!((cortex.counts().faults, cortex.counts().fired), (0, 0));
    assert_eq!(cortex.counts().delivered, 12);
}

#[test]
fn a_neuron_goes_on_from_its_snapshot_and_refuses_bytes_that_are_none() {
    let mut neurons: [Box<dyn Neuron>; 2] =
        [Box::new(SenseNeuron::new(SenseKind::Cpu, band())), Box::new(TopicNeuron::new(3, band()))];
    for neuron in &mut neurons {
        let mut saved = Vec::new();
        neuron.snapshot(&mut saved);
        neuron.restore(&saved).unwrap();
        let mut again = Vec::new();
        neuron.snapshot(&mut again);
        assert_eq!(saved, again);
        for wrong in [&saved[..saved.len() - 1], &[&saved[..], &[0]].concat(), &[0xFF; 9], &[]] {
            assert!(neuron.restore(wrong).is_err(), "{wrong:?}");
            let mut after = Vec::new();
            neuron.snapshot(&mut after);
            assert_eq!(after, saved, "a refused restore changes nothing");
        }
    }
}

fn write_load(root: &Path, load: &str) {
    fs::write(root.join("loadavg"), format!("{load} 0.40 0.30 2/345 6789\n")).unwrap();
}

fn settings(root: &Path) -> HostSettings {
    HostSettings {
        period: Duration::from_millis(10),
        root: root.to_owned(),
        sys: root.to_owned(),
        ..HostSettings::default()
    }
}

#[test]
fn a_change_of_the_machine_and_a_line_of_its_log_fire_and_missing_senses_are_noted() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("app.log");
    write_load(dir.path(), "0.50");
    let mut builder = Cortex::builder();
    let follow = vec![log.clone()];
    let region =
        host(&mut builder, "senses/host", &HostSettings { follow, ..settings(dir.path()) });
    let cortex = builder.build().unwrap();
    let members = cortex.atlas().members(region.senses).to_vec();
    assert_eq!(members.iter().map(|&id| cortex.atlas().name(id)).collect::<Vec<_>>(), ["load"]);
    assert_eq!(cortex.atlas().with_capability("sense/load"), members);

    let running = cortex.spawn().unwrap();
    let counts = || running.inspect(|cortex| cortex.counts()).unwrap();
    while counts().admitted < 40 {
        std::thread::yield_now();
    }
    assert_eq!(counts().fired, 0, "a quiet machine is quiet");
    write_load(dir.path(), "9.50");
    while counts().fired < 1 {
        std::thread::yield_now();
    }
    fs::write(&log, "ERROR job 17 failed\nERROR job 18 failed\n").unwrap();
    while counts().fired < 2 {
        std::thread::yield_now();
    }
    running.stop();
    let (cortex, _) = running.join().unwrap();
    assert!(cortex.atlas().neuron("senses/host", "log:ERROR job <*> failed").is_some());
    let report = cortex.report();
    let gate = &report.gates[0];
    assert_eq!((gate.failed.as_deref(), &gate.account.refused[..]), (None, &[][..]));
    let notes = gate.account.notes.join("\n");
    for expected in ["cpu is off", "pressure is off", "disk is off", "app.log is not there yet"] {
        assert!(notes.contains(expected), "{expected}: {notes}");
    }
}

#[test]
fn a_closed_run_does_not_wait_for_the_period() {
    let dir = tempfile::tempdir().unwrap();
    write_load(dir.path(), "0.50");
    let mut builder = Cortex::builder();
    let period = Duration::from_secs(3600);
    host(&mut builder, "senses/host", &HostSettings { period, ..settings(dir.path()) });
    let running = builder.build().unwrap().spawn().unwrap();
    while running.inspect(|cortex| cortex.counts().admitted).unwrap() < 1 {
        std::thread::yield_now();
    }
    running.stop();
    // An hour would be noticed.
    running.join().unwrap().0.close();
}

#[test]
fn signals_above_the_bound_are_counted_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    write_load(dir.path(), "0.50");
    fs::create_dir_all(dir.path().join("sys/fs")).unwrap();
    fs::write(dir.path().join("sys/fs/file-nr"), "512\t12\t1000\n").unwrap();
    let mut builder = Cortex::builder();
    let region =
        host(&mut builder, "host", &HostSettings { max_signals: 1, ..settings(dir.path()) });
    let running = builder.build().unwrap().spawn().unwrap();
    while running.inspect(|cortex| cortex.counts().admitted).unwrap() < 3 {
        std::thread::yield_now();
    }
    running.stop();
    let (cortex, _) = running.join().unwrap();
    assert_eq!(cortex.atlas().members(region.senses).len(), 1);
    let refused = cortex.report().gates[0].account.refused.clone();
    assert_eq!((refused[0].kind.as_str(), refused[0].sample.as_str()), ("signal-limit", "files"));
}

#[test]
fn settings_out_of_range_are_refused_by_name_and_stop_the_run_before_it_begins() {
    let refused = |settings: HostSettings| settings.check().unwrap_err().to_string();
    let ok = HostSettings::default;
    assert_eq!(ok().check(), Ok(()));
    assert!(refused(HostSettings { period: Duration::ZERO, ..ok() }).contains("0ns"));
    assert!(refused(HostSettings { max_signals: 0, ..ok() }).contains("max_signals = 0"));
    assert!(refused(HostSettings { max_topics: 99_999, ..ok() }).contains("max_topics = 99999"));
    assert!(refused(HostSettings { slots: 3, ..ok() }).contains("slots = 3"));
    let band = BandSettings { width: f64::NAN, ..BandSettings::default() };
    assert!(refused(HostSettings { band, ..ok() }).contains("width = NaN"));

    let mut builder = Cortex::builder();
    host(&mut builder, "host", &HostSettings { slots: 3, ..ok() });
    let error = builder.build().unwrap().run().unwrap_err().to_string();
    assert!(error.contains("host/door") && error.contains("slots = 3"), "{error}");
}
