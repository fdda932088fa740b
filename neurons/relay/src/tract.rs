//! A tract: fibres from this cortex to another, over any transport.
//!
//! What is projected to its door leaves with kind, priority, payload and the address of the neuron that fired it. What
//! comes from over there is fired by an [`Origin`] of the same name, made on first sight, so that who fired is visible
//! here and each can be projected, filtered and learned apart. Time does not cross: what arrives is dated with the tick
//! that admits it. Conduction delays are those of the projections to the door and from the origins.
//!
//! On the transport, an ordinary spike has its source's number there and no target. The first one of a source follows
//! its *introduction*: a modulatory spike from that source to itself whose payload is the source's address.

use std::sync::Arc;
use std::time::Duration;

use neuronbus::atlas::Atlas;
use neuronbus::cortex::CortexBuilder;
use neuronbus::gate::{
    Admissions, AdmitError, Gate, GateAccount, GateError, GateLink, Outbound, Outlook, Refusal,
};
use neuronbus::id::{NeuronId, RegionId};
use neuronbus::region::Region;
use neuronbus::spike::{Body, Spike, SpikeKind};
use neuronbus::transport::{Transport, TransportError};

use crate::origin::Origin;
use crate::settings::{Role, TcpSettings};
use crate::tcp::TcpTransport;

/// Spikes admitted in one tick; what is left comes in the next.
const PER_TICK: usize = 4096;

/// Where everybody goes for whom there is no neuron left.
const OTHERS: &str = "(others)";

/// How a tract is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TractSettings {
    /// Origins over there that get a neuron of their own here, 1 to 32,768; the others share `(others)`. Default 1,024.
    pub max_origins: usize,
    /// Whether spikes are expected from over there. One that only sends does not keep a run from ending. Default true.
    pub receives: bool,
    /// How long a run that ends waits until what was sent is confirmed. Default 2 s.
    pub linger: Duration,
}

impl Default for TractSettings {
    fn default() -> Self {
        Self { max_origins: 1024, receives: true, linger: Duration::from_secs(2) }
    }
}

type Make = Box<dyn FnOnce() -> Result<Box<dyn Transport>, String> + Send>;

/// What a tract runs over: a transport that is there, or one that is made when the run begins.
pub struct Carrier(Make);

impl Carrier {
    /// A wire over TCP, which listens or connects when the run begins and not before.
    #[must_use]
    pub fn tcp(role: Role, settings: TcpSettings) -> Self {
        Self(Box::new(move || {
            let transport = TcpTransport::new(role, settings).map_err(|error| error.to_string())?;
            Ok(Box::new(transport))
        }))
    }
}

impl<T: Transport + 'static> From<T> for Carrier {
    fn from(transport: T) -> Self {
        Self(Box::new(move || Ok(Box::new(transport))))
    }
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Carrier")
    }
}

/// The regions of a tract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TractRegion {
    /// One neuron for each that has fired over there; projections from here are what arrives.
    pub origins: RegionId,
    /// What is projected to it leaves.
    pub door: RegionId,
}

/// Adds a tract to a topology: origins at `path`, which grow with those who fire over there, and a door at
/// `path/door`.
///
/// ```
/// use neuronbus::prelude::*;
/// use neuronbus::transport::local;
/// use neuronbus_relay::{TractSettings, tract};
///
/// # fn main() -> neuronbus::Result<()> {
/// let (here, _there) = local::pair(1024);
/// let mut builder = Cortex::builder();
/// let eye = builder.region(Region::agents("sense/eye").neuron("left", Relay::default()));
/// let hand = builder.region(Region::agents("motor/hand").neuron("right", Relay::default()));
/// let bridge = tract(&mut builder, "tract/body", here, TractSettings::default());
/// // What the eye fires leaves 2 ticks later; what the body fires reaches the hand 5 ticks after it has arrived.
/// builder.project(eye, bridge.door, Projection::all_to_all().delay(Ticks(2)));
/// builder.project(bridge.origins, hand, Projection::all_to_all().delay(Ticks(5)));
/// # builder.build()?;
/// # Ok(())
/// # }
/// ```
pub fn tract(
    builder: &mut CortexBuilder,
    path: &str,
    carrier: impl Into<Carrier>,
    settings: TractSettings,
) -> TractRegion {
    let most = settings.max_origins.clamp(1, 32_768);
    // One more than asked for: the one that takes what finds no room.
    let region = Region::agents(path).template(most + 1, |_| Box::new(Origin));
    let origins = builder.region(region);
    let door = format!("{path}/door");
    let gate = TractGate {
        path: door.clone(),
        make: Some(carrier.into().0),
        transport: None,
        outward: Outward::default(),
        inward: Inward { region: origins, most, ..Inward::default() },
        settings,
        refused: Vec::new(),
    };
    TractRegion { origins, door: builder.region(Region::gated(&door, gate)) }
}

/// The gate of a tract; [`tract`] puts it into a topology.
struct TractGate {
    path: String,
    make: Option<Make>,
    transport: Option<Box<dyn Transport>>,
    outward: Outward,
    inward: Inward,
    settings: TractSettings,
    refused: Vec<Refusal>,
}

/// Who has been introduced to the other side.
#[derive(Default)]
struct Outward {
    atlas: Option<Arc<Atlas>>,
    introduced: Vec<bool>,
    /// A side that comes back may be another, who knows nobody.
    connections: u64,
}

/// Who stands here for whom.
struct Inward {
    region: RegionId,
    most: usize,
    known: Vec<Option<NeuronId>>,
    made: usize,
    payload: Vec<u8>,
    /// Received, and found no room in the arena.
    held: Option<Spike>,
}

impl Default for Inward {
    fn default() -> Self {
        let region = RegionId::from_index(0).expect("0 is an id");
        Self { region, most: 0, known: Vec::new(), made: 0, payload: Vec::new(), held: None }
    }
}

impl Outward {
    /// Sends a spike, after the introduction of its source if that is new.
    fn send(
        &mut self,
        transport: &mut dyn Transport,
        out: &Outbound<'_>,
    ) -> Result<(), TransportError> {
        let source = out.spike.source()?;
        if !self.introduced.get(source.index()).is_some_and(|&known| known) {
            let address = self.atlas.as_ref().map(|atlas| atlas.address(source));
            let spike = Spike::new(source, SpikeKind::Modulatory).to(source);
            let address = address.unwrap_or_default();
            let spike = spike.with_inline(address.as_bytes()).unwrap_or(spike);
            transport.send(&spike, address.as_bytes())?;
            if self.introduced.len() <= source.index() {
                self.introduced.resize(source.index() + 1, false);
            }
            self.introduced[source.index()] = true;
        }
        transport.send(&addressed_to_all(&out.spike, source), out.payload)
    }
}

/// The same spike without a target: an address here means nothing over there.
fn addressed_to_all(spike: &Spike, source: NeuronId) -> Spike {
    if spike.target().is_none() {
        return *spike;
    }
    let kind = spike.kind().unwrap_or(SpikeKind::Excitatory);
    let plain = Spike::new(source, kind).with_priority(spike.priority());
    let plain = plain.stamped(spike.time_ns(), spike.sequence());
    match spike.body() {
        Ok(Body::Arena(place)) => plain.with_arena(place),
        _ => plain.with_inline(spike.inline()).unwrap_or(plain),
    }
}

impl Inward {
    /// The neuron that stands for a source.
    fn origin(
        &mut self,
        source: NeuronId,
        inbound: &mut Admissions<'_>,
    ) -> Result<NeuronId, AdmitError> {
        match self.known.get(source.index()) {
            Some(Some(origin)) => Ok(*origin),
            _ => self.introduce(source, &format!("source-{source}"), inbound),
        }
    }

    /// Makes a neuron of this name stand for a source from now on.
    fn introduce(
        &mut self,
        source: NeuronId,
        name: &str,
        inbound: &mut Admissions<'_>,
    ) -> Result<NeuronId, AdmitError> {
        let name = if self.made < self.most { name } else { OTHERS };
        let origin = inbound.sprout(self.region, name)?;
        if self.known.len() <= source.index() {
            self.known.resize(source.index() + 1, None);
        }
        // Two sources may have one name, and one may come back under another number.
        if !self.known.contains(&Some(origin)) {
            self.made += 1;
        }
        self.known[source.index()] = Some(origin);
        Ok(origin)
    }

    /// Admits one spike with the payload at hand.
    fn admit(&mut self, spike: &Spike, inbound: &mut Admissions<'_>) -> Result<(), AdmitError> {
        // A received spike was checked.
        let Ok(source) = spike.source() else { return Ok(()) };
        if spike.target() == Some(source) && spike.kind() == Ok(SpikeKind::Modulatory) {
            let payload = std::mem::take(&mut self.payload);
            let name = String::from_utf8_lossy(&payload);
            let outcome = self.introduce(source, &name, inbound).map(|_| ());
            self.payload = payload;
            return outcome;
        }
        let origin = self.origin(source, inbound)?;
        let kind = spike.kind().unwrap_or(SpikeKind::Excitatory);
        inbound.tell(origin, kind, spike.priority(), &self.payload)
    }
}

impl TractGate {
    fn error(&self, message: impl Into<String>) -> GateError {
        GateError::new(&self.path, message)
    }

    fn refuse(&mut self, kind: &str, count: u64, sample: impl ToString) {
        match self.refused.iter_mut().find(|refusal| refusal.kind == kind) {
            Some(refusal) => refusal.count += count,
            None => {
                let sample = sample.to_string();
                self.refused.push(Refusal { kind: kind.to_owned(), count, sample });
            }
        }
    }

    /// The next spike: the one that found no room, or one that has arrived.
    fn next(&mut self) -> Result<Option<Spike>, TransportError> {
        if let Some(held) = self.inward.held.take() {
            return Ok(Some(held));
        }
        match &mut self.transport {
            Some(transport) => transport.try_recv(&mut self.inward.payload),
            None => Ok(None),
        }
    }

    /// What comes and was not wanted is counted, so that the other side does not wait for room for ever.
    fn turn_away(&mut self) {
        // bound: what is there by now; a sender that goes on is met again at the next call
        for _ in 0..PER_TICK {
            match self.next() {
                Ok(Some(spike)) => self.refuse("not-expected", 1, format!("{spike:?}")),
                Ok(None) | Err(_) => return,
            }
        }
    }
}

impl Gate for TractGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        let Some(make) = self.make.take() else { return Err(self.error("it was opened before")) };
        let mut transport = make().map_err(|message| self.error(message))?;
        transport.notify(link.doorbell);
        self.outward.atlas = Some(link.atlas);
        self.transport = Some(transport);
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        if !self.settings.receives {
            self.turn_away();
            return Ok(Outlook::Ended);
        }
        let soon = Outlook::At(neuronbus::time::Tick(inbound.tick().0 + 1));
        for _ in 0..PER_TICK {
            let spike = match self.next() {
                Ok(Some(spike)) => spike,
                Ok(None) => return Ok(Outlook::Open),
                Err(TransportError::Closed) => return Ok(Outlook::Ended),
                Err(error) => return Err(self.error(error.to_string())),
            };
            match self.inward.admit(&spike, inbound) {
                Ok(()) => {}
                Err(error) if error.may_pass() => {
                    self.inward.held = Some(spike);
                    return Ok(soon);
                }
                Err(error @ AdmitError::Name(_)) => self.refuse("origin-name", 1, error),
                Err(error) => self.refuse("not-admitted", 1, error),
            }
        }
        Ok(soon)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        let Some(mut transport) = self.transport.take() else { return Ok(outbound.len()) };
        let connections = transport.counts().connections;
        if connections != self.outward.connections {
            self.outward.connections = connections;
            self.outward.introduced.clear();
        }
        let mut taken = 0;
        for out in outbound {
            match self.outward.send(&mut *transport, out) {
                Ok(()) => {}
                Err(TransportError::Full { .. }) => break,
                Err(error @ TransportError::TooLong { .. }) => self.refuse("too-long", 1, error),
                Err(error @ TransportError::Closed) => self.refuse("closed", 1, error),
                Err(error) => self.refuse("not-sent", 1, error),
            }
            taken += 1;
        }
        let flushed = transport.flush();
        self.transport = Some(transport);
        if !self.settings.receives {
            self.turn_away();
        }
        flushed.map_err(|error| self.error(error.to_string()))?;
        Ok(taken)
    }

    fn close(&mut self) {
        let Some(transport) = &mut self.transport else { return };
        let left = transport.close(self.settings.linger);
        if left > 0 {
            self.refuse("not-confirmed", left, "sent, and not confirmed before the run ended");
        }
    }

    fn account(&self) -> GateAccount {
        let mut notes = Vec::new();
        if let Some(transport) = &self.transport {
            let counts = transport.counts();
            notes.push(format!(
                "{}: sent {}, confirmed {}, received {}, resent {}, found no room {}, connections {}, foreign {}",
                self.path,
                counts.sent,
                counts.confirmed,
                counts.received,
                counts.resent,
                counts.full,
                counts.connections,
                counts.foreign
            ));
            notes.extend(transport.notes().iter().map(|note| format!("{}: {note}", self.path)));
        }
        GateAccount { axons: Vec::new(), refused: self.refused.clone(), notes }
    }
}
