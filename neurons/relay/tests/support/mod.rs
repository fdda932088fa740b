//! A pair over each back end, a proxy that cuts, and traffic that can be checked.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use neuronbus::math::random;
use neuronbus::prelude::*;
use neuronbus::transport::{Transport, TransportError};
use neuronbus_relay::{Backend, Role, TcpSettings, TcpTransport};

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether this machine's kernel refuses io_uring; then says so, loudly.
pub fn uring_is_refused() -> bool {
    let settings = TcpSettings { backend: Backend::Uring, ..TcpSettings::default() };
    match TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings) {
        Ok(_) => false,
        Err(error) => {
            eprintln!("SKIPPED (1 test): {error}");
            true
        }
    }
}

pub fn settings(backend: Backend) -> TcpSettings {
    TcpSettings {
        backend,
        backoff_first: Duration::from_millis(1),
        backoff_most: Duration::from_millis(8),
        ends_with_peer: true,
        ..TcpSettings::default()
    }
}

pub fn listening(settings: &TcpSettings) -> (TcpTransport, String) {
    let here = TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings.clone()).unwrap();
    let address = here.local_address().unwrap().to_string();
    (here, address)
}

pub fn connecting(address: &str, settings: &TcpSettings) -> TcpTransport {
    TcpTransport::new(Role::Connect(address.to_owned()), settings.clone()).unwrap()
}

/// The spike of a number, and its payload: one in 16 travels beside it.
pub fn numbered(stream: u64, number: u32) -> (Spike, Vec<u8>) {
    let draw = random(stream, 1, u64::from(number), 0);
    let length = if draw.is_multiple_of(16) { (draw >> 8) % 3000 + 47 } else { (draw >> 8) % 47 };
    let bytes = vec![(draw >> 32) as u8; length as usize];
    let source = NeuronId::new((draw >> 40) as u16 % 1000).unwrap();
    let spike = Spike::new(source, SpikeKind::Excitatory).stamped(draw >> 1, number);
    (spike.with_inline(&bytes).unwrap_or(spike), bytes)
}

/// Sends numbers `0..count` and receives as many, in whatever order both can go on; whatever comes is checked.
pub fn converse(end: &mut TcpTransport, sends: u64, receives: u64, count: u32) {
    let (mut sent, mut received, mut bytes) = (0, 0, Vec::new());
    // bound: each round sends or receives, or waits for `PATIENCE` in all
    let mut waits = 0;
    while sent < count || received < count {
        while sent < count {
            let (spike, payload) = numbered(sends, sent);
            match end.send(&spike, &payload) {
                Ok(()) => sent += 1,
                Err(TransportError::Full { .. }) => break,
                Err(error) => panic!("spike {sent} was refused: {error}"),
            }
        }
        match end.recv(&mut bytes, Duration::from_millis(20)) {
            Ok(Some(spike)) => {
                let (expected, payload) = numbered(receives, received);
                assert_eq!(
                    spike.sequence(),
                    received,
                    "a spike was lost or repeated: {:?}",
                    end.counts()
                );
                assert_eq!(spike.time_ns(), expected.time_ns());
                assert!(bytes == payload, "the payload of spike {received} was altered");
                received += 1;
            }
            Ok(None) => {
                waits += 1;
                assert!(
                    waits < 3000,
                    "{sent} sent, {received} received: {:?} {:?}",
                    end.counts(),
                    end.notes()
                );
            }
            Err(error) => panic!("{received} received, then: {error}; {:?}", end.notes()),
        }
    }
    // What was sent last has left.
    end.flush().unwrap();
}

/// Forwards connections to an address, and cuts each after a random number of bytes, in the middle of whatever passes.
pub struct CuttingProxy {
    pub address: String,
    pub cuts: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CuttingProxy {
    /// Cuts so often, each time after up to `most` bytes in one of the directions; then it lets everything pass.
    pub fn new(target: String, seed: u64, cuts: u64, most: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (stop.clone(), done.clone());
        let thread = std::thread::spawn(move || {
            for (turn, stream) in (0..).zip(listener.incoming()) {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let budget = |direction| match turn < cuts {
                    true => random(seed, direction, turn, 0) % most,
                    false => u64::MAX,
                };
                // The target goes before the proxy does.
                let Ok(far) = TcpStream::connect(&target) else { continue };
                forward(&stream.unwrap(), &far, budget(0), budget(1));
                counted.fetch_add(u64::from(turn < cuts), Ordering::Release);
            }
        });
        Self { address, cuts: done, stop, thread: Some(thread) }
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Wakes it from its wait for a connection.
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take()
            && !std::thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

/// Forwards both ways until one direction has used up its bytes or an end has closed; then cuts both.
fn forward(near: &TcpStream, far: &TcpStream, there: u64, back: u64) {
    let pump = |mut from: &TcpStream, mut to: &TcpStream, mut budget: u64| {
        let mut bytes = [0; 16 << 10];
        while budget > 0 {
            let most = bytes.len().min(usize::try_from(budget).unwrap_or(usize::MAX));
            match from.read(&mut bytes[..most]) {
                Ok(0) | Err(_) => break,
                Ok(length) if to.write_all(&bytes[..length]).is_err() => break,
                Ok(length) => budget -= length as u64,
            }
        }
        // A close of one direction only is passed on as such; a cut is one of both.
        let how = if budget > 0 { Shutdown::Write } else { Shutdown::Both };
        let _ = to.shutdown(how);
        if budget == 0 {
            let _ = from.shutdown(Shutdown::Both);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| pump(near, far, there));
        pump(far, near, back);
    });
}
