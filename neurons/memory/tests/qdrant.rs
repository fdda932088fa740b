//! The memory in Qdrant, against a program that answers as Qdrant's REST interface is documented to.
//!
//! No package of a registry carries the server, so it is not Qdrant itself; `QDRANT_URL` names one where there is one,
//! and the conformance suite then runs against that too.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use neuronbus_memory::conformance::{check, engram, id};
use neuronbus_memory::qdrant::{COLLECTION, QdrantMemory};
use neuronbus_memory::{Memory, MemoryError};
use neuronbus_rest::RestSettings;
use serde_json::{Value, json};

/// The points of a collection, and how long their vectors are.
#[derive(Default)]
struct Collection {
    size: usize,
    points: BTreeMap<String, (Vec<f64>, Value)>,
}

#[derive(Default)]
struct Store {
    collections: BTreeMap<String, Collection>,
    asked: Vec<(String, Value)>,
}

const MISSING: (u16, Value) = (404, Value::Null);

fn passes(filter: &Value, payload: &Value) -> bool {
    let matches = |it: &Value| payload[it["key"].as_str().unwrap()] == it["match"]["value"];
    let must = filter["must"].as_array().is_none_or(|all| all.iter().all(matches));
    must && filter["should"].as_array().is_none_or(|any| any.iter().any(matches))
}

impl Collection {
    fn put(&mut self, points: &Value) -> (u16, Value) {
        for point in points.as_array().unwrap() {
            let vector: Vec<f64> =
                point["vector"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
            if vector.len() != self.size {
                return (400, json!({"status": {"error": "Wrong input: Vector dimension error"}}));
            }
            // Where distance is cosine, vectors are kept with length 1.
            let length = vector.iter().map(|n| n * n).sum::<f64>().sqrt();
            let vector = vector.iter().map(|n| n / length).collect();
            let id = point["id"].as_str().unwrap().to_owned();
            assert_eq!(id.len(), 36, "an id is a number or a UUID");
            self.points.insert(id, (vector, point["payload"].clone()));
        }
        (200, json!({"operation_id": 0, "status": "completed"}))
    }

    fn query(&self, body: &Value) -> Value {
        let wanted: Vec<f64> =
            body["query"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
        let length = wanted.iter().map(|n| n * n).sum::<f64>().sqrt();
        let score = |vector: &[f64]| -> f64 {
            vector.iter().zip(&wanted).map(|(a, b)| a * b).sum::<f64>() / length
        };
        let mut hits: Vec<_> = self
            .points
            .iter()
            .map(|(id, (vector, payload))| (score(vector), id, payload))
            .collect();
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        let [skip, limit] = ["offset", "limit"].map(|key| body[key].as_u64().unwrap() as usize);
        let page = hits.into_iter().skip(skip).take(limit).map(|(score, id, payload)| {
            json!({"id": id, "version": 0, "score": score, "payload": {"topic": payload["topic"]}})
        });
        json!({"points": page.collect::<Vec<_>>()})
    }

    /// Two points a page at most, so that there are several.
    fn scroll(&self, body: &Value) -> Value {
        let from = body["offset"].as_str().unwrap_or("");
        let mut rest = self.points.range(from.to_owned()..);
        let mut passing =
            rest.by_ref().filter(|(_, (_, payload))| passes(&body["filter"], payload));
        let page = passing
            .by_ref()
            .take(2)
            .map(|(id, (vector, payload))| json!({"id": id, "payload": payload, "vector": vector}));
        let page: Vec<_> = page.collect();
        let next = passing.next().map(|(id, _)| id.clone());
        json!({"points": page, "next_page_offset": next})
    }

    fn delete(&mut self, body: &Value) {
        let named = body["points"].as_array().cloned().unwrap_or_default();
        self.points.retain(|id, (_, payload)| {
            let is_named = named.iter().any(|it| it == id.as_str());
            !(is_named || body.get("filter").is_some_and(|filter| passes(filter, payload)))
        });
    }
}

impl Store {
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.asked.push((format!("{method} {path}"), body.clone()));
        let path = path.split('?').next().unwrap();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let name = parts[1].to_owned();
        if let ("PUT", [_, _]) = (method, &parts[..]) {
            assert_eq!(body["vectors"]["distance"], "Cosine");
            let size = body["vectors"]["size"].as_u64().unwrap() as usize;
            self.collections.insert(name, Collection { size, ..Collection::default() });
            return (200, json!(true));
        }
        if let ("DELETE", [_, _]) = (method, &parts[..]) {
            return (200, json!(self.collections.remove(&name).is_some()));
        }
        let Some(found) = self.collections.get_mut(&name) else { return MISSING };
        match (method, &parts[2..]) {
            ("GET", []) => (200, json!({"status": "green", "points_count": found.points.len()})),
            ("PUT", ["points"]) => found.put(&body["points"]),
            ("GET", ["points", id]) => match found.points.get(*id) {
                Some((_, payload)) => (200, json!({"id": id, "payload": payload})),
                None => MISSING,
            },
            ("POST", ["points", "query"]) => (200, found.query(body)),
            ("POST", ["points", "scroll"]) => (200, found.scroll(body)),
            ("POST", ["points", "count"]) => (200, json!({"count": found.points.len()})),
            ("POST", ["points", "delete"]) => {
                found.delete(body);
                (200, json!({"operation_id": 1, "status": "completed"}))
            }
            other => panic!("{other:?} is not of Qdrant"),
        }
    }
}

fn serve(stream: TcpStream, store: &Mutex<Store>) -> Option<()> {
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
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let mut words = head.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let (status, result) = store.lock().unwrap().answer(method, path, &body);
        let whole = json!({"result": result, "status": "ok", "time": 0.001}).to_string();
        let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n\r\n", whole.len());
        (&stream).write_all((head + &whole).as_bytes()).ok()?;
    }
}

fn server() -> (String, Arc<Mutex<Store>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let store = Arc::<Mutex<Store>>::default();
    let theirs = store.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let store = theirs.clone();
            std::thread::spawn(move || serve(stream, &store));
        }
    });
    (url, store)
}

#[test]
fn a_memory_in_qdrant_does_what_every_memory_must() {
    let (url, _) = server();
    check(&mut QdrantMemory::new(RestSettings::new(&url), COLLECTION).unwrap()).unwrap();
    if let Ok(url) = std::env::var("QDRANT_URL") {
        let mut memory = QdrantMemory::new(RestSettings::new(&url), "neuronbus_test").unwrap();
        check(&mut memory).unwrap();
    }
}

#[test]
fn an_event_is_a_point_as_the_first_design_has_it() {
    let (url, store) = server();
    let mut memory = QdrantMemory::new(RestSettings::new(&url), COLLECTION).unwrap();
    let stored = engram("door.open", 7, &[3.0, 4.0], 0.5);
    memory.store(&stored).unwrap();
    let asked = std::mem::take(&mut store.lock().unwrap().asked);
    let made = &asked[asked.len() - 2];
    assert_eq!(made.0, "PUT /collections/neurobus_events");
    assert_eq!(made.1, json!({"vectors": {"size": 2, "distance": "Cosine"}}));
    let (request, body) = &asked[asked.len() - 1];
    assert_eq!(request, "PUT /collections/neurobus_events/points?wait=true");
    let mut point = body["points"][0].clone();
    assert!(point["payload"]["record"].take().as_str().unwrap().starts_with("4e42"), "NB..");
    let payload = json!({"event_id": id(7).to_string(), "topic": "door.open", "timestamp": 7000,
        "context": {}, "data": 7, "importance": 0.5, "model": "conformance", "record": null});
    let expected = json!({"id": id(7).to_string(), "vector": [3.0, 4.0], "payload": payload});
    assert_eq!(point, expected);
    // Another program that opens the same collection finds it.
    let mut other = QdrantMemory::new(RestSettings::new(&url), COLLECTION).unwrap();
    assert_eq!(other.get(id(7)).unwrap(), Some(stored));
    let refused = other.store(&engram("a", 8, &[1.0; 3], 0.5));
    assert!(matches!(refused, Err(MemoryError::Dimensions { expected: 2, .. })), "{refused:?}");
}

#[test]
fn a_server_that_is_away_is_a_store_that_failed_and_is_not_asked_again_at_once() {
    let mut memory = QdrantMemory::new(RestSettings::new("http://127.0.0.1:1"), "c").unwrap();
    for _ in 0..5 {
        assert!(memory.count().unwrap_err().is_of_store());
    }
    let counts = memory.counts();
    assert_eq!((counts.failed, counts.given_up, counts.opened), (3, 2, 1));
}
