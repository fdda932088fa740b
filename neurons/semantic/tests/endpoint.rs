//! Vectors from a server, which here is a program that answers as OpenAI's does.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus_rest::{BreakerSettings, RestSettings};
use neuronbus_semantic::encoder::EncodeError;
use neuronbus_semantic::endpoint::Endpoint;
use neuronbus_semantic::prelude::*;
use serde_json::{Value, json};

mod support;
use support::{Handler, Told, names};

const FINE: u8 = 0;
const AWAY: u8 = 1;
const SHORT: u8 = 2;
const NAN: u8 = 3;

/// A server, what it was asked, and how it feels.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    mood: Arc<AtomicU8>,
}

/// A vector for a text: a number for each of a few words.
fn vector(text: &str) -> Vec<f32> {
    ["refund", "money", "parcel", "box"]
        .map(|word| if text.contains(word) { 1.0 } else { 0.01 })
        .to_vec()
}

fn answer(asked: &Value, mood: u8) -> (&'static str, Value) {
    if mood == AWAY {
        let error = json!({"error": {"message": "overloaded", "type": "server_error"}});
        return ("503 Service Unavailable", error);
    }
    let texts = asked["input"].as_array().unwrap();
    let item = |(index, text): (usize, &Value)| {
        let mut embedding: Vec<Value> =
            vector(text.as_str().unwrap()).into_iter().map(Value::from).collect();
        match mood {
            SHORT => embedding.truncate(3),
            NAN => embedding[1] = Value::Null,
            _ => {}
        }
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    // The last first: nothing says that they come in order.
    let data: Vec<Value> =
        texts.iter().enumerate().rev().map(|(at, text)| item((at, text))).collect();
    let usage = json!({"prompt_tokens": 8, "total_tokens": 8});
    let model = &asked["model"];
    ("200 OK", json!({"object": "list", "data": data, "model": model, "usage": usage}))
}

fn serve(stream: TcpStream, asked: &Mutex<Vec<(String, Value)>>, mood: &AtomicU8) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let before = head.len();
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
            let line = head[before..].to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body: Value = serde_json::from_slice(&body).ok()?;
        let (status, told) = answer(&body, mood.load(Ordering::SeqCst));
        asked.lock().unwrap().push((head, body));
        let told = told.to_string();
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
        let whole = format!("{head}content-length: {}\r\n\r\n{told}", told.len());
        (&stream).write_all(whole.as_bytes()).ok()?;
    }
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, mood) = (Arc::default(), Arc::default());
        let server = Self { url, asked: Arc::clone(&asked), mood: Arc::clone(&mood) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &asked, &mood);
            }
        });
        server
    }

    fn endpoint(&self, breaker: BreakerSettings) -> Endpoint {
        let settings = RestSettings { breaker, ..RestSettings::new(&self.url).bearer("sk-test") };
        Endpoint::new(settings, "text-embedding-3-small", 4).unwrap().threshold(0.6)
    }
}

#[test]
fn the_request_is_openais_and_vectors_come_back_in_order_and_of_length_1() {
    let server = Server::start();
    let endpoint = server.endpoint(BreakerSettings::default());
    let mut vectors = Vec::new();
    endpoint.encode_batch(&["a refund", "my parcel", "the box"], &mut vectors).unwrap();
    for (text, found) in ["a refund", "my parcel", "the box"].iter().zip(vectors.chunks(4)) {
        let largest = |vector: &[f32]| vector.iter().position(|&n| n > 0.9);
        assert_eq!(largest(found), largest(&vector(text)), "{text}");
        assert!((found.iter().map(|n| n * n).sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let (head, body) = server.asked.lock().unwrap().remove(0);
    assert!(head.starts_with("POST /v1/embeddings HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer sk-test\r\n"), "{head}");
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    let input = ["a refund", "my parcel", "the box"];
    let model = "text-embedding-3-small";
    assert_eq!(body, json!({"model": model, "input": input, "encoding_format": "float"}));
}

#[test]
fn what_is_no_vector_for_each_text_is_refused() {
    let server = Server::start();
    let endpoint = server.endpoint(BreakerSettings::default());
    let told = |mood: u8| {
        server.mood.store(mood, Ordering::SeqCst);
        endpoint.encode("a refund").unwrap_err()
    };
    assert!(matches!(told(SHORT), EncodeError::Vector(_)));
    assert!(matches!(told(NAN), EncodeError::Model { .. }));
    let away = told(AWAY).to_string();
    assert!(away.contains("503") && away.contains("overloaded"), "{away}");
    assert_eq!(endpoint.encode(""), Err(EncodeError::Empty), "nothing is sent for nothing");
}

#[test]
fn while_the_server_is_away_topics_still_count_and_meaning_is_back_when_it_is() {
    let server = Server::start();
    let breaker = BreakerSettings { failures: 2, pause: Duration::from_millis(1) };
    let endpoint = Arc::new(server.endpoint(breaker));
    let concepts = [
        Concept::new("refund").exemplar("money back").topic("billing.refund"),
        Concept::new("parcel").exemplar("the box"),
    ];
    let (mut inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    let ear = builder.region(Region::gated("ear", gate));
    let meaning = Meaning::new("language", &concepts, endpoint.clone()).unwrap().holding();
    let meaning = meaning.wire(&mut builder);
    builder.project(ear, meaning.input.clone(), Projection::all_to_all());
    let told = Told::default();
    for name in ["refund", "parcel"] {
        let handler = Handler { name, told: told.clone() };
        let desk = builder.region(Region::agents(&format!("desk/{name}")).neuron(name, handler));
        builder.project(meaning.concept(name), desk, Projection::all_to_all().weight(0.0));
    }
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    let mut say = |text: &str| {
        inlet.fire(SpikeKind::Excitatory, 0, text.as_bytes()).unwrap();
        cortex.run_for(Ticks(30)).unwrap();
        names(&told).last().map(|(name, text)| (name.clone(), text.clone()))
    };
    let heard = |name: &str, text: &str| Some((name.to_owned(), text.to_owned()));
    assert_eq!(say("where is my parcel"), heard("parcel", "where is my parcel"));
    server.mood.store(AWAY, Ordering::SeqCst);
    for text in ["my money", "all my money", "money and more money"] {
        assert_eq!(say(text), heard("parcel", "where is my parcel"), "nobody hears {text}");
    }
    assert_eq!(say("billing.refund"), heard("refund", "billing.refund"), "a topic needs no model");
    let counts = meaning.meter.counts();
    assert_eq!((counts.degraded, counts.recognised), (4, 2), "{counts:?}");
    assert_eq!(endpoint.counts().opened, 1);
    server.mood.store(FINE, Ordering::SeqCst);
    // The pause is over as soon as one request is let through.
    let back = (0..1_000).find(|n| {
        std::thread::yield_now();
        let text = format!("please, my money {n}");
        say(&text) == heard("refund", &text)
    });
    assert!(back.is_some(), "{:?}", endpoint.counts());
}
