//! The thread of a gate: an event loop on which requests run, each a task that ends when it is cancelled.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use backon::{BackoffBuilder, ExponentialBuilder};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use neuronbus::axon::{Doorbell, WaitStrategy};
use neuronbus::id::NeuronId;
use neuronbus::pace::Stamp;
use tokio::sync::{Semaphore, mpsc};

use crate::answer::{Finish, Piece, Stop, ToolCall, Usage};
use crate::breaker::{Breaker, BreakerSettings};
use crate::budget::{Budget, Ledger, Price, Reservation};
use crate::caller::Caller;
use crate::cancel::CancelToken;
use crate::failure::{Failure, FailureKind};
use crate::provider::{Pending, Provider, Sink};
use crate::request::Request;

/// Pieces that may wait for the cortex; then the requests wait, and with them the servers.
const WAITING_MOST: usize = 4096;

/// How a gate treats its provider.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests at the provider at one time; others wait. Default 32.
    pub concurrency: usize,
    /// Requests that are sent or wait; more are refused. Default 1,024.
    pub requests: usize,
    /// Requests a minute, as a token bucket that holds one minute's worth. No limit by default.
    pub per_minute: Option<NonZeroU32>,
    /// How often a request is sent again after a transient failure. Default 3.
    pub retries: usize,
    /// Before the first repetition, doubled for each further one, with jitter. Default 500 ms.
    pub backoff: Duration,
    /// Longest pause, also when the provider asks for a longer one. Default 30 s.
    pub backoff_most: Duration,
    /// When requests are refused because the provider fails.
    pub breaker: BreakerSettings,
    /// Largest answer in bytes of text. Default 1 MiB.
    pub answer_bytes: usize,
    /// What may be spent.
    pub budgets: Vec<Budget>,
    /// What tokens cost. Nothing by default.
    pub price: Price,
    /// How the gate's thread waits for its sockets while it has requests. One that never parks hears a token some tens
    /// of microseconds sooner and costs a core; the others sleep at once, whichever it is. Default adaptive.
    pub wait: WaitStrategy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 32,
            requests: 1024,
            per_minute: None,
            retries: 3,
            backoff: Duration::from_millis(500),
            backoff_most: Duration::from_secs(30),
            breaker: BreakerSettings::default(),
            answer_bytes: 1 << 20,
            budgets: Vec::new(),
            price: Price::default(),
            wait: WaitStrategy::default(),
        }
    }
}

/// Whose request, and which.
pub(crate) type Key = (NeuronId, u32);

/// Something for the cortex.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) key: Key,
    pub(crate) piece: Piece,
    /// When it came, if by the clock.
    pub(crate) at: Option<Stamp>,
}

pub(crate) enum Command {
    Begin(NeuronId, Box<Request>),
    Cancel(Key, String),
}

/// What a gate's requests have come to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) input: AtomicU64,
    pub(crate) output: AtomicU64,
    pub(crate) breaker_opened: AtomicU64,
}

/// The gate's side of its thread.
pub(crate) struct Engine {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    posts: mpsc::Receiver<Post>,
    caller: Arc<Caller>,
    pub(crate) tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread.
    pub(crate) fn start(
        provider: Arc<dyn Provider>,
        limits: Limits,
        bell: Arc<Doorbell>,
    ) -> std::io::Result<Self> {
        // bound: the gate counts the requests that live and refuses more than its limit.
        let (commands, inbox) = mpsc::unbounded_channel();
        let (outbox, posts) = mpsc::channel(WAITING_MOST);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tally = Arc::new(Tally::default());
        let caller = Arc::new(Caller::new(bell));
        let shared = Shared::new(provider, limits, outbox, caller.clone(), tally.clone());
        let shared = Arc::new(shared);
        let builder = std::thread::Builder::new().name("neuronbus-llm".to_owned());
        let thread = builder.spawn(move || runtime.block_on(attend(shared, inbox)))?;
        Ok(Self { commands, posts, caller, tally, thread: Some(thread) })
    }

    /// The cortex has come for what there is: what is posted from here on calls it again.
    pub(crate) fn answer(&self) {
        self.caller.answered();
    }

    /// The next piece.
    pub(crate) fn next(&mut self) -> Option<Post> {
        self.posts.try_recv().ok()
    }

    /// Ends all requests, which closes their connections, and waits for the thread.
    pub(crate) fn stop(self) {
        let Self { commands, posts, thread, .. } = self;
        // The thread ends when nobody can ask it anything; nobody reads what it says on the way.
        drop((commands, posts));
        if let Some(thread) = thread {
            // A panic there has been printed, and the run is over.
            _ = thread.join();
        }
    }
}

/// Never ends, and keeps the event loop looking at its sockets; for threads that have a core to spare.
async fn stay_awake(wait: WaitStrategy) {
    match wait {
        WaitStrategy::BusySpin | WaitStrategy::SpinLoopHint => loop {
            tokio::task::yield_now().await;
        },
        WaitStrategy::YieldThenPark | WaitStrategy::Adaptive => std::future::pending().await,
    }
}

/// Takes commands until there can be no more; what runs then is dropped with the event loop.
async fn attend(shared: Arc<Shared>, mut inbox: mpsc::UnboundedReceiver<Command>) {
    let caller = shared.caller.clone();
    tokio::spawn(async move { caller.call().await });
    let tokens: Arc<Mutex<HashMap<Key, CancelToken>>> = Arc::default();
    while let Some(command) = inbox.recv().await {
        match command {
            Command::Begin(owner, request) => {
                let key = (owner, request.number);
                let token = CancelToken::new();
                lock(&tokens).insert(key, token.clone());
                let (shared, tokens) = (shared.clone(), tokens.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        biased;
                        () = shared.serve(key, &request, &token) => {}
                        () = stay_awake(shared.limits.wait) => {}
                    }
                    lock(&tokens).remove(&key);
                });
            }
            Command::Cancel(key, reason) => {
                if let Some(token) = lock(&tokens).get(&key) {
                    token.cancel(reason);
                }
            }
        }
    }
}

/// What the requests share.
struct Shared {
    provider: Arc<dyn Provider>,
    limits: Limits,
    outbox: mpsc::Sender<Post>,
    caller: Arc<Caller>,
    tally: Arc<Tally>,
    places: Semaphore,
    bucket: Option<DefaultDirectRateLimiter>,
    breaker: Mutex<Breaker>,
    ledger: Mutex<Ledger>,
    began: Instant,
}

impl Shared {
    fn new(
        provider: Arc<dyn Provider>,
        limits: Limits,
        outbox: mpsc::Sender<Post>,
        caller: Arc<Caller>,
        tally: Arc<Tally>,
    ) -> Self {
        let places = Semaphore::new(limits.concurrency.clamp(1, Semaphore::MAX_PERMITS));
        let bucket = limits.per_minute.map(|most| RateLimiter::direct(Quota::per_minute(most)));
        let breaker = Mutex::new(Breaker::new(limits.breaker));
        let ledger = Mutex::new(Ledger::new(limits.budgets.clone(), limits.price));
        let began = now();
        Self { provider, limits, outbox, caller, tally, places, bucket, breaker, ledger, began }
    }

    /// One request from its beginning to its end, which is posted unless the gate has told it with the cancellation.
    async fn serve(&self, key: Key, request: &Request, token: &CancelToken) {
        let most = Usage {
            input: request.estimated_tokens(),
            output: u64::from(request.max_tokens),
            cached: 0,
        };
        let reserved = lock(&self.ledger).reserve(&request.agent, most, today());
        let reserved = match reserved {
            Ok(reserved) => reserved,
            Err(over) => {
                let failure = Failure::new(FailureKind::Budget, over.to_string());
                return self.post(key, Piece::Failed(failure)).await;
            }
        };
        let mut sink = Outlet { shared: self, key, texts: 0, bytes: 0 };
        let outcome = tokio::select! {
            // Looked at first: what has come together with a cancellation stays out.
            biased;
            reason = token.cancelled() => {
                self.tally.cancelled.fetch_add(1, Ordering::Relaxed);
                Err(Failure::new(FailureKind::Cancelled, reason))
            }
            outcome = self.attempts(request, &mut sink) => outcome,
        };
        // A provider counts at the end of an answer; what was broken off is estimated.
        let written = Usage { output: sink.texts, ..most };
        let piece = self.settle(request, reserved, outcome, written);
        if token.reason().is_none() {
            self.post(key, piece).await;
        }
    }

    fn settle(
        &self,
        request: &Request,
        reserved: Reservation,
        outcome: Result<(Stop, Usage), Failure>,
        written: Usage,
    ) -> Piece {
        let used = match &outcome {
            Ok((_, usage)) => *usage,
            Err(_) if written.output > 0 => written,
            Err(_) => Usage::default(),
        };
        // relaxed: counters for people.
        self.tally.input.fetch_add(used.input, Ordering::Relaxed);
        self.tally.output.fetch_add(used.output, Ordering::Relaxed);
        let cost = lock(&self.ledger).settle(&request.agent, reserved, used);
        match outcome {
            Ok((stop, usage)) => {
                let model = request.model.as_deref().unwrap_or(self.provider.model());
                Piece::Finished(Finish { stop, usage, cost, model: model.to_owned() })
            }
            Err(failure) => Piece::Failed(failure),
        }
    }

    /// Sends a request, again after a transient failure as long as no text has come.
    async fn attempts(
        &self,
        request: &Request,
        sink: &mut Outlet<'_>,
    ) -> Result<(Stop, Usage), Failure> {
        let closed = || Failure::new(FailureKind::Closed, "the gate is closing");
        let _place = self.places.acquire().await.map_err(|_| closed())?;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.limits.backoff)
            .with_max_delay(self.limits.backoff_most)
            .with_max_times(self.limits.retries)
            .with_jitter()
            .build();
        let mut pauses = pauses;
        loop {
            self.wait_for_the_bucket().await;
            let failure = match self.attempt(request, sink).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let again = failure.kind.is_transient() && sink.texts == 0;
            let Some(pause) = again.then(|| pauses.next()).flatten() else { return Err(failure) };
            let asked = failure.retry_after_ms.map(Duration::from_millis);
            let pause = asked.map_or(pause, |asked| asked.max(pause)).min(self.limits.backoff_most);
            self.tally.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
        }
    }

    async fn wait_for_the_bucket(&self) {
        let Some(bucket) = &self.bucket else { return };
        while let Err(not_yet) = bucket.check() {
            let now = governor::clock::Clock::now(bucket.clock());
            tokio::time::sleep(not_yet.wait_time_from(now)).await;
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        sink: &mut Outlet<'_>,
    ) -> Result<(Stop, Usage), Failure> {
        let trial = Trial::begin(self)?;
        self.tally.sent.fetch_add(1, Ordering::Relaxed);
        let outcome = self.provider.invoke(request, sink).await;
        trial.end(outcome.as_ref().err());
        outcome
    }

    async fn post(&self, key: Key, piece: Piece) {
        // Refused only when the gate is closed, and then nobody asks any more.
        if self.outbox.send(Post { key, piece, at: Some(Stamp::now()) }).await.is_ok() {
            self.caller.posted();
        }
    }
}

/// A request that the breaker let through; one that is dropped without an end was given up by us.
struct Trial<'a> {
    shared: &'a Shared,
    ended: bool,
}

impl<'a> Trial<'a> {
    fn begin(shared: &'a Shared) -> Result<Self, Failure> {
        if lock(&shared.breaker).admits(shared.began.elapsed()) {
            return Ok(Self { shared, ended: false });
        }
        let model = shared.provider.model();
        let message = format!("{model} failed too often and is not asked for a while");
        Err(Failure::new(FailureKind::BreakerOpen, message))
    }

    fn end(mut self, failure: Option<&Failure>) {
        self.ended = true;
        let mut breaker = lock(&self.shared.breaker);
        match failure {
            Some(failure) if failure.kind.is_the_providers() => {
                breaker.failed(self.shared.began.elapsed());
                self.shared.tally.breaker_opened.store(breaker.opened(), Ordering::Relaxed);
            }
            _ => breaker.succeeded(),
        }
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if !self.ended {
            lock(&self.shared.breaker).abandoned(self.shared.began.elapsed());
        }
    }
}

/// Where one request's answer goes: to the cortex, as long as it keeps to its size.
struct Outlet<'a> {
    shared: &'a Shared,
    key: Key,
    texts: u64,
    bytes: usize,
}

impl Outlet<'_> {
    async fn pass(&mut self, bytes: usize, piece: Piece) -> Result<(), Failure> {
        self.bytes += bytes;
        let most = self.shared.limits.answer_bytes;
        if self.bytes > most {
            let message = format!("an answer above {most} bytes is refused");
            return Err(Failure::new(FailureKind::TooLarge, message));
        }
        self.texts += 1;
        self.shared.post(self.key, piece).await;
        Ok(())
    }
}

impl Sink for Outlet<'_> {
    fn text(&mut self, text: String) -> Pending<'_, ()> {
        Box::pin(self.pass(text.len(), Piece::Text(text)))
    }

    fn tool_call(&mut self, call: ToolCall) -> Pending<'_, ()> {
        let bytes = call.arguments.len() + call.name.len();
        Box::pin(self.pass(bytes, Piece::ToolCall(call)))
    }
}

/// A lock whose holder panicked guards plain numbers, which are as good as before.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "the breaker's pause is on the gate's own thread")]
fn now() -> Instant {
    Instant::now()
}

/// The number of the day since 1970.
#[expect(clippy::disallowed_methods, reason = "budgets are of days, on the gate's own thread")]
fn today() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() / 86_400
}
