//! The portable back end: the system says when a socket can be read or written, through mio.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};

use crate::line::{Cut, Moved, Mover};
use crate::session::Session;

/// Bytes read, or staged to be written, at a time.
const CHUNK: usize = 128 << 10;

/// Rounds of one exchange, so that a fast sender does not keep the thread from its other work.
const ROUNDS: usize = 16;

const SOCKET: Token = Token(0);
const POKE: Token = Token(1);

/// Moves bytes over one socket as it becomes ready.
pub(crate) struct PollMover {
    poll: Poll,
    events: Events,
    socket: Option<mio::net::TcpStream>,
    readable: bool,
    writable: bool,
    /// The other side has closed: no further event says so, and the end is found by reading on.
    closed: bool,
    /// What was read and not taken lies from `start` to `end`.
    inbound: Box<[u8]>,
    start: usize,
    end: usize,
    /// What was staged and not written lies from `sent` to `staged`.
    outbound: Box<[u8]>,
    sent: usize,
    staged: usize,
}

impl PollMover {
    pub(crate) fn new() -> io::Result<(Self, Arc<Waker>)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), POKE)?);
        let mover = Self {
            poll,
            events: Events::with_capacity(8),
            socket: None,
            readable: false,
            writable: false,
            closed: false,
            inbound: vec![0; CHUNK].into(),
            start: 0,
            end: 0,
            outbound: vec![0; CHUNK].into(),
            sent: 0,
            staged: 0,
        };
        Ok((mover, waker))
    }

    /// One read at most; how many bytes the session took.
    fn receive(&mut self, session: &mut Session) -> Result<usize, Cut> {
        let Some(socket) = &mut self.socket else { return Ok(0) };
        if self.start == self.end && self.readable {
            (self.start, self.end) = (0, 0);
            match socket.read(&mut self.inbound) {
                Ok(0) => return Err(Cut::Closed),
                Ok(length) => {
                    self.end = length;
                    // A short read has emptied the socket; the next byte raises an event.
                    self.readable = length == self.inbound.len() || self.closed;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.start == self.end && !session.stalled {
            return Ok(0);
        }
        let taken = session.take(&self.inbound[self.start..self.end])?;
        self.start += taken;
        Ok(taken)
    }

    /// One write at most; how many bytes went.
    fn send(&mut self, session: &mut Session) -> Result<usize, Cut> {
        let Some(socket) = &mut self.socket else { return Ok(0) };
        if !self.writable {
            return Ok(0);
        }
        if self.sent == self.staged {
            (self.sent, self.staged) = (0, session.stage(&mut self.outbound));
        }
        if self.sent == self.staged {
            return Ok(0);
        }
        match socket.write(&self.outbound[self.sent..self.staged]) {
            Ok(length) => {
                self.sent += length;
                Ok(length)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.writable = false;
                Ok(0)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

impl Mover for PollMover {
    fn attach(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let mut socket = mio::net::TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, SOCKET, both)?;
        // Tried at once: whatever cannot be done says so, and raises an event when it can.
        (self.readable, self.writable) = (true, true);
        self.socket = Some(socket);
        Ok(())
    }

    fn detach(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            // Closed a moment later anyway.
            let _ = self.poll.registry().deregister(&mut socket);
        }
        (self.start, self.end, self.sent, self.staged) = (0, 0, 0, 0);
        (self.readable, self.writable, self.closed) = (false, false, false);
    }

    fn shutdown(&mut self, how: Shutdown) {
        if let Some(socket) = &self.socket {
            // One that is gone already is shut.
            let _ = socket.shutdown(how);
        }
    }

    fn exchange(&mut self, session: &mut Session) -> Result<Moved, Cut> {
        let mut moved = Moved::default();
        for _ in 0..ROUNDS {
            let received = self.receive(session)?;
            let sent = self.send(session)?;
            moved.received += received;
            moved.sent += sent;
            if received + sent == 0 {
                break;
            }
        }
        Ok(moved)
    }

    fn is_sending(&self) -> bool {
        self.sent < self.staged
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            outcome => outcome?,
        }
        for event in &self.events {
            if event.token() == SOCKET {
                // An error or a close is found by trying.
                self.closed |=
                    event.is_read_closed() || event.is_write_closed() || event.is_error();
                self.readable |= event.is_readable() || self.closed;
                self.writable |= event.is_writable() || self.closed;
            }
        }
        Ok(())
    }
}
