//! Parts that several tests need: gates that follow a script, neurons made of closures, and records of what they saw.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses some of it, and a test that finds something else than expected ends there"
)]

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex};

use neuronbus::atlas::Atlas;
use neuronbus::gate::{Admissions, AdmitError, Gate, GateError, GateLink, Outbound, Outlook};
use neuronbus::id::RegionId;
use neuronbus::prelude::*;

/// Drives neurons at given ticks, sorted by tick.
#[derive(Debug, Default)]
pub struct Script {
    pub steps: Vec<(u64, NeuronId, f32)>,
    next: usize,
}

impl Script {
    pub fn new(mut steps: Vec<(u64, NeuronId, f32)>) -> Self {
        steps.sort_by_key(|&(tick, id, _)| (tick, id));
        Self { steps, next: 0 }
    }
}

impl Gate for Script {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        while let Some(&(tick, id, drive)) = self.steps.get(self.next) {
            if tick > inbound.tick().0 {
                return Ok(Outlook::At(Tick(tick)));
            }
            inbound
                .drive(id, drive, 0, &[])
                .map_err(|e| GateError::new("script", e.to_string()))?;
            self.next += 1;
        }
        Ok(Outlook::Ended)
    }
}

/// Who fired when.
pub type Raster = Arc<Mutex<Vec<(u64, u16)>>>;

/// Notes when it fires, and fires an empty spike.
#[derive(Debug)]
pub struct Noted(pub Raster);

impl Neuron for Noted {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.0.lock().unwrap().push((ctx.tick().0, ctx.id().raw()));
        ctx.fire(&[])?;
        Ok(())
    }
}

/// The raster so far.
pub fn fired(raster: &Raster) -> Vec<(u64, u16)> {
    raster.lock().unwrap().clone()
}

/// The ticks in which one neuron fired.
pub fn ticks_of(raster: &Raster, neuron: NeuronId) -> Vec<u64> {
    let of = |&(tick, id): &(u64, u16)| (id == neuron.raw()).then_some(tick);
    raster.lock().unwrap().iter().filter_map(of).collect()
}

/// The id at a position; builders number neurons in the order they are added.
pub fn id(raw: u16) -> NeuronId {
    NeuronId::new(raw).unwrap()
}

/// A list that a neuron or gate writes and the test reads.
#[derive(Debug)]
pub struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone> Log<T> {
    pub fn push(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    pub fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

type OnStart = Box<dyn FnMut(&Atlas) -> NeuronResult + Send>;
type OnSpike = Box<dyn FnMut(&Spike, &[u8], &mut Context<'_>) -> NeuronResult + Send>;
type OnCall = Box<dyn FnMut(&mut Context<'_>) -> NeuronResult + Send>;

/// A neuron whose callbacks are closures; those that are not given do nothing.
#[derive(Default)]
pub struct Puppet {
    start: Option<OnStart>,
    spike: Option<OnSpike>,
    fire: Option<OnCall>,
    wake: Option<OnCall>,
    evidence: usize,
    capabilities: Vec<String>,
    state: Arc<Mutex<Vec<u8>>>,
}

impl Puppet {
    pub fn on_start(mut self, f: impl FnMut(&Atlas) -> NeuronResult + Send + 'static) -> Self {
        self.start = Some(Box::new(f));
        self
    }

    pub fn on_spike(
        mut self,
        f: impl FnMut(&Spike, &[u8], &mut Context<'_>) -> NeuronResult + Send + 'static,
    ) -> Self {
        self.spike = Some(Box::new(f));
        self
    }

    pub fn on_fire(
        mut self,
        f: impl FnMut(&mut Context<'_>) -> NeuronResult + Send + 'static,
    ) -> Self {
        self.fire = Some(Box::new(f));
        self
    }

    pub fn on_wake(
        mut self,
        f: impl FnMut(&mut Context<'_>) -> NeuronResult + Send + 'static,
    ) -> Self {
        self.wake = Some(Box::new(f));
        self
    }

    pub fn evidence(mut self, bound: usize) -> Self {
        self.evidence = bound;
        self
    }

    pub fn capability(mut self, word: &str) -> Self {
        self.capabilities.push(word.to_owned());
        self
    }

    /// What its snapshot says; the test may change it.
    pub fn state(mut self, state: Arc<Mutex<Vec<u8>>>) -> Self {
        self.state = state;
        self
    }
}

impl Neuron for Puppet {
    fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
        self.start.as_mut().map_or(Ok(()), |f| f(atlas))
    }

    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        self.spike.as_mut().map_or(Ok(()), |f| f(spike, payload, ctx))
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.fire.as_mut().map_or(Ok(()), |f| f(ctx))
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.wake.as_mut().map_or(Ok(()), |f| f(ctx))
    }

    fn card(&self) -> AgentCard {
        let card = AgentCard::new("");
        self.capabilities.iter().fold(card, |card, word| card.capability(word))
    }

    fn evidence(&self) -> usize {
        self.evidence
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.state.lock().unwrap());
    }
}

/// A spike as its receiver saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub tick: u64,
    pub spike: Spike,
    pub payload: Vec<u8>,
}

impl Heard {
    pub fn source(&self) -> u16 {
        self.spike.source().unwrap().raw()
    }
}

/// A neuron that writes down every spike it hears.
pub fn listener(log: &Log<Heard>) -> Puppet {
    let log = log.clone();
    Puppet::default().on_spike(move |spike, payload, ctx| {
        log.push(Heard { tick: ctx.tick().0, spike: *spike, payload: payload.to_vec() });
        Ok(())
    })
}

/// A neuron that fires once each time its membrane does, with this payload.
pub fn firing(payload: &'static [u8]) -> Puppet {
    Puppet::default().on_fire(move |ctx| Ok(ctx.fire(payload)?))
}

/// Something that a gate does at a tick.
#[derive(Debug, Clone)]
pub enum Act {
    Drive(NeuronId, f32, u8, Vec<u8>),
    /// One cell of a crowd.
    DriveCell(NeuronId, u32, f32),
    Fire(SpikeKind, u8, Vec<u8>),
    /// Asks a region for a neuron of this name, and drives it.
    Sprout(RegionId, String, f32),
}

/// A drive with nothing else said.
pub fn drive(target: NeuronId, drive: f32) -> Act {
    Act::Drive(target, drive, 0, Vec::new())
}

/// An excitatory spike of the gate itself.
pub fn fire(payload: &[u8]) -> Act {
    Act::Fire(SpikeKind::Excitatory, 0, payload.to_vec())
}

impl Act {
    fn perform(&self, inbound: &mut Admissions<'_>) -> Result<(), AdmitError> {
        match self {
            Self::Drive(target, drive, priority, payload) => {
                inbound.drive(*target, *drive, *priority, payload)
            }
            Self::DriveCell(target, cell, drive) => {
                inbound.drive_cell(*target, *cell, *drive, 0, &[])
            }
            Self::Fire(kind, priority, payload) => inbound.fire(*kind, *priority, payload),
            Self::Sprout(region, name, drive) => {
                let neuron = inbound.sprout(*region, name)?;
                inbound.drive(neuron, *drive, 0, &[])
            }
        }
    }
}

/// A gate that acts at given ticks and writes down what was refused.
#[derive(Debug)]
pub struct Acts {
    steps: VecDeque<(u64, Act)>,
    refused: Log<AdmitError>,
    after: Outlook,
}

impl Acts {
    pub fn new(mut steps: Vec<(u64, Act)>) -> Self {
        steps.sort_by_key(|&(tick, _)| tick);
        Self { steps: steps.into(), refused: Log::default(), after: Outlook::Ended }
    }

    pub fn refused(mut self, log: &Log<AdmitError>) -> Self {
        self.refused = log.clone();
        self
    }

    /// What it says when it has done everything, instead of [`Outlook::Ended`].
    pub fn then(mut self, outlook: Outlook) -> Self {
        self.after = outlook;
        self
    }
}

impl Gate for Acts {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        while let Some((tick, act)) = self.steps.front() {
            if *tick > inbound.tick().0 {
                return Ok(Outlook::At(Tick(*tick)));
            }
            if let Err(error) = act.perform(inbound) {
                self.refused.push(error);
            }
            self.steps.pop_front();
        }
        Ok(self.after)
    }
}

/// What a fed gate says about the future when it has nothing at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Only that something comes.
    Wait,
    /// That it belongs to the tick of the last one or to a later one.
    NotBefore,
    /// That it belongs to a later tick than the last one.
    After,
}

/// A gate that is fed by another thread: what it is told belongs to given ticks, and time waits for it.
#[derive(Debug)]
pub struct Fed {
    feed: Receiver<(u64, Act)>,
    ready: Option<(u64, Act)>,
    link: std::sync::mpsc::Sender<GateLink>,
    says: Says,
    last: Option<u64>,
}

impl Fed {
    /// The gate; the link that it is given at the start is sent to the feeding thread.
    pub fn new(
        feed: Receiver<(u64, Act)>,
        link: std::sync::mpsc::Sender<GateLink>,
        says: Says,
    ) -> Self {
        Self { feed, ready: None, link, says, last: None }
    }
}

impl Gate for Fed {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.link.send(link).map_err(|_| GateError::new("fed", "nobody feeds it"))
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        loop {
            let next = match self.ready.take() {
                Some(next) => Ok(next),
                None => self.feed.try_recv(),
            };
            match next {
                Ok((tick, act)) if tick > inbound.tick().0 => {
                    self.ready = Some((tick, act));
                    return Ok(Outlook::At(Tick(tick)));
                }
                Ok((tick, act)) => {
                    act.perform(inbound).map_err(|e| GateError::new("fed", e.to_string()))?;
                    self.last = Some(tick);
                }
                Err(TryRecvError::Disconnected) => return Ok(Outlook::Ended),
                Err(TryRecvError::Empty) => {
                    let known = match self.says {
                        Says::Wait => None,
                        Says::NotBefore => self.last.and_then(|last| last.checked_sub(1)),
                        Says::After => self.last,
                    };
                    return Ok(known.map_or(Outlook::Hold, |known| Outlook::After(Tick(known))));
                }
            }
        }
    }
}

/// A gate that takes out at most so many spikes in one call, and writes them down.
#[derive(Debug)]
pub struct Sink {
    pub log: Log<Heard>,
    pub at_most: usize,
}

impl Sink {
    pub fn new(log: &Log<Heard>) -> Self {
        Self { log: log.clone(), at_most: usize::MAX }
    }

    pub fn at_most(mut self, spikes: usize) -> Self {
        self.at_most = spikes;
        self
    }
}

impl Gate for Sink {
    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Ended)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        let taken = outbound.len().min(self.at_most);
        for out in &outbound[..taken] {
            let payload = out.payload.to_vec();
            self.log.push(Heard { tick: out.tick.0, spike: out.spike, payload });
        }
        Ok(taken)
    }
}

/// A builder at pace free, with ticks of a millisecond.
pub fn free() -> neuronbus::cortex::CortexBuilder {
    let mut builder = Cortex::builder();
    builder.pace(Pace::Free);
    builder
}

/// A membrane that keeps everything until it fires.
pub fn no_leak(threshold: f32) -> Lif {
    Lif::default().tau(Lif::NO_LEAK).threshold(threshold)
}

type Admit = Box<dyn FnMut(&mut Admissions<'_>) -> Result<Outlook, GateError> + Send>;

/// A gate made of one closure, which writes down when it is opened and closed.
pub struct Door {
    name: &'static str,
    admit: Admit,
    log: Log<String>,
    opens: bool,
}

impl Door {
    pub fn new(
        name: &'static str,
        log: &Log<String>,
        admit: impl FnMut(&mut Admissions<'_>) -> Result<Outlook, GateError> + Send + 'static,
    ) -> Self {
        Self { name, admit: Box::new(admit), log: log.clone(), opens: true }
    }

    /// A gate that has nothing to say.
    pub fn ended(name: &'static str, log: &Log<String>) -> Self {
        Self::new(name, log, |_| Ok(Outlook::Ended))
    }

    /// The same gate, but it cannot be opened.
    pub fn broken(mut self) -> Self {
        self.opens = false;
        self
    }
}

impl Gate for Door {
    fn open(&mut self, _: GateLink) -> Result<(), GateError> {
        if !self.opens {
            return Err(GateError::new(self.name, "no such device"));
        }
        self.log.push(format!("{} opened", self.name));
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        (self.admit)(inbound)
    }

    fn close(&mut self) {
        self.log.push(format!("{} closed", self.name));
    }
}
