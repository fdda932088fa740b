//! Core NATS: one `nats-server` on loopback, started here and ended with the run, and two clients that speak its
//! protocol in the plainest way: commands are written in one piece, messages are cut out of what was read.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::{End, Pair};
use crate::processes::Link;
use crate::rings::BATCH;

/// What a server that has started is known by.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended is ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| {
        let found = Command::new("nats-server").arg("--version").stdout(Stdio::null()).status();
        if found.is_err() {
            eprintln!("left out: core NATS, for want of the program nats-server");
        }
        found.is_ok()
    })
}

fn start() -> Server {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let port = free.local_addr().expect("it is bound").port();
    drop(free);
    let mut command = Command::new("nats-server");
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Server { child: child.expect("it was there a moment ago"), port }
}

/// A connection that publishes one subject and is subscribed to another.
pub(crate) struct Client {
    stream: TcpStream,
    publish: Vec<u8>,
    outbound: Vec<u8>,
    inbound: Vec<u8>,
    start: usize,
    end: usize,
    /// Kept by one of the two ends.
    _server: Option<Server>,
}

pub(super) fn pair() -> Pair {
    let server = start();
    let there = Client::new(server.port, "back", "there", None);
    let here = Client::new(server.port, "there", "back", Some(server));
    (Box::new(here), Box::new(there))
}

impl Client {
    fn new(port: u16, publishes: &str, hears: &str, server: Option<Server>) -> Self {
        let mut tries = 0;
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) => {
                    tries += 1;
                    assert!(tries < 500, "nats-server does not answer: {error}");
                    std::thread::park_timeout(std::time::Duration::from_millis(10));
                }
            }
        };
        stream.set_nodelay(true).expect("TCP has this option");
        let mut publish = format!("PUB {publishes} 64\r\n").into_bytes();
        publish.extend_from_slice(&[b'7'; 64]);
        publish.extend_from_slice(b"\r\n");
        let (outbound, inbound) = (Vec::new(), vec![0; 128 << 10]);
        let (start, end) = (0, 0);
        let mut client = Self { stream, publish, outbound, inbound, start, end, _server: server };
        let hello = format!("CONNECT {{\"verbose\":false}}\r\nSUB {hears} 1\r\nPING\r\n");
        client.outbound.extend_from_slice(hello.as_bytes());
        client.flush();
        // The subscription is there when its ping is answered.
        while client.line() != b"PONG" {}
        client
    }

    fn more(&mut self) {
        self.inbound.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let length = self.stream.read(&mut self.inbound[self.end..]).expect("the server is there");
        assert!(length > 0, "the server has closed");
        self.end += length;
    }

    fn line_end(&self) -> Option<usize> {
        let rest = &self.inbound[self.start..self.end];
        rest.windows(2).position(|two| two == b"\r\n").map(|at| self.start + at)
    }

    fn line(&mut self) -> Vec<u8> {
        loop {
            if let Some(end) = self.line_end() {
                let line = self.inbound[self.start..end].to_vec();
                self.start = end + 2;
                return line;
            }
            self.more();
        }
    }

    /// Passes over what is whole among what was read; how many messages that were.
    fn messages(&mut self, most: u64) -> u64 {
        let mut count = 0;
        while count < most
            && let Some(end) = self.line_end()
        {
            let is_message = self.inbound[self.start..].starts_with(b"MSG ");
            let whole = if is_message { end + 2 + 64 + 2 } else { end + 2 };
            if whole > self.end {
                break;
            }
            if self.inbound[self.start..].starts_with(b"PING") {
                self.outbound.extend_from_slice(b"PONG\r\n");
                self.flush();
            }
            count += u64::from(is_message);
            self.start = whole;
        }
        count
    }
}

impl End for Client {
    fn send(&mut self) {
        self.outbound.extend_from_slice(&self.publish);
    }

    fn flush(&mut self) {
        self.stream.write_all(&self.outbound).expect("the server is there");
        self.outbound.clear();
    }

    fn receive(&mut self, most: u64) -> u64 {
        loop {
            let count = self.messages(most);
            if count > 0 {
                return count;
            }
            self.more();
        }
    }
}

/// The port of the server, where the other process looks for it.
const PORT: &str = "nats-port";

impl Link for Client {
    fn here(folder: &Path) -> Self {
        let server = start();
        std::fs::write(folder.join(PORT), server.port.to_string()).expect("the folder is there");
        Self::new(server.port, "there", "back", Some(server))
    }

    fn there(folder: &Path) -> Self {
        let port = std::fs::read_to_string(folder.join(PORT)).expect("it was written before");
        let mut client = Self::new(port.parse().expect("a port"), "back", "there", None);
        // Says that it is there.
        Link::send(&mut client, 0);
        client
    }

    fn meet(&mut self) {
        Link::receive(self, 0);
    }

    fn send(&mut self, _: u64) -> bool {
        End::send(self);
        self.flush();
        true
    }

    fn send_batch(&mut self, _: u64) -> u64 {
        (0..BATCH).for_each(|_| End::send(self));
        self.flush();
        BATCH as u64
    }

    fn receive(&mut self, _: u64) -> bool {
        End::receive(self, 1) == 1
    }

    fn receive_batch(&mut self, _: u64) -> u64 {
        End::receive(self, BATCH as u64)
    }
}
