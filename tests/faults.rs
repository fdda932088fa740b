//! A neuron that fails is silenced, counted and named; the others go on as if it had never been there.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use neuronbus::gate::{Admissions, Gate, GateAccount, GateError, GateLink, Outbound, Outlook};
use neuronbus::prelude::*;
use support::{Act, Acts, Heard, Log, Puppet, Raster, Script, drive, fired, free, id, listener};

const PATIENT: u16 = 0;
const NEIGHBOUR: u16 = 1;

/// A cortex of a neuron that fails and one that does not; both are driven over their threshold in ticks 1, 2 and 3.
fn ward(patient: Puppet) -> (Cortex, Raster) {
    let raster = Raster::default();
    let mut builder = free();
    let neighbour = support::Noted(raster.clone());
    let region = Region::agents("ward").neuron("patient", patient).neuron("neighbour", neighbour);
    let ward = builder.region(region);
    let steps = (1..=3).flat_map(|tick| [PATIENT, NEIGHBOUR].map(|n| (tick, id(n), 2.0)));
    builder.region(Region::gated("door", Script::new(steps.collect())));
    builder.project(ward, ward, Projection::all_to_all().weight(0.01));
    (builder.build().unwrap(), raster)
}

/// Runs it and checks that the failure was contained: once in the report, with this message and tick.
fn check_contained(patient: Puppet, message: &str, tick: u64) {
    let (mut cortex, raster) = ward(patient);
    cortex.run_for(Ticks(20)).unwrap();
    let report = cortex.report();
    let faults: Vec<_> =
        report.faults.iter().map(|f| (f.neuron.as_str(), f.message.as_str(), f.tick)).collect();
    assert_eq!(faults, [("ward:patient", message, tick)]);
    assert_eq!(report.spikes.counts.faults, 1);
    assert_eq!(fired(&raster), [(1, NEIGHBOUR), (2, NEIGHBOUR), (3, NEIGHBOUR)]);
    assert_eq!(report.digest, Some(cortex.digest()), "a digest can still be taken");
    let silenced = report.spikes.counts.silenced;
    assert!(silenced > 0, "what is sent to it afterwards is counted");
}

#[test]
fn a_neuron_that_panics_on_its_first_spike_is_silenced_and_named() {
    let patient = Puppet::default().on_spike(|_, _, _| panic!("cannot cope with {}", 7));
    check_contained(patient, "panicked: cannot cope with 7", 1);
}

#[test]
fn a_neuron_that_returns_a_fault_is_silenced_and_named() {
    let patient = Puppet::default().on_spike(|_, _, _| Err(Fault::new("not today")));
    check_contained(patient, "not today", 1);
}

#[test]
fn an_error_of_another_library_becomes_a_fault_by_the_question_mark() {
    let patient = Puppet::default().on_spike(|_, _, _| {
        let _: u32 = "seven".parse()?;
        Ok(())
    });
    check_contained(patient, "invalid digit found in string", 1);
}

#[test]
fn a_neuron_that_panics_when_it_starts_is_silenced_before_the_first_tick() {
    check_contained(Puppet::default().on_start(|_| panic!("no")), "panicked: no", 0);
}

#[test]
fn a_neuron_that_panics_when_it_fires_is_silenced() {
    check_contained(Puppet::default().on_fire(|_| panic!("too hot")), "panicked: too hot", 1);
}

#[test]
fn a_neuron_that_panics_when_it_wakes_is_silenced() {
    let patient = Puppet::default().on_spike(|_, _, ctx| {
        ctx.wake_in(Ticks(1));
        Ok(())
    });
    let patient = patient.on_wake(|_| panic!("bad dream"));
    check_contained(patient, "panicked: bad dream", 2);
}

#[test]
fn a_panic_with_something_else_than_text_is_contained_too() {
    let patient = Puppet::default().on_spike(|_, _, _| std::panic::panic_any(7_u32));
    check_contained(patient, "panicked: (no message)", 1);
}

struct DropsBadly;

impl Drop for DropsBadly {
    fn drop(&mut self) {
        panic!("and it drops badly");
    }
}

#[test]
fn a_neuron_that_panics_again_when_it_is_dropped_is_contained_too() {
    let luggage = DropsBadly;
    let patient = Puppet::default().on_spike(move |_, _, _| {
        let _ = &luggage;
        Err(Fault::new("first"))
    });
    check_contained(patient, "first", 1);
}

#[test]
fn a_neuron_that_fails_on_a_spike_does_not_fire_in_that_tick_or_later() {
    let (mut cortex, _) = ward(Puppet::default().on_spike(|_, _, _| Err(Fault::new("out"))));
    cortex.run_for(Ticks(20)).unwrap();
    assert_eq!(cortex.counts().firings, 3, "only the neighbour's firings count");
}

#[test]
fn what_a_neuron_sent_before_it_failed_in_the_same_callback_still_arrives() {
    let log: Log<Heard> = Log::default();
    let mut builder = free();
    let last_words = Puppet::default().on_fire(|ctx| {
        ctx.fire(b"last words")?;
        panic!("gone")
    });
    let from = builder.region(Region::agents("from").neuron("speaker", last_words));
    let to = builder.region(Region::agents("to").neuron("ear", listener(&log)));
    builder.project(from, to, Projection::all_to_all());
    builder.region(Region::gated("door", Acts::new(vec![(0, drive(id(0), 1.0))])));
    builder.build().unwrap().run_for(Ticks(5)).unwrap();
    assert_eq!(log.all().iter().map(|h| h.payload.clone()).collect::<Vec<_>>(), [b"last words"]);
}

#[test]
fn every_failure_is_counted_even_when_the_report_names_only_the_first() {
    let mut region = Region::agents("crowd");
    for n in 0..300 {
        let bad = Puppet::default().on_spike(|_, _, _| Err(Fault::new("all of us")));
        region = region.neuron(&n.to_string(), bad);
    }
    let mut builder = free();
    builder.region(region);
    let steps = (0..300).map(|n| (1, drive(id(n), 0.1))).collect();
    builder.region(Region::gated("door", Acts::new(steps)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(3)).unwrap();
    let report = cortex.report();
    assert_eq!(report.spikes.counts.faults, 300);
    assert_eq!(report.faults.len(), 256, "a bound on what is kept");
}

#[test]
fn a_gate_whose_neuron_has_failed_still_gets_its_drives_accepted_and_counted() {
    let mut builder = free();
    let bad = Puppet::default().on_spike(|_, _, _| panic!("once"));
    builder.region(Region::agents("n").neuron("n", bad));
    let refused = Log::default();
    let steps = (0..10).map(|tick| (tick, drive(id(0), 0.1))).collect();
    builder.region(Region::gated("door", Acts::new(steps).refused(&refused)));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(20)).unwrap();
    let counts = cortex.counts();
    assert_eq!(refused.len(), 0);
    assert_eq!((counts.admitted, counts.delivered, counts.silenced), (10, 10, 9));
    assert_eq!(counts.lost(), 9);
}

/// A gate that panics in one of its calls.
struct Careless(&'static str);

impl Careless {
    fn does(&self, call: &str) {
        assert!(self.0 != call, "{call} went wrong");
    }
}

impl Gate for Careless {
    fn open(&mut self, _: GateLink) -> Result<(), GateError> {
        self.does("open");
        Ok(())
    }

    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        self.does("admit");
        Ok(Outlook::Ended)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        self.does("emit");
        Ok(outbound.len())
    }

    fn close(&mut self) {
        self.does("close");
    }

    fn account(&self) -> GateAccount {
        self.does("account");
        GateAccount::default()
    }
}

/// A cortex whose one neuron fires into a careless gate in tick 1.
fn careless(call: &'static str) -> (Cortex, Raster) {
    let raster = Raster::default();
    let mut builder = free();
    let noted = support::Noted(raster.clone());
    let talks = builder.region(Region::agents("talks").neuron("one", noted));
    let gate = builder.region(Region::gated("door", Careless(call)));
    let script = Script::new(vec![(1, id(0), 2.0), (3, id(0), 2.0)]);
    builder.region(Region::gated("script", script));
    builder.project(talks, gate, Projection::all_to_all());
    (builder.build().unwrap(), raster)
}

#[test]
fn a_gate_that_panics_fails_by_name_and_the_run_goes_on() {
    for call in ["admit", "emit", "close", "account"] {
        let (mut cortex, raster) = careless(call);
        cortex.run_for(Ticks(6)).unwrap();
        cortex.close();
        assert_eq!(fired(&raster), [(1, 0), (3, 0)], "{call}");
        let gate = cortex.report().gates.remove(0);
        let said = format!("gate door: panicked: {call} went wrong");
        assert_eq!(gate.failed, ["admit", "emit"].contains(&call).then_some(said), "{call}");
        let lost = if gate.failed.is_some() { 2 } else { 0 };
        assert_eq!((gate.abandoned, gate.emitted), (lost, 2 - lost), "{call}");
        assert_eq!(gate.account.notes.len(), usize::from(call == "account"));
    }
    let error = careless("open").0.run_for(Ticks(6)).unwrap_err();
    assert_eq!(error.to_string(), "gate door: panicked: open went wrong");
}

#[test]
fn a_template_that_panics_makes_a_neuron_that_fails() {
    let mut builder = free();
    let region = Region::agents("grows").template(9, |name| {
        assert!(name != "bad", "nobody is called {name}");
        Box::new(Puppet::default())
    });
    let grows = builder.region(region);
    let acts = ["good", "bad", "fine"].map(|name| (1, Act::Sprout(grows, name.to_owned(), 2.0)));
    builder.region(Region::gated("door", Acts::new(acts.to_vec())));
    let mut cortex = builder.build().unwrap();
    cortex.run_for(Ticks(3)).unwrap();
    let report = cortex.report();
    let faults: Vec<_> =
        report.faults.iter().map(|f| (f.neuron.as_str(), f.message.as_str())).collect();
    assert_eq!(faults, [("grows:bad", "panicked: nobody is called bad")]);
    let counts = report.spikes.counts;
    assert_eq!((counts.firings, counts.silenced, counts.faults), (2, 1, 1));
}

/// It cannot say what it is.
struct Speechless;

impl Neuron for Speechless {
    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.push(1);
        panic!("no words");
    }
}

#[test]
fn a_digest_is_taken_although_a_neuron_or_a_cell_panics_over_its_state() {
    let digest = |count: u32| {
        let mut builder = free();
        builder.region(Region::agents("alone").neuron("one", Speechless));
        builder.region(Region::crowd("crowd", count, |_| Speechless));
        builder.build().unwrap().digest()
    };
    assert_eq!(digest(3), digest(3));
    assert_ne!(digest(3), digest(4));
}

#[test]
fn a_closure_that_panics_fails_for_its_caller_and_the_run_goes_on() {
    let mut builder = free();
    builder.region(Region::agents("alone").neuron("one", Puppet::default()));
    builder.region(Region::gated("door", Acts::new(Vec::new()).then(Outlook::Open)));
    let running = builder.build().unwrap().spawn().unwrap();
    let error = running.inspect(|_| -> u64 { panic!("I looked too closely") }).unwrap_err();
    assert_eq!(error.to_string(), "the closure panicked: I looked too closely");
    assert_eq!(running.inspect(|cortex| cortex.atlas().len()).unwrap(), 2);
    running.stop();
    running.join().unwrap();
}
