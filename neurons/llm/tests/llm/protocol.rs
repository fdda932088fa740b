//! Bytes become answers, however they are cut, and nothing else becomes one.

use crate::support::fixtures;
use neuronbus_llm::protocol::{Delta, ProtocolError};
use neuronbus_llm::{Protocol, Request, Sampling, Shape, Stop, Tool};
use proptest::prelude::*;
use serde_json::{Value, json};

const LINE: usize = 1 << 20;

fn decode(protocol: Protocol, pieces: &[&[u8]]) -> Result<Vec<Delta>, ProtocolError> {
    let mut decoder = protocol.decoder(LINE);
    let mut found = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut found)?;
    }
    decoder.finish(&mut found)?;
    Ok(found)
}

fn expected(protocol: Protocol) -> Vec<Delta> {
    let texts = fixtures::SAID.map(|text| Delta::Text(text.to_owned()));
    let end = Delta::End { stop: Stop::End, usage: fixtures::usage(protocol) };
    texts.into_iter().chain([end]).collect()
}

#[test]
fn an_answer_is_the_same_wherever_it_is_cut_in_two() {
    for protocol in Protocol::ALL {
        let bytes = fixtures::of(protocol).as_bytes();
        for at in 0..=bytes.len() {
            let (left, right) = bytes.split_at(at);
            let found = decode(protocol, &[left, right]).unwrap();
            assert_eq!(found, expected(protocol), "{protocol:?} cut at {at}");
        }
    }
}

#[test]
fn an_answer_is_the_same_byte_by_byte_and_with_the_line_ends_of_windows() {
    for protocol in Protocol::ALL {
        let text = fixtures::of(protocol).replace('\n', "\r\n");
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(decode(protocol, &bytes).unwrap(), expected(protocol), "{protocol:?}");
    }
}

#[test]
fn an_answer_that_breaks_off_anywhere_is_never_a_complete_one() {
    for protocol in Protocol::ALL {
        let bytes = fixtures::of(protocol).as_bytes();
        let mut complete = 0;
        for at in 0..bytes.len() {
            match decode(protocol, &[&bytes[..at]]) {
                Ok(found) => {
                    // All text is there: only the last words of the protocol are missing.
                    let texts =
                        found.iter().filter(|delta| matches!(delta, Delta::Text(_))).count();
                    assert_eq!(texts, fixtures::SAID.len(), "{protocol:?} broken off at {at}");
                    complete += 1;
                }
                Err(error) => assert!(
                    matches!(error, ProtocolError::Truncated(read) if read == at as u64),
                    "{protocol:?} broken off at {at}: {error}"
                ),
            }
        }
        // Chat Completions are complete with their reason to finish; the others with their last line.
        let most = if protocol == Protocol::OpenAiChat { 320 } else { 2 };
        assert!(complete <= most, "{protocol:?}: {complete}");
    }
}

#[test]
fn errors_inside_a_stream_are_told_in_the_providers_words() {
    let error = "{\"type\":\"server_error\",\"message\":\"Overloaded\"}";
    let data = |object: &str| format!("data: {}\n\n", object.replace('E', error));
    let reported = [
        (Protocol::Anthropic, data("{\"type\":\"error\",\"error\":E}")),
        (Protocol::OpenAiChat, data("{\"error\":E}")),
        (
            Protocol::OpenAiResponses,
            data("{\"type\":\"response.failed\",\"response\":{\"error\":E}}"),
        ),
        (Protocol::OpenAiResponses, data("{\"type\":\"error\",\"error\":E}")),
        (Protocol::Ollama, "{\"error\":\"Overloaded\"}\n".to_owned()),
    ];
    for (protocol, text) in reported {
        let error = decode(protocol, &[text.as_bytes()]).unwrap_err();
        let ProtocolError::Reported { message, .. } = &error else {
            panic!("{protocol:?}: {error}")
        };
        assert_eq!(message, "Overloaded");
    }
}

#[test]
fn what_is_not_the_protocol_is_refused_with_what_it_was() {
    for protocol in Protocol::ALL {
        for wrong in
            ["<html>502 Bad Gateway</html>", "[1,2]", "{}", "{\"truncated\": ", "\"\\ud800\""]
        {
            let text = match protocol {
                Protocol::Ollama => format!("{wrong}\n"),
                _ => format!("data: {wrong}\n\n"),
            };
            let error = decode(protocol, &[text.as_bytes()]).unwrap_err();
            assert!(
                matches!(error, ProtocolError::Malformed { .. }),
                "{protocol:?} {wrong}: {error}"
            );
        }
    }
}

#[test]
fn a_line_of_ten_megabytes_is_refused_as_soon_as_it_is_too_long() {
    for protocol in Protocol::ALL {
        let mut decoder = protocol.decoder(LINE);
        let (piece, mut found) = (vec![b'x'; 64 << 10], Vec::new());
        let fed = (0..160).take_while(|_| decoder.feed(&piece, &mut found).is_ok()).count();
        assert_eq!(fed, LINE / piece.len(), "{protocol:?}");
        let error = decoder.feed(&piece, &mut found).unwrap_err();
        assert!(matches!(error, ProtocolError::LineTooLong { most: LINE, .. }), "{error}");
    }
}

#[test]
fn tool_calls_come_whole_whatever_pieces_they_arrive_in() {
    let streams = [
        (Protocol::Anthropic, include_str!("fixtures/anthropic_tool.txt")),
        (Protocol::OpenAiChat, include_str!("fixtures/openai_chat_tool.txt")),
        (Protocol::OpenAiResponses, include_str!("fixtures/openai_responses_tool.txt")),
        (Protocol::Ollama, include_str!("fixtures/ollama_tool.txt")),
    ];
    for (protocol, text) in streams {
        let found = decode(protocol, &[text.as_bytes()]).unwrap();
        let [Delta::ToolCall(call), Delta::End { stop: Stop::ToolUse, usage }] = &found[..] else {
            panic!("{protocol:?}: {found:?}")
        };
        assert_eq!(
            (call.name.as_str(), call.arguments.as_str()),
            ("weather", "{\"city\":\"Bern\"}")
        );
        assert_eq!(usage.output, 3);
    }
}

fn everything() -> Request {
    let schema = json!({ "type": "object" });
    let tool =
        Tool { name: "look".into(), description: "Looks.".into(), parameters: schema.clone() };
    Request {
        sampling: Sampling { temperature: Some(0.5), seed: Some(7), stop: vec!["END".into()] },
        tools: vec![tool],
        shape: Some(Shape { name: "verdict".into(), schema }),
        max_tokens: 99,
        ..Request::of("hello")
    }
}

#[test]
fn what_is_asked_for_stands_where_each_provider_looks_for_it() {
    let at = |body: &Value, path: &str| body.pointer(path).cloned().unwrap_or(Value::Null);
    let body = Protocol::OpenAiChat.body(&everything(), "m").unwrap();
    assert_eq!(at(&body, "/seed"), 7);
    assert_eq!(at(&body, "/stop/0"), "END");
    assert_eq!(at(&body, "/tools/0/function/name"), "look");
    assert_eq!(at(&body, "/response_format/json_schema/name"), "verdict");
    assert_eq!(at(&body, "/stream_options/include_usage"), true);
    let body = Protocol::Ollama.body(&everything(), "m").unwrap();
    assert_eq!(at(&body, "/options/num_predict"), 99);
    assert_eq!(at(&body, "/options/seed"), 7);
    assert_eq!(at(&body, "/format/type"), "object");
    let plain = Request { sampling: Sampling::default(), ..everything() };
    let body = Protocol::Anthropic.body(&plain, "m").unwrap();
    assert_eq!(at(&body, "/max_tokens"), 99);
    assert_eq!(at(&body, "/tools/0/input_schema/type"), "object");
    assert_eq!(at(&body, "/tool_choice/name"), at(&body, "/tools/1/name"));
    let body = Protocol::OpenAiResponses.body(&plain, "m").unwrap();
    assert_eq!(at(&body, "/input/0/content"), "hello");
    assert_eq!(at(&body, "/max_output_tokens"), 99);
    assert_eq!(at(&body, "/text/format/name"), "verdict");
}

#[test]
fn what_a_provider_cannot_do_is_refused_and_not_left_out() {
    for protocol in [Protocol::Anthropic, Protocol::OpenAiResponses] {
        let error = protocol.body(&everything(), "m").unwrap_err();
        assert!(matches!(error, ProtocolError::Unsupported { .. }), "{error}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_an_error_and_never_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        cut in 0_usize..400,
        which in 0_usize..4,
    ) {
        let protocol = Protocol::ALL[which];
        let (left, right) = bytes.split_at(cut.min(bytes.len()));
        let whole = decode(protocol, &[&bytes]);
        prop_assert_eq!(whole, decode(protocol, &[left, right]));
    }
}
