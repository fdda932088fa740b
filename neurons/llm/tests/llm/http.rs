//! Providers over real sockets: servers that answer well, badly, slowly, in pieces, or not at all.

use std::time::Duration;

use crate::support::fixtures;
use crate::support::server::{Act, Server, chunk, chunked_head, open_ended, whole};
use neuronbus_llm::{
    ApiKey, Collected, Failure, FailureKind, HttpError, HttpProvider, HttpSettings, Protocol,
    Provider, Request, ScriptedModel, Stop, Usage, conformance, wait_for,
};

fn settings(protocol: Protocol, url: &str) -> HttpSettings {
    HttpSettings::new(protocol, url, "m").key(ApiKey::new("sk-secret-1234").unwrap())
}

fn ask(settings: HttpSettings) -> Result<(Collected, Stop, Usage), Failure> {
    let provider = HttpProvider::new(settings).unwrap();
    let mut answer = Collected::default();
    let (stop, usage) = wait_for(provider.invoke(&Request::of("hello"), &mut answer))?;
    Ok((answer, stop, usage))
}

fn fails(settings: HttpSettings) -> Failure {
    ask(settings).map(|answer| answer.1).unwrap_err()
}

#[test]
fn each_provider_is_asked_as_it_documents_and_read_in_pieces_of_any_size() {
    for protocol in Protocol::ALL {
        for size in [1, 7, 64, 100_000] {
            let body = fixtures::of(protocol).as_bytes();
            let server = Server::start(move |_, _| {
                vec![Act::Send(open_ended()), Act::Pieces(body.to_vec(), size), Act::Close]
            });
            let (answer, stop, usage) = ask(settings(protocol, &server.url)).unwrap();
            assert_eq!(answer.texts, fixtures::SAID, "{protocol:?} {size}");
            assert_eq!((stop, usage), (Stop::End, fixtures::usage(protocol)));
            let (head, body) = server.request();
            assert!(head.starts_with(&format!("POST {} HTTP/1.1", protocol.path())), "{head}");
            let key = match protocol {
                Protocol::Anthropic => "x-api-key: sk-secret-1234",
                _ => "authorization: Bearer sk-secret-1234",
            };
            assert!(head.contains(key), "{head}");
            assert_eq!(head.contains("anthropic-version:"), protocol == Protocol::Anthropic);
            assert!(body.contains("hello"), "{body}");
        }
    }
}

#[test]
fn a_connection_is_used_again_after_an_answer_was_read_to_its_end() {
    let server = Server::start(|_, _| {
        let body = fixtures::OPENAI_CHAT.as_bytes();
        let pieces = body.chunks(50).flat_map(chunk).collect();
        vec![Act::Send(chunked_head()), Act::Send(pieces), Act::Send(chunk(b""))]
    });
    let provider = HttpProvider::new(settings(Protocol::OpenAiChat, &server.url)).unwrap();
    let request = Request::of("hello");
    wait_for(Box::pin(async {
        for _ in 0..5 {
            let mut answer = Collected::default();
            provider.invoke(&request, &mut answer).await?;
            assert_eq!(answer.texts, fixtures::SAID);
            // What is left of the answer is read beside this task.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }))
    .unwrap();
    assert_eq!(*server.connections.lock().unwrap(), 1);
}

#[test]
fn statuses_have_meanings_and_the_providers_words() {
    let cases = [
        ("400 Bad Request", FailureKind::Rejected),
        ("401 Unauthorized", FailureKind::Unauthorized),
        ("404 Not Found", FailureKind::Rejected),
        ("429 Too Many Requests", FailureKind::RateLimited),
        ("500 Internal Server Error", FailureKind::Server),
        ("503 Service Unavailable", FailureKind::Overloaded),
        ("529 Overloaded", FailureKind::Overloaded),
    ];
    for (status, kind) in cases {
        let body = "{\"type\":\"error\",\"error\":{\"type\":\"e\",\"message\":\"so it is\"}}";
        let server = Server::answering(status, "retry-after: 2\r\n", body);
        for protocol in Protocol::ALL {
            let failure = fails(settings(protocol, &server.url));
            assert_eq!(failure.kind, kind, "{status}");
            assert_eq!(failure.retry_after_ms, Some(2000));
            assert!(failure.message.contains("so it is"), "{failure}");
        }
    }
}

#[test]
fn a_key_that_a_provider_repeats_is_not_passed_on() {
    let server = Server::answering("401 Unauthorized", "", "no such key: sk-secret-1234");
    let failure = fails(settings(Protocol::OpenAiChat, &server.url));
    assert!(failure.message.contains("no such key: (key)"), "{failure}");
    let settings = settings(Protocol::OpenAiChat, &server.url);
    let provider = HttpProvider::new(settings.clone()).unwrap();
    for shown in [format!("{settings:?}"), format!("{provider:?}")] {
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_an_error_whoever_closes_what() {
    for protocol in Protocol::ALL {
        let half = &fixtures::of(protocol).as_bytes()[..fixtures::of(protocol).len() / 3];
        for end in [Act::HalfClose, Act::Close] {
            let end_of = end.clone();
            let server = Server::start(move |_, _| {
                vec![Act::Send(open_ended()), Act::Send(half.to_vec()), end_of.clone()]
            });
            assert_eq!(fails(settings(protocol, &server.url)).kind, FailureKind::Truncated);
            let server = Server::start(move |_, _| {
                vec![Act::Send(chunked_head()), Act::Send(chunk(half)), end.clone()]
            });
            assert_eq!(fails(settings(protocol, &server.url)).kind, FailureKind::Truncated);
        }
    }
}

#[test]
fn what_is_malformed_or_too_large_ends_the_answer_with_its_kind() {
    for protocol in Protocol::ALL {
        let server = Server::answering("200 OK", "", "data: <html>\n\n<html>\n");
        assert_eq!(fails(settings(protocol, &server.url)).kind, FailureKind::Malformed);
        let line = vec![b'x'; 10 << 20];
        let server = Server::answering("200 OK", "", line);
        assert_eq!(fails(settings(protocol, &server.url)).kind, FailureKind::TooLarge);
        let token = fixtures::token(protocol).as_bytes();
        let server = Server::start(move |_, _| {
            vec![Act::Send(open_ended()), Act::Forever(token.repeat(1000), Duration::ZERO)]
        });
        let small = HttpSettings { largest_answer: 1 << 20, ..settings(protocol, &server.url) };
        assert_eq!(fails(small).kind, FailureKind::TooLarge);
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let silent = Server::start(|_, _| vec![Act::Silence]);
    let stuck = Server::start(|_, _| {
        let token = fixtures::token(Protocol::Ollama).as_bytes().to_vec();
        vec![Act::Send(open_ended()), Act::Send(token), Act::Silence]
    });
    let limit = Duration::from_millis(50);
    for server in [silent, stuck] {
        let settings = settings(Protocol::Ollama, &server.url);
        let hasty = HttpSettings { answer_timeout: limit, idle_timeout: limit, ..settings };
        assert_eq!(fails(hasty).kind, FailureKind::Timeout);
    }
    // Nothing listens where a server was.
    let url = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let failure = fails(settings(Protocol::Ollama, &url));
    assert_eq!(failure.kind, FailureKind::Connection);
    assert!(failure.message.contains("refused"), "{failure}");
}

/// Lists one model as each provider does, and answers everything else by its fixture.
fn listing(protocol: Protocol) -> Server {
    Server::start(move |_, body| {
        if !body.is_empty() {
            return vec![Act::Send(whole("200 OK", "", fixtures::of(protocol).as_bytes()))];
        }
        let list = match protocol {
            Protocol::Ollama => r#"{"models":[{"name":"m:latest","size":1}]}"#,
            Protocol::Anthropic => r#"{"data":[{"type":"model","id":"m","display_name":"M"}]}"#,
            _ => r#"{"object":"list","data":[{"id":"m","object":"model","owned_by":"us"}]}"#,
        };
        vec![Act::Send(whole("200 OK", "", list.as_bytes()))]
    })
}

#[test]
fn every_provider_keeps_the_contract() {
    for protocol in Protocol::ALL {
        let server = listing(protocol);
        let provider = HttpProvider::new(settings(protocol, &server.url)).unwrap();
        conformance(&provider, &Request::of("hello"));
        let other = HttpSettings { model: "n".into(), ..settings(protocol, &server.url) };
        let info = wait_for(HttpProvider::new(other).unwrap().get_model_info());
        assert_eq!(info.unwrap_err().kind, FailureKind::Rejected);
    }
    let quick = Duration::from_millis(1)..=Duration::from_millis(2);
    let scripted = ScriptedModel::saying("I say this.").taking(Duration::from_millis(1), quick);
    conformance(&scripted, &Request::of("hello"));
}

#[test]
fn a_url_that_is_none_is_refused_with_the_reason() {
    for url in ["localhost:11434", "ftp://host", "http://", "not a url"] {
        let error = HttpProvider::new(HttpSettings::new(Protocol::Ollama, url, "m")).unwrap_err();
        assert!(matches!(error, HttpError::Url { .. }), "{url}: {error}");
    }
}

#[test]
fn keys_come_from_the_environment_or_a_file_and_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-from-file\n").unwrap();
    assert_eq!(format!("{:?}", ApiKey::from_file(&file).unwrap()), "ApiKey(..)");
    std::fs::write(&file, "two words").unwrap();
    let error = ApiKey::from_file(&file).unwrap_err().to_string();
    assert!(!error.contains("words"), "{error}");
    assert!(ApiKey::from_file(folder.path().join("none")).is_err());
    assert!(ApiKey::from_env("NEURONBUS_TEST_KEY_THAT_IS_NOT_SET").is_err());
    assert!(ApiKey::new(" ").is_err());
}
