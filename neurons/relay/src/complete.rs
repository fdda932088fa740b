//! The Linux back end: io_uring says what has been received and sent.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::line::{Cut, Moved, Mover};
use crate::session::Session;
use crate::uring::{Done, Ring, Slot};

/// Rounds of one exchange, so that a fast sender does not keep the thread from its other work.
const ROUNDS: usize = 16;

/// How long the kernel may take to show that it can receive; it needs microseconds.
const TRIAL: Duration = Duration::from_secs(1);

/// Sends of so many bytes are as good as done when the kernel is given them, as long as the other side reads.
const SMALL: usize = 16 << 10;

/// Moves bytes over one socket as requests complete. Belongs to the thread that made it.
pub(crate) struct UringMover {
    ring: Ring,
    socket: Option<TcpStream>,
    /// What has come and was not taken; of the first, so many bytes were.
    inbound: VecDeque<Slot>,
    taken: usize,
    closed: bool,
    failed: Option<io::Error>,
    /// What was staged and not sent lies from `sent` to `staged`.
    sent: usize,
    staged: usize,
    /// The last send was done at once.
    prompt: bool,
}

impl UringMover {
    /// A mover for the calling thread, which is woken through an event counter (`uring::counter`).
    ///
    /// # Errors
    /// If the kernel has no io_uring, refuses it, or cannot do what is needed here.
    pub(crate) fn new(counter: File) -> io::Result<Self> {
        let mut mover = Self {
            ring: Ring::new(counter)?,
            socket: None,
            inbound: VecDeque::new(),
            taken: 0,
            closed: false,
            failed: None,
            sent: 0,
            staged: 0,
            prompt: true,
        };
        mover.try_out()?;
        Ok(mover)
    }

    /// Receives two pieces with one request: what old kernels have not learnt.
    fn try_out(&mut self) -> io::Result<()> {
        let (mut far, near) = UnixStream::pair()?;
        self.ring.receive(near.as_raw_fd())?;
        for _ in 0..2 {
            far.write_all(b"?")?;
            self.ring.wait(Some(TRIAL))?;
            match self.ring.next() {
                Some(Done::Received(slot)) => self.ring.give_back(slot),
                Some(Done::Failed(error)) => return Err(error),
                other => {
                    let what = format!("a multishot receive was answered with {other:?}");
                    return Err(io::Error::other(what));
                }
            }
        }
        self.ring.settle();
        Ok(())
    }

    /// Looks at everything that has completed; how many bytes went.
    fn reap(&mut self) -> usize {
        let mut sent = 0;
        while let Some(done) = self.ring.next() {
            match done {
                Done::Received(slot) => self.inbound.push_back(slot),
                Done::Closed => self.closed = true,
                Done::Paused | Done::Poked => {}
                Done::Sent(length) => {
                    self.sent += length;
                    sent += length;
                }
                Done::Failed(error) => self.failed = Some(error),
            }
        }
        if sent > 0 {
            self.prompt = true;
        } else if self.ring.is_sending() && !self.ring.is_queued() {
            self.prompt = false;
        }
        sent
    }

    /// Lets the session take what has come; how many bytes it took.
    fn receive(&mut self, session: &mut Session) -> Result<usize, Cut> {
        let mut received = 0;
        while let Some(slot) = self.inbound.pop_front() {
            let bytes = &self.ring.bytes(&slot)[self.taken..];
            let (length, taken) = (bytes.len(), session.take(bytes)?);
            received += taken;
            if taken < length {
                self.taken += taken;
                self.inbound.push_front(slot);
                return Ok(received);
            }
            self.taken = 0;
            self.ring.give_back(slot);
        }
        Ok(received)
    }

    /// Asks for whatever is not under way; whether the kernel is to be told at once.
    fn ask(&mut self, socket: RawFd, session: &mut Session) -> io::Result<bool> {
        let mut asked = false;
        if !self.ring.is_receiving() && !self.closed && self.inbound.is_empty() {
            self.ring.receive(socket)?;
            asked = true;
        }
        if !self.ring.is_sending() {
            if self.sent == self.staged
                && let Some(stage) = self.ring.stage()
            {
                (self.sent, self.staged) = (0, session.stage(stage));
            }
            if self.sent < self.staged {
                self.ring.send(socket, self.sent, self.staged)?;
                asked |= !self.prompt || self.staged - self.sent > SMALL;
            }
        }
        Ok(asked)
    }
}

impl Mover for UringMover {
    fn attach(&mut self, stream: TcpStream) -> io::Result<()> {
        // A send that has to wait does so in the kernel.
        stream.set_nonblocking(false)?;
        self.socket = Some(stream);
        Ok(())
    }

    fn detach(&mut self) {
        self.shutdown(Shutdown::Both);
        self.ring.settle();
        while let Some(slot) = self.inbound.pop_front() {
            self.ring.give_back(slot);
        }
        self.socket = None;
        (self.taken, self.closed, self.failed) = (0, false, None);
        (self.sent, self.staged, self.prompt) = (0, 0, true);
    }

    fn shutdown(&mut self, how: Shutdown) {
        if let Some(socket) = &self.socket {
            // One that is gone already is shut.
            let _ = socket.shutdown(how);
        }
    }

    fn exchange(&mut self, session: &mut Session) -> Result<Moved, Cut> {
        let mut moved = Moved::default();
        let Some(socket) = self.socket.as_ref().map(AsRawFd::as_raw_fd) else { return Ok(moved) };
        if self.ring.is_queued() {
            // It was left to a wait that did not come.
            self.ring.submit()?;
        }
        for _ in 0..ROUNDS {
            let sent = self.reap();
            let received = self.receive(session)?;
            moved.sent += sent;
            moved.received += received;
            if self.inbound.is_empty() {
                if let Some(error) = self.failed.take() {
                    return Err(error.into());
                }
                if self.closed {
                    return Err(Cut::Closed);
                }
            }
            if self.ask(socket, session)? {
                self.ring.submit()?;
            } else if sent + received == 0 {
                break;
            }
        }
        Ok(moved)
    }

    fn is_sending(&self) -> bool {
        self.sent < self.staged
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.ring.watch()?;
        self.ring.wait(timeout)?;
        if self.socket.is_none() {
            self.reap();
        }
        Ok(())
    }
}
