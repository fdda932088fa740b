//! Against a real server with a real model. What it says is not asserted on; how it says it is.

use crate::interrupt::a_is_interrupted_and_answers_anew;
use crate::support::local;
use neuronbus_llm::{
    Collected, FailureKind, HttpProvider, HttpSettings, Protocol, Provider, Request, Sampling,
    Schema, Shape, Stop, conformance, wait_for,
};
use serde_json::json;

fn provider(protocol: Protocol, url: &str) -> HttpProvider {
    HttpProvider::new(HttpSettings::new(protocol, url, "SmolLM2")).unwrap()
}

fn ask(protocol: Protocol, url: &str, request: &Request) -> (Collected, Stop, u64) {
    let mut answer = Collected::default();
    let (stop, usage) = wait_for(provider(protocol, url).invoke(request, &mut answer)).unwrap();
    (answer, stop, usage.output)
}

fn a_real_model_speaks_both_protocols(url: &str) {
    let mut request = Request::of("What is the capital of France? Answer in one sentence.");
    request.max_tokens = 24;
    request.sampling = Sampling { temperature: Some(0.0), ..Sampling::default() };
    for protocol in [Protocol::OpenAiChat, Protocol::Anthropic] {
        let (answer, stop, output) = ask(protocol, url, &request);
        assert!(answer.texts.len() > 1, "it streams: {:?}", answer.texts);
        assert!(answer.texts.concat().contains("Paris"), "{:?}", answer.texts.concat());
        assert!(output > 0 && output <= 24, "{output}");
        assert!(matches!(stop, Stop::End | Stop::MaxTokens), "{stop:?}");
    }
    let list = wait_for(provider(Protocol::OpenAiChat, url).validate_api_key());
    list.unwrap();
}

fn a_real_model_keeps_to_a_schema(url: &str) {
    let schema = json!({
        "type": "object",
        "properties": { "severity": { "enum": ["low", "high"] }, "count": { "type": "integer" } },
        "required": ["severity", "count"],
        "additionalProperties": false,
    });
    let mut request = Request::of("Three disks are full. Report it as JSON.");
    request.max_tokens = 64;
    request.shape = Some(Shape { name: "report".into(), schema: schema.clone() });
    let (answer, _, _) = ask(Protocol::OpenAiChat, url, &request);
    let value = serde_json::from_str(&answer.texts.concat()).unwrap();
    assert!(Schema::new(&schema).unwrap().complaints(&value).is_empty(), "{value}");
}

fn a_real_error_is_told_in_the_servers_words(url: &str) {
    let mut request = Request::of("hello");
    request.shape = Some(Shape { name: "none".into(), schema: json!({ "type": "no such type" }) });
    let mut answer = Collected::default();
    let provider = provider(Protocol::OpenAiChat, url);
    let failure = wait_for(provider.invoke(&request, &mut answer)).unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Rejected | FailureKind::Server), "{failure:?}");
    assert!(failure.message.len() > 30, "{failure}");
}

fn a_real_server_keeps_the_contract(url: &str) {
    // The server serves one model under the name of its file, whatever it is asked for.
    let models = provider(Protocol::OpenAiChat, url);
    let mut request = Request::of("hello");
    request.max_tokens = 8;
    let failure = wait_for(models.get_model_info()).map(|info| info.name);
    let Err(failure) = failure else { return conformance(&models, &request) };
    assert_eq!(failure.kind, FailureKind::Rejected);
}

#[test]
fn a_real_model_is_asked_told_stopped_and_refused() {
    // One server for all of it: it is ended with this test, and not before.
    let Some(model) = local::start() else { return };
    a_real_model_speaks_both_protocols(&model.url);
    a_real_model_keeps_to_a_schema(&model.url);
    a_real_error_is_told_in_the_servers_words(&model.url);
    a_is_interrupted_and_answers_anew(Some(&model.url));
    a_real_server_keeps_the_contract(&model.url);
}
