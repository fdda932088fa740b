//! A model that says what it was told to say: for tests, demonstrations, and work without a network.
//!
//! Behind a [`ScriptedGate`] its time is cortex time: a token is admitted in the tick that its script gives it, so that
//! a run at [`Pace::Free`](neuronbus::pace::Pace::Free) takes no longer than its arithmetic and is the same to the bit.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use neuronbus::axon::Doorbell;
use neuronbus::gate::{
    Admissions, Gate, GateAccount, GateError, GateLink, GatePast, Outbound, Outlook,
};
use neuronbus::id::NeuronId;
use neuronbus::time::{Span, Tick, TickLength, Ticks};

use crate::answer::{Finish, Piece, Stop, ToolCall, Usage};
use crate::budget::Price;
use crate::engine::Post;
use crate::failure::Failure;
use crate::gate::{Asked, Frontdesk};
use crate::provider::{ModelInfo, Pending, Provider, Sink};
use crate::request::Request;

type Script = dyn Fn(&Request) -> Reply + Send + Sync;

/// What a script answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// The text, which comes word by word.
    pub text: String,
    /// A tool to ask for behind it.
    pub call: Option<ToolCall>,
    /// How it fails when the text is out.
    pub failure: Option<Failure>,
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A deterministic model.
///
/// | setting | default | meaning |
/// | --- | --- | --- |
/// | `first` | 50 ms | until the first token |
/// | `each` | 20 to 30 ms | from token to token, drawn from the seed, the agent and the request's number |
/// | `seed` | 0 | of those draws |
/// | `price` | nothing | of a million tokens |
#[derive(Clone)]
pub struct ScriptedModel {
    name: String,
    script: Arc<Script>,
    first: Duration,
    each: RangeInclusive<Duration>,
    seed: u64,
    price: Price,
}

impl ScriptedModel {
    /// A model of this name that answers with a function of the request.
    pub fn new<R: Into<Reply>>(
        name: &str,
        script: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            script: Arc::new(move |request| script(request).into()),
            first: Duration::from_millis(50),
            each: Duration::from_millis(20)..=Duration::from_millis(30),
            seed: 0,
            price: Price::default(),
        }
    }

    /// A model that always says the same.
    #[must_use]
    pub fn saying(text: &str) -> Self {
        let text = text.to_owned();
        Self::new("scripted", move |_: &Request| text.clone())
    }

    /// The same with other times: until the first token, and from token to token.
    #[must_use]
    pub fn taking(mut self, first: Duration, each: RangeInclusive<Duration>) -> Self {
        (self.first, self.each) = (first, each);
        self
    }

    /// The same with another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same with a price.
    #[must_use]
    pub fn price(mut self, price: Price) -> Self {
        self.price = price;
        self
    }

    /// A gate at this path, in cortex time.
    #[must_use]
    pub fn gate(self, path: &str) -> ScriptedGate {
        ScriptedGate {
            path: path.to_owned(),
            model: self,
            desk: Frontdesk::default(),
            due: BTreeMap::new(),
            scheduled: 0,
            length: TickLength::default(),
            bell: None,
            resumed: Vec::new(),
        }
    }

    /// What it answers, each piece with the time since the one before.
    fn play(&self, request: &Request) -> Vec<(Duration, Piece)> {
        let reply = (self.script)(request);
        let words = words(&reply.text);
        let most = request.max_tokens as usize;
        let cut = words.len() > most;
        let mut pieces: Vec<Piece> =
            words.into_iter().take(most).map(|word| Piece::Text(word.to_owned())).collect();
        let output = pieces.len() as u64 + u64::from(reply.call.is_some());
        let usage = Usage { input: request.estimated_tokens(), cached: 0, output };
        let stop = match (&reply.call, cut) {
            (_, true) => Stop::MaxTokens,
            (Some(_), _) => Stop::ToolUse,
            (None, _) => Stop::End,
        };
        pieces.extend(reply.call.map(Piece::ToolCall));
        let (cost, model) = (self.price.of(usage), self.name.clone());
        pieces.push(match reply.failure {
            Some(failure) => Piece::Failed(failure),
            None => Piece::Finished(Finish { stop, usage, cost, model }),
        });
        let timed = pieces.into_iter().enumerate();
        timed.map(|(index, piece)| (self.pause(request, index, &piece), piece)).collect()
    }

    /// How long before a piece.
    fn pause(&self, request: &Request, index: usize, piece: &Piece) -> Duration {
        match (index, piece) {
            // The end comes with the last token.
            (1.., piece) if piece.is_last() => Duration::ZERO,
            (0, _) => self.first,
            _ => {
                let (low, high) = (self.each.start().as_nanos(), self.each.end().as_nanos());
                let span = high.saturating_sub(low) as u64 + 1;
                let drawn = draw(self.seed, &request.agent, request.number, index) % span;
                Duration::from_nanos(low as u64 + drawn)
            }
        }
    }
}

/// A number that depends on nothing but these.
fn draw(seed: u64, agent: &str, number: u32, index: usize) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(agent.as_bytes());
    hasher.update(&number.to_le_bytes()).update(&(index as u64).to_le_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// The words of a text, each with the space in front of it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut from = 0;
    for (at, c) in text.char_indices() {
        let ends_word = c == ' ' && at > from;
        if ends_word {
            words.push(&text[from..at]);
            from = at;
        }
    }
    if from < text.len() {
        words.push(&text[from..]);
    }
    words
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Provider for ScriptedModel {
    fn model(&self) -> &str {
        &self.name
    }

    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        sink: &'a mut dyn Sink,
    ) -> Pending<'a, (Stop, Usage)> {
        Box::pin(async move {
            for (pause, piece) in self.play(request) {
                tokio::time::sleep(pause).await;
                match piece {
                    Piece::Text(text) => sink.text(text).await?,
                    Piece::ToolCall(call) => sink.tool_call(call).await?,
                    Piece::Finished(finish) => return Ok((finish.stop, finish.usage)),
                    Piece::Failed(failure) => return Err(failure),
                    // A script begins once.
                    Piece::Restarted => {}
                }
            }
            unreachable!("what is played ends with a finish or a failure")
        })
    }

    fn validate_api_key(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn get_model_info(&self) -> Pending<'_, ModelInfo> {
        let info = ModelInfo { name: self.name.clone(), owner: None, context_tokens: None };
        Box::pin(std::future::ready(Ok(info)))
    }
}

/// A scripted model behind a gate, in cortex time; [`ScriptedModel::gate`] makes it.
#[derive(Debug)]
pub struct ScriptedGate {
    path: String,
    model: ScriptedModel,
    desk: Frontdesk,
    /// Pieces by the tick they belong to, and the order in which they were scheduled.
    due: BTreeMap<(Tick, u64), Post>,
    scheduled: u64,
    length: TickLength,
    bell: Option<Arc<Doorbell>>,
    /// Under way when the run that is taken up ended.
    resumed: Vec<(NeuronId, Box<Request>)>,
}

impl ScriptedGate {
    fn schedule(&mut self, owner: NeuronId, request: &Request, asked: Tick) {
        let mut after = Duration::ZERO;
        for (pause, piece) in self.model.play(request) {
            after += pause;
            let Ticks(ticks) = self.length.ticks(Span::Time(after));
            let tick = Tick(asked.0 + ticks.max(1));
            let post = Post { key: (owner, request.number), piece, at: None };
            self.due.insert((tick, self.scheduled), post);
            self.scheduled += 1;
        }
    }
}

impl Gate for ScriptedGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.desk.open(&link);
        self.length = link.tick_length;
        self.bell = Some(link.doorbell);
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
        let now = inbound.tick();
        for (owner, mut request) in std::mem::take(&mut self.resumed) {
            request.agent = self.desk.address(owner);
            self.schedule(owner, &request, now);
        }
        self.desk.bookmark(inbound);
        let later = Ok(Outlook::At(Tick(now.0 + 1)));
        while let Some(post) = self.desk.posts.pop_front() {
            if !self.desk.tell(&post, true, inbound) {
                self.desk.posts.push_front(post);
                return later;
            }
        }
        while let Some(first) = self.due.first_entry() {
            let tick = first.key().0;
            if tick > now {
                return Ok(Outlook::At(tick));
            }
            let (place, post) = first.remove_entry();
            if !self.desk.tell(&post, false, inbound) {
                self.due.insert(place, post);
                return later;
            }
        }
        self.desk.bookmark(inbound);
        Ok(Outlook::Ended)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        for out in outbound {
            match self.desk.read(out, usize::MAX) {
                Some(Asked::Begin(owner, request)) => self.schedule(owner, &request, out.tick),
                Some(Asked::Cancel(keys, _)) => {
                    self.due.retain(|_, post| !keys.contains(&post.key));
                }
                None => {}
            }
        }
        if let Some(bell) = &self.bell {
            bell.ring();
        }
        Ok(outbound.len())
    }

    fn answers(&self) -> bool {
        true
    }

    fn account(&self) -> GateAccount {
        self.desk.account(vec![format!("{}: {} by script", self.path, self.model.name)])
    }
}
