//! The door to a provider: a request is a spike that reaches it, tokens are admissions, an inhibitory spike cancels.
//!
//! What a request brings is told to the agent that sent it, and to nobody else. A request that is cancelled or whose
//! number is used again is forgotten at once: what its task still posts is dropped here and counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use neuronbus::atlas::Atlas;
use neuronbus::axon::Doorbell;
use neuronbus::gate::{
    Admissions, Gate, GateAccount, GateError, GateLink, GatePast, Outbound, Outlook, Refusal,
};
use neuronbus::id::NeuronId;
use neuronbus::spike::SpikeKind;

use crate::answer::Piece;
use crate::engine::{Command, Engine, Key, Limits, Post};
use crate::failure::{Failure, FailureKind, shorten};
use crate::provider::Provider;
use crate::request::{Cancel, Request};

/// Pieces admitted in one tick; what is left comes in the next.
const PER_TICK: usize = 4096;

/// A gate to one provider; put it into a region with [`Region::gated`](neuronbus::region::Region::gated).
pub struct LlmGate {
    path: String,
    provider: Arc<dyn Provider>,
    limits: Limits,
    holds_time: bool,
    engine: Option<Engine>,
    bell: Option<Arc<Doorbell>>,
    desk: Frontdesk,
    /// Under way when the run that is taken up ended.
    resumed: Vec<(NeuronId, Box<Request>)>,
    /// Found no room in the arena, and whether the gate made it itself.
    held: Option<(Post, bool)>,
}

impl LlmGate {
    /// A gate at this path to a provider.
    pub fn new(path: &str, provider: impl Provider, limits: Limits) -> Self {
        Self {
            path: path.to_owned(),
            provider: Arc::new(provider),
            limits,
            holds_time: false,
            engine: None,
            bell: None,
            desk: Frontdesk::default(),
            resumed: Vec::new(),
            held: None,
        }
    }

    /// Lets cortex time stand still while an answer is under way: a simulation at [`Pace::Free`] does not run ahead of
    /// its models.
    ///
    /// [`Pace::Free`]: neuronbus::pace::Pace::Free
    #[must_use]
    pub fn holding_time(mut self) -> Self {
        self.holds_time = true;
        self
    }

    /// The next piece, and whether the gate made it itself.
    fn next(&mut self) -> Option<(Post, bool)> {
        let own = |post| (post, true);
        let held = self.held.take().or_else(|| self.desk.posts.pop_front().map(own));
        held.or_else(|| Some((self.engine.as_mut()?.next()?, false)))
    }
}

/// Who waits for an answer; the same for every kind of model behind a gate.
#[derive(Debug, Default)]
pub(crate) struct Frontdesk {
    atlas: Option<Arc<Atlas>>,
    /// Requests whose answer has not come to its end, as they came.
    live: BTreeMap<Key, Vec<u8>>,
    /// Whether other requests are live than the last bookmark says.
    changed: bool,
    /// Answers of the gate itself.
    pub(crate) posts: VecDeque<Post>,
    refused: BTreeMap<&'static str, (u64, String)>,
    /// Pieces of requests that nobody waits for.
    pub(crate) late: u64,
    pub(crate) taken: u64,
    admitted: u64,
    buffer: Vec<u8>,
}

/// What a spike that reached the gate asks for.
pub(crate) enum Asked {
    Begin(NeuronId, Box<Request>),
    Cancel(Vec<Key>, String),
}

impl Frontdesk {
    pub(crate) fn open(&mut self, link: &GateLink) {
        self.atlas = Some(link.atlas.clone());
    }

    /// Reads a spike. A request is live from here on; what is cancelled is no longer.
    pub(crate) fn read(&mut self, out: &Outbound<'_>, most: usize) -> Option<Asked> {
        let source = out.spike.source().ok()?;
        match out.spike.kind() {
            Ok(SpikeKind::Excitatory) => self.read_request(source, out.payload, most),
            Ok(SpikeKind::Inhibitory) => Some(self.read_cancel(source, out.payload)),
            // A reward that reaches a gate is none of a model's business.
            _ => None,
        }
    }

    fn read_request(&mut self, source: NeuronId, payload: &[u8], most: usize) -> Option<Asked> {
        let mut request = match serde_json::from_slice::<Box<Request>>(payload) {
            Ok(request) => request,
            Err(error) => {
                self.refuse("not-a-request", || error.to_string());
                let failure = Failure::new(FailureKind::Rejected, format!("no request: {error}"));
                self.answer((source, 0), failure);
                return None;
            }
        };
        if self.live.len() >= most {
            let message = format!("the gate has {most} requests and takes no more");
            self.refuse("busy", || message.clone());
            self.answer((source, request.number), Failure::new(FailureKind::Busy, message));
            return None;
        }
        // Whose money it is, is for the gate to say and not for the one who spends it.
        request.agent = self.address(source);
        self.live.insert((source, request.number), payload.to_vec());
        self.changed = true;
        self.taken += 1;
        Some(Asked::Begin(source, request))
    }

    fn read_cancel(&mut self, source: NeuronId, payload: &[u8]) -> Asked {
        let of_source = |key: &&Key| key.0 == source;
        let (keys, reason): (Vec<Key>, String) = match serde_json::from_slice::<Cancel>(payload) {
            Ok(cancel) => {
                let key = (source, cancel.number);
                (self.live.contains_key(&key).then_some(key).into_iter().collect(), cancel.reason)
            }
            Err(_) => {
                let own: Vec<Key> = self.live.keys().filter(of_source).copied().collect();
                // Who asks nothing here speaks for all: a guard that stops whatever is being said.
                let asks = own.is_empty();
                let keys = if asks { self.live.keys().copied().collect() } else { own };
                (keys, "inhibited".to_owned())
            }
        };
        for key in &keys {
            self.live.remove(key);
            self.changed = true;
            // The end is told at once, and before anything that the agent might ask next.
            self.answer(*key, Failure::new(FailureKind::Cancelled, reason.clone()));
        }
        Asked::Cancel(keys, reason)
    }

    fn answer(&mut self, key: Key, failure: Failure) {
        let piece = Piece::Failed(failure);
        self.posts.push_back(Post { key, piece, at: None });
    }

    fn refuse(&mut self, kind: &'static str, sample: impl FnOnce() -> String) {
        let entry = self.refused.entry(kind).or_insert_with(|| (0, shorten(&sample())));
        entry.0 += 1;
    }

    /// Tells a piece to the agent that waits for it, or that the gate answers itself. False if there was no room and it
    /// must be tried again.
    pub(crate) fn tell(&mut self, post: &Post, own: bool, inbound: &mut Admissions<'_>) -> bool {
        if !own && !self.live.contains_key(&post.key) {
            self.late += 1;
            return true;
        }
        if let Some(at) = post.at {
            inbound.stamp(at);
        }
        self.buffer.clear();
        post.piece.encode(post.key.1, &mut self.buffer);
        match inbound.tell(post.key.0, SpikeKind::Excitatory, 0, &self.buffer) {
            Ok(()) => self.admitted += 1,
            Err(error) if error.may_pass() => return false,
            Err(error) => self.refuse("not-admitted", || error.to_string()),
        }
        if !own && post.piece.is_last() {
            self.live.remove(&post.key);
            self.changed = true;
        }
        true
    }

    /// Leaves word of the live requests, should a run have to go on from its journal: for each the source u16, the
    /// length u32, and the request as it came.
    pub(crate) fn bookmark(&mut self, inbound: &mut Admissions<'_>) {
        if std::mem::take(&mut self.changed) {
            self.buffer.clear();
            for ((source, _), payload) in &self.live {
                self.buffer.extend_from_slice(&source.raw().to_le_bytes());
                self.buffer.extend_from_slice(&(payload.len() as u32).to_le_bytes());
                self.buffer.extend_from_slice(payload);
            }
            // Tried again with the next change; a journal that takes nothing is in the report.
            self.changed = inbound.bookmark(&self.buffer).is_err();
        }
    }

    /// The requests of a bookmark, which are live again.
    pub(crate) fn resume(&mut self, bookmark: &[u8]) -> Option<Vec<(NeuronId, Box<Request>)>> {
        let mut found = Vec::new();
        let mut rest = bookmark;
        while let Some((source, after)) = rest.split_first_chunk::<2>() {
            let (length, after) = after.split_first_chunk::<4>()?;
            let (payload, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            let source = NeuronId::new(u16::from_le_bytes(*source)).ok()?;
            let request: Box<Request> = serde_json::from_slice(payload).ok()?;
            let key = (source, request.number);
            self.live.insert(key, payload.to_vec());
            self.posts.push_back(Post { key, piece: Piece::Restarted, at: None });
            found.push((source, request));
            rest = after;
        }
        Some(found)
    }

    /// The address that a request is made in the name of.
    pub(crate) fn address(&self, source: NeuronId) -> String {
        self.atlas.as_ref().map(|atlas| atlas.address(source)).unwrap_or_default()
    }

    /// What there is to expect.
    pub(crate) fn outlook(&self, holds_time: bool) -> Outlook {
        match self.live.is_empty() && self.posts.is_empty() {
            true => Outlook::Ended,
            false if holds_time => Outlook::Hold,
            false => Outlook::Open,
        }
    }

    pub(crate) fn account(&self, notes: Vec<String>) -> GateAccount {
        let refused = self.refused.iter().map(|(kind, (count, sample))| Refusal {
            kind: (*kind).to_owned(),
            count: *count,
            sample: sample.clone(),
        });
        let (taken, admitted, late) = (self.taken, self.admitted, self.late);
        let own = format!(
            "requests: {taken} taken, {} live; pieces: {admitted} admitted, {late} late and dropped",
            self.live.len()
        );
        let notes = [own].into_iter().chain(notes).collect();
        GateAccount { axons: Vec::new(), refused: refused.collect(), notes }
    }
}

impl Gate for LlmGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.desk.open(&link);
        self.bell = Some(link.doorbell.clone());
        let engine = Engine::start(self.provider.clone(), self.limits.clone(), link.doorbell);
        let engine = engine.map_err(|error| {
            GateError::new(self.path.clone(), format!("its thread cannot be started: {error}"))
        })?;
        for (owner, mut request) in std::mem::take(&mut self.resumed) {
            request.agent = self.desk.address(owner);
            // The thread has just been started.
            _ = engine.commands.send(Command::Begin(owner, request));
        }
        self.engine = Some(engine);
        Ok(())
    }

    fn resume(&mut self, past: &GatePast) -> Result<(), GateError> {
        let resumed = self.desk.resume(past.bookmark.as_deref().unwrap_or_default());
        self.resumed = resumed.ok_or_else(|| {
            GateError::new(self.path.clone(), "the requests in its bookmark cannot be read")
        })?;
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        if let Some(engine) = &self.engine {
            engine.answer();
        }
        self.desk.bookmark(inbound);
        for _ in 0..PER_TICK {
            let Some((post, own)) = self.next() else {
                self.desk.bookmark(inbound);
                return Ok(self.desk.outlook(self.holds_time));
            };
            if !self.desk.tell(&post, own, inbound) {
                self.held = Some((post, own));
                break;
            }
        }
        Ok(Outlook::At(neuronbus::time::Tick(inbound.tick().0 + 1)))
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
        for out in outbound {
            let Some(asked) = self.desk.read(out, self.limits.requests) else { continue };
            let Some(engine) = &self.engine else { continue };
            match asked {
                Asked::Begin(owner, request) => {
                    // Refused only after the thread has ended, which it does when the gate closes.
                    _ = engine.commands.send(Command::Begin(owner, request));
                }
                Asked::Cancel(keys, reason) => {
                    for key in keys {
                        _ = engine.commands.send(Command::Cancel(key, reason.clone()));
                    }
                }
            }
        }
        Ok(outbound.len())
    }

    fn answers(&self) -> bool {
        true
    }

    fn close(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.stop();
        }
    }

    fn account(&self) -> GateAccount {
        let tally = self.engine.as_ref().map(|engine| &engine.tally);
        let notes = tally.map(|tally| {
            // relaxed: counters for people.
            let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
            format!(
                "{}: {} sent, {} of them again, {} cancelled, breaker opened {} times; tokens: {} read, {} written",
                self.provider.model(),
                read(&tally.sent),
                read(&tally.repeated),
                read(&tally.cancelled),
                read(&tally.breaker_opened),
                read(&tally.input),
                read(&tally.output)
            )
        });
        self.desk.account(notes.into_iter().collect())
    }
}

impl std::fmt::Debug for LlmGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LlmGate")
            .field("path", &self.path)
            .field("model", &self.provider.model())
            .finish_non_exhaustive()
    }
}
