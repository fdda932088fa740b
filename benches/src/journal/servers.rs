//! Servers that keep events: started here on loopback, spoken to in the plainest way, ended with the run.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use neuronbus::pace::Stamp;
use tempfile::TempDir;

use super::{EVENT, events, place};
use crate::harness::Sample;

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    if found.is_err() {
        eprintln!("left out: for want of the program {program}");
    }
    found.is_ok()
}

pub(super) fn redis_is_there() -> bool {
    is_there("redis-server")
}

pub(super) fn nats_is_there() -> bool {
    is_there("nats-server")
}

struct Server {
    child: Child,
    stream: TcpStream,
    answers: BufReader<TcpStream>,
    _place: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended is ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(program: &str, arguments: impl FnOnce(u16, &str) -> Vec<String>) -> Self {
        let place = place();
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let mut command = Command::new(program);
        command.args(arguments(port, &place.path().display().to_string()));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut tries = 0;
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) => {
                    tries += 1;
                    assert!(tries < 500, "{program} does not answer: {error}");
                    std::thread::park_timeout(std::time::Duration::from_millis(10));
                }
            }
        };
        stream.set_nodelay(true).expect("TCP has this option");
        let answers = BufReader::new(stream.try_clone().expect("a socket can be shared"));
        let child = child.expect("it was there a moment ago");
        Self { child, stream, answers, _place: place }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server is there");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).expect("the server is there");
        assert!(read > 0, "the server has closed");
        line
    }
}

/// Million events a second: commands of a window in one write, then as many answers.
fn windows(
    count: u64,
    window: u64,
    mut command: impl FnMut(u64, &[u8; EVENT], &mut Vec<u8>),
    server: &mut Server,
    mut answer: impl FnMut(&mut Server),
) -> Sample {
    let (own, mut out) = (events(0, window), Vec::new());
    let began = Stamp::now();
    for first in (0..count).step_by(window as usize) {
        out.clear();
        for (event, n) in own.iter().zip(first..) {
            command(n, event, &mut out);
        }
        server.send(&out);
        (0..window).for_each(|_| answer(server));
    }
    let seconds = Stamp::now().ns_since(began) as f64 * 1e-9;
    (count as f64 / seconds * 1e-6).into()
}

pub(super) fn redis(fsync: &str, count: u64, window: u64) -> Sample {
    let mut server = Server::start("redis-server", |port, place| {
        let words =
            ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", fsync];
        let mut words: Vec<String> = words.map(str::to_owned).into();
        words.extend(["--port".to_owned(), port.to_string(), "--dir".to_owned(), place.to_owned()]);
        words
    });
    let command = |n: u64, event: &[u8; EVENT], out: &mut Vec<u8>| {
        let id = format!("{}-1", n + 1);
        let head = format!(
            "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n${}\r\n{id}\r\n$1\r\ne\r\n${EVENT}\r\n",
            id.len()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(event);
        out.extend_from_slice(b"\r\n");
    };
    windows(count, window, command, &mut server, |server| {
        let length = server.line();
        assert!(length.starts_with('$'), "{length}");
        server.line();
    })
}

pub(super) fn jetstream(count: u64, window: u64) -> Sample {
    let mut server = Server::start("nats-server", |port, place| {
        let words =
            ["--addr", "127.0.0.1", "--port", &port.to_string(), "-js", "--store_dir", place];
        words.map(str::to_owned).into()
    });
    server.send(b"CONNECT {\"verbose\":false}\r\nSUB inbox 1\r\n");
    let stream = "{\"name\":\"S\",\"subjects\":[\"s\"],\"storage\":\"file\"}";
    let create = format!("PUB $JS.API.STREAM.CREATE.S inbox {}\r\n{stream}\r\n", stream.len());
    server.send(create.as_bytes());
    let answer = |server: &mut Server| {
        loop {
            let line = server.line();
            if line.starts_with("PING") {
                server.send(b"PONG\r\n");
            }
            if line.starts_with("MSG") {
                let body = server.line();
                assert!(!body.contains("\"error\""), "{body}");
                return;
            }
        }
    };
    answer(&mut server);
    let command = |_: u64, event: &[u8; EVENT], out: &mut Vec<u8>| {
        out.extend_from_slice(format!("PUB s inbox {EVENT}\r\n").as_bytes());
        out.extend_from_slice(event);
        out.extend_from_slice(b"\r\n");
    };
    windows(count, window, command, &mut server, answer)
}
