//! A server that sends exactly the bytes it is told to, when it is told to.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a server does on a connection after it has read a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends these bytes as they are.
    Send(Vec<u8>),
    /// Sends these bytes in pieces of so many.
    Pieces(Vec<u8>, usize),
    /// Sends the same bytes again and again, with a pause, until the client is gone; then reports it.
    Forever(Vec<u8>, Duration),
    /// Sends nothing until the client is gone; then reports it.
    Silence,
    /// Closes the sending side.
    HalfClose,
    /// Closes the connection.
    Close,
}

/// What a server has seen.
#[derive(Debug)]
pub(crate) enum Seen {
    /// A request: its head and its body.
    Request(String, String),
    /// The client closed the connection.
    Gone,
}

type Script = dyn Fn(usize, &str) -> Vec<Act> + Send + Sync;

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) seen: Mutex<Receiver<Seen>>,
    /// How many connections were made.
    pub(crate) connections: Arc<Mutex<usize>>,
}

impl Server {
    /// Answers the request of a number (counted from 0) and body by acts.
    pub(crate) fn start(script: impl Fn(usize, &str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, seen) = channel();
        let connections = Arc::new(Mutex::new(0));
        let (script, count): (Arc<Script>, _) = (Arc::new(script), connections.clone());
        let served = Arc::new(Mutex::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *count.lock().unwrap() += 1;
                let (script, tell, served) = (script.clone(), tell.clone(), served.clone());
                thread::spawn(move || serve(stream, &*script, &tell, &served));
            }
        });
        Self { url, seen: Mutex::new(seen), connections }
    }

    /// Answers every request with a status and a body of this length, and keeps the connection.
    pub(crate) fn answering(
        status: &'static str,
        head: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let body = body.into();
        Self::start(move |_, _| vec![Act::Send(whole(status, head, &body))])
    }

    /// The next thing seen.
    pub(crate) fn next(&self) -> Seen {
        self.seen.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// The next request: its head and its body.
    pub(crate) fn request(&self) -> (String, String) {
        loop {
            if let Seen::Request(head, body) = self.next() {
                return (head, body);
            }
        }
    }
}

/// A whole answer with its length in front.
pub(crate) fn whole(status: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{head}content-length: {length}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// The head of an answer whose body ends with the connection.
pub(crate) fn open_ended() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec()
}

/// The head of an answer in chunks.
pub(crate) fn chunked_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        .to_vec()
}

/// Bytes as one chunk; none is the last chunk.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn serve(mut stream: TcpStream, script: &Script, tell: &Sender<Seen>, served: &Mutex<usize>) {
    stream.set_nodelay(true).unwrap();
    while let Some((head, body)) = read_request(&mut stream) {
        let number = std::mem::replace(&mut *served.lock().unwrap(), 0);
        *served.lock().unwrap() = number + 1;
        let acts = script(number, &body);
        _ = tell.send(Seen::Request(head, body));
        for act in acts {
            if !perform(&mut stream, act, tell) {
                return;
            }
        }
    }
}

/// False if the connection is over.
fn perform(stream: &mut TcpStream, act: Act, tell: &Sender<Seen>) -> bool {
    match act {
        Act::Send(bytes) => stream.write_all(&bytes).is_ok(),
        Act::Pieces(bytes, size) => bytes
            .chunks(size)
            .all(|piece| stream.write_all(piece).and_then(|()| stream.flush()).is_ok()),
        Act::Forever(bytes, pause) => {
            stream.set_read_timeout(Some(pause.max(Duration::from_micros(1)))).unwrap();
            while stream.write_all(&bytes).is_ok() {
                if is_gone(stream) {
                    break;
                }
            }
            _ = tell.send(Seen::Gone);
            false
        }
        Act::Silence => {
            stream.set_read_timeout(None).unwrap();
            is_gone(stream);
            _ = tell.send(Seen::Gone);
            false
        }
        Act::HalfClose => {
            _ = stream.shutdown(Shutdown::Write);
            stream.set_read_timeout(None).unwrap();
            is_gone(stream);
            false
        }
        Act::Close => false,
    }
}

/// Waits for the client's end up to the timeout of the stream.
fn is_gone(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            let end = at + 4 + length.unwrap_or(0);
            if bytes.len() >= end {
                return Some((head, String::from_utf8_lossy(&bytes[at + 4..end]).into_owned()));
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}
