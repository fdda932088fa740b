//! Finding the other side: a thread that listens or connects, and hands connections to the thread of the wire.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use neuronbus::pace::Stamp;

use crate::backoff::Backoff;
use crate::frame::{Frame, FrameError, HELLO_BYTES, Hello, LENGTH_BYTES, check_length};
use crate::shared::Shared;
use crate::wake::Wake;

/// How long one attempt to connect may take, and how long a stranger may take to say hello.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(2);

/// A connection that has been found.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) stream: TcpStream,
    /// Read already where the other side came to us.
    pub(crate) hello: Option<Hello>,
}

/// Where found connections go.
#[derive(Debug, Clone)]
pub(crate) struct Handover {
    pub(crate) arrivals: Sender<Arrival>,
    pub(crate) wake: Arc<Wake>,
    pub(crate) shared: Arc<Shared>,
}

impl Handover {
    /// False if the wire has gone.
    fn give(&self, stream: TcpStream, hello: Option<Hello>) -> bool {
        let given = self.arrivals.send(Arrival { stream, hello }).is_ok();
        self.wake.ring();
        given
    }

    fn refuse(&self, from: SocketAddr, why: &Refused) {
        // A connection that broke before it said anything has come to nothing, and was tried.
        if !matches!(why, Refused::Broke(_)) {
            Shared::count(&self.shared.foreign, 1);
        }
        self.shared.note(format!("a connection from {}: {why}", from.ip()));
    }
}

/// Why a connection that somebody made was not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("it broke before its hello: {0}")]
    Broke(std::io::Error),
    #[error("no hello came for {HANDSHAKE:?}")]
    Silent,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("another frame came where a hello was due")]
    Other,
}

/// Connects whenever it is asked to; `requests` says whether the last connection was a good one.
pub(crate) fn connect(
    address: &str,
    mut backoff: Backoff,
    requests: &Receiver<bool>,
    handover: &Handover,
) {
    while let Ok(was_good) = requests.recv() {
        if was_good {
            backoff.reset();
        } else if !rest(requests, backoff.next_delay()) {
            return;
        }
        // bound: ends when the wire goes
        loop {
            match attempt(address) {
                Ok(stream) => {
                    if !handover.give(stream, None) {
                        return;
                    }
                    break;
                }
                Err(why) => handover.shared.note(format!("connecting to {address}: {why}")),
            }
            if !rest(requests, backoff.next_delay()) {
                return;
            }
        }
    }
}

/// Waits, and says whether the wire is still there.
fn rest(requests: &Receiver<bool>, delay: Duration) -> bool {
    requests.recv_timeout(delay) != Err(RecvTimeoutError::Disconnected)
}

fn attempt(address: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("the name has no address");
    for place in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&place, HANDSHAKE) {
            Ok(stream) => return ready(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn ready(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

const LISTENER: mio::Token = mio::Token(0);
const STOP: mio::Token = mio::Token(1);

/// A bound address, and what ends the waiting at it.
#[derive(Debug)]
pub(crate) struct Door {
    poll: mio::Poll,
    listener: mio::net::TcpListener,
    stop: Arc<mio::Waker>,
}

impl Door {
    pub(crate) fn new(listener: std::net::TcpListener) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut listener = mio::net::TcpListener::from_std(listener);
        let poll = mio::Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, mio::Interest::READABLE)?;
        let stop = Arc::new(mio::Waker::new(poll.registry(), STOP)?);
        Ok(Self { poll, listener, stop })
    }

    /// Woken after the wire has ended.
    pub(crate) fn stopper(&self) -> Arc<mio::Waker> {
        Arc::clone(&self.stop)
    }

    /// Accepts until the wire ends, one stranger at a time: each must say hello at once.
    pub(crate) fn listen(mut self, handover: &Handover) {
        let mut events = mio::Events::with_capacity(8);
        while !handover.shared.has_ended() {
            match self.listener.accept() {
                Ok((stream, from)) => match greeted(stream.into()) {
                    Ok((stream, hello)) => {
                        if !handover.give(stream, Some(hello)) {
                            return;
                        }
                    }
                    Err(why) => handover.refuse(from, &why),
                },
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if self.poll.poll(&mut events, None).is_err() {
                        events.clear();
                    }
                }
                Err(error) => {
                    handover.shared.note(format!("accepting: {error}"));
                    // Out of descriptors, most likely: a moment, then again.
                    let moment = Some(Duration::from_millis(20));
                    if self.poll.poll(&mut events, moment).is_err() {
                        events.clear();
                    }
                }
            }
        }
    }
}

fn greeted(mut stream: TcpStream) -> Result<(TcpStream, Hello), Refused> {
    let mut hello = || -> std::io::Result<[u8; HELLO_BYTES]> {
        stream.set_nonblocking(false)?;
        let began = Stamp::now();
        let elapsed = || Duration::from_nanos(Stamp::now().ns_since(began));
        let bytes: [u8; HELLO_BYTES] = read_within(&mut stream, HANDSHAKE, elapsed)?;
        stream.set_read_timeout(None)?;
        stream.set_nodelay(true)?;
        Ok(bytes)
    };
    let bytes = hello().map_err(|error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Refused::Silent,
        _ => Refused::Broke(error),
    })?;
    let (prefix, body) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or(Refused::Other)?;
    check_length(*prefix, 0)?;
    match Frame::decode(body)? {
        Frame::Hello(hello) => Ok((stream, hello)),
        _ => Err(Refused::Other),
    }
}

/// What can be told how long its next read may take.
trait Impatient: Read {
    fn give(&mut self, patience: Duration) -> std::io::Result<()>;
}

impl Impatient for TcpStream {
    fn give(&mut self, patience: Duration) -> std::io::Result<()> {
        self.set_read_timeout(Some(patience))
    }
}

/// Reads so many bytes, all of them within a time: a stranger who sends one now and then gains nothing by it.
fn read_within<const N: usize>(
    stream: &mut impl Impatient,
    patience: Duration,
    elapsed: impl Fn() -> Duration,
) -> std::io::Result<[u8; N]> {
    let (mut bytes, mut filled) = ([0; N], 0);
    while filled < N {
        let left = patience.saturating_sub(elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.give(left)?;
        match stream.read(&mut bytes[filled..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Somebody who sends a byte each time a while has passed.
    struct Dripping<'a> {
        clock: &'a Cell<Duration>,
        every: Duration,
        patience: Duration,
        sent: usize,
    }

    impl Read for Dripping<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let passed = self.every.min(self.patience);
            self.clock.set(self.clock.get() + passed);
            if passed < self.every {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.sent += 1;
            into[0] = self.sent as u8;
            Ok(1)
        }
    }

    impl Impatient for Dripping<'_> {
        fn give(&mut self, patience: Duration) -> std::io::Result<()> {
            self.patience = patience;
            Ok(())
        }
    }

    fn read(every: Duration) -> (std::io::Result<[u8; 44]>, Duration) {
        let clock = Cell::new(Duration::ZERO);
        let mut stream = Dripping { clock: &clock, every, patience: Duration::MAX, sent: 0 };
        let read = read_within(&mut stream, HANDSHAKE, || clock.get());
        (read, clock.get())
    }

    #[test]
    fn a_stranger_who_sends_a_byte_now_and_then_is_sent_away_in_time() {
        let (read, time) = read(Duration::from_millis(1900));
        let kind = read.map_err(|error| error.kind());
        assert!(matches!(kind, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{kind:?}");
        assert_eq!(time, HANDSHAKE, "it took no longer than anybody may");
    }

    #[test]
    fn a_hello_that_comes_in_pieces_is_read_whole() {
        let (read, _) = read(Duration::from_millis(40));
        assert!(read.is_ok_and(|bytes| bytes[0] == 1 && bytes[43] == 44));
    }
}
