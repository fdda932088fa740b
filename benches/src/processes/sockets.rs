//! A Unix socket between two processes, in 64 bytes a message; who receives asks again at once and never sleeps.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use neuronbus::spike::Spike;

use super::link::Link;
use crate::rings::{BATCH, check, message};

const BYTES: usize = 64;

/// One connection.
pub(super) struct Unix {
    listener: Option<UnixListener>,
    stream: Option<UnixStream>,
    outbound: Vec<u8>,
    inbound: Vec<u8>,
    start: usize,
    end: usize,
}

impl Unix {
    fn over(listener: Option<UnixListener>, stream: Option<UnixStream>) -> Self {
        if let Some(stream) = &stream {
            stream.set_nonblocking(true).expect("sockets have this option");
        }
        let (outbound, inbound) = (Vec::new(), vec![0; BYTES * BATCH]);
        Self { listener, stream, outbound, inbound, start: 0, end: 0 }
    }

    fn put(&mut self, number: u64) {
        for word in message(number).to_words() {
            self.outbound.extend_from_slice(&word.to_ne_bytes());
        }
    }

    /// Writes what was put, whole.
    fn flush(&mut self) {
        let stream = self.stream.as_mut().expect("it was met");
        let mut written = 0;
        while written < self.outbound.len() {
            match stream.write(&self.outbound[written..]) {
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
                Err(error) => panic!("the other end is there: {error}"),
            }
        }
        self.outbound.clear();
    }

    /// Reads what has come, up to so many messages.
    fn more(&mut self, most: usize) {
        let left = self.end - self.start;
        self.inbound.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, left);
        let stream = self.stream.as_mut().expect("it was met");
        match stream.read(&mut self.inbound[left..BYTES * most]) {
            Ok(0) => panic!("the other end has closed"),
            Ok(bytes) => self.end += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("the other end is there: {error}"),
        }
    }

    fn next(&mut self, number: u64) -> bool {
        if self.end - self.start < BYTES {
            return false;
        }
        let (words, _) = self.inbound[self.start..self.start + BYTES].as_chunks::<8>();
        check(&Spike::from_words(std::array::from_fn(|i| u64::from_ne_bytes(words[i]))), number);
        self.start += BYTES;
        true
    }
}

impl Link for Unix {
    fn here(folder: &Path) -> Self {
        let listener = UnixListener::bind(folder.join("socket")).expect("a socket fits the folder");
        Self::over(Some(listener), None)
    }

    fn there(folder: &Path) -> Self {
        let stream = UnixStream::connect(folder.join("socket")).expect("somebody listens");
        Self::over(None, Some(stream))
    }

    fn meet(&mut self) {
        let listener = self.listener.take().expect("it meets once");
        let (stream, _) = listener.accept().expect("it listens");
        *self = Self::over(None, Some(stream));
    }

    fn send(&mut self, number: u64) -> bool {
        self.put(number);
        self.flush();
        true
    }

    fn send_batch(&mut self, from: u64) -> u64 {
        (from..from + BATCH as u64).for_each(|number| self.put(number));
        self.flush();
        BATCH as u64
    }

    fn receive(&mut self, number: u64) -> bool {
        if self.start == self.end {
            self.more(1);
        }
        self.next(number)
    }

    fn receive_batch(&mut self, from: u64) -> u64 {
        self.more(BATCH);
        let mut number = from;
        while self.next(number) {
            number += 1;
        }
        number - from
    }
}
