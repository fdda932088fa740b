//! A server that streams tokens for ever, and says when its client is gone; one thread for all connections.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use neuronbus::pace::Stamp;
use neuronbus_llm::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a server answers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answers {
    /// A token with the time of its sending, after each pause, without end.
    Tokens(Protocol, Duration),
    /// Three tokens and the end, at once; the connection stays.
    Whole(Protocol),
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
    let mut read = Vec::new();
    while read_request(&mut stream, &mut read).await.is_some() {
        match answers {
            Answers::Whole(protocol) => {
                if stream.write_all(whole(protocol).as_bytes()).await.is_err() {
                    return;
                }
            }
            Answers::Tokens(protocol, pause) => {
                let gone = stream_tokens(&mut stream, protocol, pause).await;
                _ = tell.send(gone);
                return;
            }
        }
    }
}

/// Reads one request to its end; `None` where there is none any more.
async fn read_request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<()> {
    read.clear();
    loop {
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(());
        }
    }
}

async fn stream_tokens(stream: &mut TcpStream, protocol: Protocol, pause: Duration) -> Gone {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut sent = Vec::new();
    if stream.write_all(head.as_bytes()).await.is_ok() {
        let mut byte = [0];
        loop {
            let now = Stamp::now();
            if stream
                .write_all(token(protocol, &format!("{:016x}", now.raw())).as_bytes())
                .await
                .is_err()
            {
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

/// A token with this text, as a protocol has it.
fn token(protocol: Protocol, text: &str) -> String {
    match protocol {
        Protocol::Anthropic => format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
        ),
        Protocol::OpenAiChat => format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
        ),
        Protocol::OpenAiResponses => format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\
             \"output_index\":0,\"content_index\":0,\"delta\":\"{text}\"}}\n\n"
        ),
        Protocol::Ollama => format!(
            "{{\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":false}}\n"
        ),
    }
}

/// The end of an answer of three tokens.
fn end(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Anthropic => "data: {\"type\":\"message_stop\"}\n\n",
        Protocol::OpenAiChat => {
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
             \"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
             data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
             \"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":3,\"total_tokens\":4}}\n\n\
             data: [DONE]\n\n"
        }
        Protocol::OpenAiResponses => {
            "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{}}}\n\n"
        }
        Protocol::Ollama => {
            "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"eval_count\":3}\n"
        }
    }
}

fn whole(protocol: Protocol) -> String {
    let (tokens, end) = (token(protocol, "word ").repeat(3), end(protocol));
    let length = tokens.len() + end.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{tokens}{end}"
    )
}
