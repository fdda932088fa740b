//! Every brain that is delivered is right, and no text makes the reader panic.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::Path;

use neuronbus::cortex::Cortex;
use neuronbus_connectome::{AssembleError, Brain, LineSource, Overrides};
use proptest::prelude::*;

fn brains() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../brains");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect()
}

#[test]
fn every_brain_is_described_rightly_and_builds() {
    let brains = brains();
    assert!(brains.len() >= 2, "{brains:?}");
    for path in brains {
        let brain = Brain::read(&path).unwrap_or_else(|errors| panic!("{errors}"));
        let mut builder = Cortex::builder();
        let assembled = brain.assemble(&mut builder, Overrides::default()).unwrap();
        let cortex = builder.build().unwrap();
        for (path, id) in assembled.regions() {
            assert_eq!(cortex.atlas().path(*id), path);
        }
        let alerts = brain.regions().iter().filter(|region| region.kind.name() == "alerts");
        assert_eq!(assembled.alerts().len(), alerts.count(), "{}", path.display());
        let handlers = brain.regions().iter().filter(|region| region.kind.name() == "handler");
        assert_eq!(assembled.handlers().len(), handlers.count(), "{}", path.display());
        assert_eq!(cortex.tick_length(), brain.tick());
        assert_eq!(cortex.pace(), brain.pace());
    }
}

#[test]
fn overrides_replace_what_the_file_says() {
    let text = "[brain]\nseed = 1\n[[region]]\npath = \"in\"\nkind = \"lines\"\n";
    let brain = Brain::parse(text, "b.toml").unwrap();
    assert_eq!(brain.name(), "b");
    let mut builder = Cortex::builder();
    let overrides = Overrides {
        seed: Some(7),
        pace: Some(neuronbus::pace::Pace::Free),
        topic_field: Some("event".into()),
        input: Some(LineSource::Reader(Box::new(std::io::empty()))),
        ..Overrides::default()
    };
    brain.assemble(&mut builder, overrides).unwrap();
    let cortex = builder.build().unwrap();
    assert_eq!((cortex.seed(), cortex.pace()), (7, neuronbus::pace::Pace::Free));
}

#[test]
fn an_override_without_use_is_refused() {
    let brain =
        Brain::parse("[[region]]\npath = \"a\"\nkind = \"alerts\"\n", "quiet.toml").unwrap();
    let overrides =
        Overrides { workers: None, topic_field: Some("event".into()), ..Overrides::default() };
    let refused = brain.assemble(&mut Cortex::builder(), overrides).unwrap_err();
    assert!(matches!(refused, AssembleError::NoLines { .. }));
    assert_eq!(
        refused.to_string(),
        "another topic field is refused: brain \"quiet\" has no region of kind \"lines\""
    );
}

/// Texts that come near to descriptions: random ones hardly ever get past the first bracket.
fn description() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "path",
        "kind",
        "period",
        "senses",
        "band",
        "weight",
        "delay",
        "bounds",
        "from",
        "to",
        "p",
        "connect",
        "plasticity",
        "filter",
        "silent",
        "tick",
        "seed",
        "arena",
        "axon",
        "window",
        "threshold",
        "max-topics",
        "slots",
        "input",
        "follow",
        "numbers",
        "rule",
        "\"\"",
        "é",
    ]);
    let value = prop_oneof![
        Just("\"lines\"".to_owned()),
        Just("\"host\"".to_owned()),
        Just("\"reflex\"".to_owned()),
        Just("\"10 ms\"".to_owned()),
        Just("nan".to_owned()),
        Just("-inf".to_owned()),
        Just("0x_ff".to_owned()),
        Just("[[[]]]".to_owned()),
        Just("{ rule = \"stdp\", tau-plus = \"1 tick\" }".to_owned()),
        Just("1979-05-27".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}")),
        ".{0,12}".prop_map(|text| format!("{text:?}")),
        "[0-9._]{0,40} ?(ms|s|h|tick|MiB|)".prop_map(|text| format!("{text:?}")),
    ];
    let table = prop::sample::select(vec![
        "[brain]",
        "[[region]]",
        "[[projection]]",
        "[region.band]",
        "[projection.plasticity]",
        "[x]",
    ]);
    let lines = prop::collection::vec((key, value), 0..6);
    prop::collection::vec((table, lines), 0..6).prop_map(|tables| {
        let mut text = String::new();
        for (table, lines) in tables {
            text.push_str(table);
            text.push('\n');
            for (key, value) in lines {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
        text
    })
}

fn reads_without_panic(text: &str) {
    match Brain::parse(text, "b.toml") {
        Ok(brain) => assert!(!brain.regions().is_empty()),
        Err(errors) => {
            let lines = text.split('\n').count();
            assert!(!errors.mistakes().is_empty());
            for mistake in errors.mistakes() {
                assert!((1..=lines).contains(&mistake.line), "{mistake}");
                let shown = mistake.to_string();
                assert!(!shown.chars().any(char::is_control), "{shown:?}");
                assert!(shown.len() < 4096, "{shown}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}|[\\x00-\\x7f]{0,200}") {
        reads_without_panic(&text);
    }

    #[test]
    fn no_description_makes_it_panic(text in description()) {
        reads_without_panic(&text);
    }
}
