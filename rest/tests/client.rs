//! The client against servers that answer, refuse, stall and go away.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use neuronbus_rest::{BreakerSettings, RestClient, RestCounts, RestError, RestSettings};
use serde_json::{Value, json};

/// Answers one request a connection with each of these in turn, and returns what it was asked.
fn server(answers: Vec<&'static str>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                let before = head.len();
                reader.read_line(&mut head).unwrap();
                let line = head[before..].to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            asked.push(head + &String::from_utf8(body).unwrap());
            // One that went away meanwhile does not matter.
            let _ = (&stream).write_all(answer.as_bytes());
        }
        asked
    });
    (url, thread)
}

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";
const BAD: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbad";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const HTML: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\n<html>";

fn client(url: &str, failures: u32, pause: Duration) -> RestClient {
    let breaker = BreakerSettings { failures, pause };
    RestClient::new(RestSettings { breaker, ..RestSettings::new(url).bearer("secret") }).unwrap()
}

#[test]
fn what_is_asked_is_on_the_wire_and_what_is_answered_comes_back() {
    let (url, thread) = server(vec![OK]);
    let client = client(&url, 3, Duration::from_secs(60));
    let answer = client.call("POST", "/v1/things", Some(&json!({"a": [1, 2]}))).unwrap();
    assert_eq!(answer, json!({"ok": true}));
    let asked = thread.join().unwrap().remove(0);
    assert!(asked.starts_with("POST /v1/things HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Bearer secret") && asked.ends_with("{\"a\":[1,2]}"));
    assert!(!format!("{client:?}").contains("secret"));
    assert_eq!(client.counts(), RestCounts { answered: 1, ..RestCounts::default() });
}

#[test]
fn a_server_that_fails_is_given_up_for_a_while_and_asked_again() {
    let (url, thread) = server(vec![BAD, BUSY, HTML, OK]);
    let client = client(&url, 2, Duration::ZERO);
    let call = || client.call("GET", "/", None);
    let told = call().unwrap_err();
    assert_eq!(told, RestError::Status { status: 400, said: "bad".to_owned() });
    assert!(matches!(call(), Err(RestError::Status { status: 503, .. })));
    assert!(matches!(call(), Err(RestError::Malformed(_))));
    assert_eq!(client.counts().opened, 1);
    // With no pause at all, the next is the one that is tried.
    assert_eq!(call().unwrap(), json!({"ok": true}));
    thread.join().unwrap();
    let gone = client.call("GET", "/", None).unwrap_err();
    assert!(matches!(&gone, RestError::Unreachable { url: at, .. } if at.starts_with(&url)));
    assert_eq!(client.counts(), RestCounts { answered: 1, failed: 4, given_up: 0, opened: 1 });
}

#[test]
fn while_it_is_given_up_nothing_is_sent() {
    let (url, thread) = server(vec![BUSY]);
    let client = client(&url, 1, Duration::from_secs(3600));
    assert!(client.call("GET", "/", None).is_err());
    let told = client.call("GET", "/", None).unwrap_err();
    assert!(told.to_string().contains("1 times in a row"), "{told}");
    assert_eq!(thread.join().unwrap().len(), 1);
    assert_eq!(client.counts(), RestCounts { answered: 0, failed: 1, given_up: 1, opened: 1 });
}

#[test]
fn an_answer_that_does_not_end_or_is_too_large_is_no_answer() {
    let (url, _thread) = server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", OK]);
    let settings = RestSettings { timeout: Duration::from_millis(200), ..RestSettings::new(&url) };
    let told = RestClient::new(settings).unwrap().call("GET", "/", None).unwrap_err();
    assert!(matches!(told, RestError::Unreachable { .. }), "{told}");
    let settings = RestSettings { largest_answer: 4, ..RestSettings::new(&url) };
    let told = RestClient::new(settings).unwrap().call("GET", "/", None).unwrap_err();
    assert!(told.to_string().contains("length limit"), "{told}");
}

#[test]
fn what_cannot_be_asked_is_refused_at_once() {
    for url in ["localhost", "ftp://host", "http://"] {
        let told = RestClient::new(RestSettings::new(url)).unwrap_err();
        assert!(matches!(told, RestError::Settings { .. }), "{told}");
    }
    let settings = RestSettings::new("http://localhost:1").header("x-key", "two\nlines");
    let told = RestClient::new(settings).unwrap_err().to_string();
    assert!(told.contains("x-key") && !told.contains("lines"), "{told}");
    let client = RestClient::new(RestSettings::new("http://127.0.0.1:1")).unwrap();
    assert!(client.call("GET", " ", None::<&Value>).is_err());
}
