//! Alerts: when enough evidence gathers, once, with what it was.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use neuronbus::cortex::CortexBuilder;
use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_host::{Alert, AlertReceiver, ReflexSettings, alerts, reflex};

/// Two senses, a reflex, a door for alerts.
struct Brain {
    cortex: Cortex,
    inlet: Inlet,
    alerts: AlertReceiver,
}

fn brain(settings: &ReflexSettings, bound: usize) -> Brain {
    let mut builder: CortexBuilder = Cortex::builder();
    let region = Region::agents("senses/host")
        .neuron("cpu0", Relay::default())
        .neuron("load", Relay::default());
    let senses = builder.region(region);
    let reflex = reflex(&mut builder, "reflex", settings);
    let (door, receiver) = alerts(&mut builder, "alerts", bound);
    let (inlet, gate) = Inlet::gate(1024).unwrap();
    builder.region(Region::gated("door", gate));
    builder.project(senses, reflex, Projection::all_to_all().weight(1.0));
    builder.project(reflex, door, Projection::all_to_all());
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    cortex.tick().unwrap();
    Brain { cortex, inlet, alerts: receiver }
}

impl Brain {
    fn fire(&mut self, sense: &str, times: usize) {
        let id = self.cortex.atlas().neuron("senses/host", sense).unwrap();
        for _ in 0..times {
            self.inlet.drive(id, 1.0, 0, b"x").unwrap();
            self.cortex.tick().unwrap();
        }
    }

    fn wait(&mut self, span: Duration) {
        self.cortex.run_for(span).unwrap();
    }
}

#[test]
fn an_alert_names_its_evidence_and_does_not_nag() {
    let mut brain = brain(&ReflexSettings::default(), 8);
    brain.fire("cpu0", 2);
    brain.wait(Duration::from_millis(10));
    assert_eq!(brain.alerts.try_recv(), None, "two are not enough");
    brain.fire("load", 1);
    brain.fire("cpu0", 1);
    brain.wait(Duration::from_millis(10));
    let alert = brain.alerts.try_recv().expect("four within a few milliseconds are enough");
    assert_eq!(alert.neuron, "reflex:alert");
    let evidence: Vec<_> = alert.evidence.iter().map(|e| (e.source.as_str(), e.count)).collect();
    assert_eq!(evidence, [("senses/host:cpu0", 3), ("senses/host:load", 1)]);
    assert!(alert.to_string().starts_with("alert reflex:alert at 0.0 s: cpu0 x3, load x1"));

    brain.fire("cpu0", 20);
    brain.wait(Duration::from_secs(1));
    assert_eq!(brain.alerts.drain(), [], "it is refractory for half a minute");
    brain.wait(Duration::from_secs(30));
    brain.fire("load", 4);
    brain.wait(Duration::from_millis(10));
    assert_eq!(brain.alerts.drain().len(), 1);
    assert_eq!(brain.cortex.counts().faults, 0);
}

#[test]
fn evidence_that_comes_too_slowly_leaks_away() {
    let mut brain = brain(&ReflexSettings::default(), 8);
    for _ in 0..20 {
        brain.fire("cpu0", 1);
        brain.wait(Duration::from_secs(5));
    }
    assert_eq!(brain.alerts.drain(), []);
}

#[test]
fn alerts_that_nobody_takes_are_counted_and_so_is_what_is_no_alert() {
    let settings =
        ReflexSettings { threshold: 1.0, refractory: Duration::ZERO, ..Default::default() };
    let mut brain = brain(&settings, 2);
    brain.fire("cpu0", 5);
    brain.wait(Duration::from_millis(10));
    assert_eq!(brain.alerts.drain().len(), 2);
    let refused = |cortex: &Cortex| {
        let report = cortex.report();
        let gate = report.gates.iter().find(|gate| gate.path == "alerts").unwrap();
        gate.account.refused.iter().map(|r| (r.kind.clone(), r.count)).collect::<Vec<_>>()
    };
    assert_eq!(refused(&brain.cortex), [("alerts-full".to_owned(), 3)]);

    let mut builder = Cortex::builder();
    let relay = builder.region(Region::agents("r").neuron("relay", Relay::default()));
    let (door, _receiver) = alerts(&mut builder, "alerts", 2);
    let (mut inlet, gate) = Inlet::gate(16).unwrap();
    builder.region(Region::gated("door", gate));
    builder.project(relay, door, Projection::all_to_all()).pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    cortex.tick().unwrap();
    inlet.drive(cortex.atlas().neuron("r", "relay").unwrap(), 1.0, 0, b"not json").unwrap();
    cortex.run_for(Ticks(5)).unwrap();
    assert_eq!(refused(&cortex), [("not-an-alert".to_owned(), 1)]);
}

#[test]
fn an_alert_is_the_same_after_a_trip_through_json() {
    let mut brain = brain(&ReflexSettings { threshold: 1.0, ..Default::default() }, 2);
    brain.fire("load", 1);
    brain.wait(Duration::from_millis(5));
    let alert = brain.alerts.try_recv().unwrap();
    let json = serde_json::to_string(&alert).unwrap();
    assert_eq!(serde_json::from_str::<Alert>(&json).unwrap(), alert);
}
