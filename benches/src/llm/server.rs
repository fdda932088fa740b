//! A server that streams tokens for ever, and says when its client is gone; one thread for all connections.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use neuronbus::pace::Stamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a server answers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answers {
    /// A token with the time of its sending, after each pause, without end.
    Tokens(Duration),
    /// Three tokens and the end, at once; the connection stays.
    Whole,
}

/// A client closed its connection.
#[derive(Debug)]
pub(super) struct Gone {
    /// When that was seen.
    pub(super) at: Stamp,
    /// When each of the last tokens was sent, newest last.
    pub(super) sent: Vec<Stamp>,
}

/// The server; it ends with the process.
#[derive(Debug)]
pub(super) struct Server {
    /// Where it listens.
    pub(super) url: String,
    /// Who has gone.
    pub(super) gone: Receiver<Gone>,
}

impl Server {
    /// Starts one on a port of its own.
    ///
    /// # Panics
    /// If there is no port or no thread to be had, without which there is nothing to measure.
    #[must_use]
    pub(super) fn start(answers: Answers) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        listener.set_nonblocking(true).expect("a socket can be set to not block");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (tell, gone) = channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("an event loop");
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("it does not block");
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, answers, tell.clone()));
                }
            });
        });
        Self { url, gone }
    }
}

async fn serve(mut stream: TcpStream, answers: Answers, tell: Sender<Gone>) {
    _ = stream.set_nodelay(true);
    let mut request = vec![0; 64 << 10];
    // Requests of these measurements fit into one segment.
    while stream.read(&mut request).await.is_ok_and(|count| count > 0) {
        match answers {
            Answers::Whole => {
                if stream.write_all(whole().as_bytes()).await.is_err() {
                    return;
                }
            }
            Answers::Tokens(pause) => {
                let gone = stream_tokens(&mut stream, pause).await;
                _ = tell.send(gone);
                return;
            }
        }
    }
}

async fn stream_tokens(stream: &mut TcpStream, pause: Duration) -> Gone {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
    let mut sent = Vec::new();
    if stream.write_all(head.as_bytes()).await.is_ok() {
        let mut byte = [0];
        loop {
            let now = Stamp::now();
            if stream.write_all(token(now).as_bytes()).await.is_err() {
                break;
            }
            if sent.len() == 64 {
                sent.remove(0);
            }
            sent.push(now);
            tokio::select! {
                _ = stream.read(&mut byte) => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
    Gone { at: Stamp::now(), sent }
}

fn token(now: Stamp) -> String {
    let text = format!("{:016x}", now.raw());
    format!("{{\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":false}}\n")
}

fn whole() -> String {
    let token = "{\"message\":{\"content\":\"word \"},\"done\":false}\n".repeat(3);
    let end = "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"eval_count\":3}\n";
    let length = token.len() + end.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{token}{end}")
}
