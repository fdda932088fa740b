//! The thread of a wire: it keeps a connection, moves bytes over it, and sleeps when there is nothing to do.
//!
//! What moves the bytes is a [`Mover`]; there is one for each back end. Everything else is here: which connection is
//! the live one, when it is cut, when to say that this side is still there, and how a wire ends.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use neuronbus::pace::Stamp;

use crate::dialer::{Arrival, HANDSHAKE};
use crate::session::{Broken, Session};
use crate::shared::Shared;
use crate::wake::Wake;

/// How long the other side may take to close its end after it was told goodbye.
const PARTING: Duration = Duration::from_millis(500);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the other side closed the connection")]
    Closed,
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("nothing came for {0:?}")]
    Silence(Duration),
    #[error("the back end failed: {0}")]
    Backend(std::io::Error),
}

/// What one round of an exchange moved.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    pub(crate) received: usize,
    pub(crate) sent: usize,
}

/// Moves bytes between a session and one connection at a time, without waiting.
pub(crate) trait Mover {
    /// Takes a connection; the one before is gone.
    fn attach(&mut self, stream: TcpStream) -> std::io::Result<()>;

    /// Lets go of the connection.
    fn detach(&mut self);

    /// Nothing more will be sent.
    fn shutdown(&mut self, how: Shutdown);

    /// Receives into the session and sends from it, as much as goes without waiting, but not for ever.
    fn exchange(&mut self, session: &mut Session) -> Result<Moved, Cut>;

    /// Whether bytes are staged that the connection has not taken.
    fn is_sending(&self) -> bool;

    /// Sleeps until the connection can move bytes, somebody pokes, or a time has passed.
    fn wait(&mut self, timeout: Option<Duration>) -> std::io::Result<()>;
}

/// A wire's thread without its mover.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) session: Session,
    pub(crate) shared: Arc<Shared>,
    pub(crate) wake: Arc<Wake>,
    pub(crate) arrivals: Receiver<Arrival>,
    /// Asks for a connection and says whether the last was good; nothing where the other side comes to us.
    pub(crate) requests: Option<Sender<bool>>,
    pub(crate) heartbeat: Duration,
    pub(crate) silence: Duration,
    pub(crate) ends_with_peer: bool,
}

/// The times that matter to a live connection.
#[derive(Debug, Clone, Copy)]
struct Clock {
    heard: Stamp,
    spoke: Stamp,
}

enum Next {
    Again,
    Sleep(Option<Duration>),
    End,
}

impl Line {
    /// Runs until the user's end asks for the end, or the other side is done.
    pub(crate) fn run(mut self, mover: &mut impl Mover) {
        self.ask(true);
        let mut live: Option<Clock> = None;
        let mut closing: Option<Stamp> = None;
        let mut parted: Option<Stamp> = None;
        // bound: `step` says when to end; between two rounds it sleeps unless there is work
        loop {
            let seen = self.wake.count();
            let now = Stamp::now();
            if closing.is_none() && self.shared.closing().is_some() {
                closing = Some(now);
                // What has come so far is confirmed; what comes from here on is not.
                self.session.beat();
                self.session.deaf = true;
            }
            self.adopt(mover, &mut live, now);
            let moved = self.exchange(mover, &mut live, now);
            if self.session.peer_is_done && self.part(mover, &mut live) {
                break;
            }
            let next = match closing {
                Some(since) => self.close(mover, live, since, &mut parted, now),
                None => Next::Sleep(live.map(|clock| self.watch(mover, &mut live, clock, now))),
            };
            match next {
                Next::End => break,
                Next::Again => continue,
                Next::Sleep(_) if moved => continue,
                Next::Sleep(timeout) => {
                    if self.wake.park(seen) {
                        if let Err(error) = mover.wait(timeout) {
                            self.cut(mover, &mut live, &Cut::Backend(error));
                        }
                        self.wake.unpark();
                    }
                }
            }
        }
        mover.detach();
        self.shared.end();
    }

    fn ask(&self, was_good: bool) {
        if let Some(requests) = &self.requests {
            // A dialer that has gone was told to.
            let _ = requests.send(was_good);
        }
    }

    /// Takes connections that have been found. One from the life that is connected already takes the place of the old
    /// one, which that life has given up; one from another life is turned away.
    fn adopt(&mut self, mover: &mut impl Mover, live: &mut Option<Clock>, now: Stamp) {
        while let Ok(Arrival { stream, hello }) = self.arrivals.try_recv() {
            let stranger = hello.is_some_and(|hello| hello.id != self.session.peer());
            if live.is_some() && stranger {
                self.refuse("a second side came while the first is connected".to_owned());
                continue;
            }
            *live = None;
            mover.detach();
            self.session.connect();
            let attached = mover.attach(stream).map_err(Cut::from);
            let greeted = attached
                .and_then(|()| Ok(hello.map_or(Ok(()), |hello| self.session.greet(hello))?));
            *live = Some(Clock { heard: now, spoke: now });
            if let Err(cut) = greeted {
                self.cut(mover, live, &cut);
            }
        }
    }

    /// Moves what can be moved; whether that was anything.
    fn exchange(&mut self, mover: &mut impl Mover, live: &mut Option<Clock>, now: Stamp) -> bool {
        let Some(clock) = live else { return false };
        match mover.exchange(&mut self.session) {
            Ok(moved) => {
                if moved.received > 0 {
                    clock.heard = now;
                    self.shared.ring();
                }
                if moved.sent > 0 {
                    clock.spoke = now;
                }
                moved.received + moved.sent > 0
            }
            Err(cut) => {
                // Spikes may have come before the cut.
                self.shared.ring();
                self.cut(mover, live, &cut);
                true
            }
        }
    }

    fn cut(&mut self, mover: &mut impl Mover, live: &mut Option<Clock>, why: &Cut) {
        if live.take().is_none() {
            return;
        }
        match why {
            Cut::Broken(broken) => self.refuse(broken.to_string()),
            Cut::Closed | Cut::Io(_) => {}
            Cut::Silence(_) | Cut::Backend(_) => self.shared.note(why.to_string()),
        }
        let was_good = self.session.is_greeted();
        mover.detach();
        self.session.disconnect();
        self.ask(was_good);
    }

    fn refuse(&self, why: String) {
        Shared::count(&self.shared.foreign, 1);
        self.shared.note(why);
    }

    /// The other side is done; whether the wire is too.
    fn part(&mut self, mover: &mut impl Mover, live: &mut Option<Clock>) -> bool {
        if self.ends_with_peer || self.session.deaf {
            return true;
        }
        self.session.peer_is_done = false;
        self.cut(mover, live, &Cut::Closed);
        false
    }

    /// Sends signs of life and notices when none come; how long until there is something to do.
    fn watch(
        &mut self,
        mover: &mut impl Mover,
        live: &mut Option<Clock>,
        clock: Clock,
        now: Stamp,
    ) -> Duration {
        let since = |then: Stamp| Duration::from_nanos(now.ns_since(then));
        let patience = if self.session.is_greeted() { self.silence } else { HANDSHAKE };
        // A side that has no room does not read, and so hears nothing.
        let quiet = if self.session.stalled { Duration::ZERO } else { since(clock.heard) };
        if live.is_some() && quiet >= patience {
            self.cut(mover, live, &Cut::Silence(patience));
            return Duration::ZERO;
        }
        // What has come is confirmed sooner than a mere sign of life is due.
        let beat = if self.session.owes_ack() { self.heartbeat / 16 } else { self.heartbeat };
        if since(clock.spoke) >= beat && !mover.is_sending() {
            self.session.beat();
            if let Some(clock) = live {
                clock.spoke = now;
            }
            return Duration::ZERO;
        }
        (patience - quiet)
            .min(beat.saturating_sub(since(clock.spoke)).max(Duration::from_millis(1)))
    }

    /// The user's end has gone: what was sent is brought to an end, then the other side is told.
    fn close(
        &mut self,
        mover: &mut impl Mover,
        live: Option<Clock>,
        since: Stamp,
        parted: &mut Option<Stamp>,
        now: Stamp,
    ) -> Next {
        let linger = self.shared.closing().unwrap_or_default();
        let spent = Duration::from_nanos(now.ns_since(since));
        let late = spent >= linger;
        if let Some(then) = *parted {
            let gone = Duration::from_nanos(now.ns_since(then));
            let over = live.is_none() || gone >= PARTING;
            return if over { Next::End } else { Next::Sleep(Some(PARTING - gone)) };
        }
        if !self.session.is_settled() && !late {
            return Next::Sleep(Some(linger - spent));
        }
        if !self.session.is_greeted() {
            // Nobody is there to be told, or not yet.
            let hope = linger.min(HANDSHAKE);
            let coming = live.is_some() && spent < hope;
            return if coming { Next::Sleep(Some(hope - spent)) } else { Next::End };
        }
        if self.session.part() {
            return Next::Again;
        }
        if self.session.has_parted() && !mover.is_sending() {
            mover.shutdown(Shutdown::Write);
            *parted = Some(now);
            return Next::Again;
        }
        // Nobody listens.
        let over = spent >= linger + PARTING;
        if over { Next::End } else { Next::Sleep(Some(linger + PARTING - spent)) }
    }
}
