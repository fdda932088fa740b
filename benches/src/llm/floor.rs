//! What waking threads costs here: the same tokens through sockets and bells with nothing else behind them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hdrhistogram::Histogram;
use neuronbus::axon::{Doorbell, WaitStrategy};
use neuronbus::pace::Stamp;

use super::server::Server;
use crate::harness::histogram;

/// Reads tokens off a socket, blocking, and hands on when each was sent.
fn read_tokens(server: &Server, tokens: u64, mut hear: impl FnMut(Stamp)) {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a server on loopback");
    stream.write_all(b"POST / HTTP/1.1\r\n\r\n").expect("it reads");
    let mut buffer = [0; 4096];
    let mut heard = 0;
    while heard < tokens {
        let count = stream.read(&mut buffer).expect("it goes on for ever");
        let text = String::from_utf8_lossy(&buffer[..count]);
        let sent = text.split("\"content\":\"").nth(1).and_then(|rest| rest.get(..16));
        if let Some(sent) = sent.and_then(|sent| u64::from_str_radix(sent, 16).ok()) {
            hear(Stamp::from_raw(sent));
            heard += 1;
        }
    }
}

/// To a thread that blocks in a read.
pub(super) fn one_wake(server: &Server, tokens: u64) -> Histogram<u64> {
    let mut times = histogram();
    read_tokens(server, tokens, |sent| {
        times.saturating_record(Stamp::now().ns_since(sent).max(1));
    });
    times
}

/// To a thread that waits for the bell that the reader rings.
pub(super) fn two_wakes(server: &Server, tokens: u64) -> Histogram<u64> {
    let bell = Arc::new(Doorbell::new());
    let (sent, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let waiter = {
        let (bell, sent, over) = (bell.clone(), sent.clone(), over.clone());
        std::thread::spawn(move || {
            let (mut times, mut seen) = (histogram(), 0);
            // relaxed: the bell orders what was written before it rang.
            while !over.load(Ordering::Relaxed) {
                seen = bell.wait(seen, WaitStrategy::default(), None);
                let sent = Stamp::from_raw(sent.load(Ordering::Relaxed));
                times.saturating_record(Stamp::now().ns_since(sent).max(1));
            }
            times
        })
    };
    read_tokens(server, tokens, |at| {
        sent.store(at.raw(), Ordering::Relaxed);
        bell.ring();
    });
    over.store(true, Ordering::Relaxed);
    bell.ring();
    waiter.join().expect("it only waits")
}
