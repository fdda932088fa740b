//! What a cache keeps, what stands before a concept, and what a reader takes along into a snapshot.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;
use neuronbus::time::Tick;
use neuronbus_semantic::cache::{CacheCounts, EmbeddingCache};
use neuronbus_semantic::encoder::{Model, VectorError};
use neuronbus_semantic::encoder_neuron::CacheSettings;
use neuronbus_semantic::lexicon::{Judgement, Verdict};
use neuronbus_semantic::prelude::*;

mod support;
use support::Scripted;

fn cache(capacity: usize, lifetime: Option<u64>) -> (EmbeddingCache, Arc<Model>) {
    let model = Arc::new(Model::new("two", 2, b"two"));
    (EmbeddingCache::new(model.clone(), NonZeroUsize::new(capacity).unwrap(), lifetime), model)
}

#[test]
fn the_least_recently_used_makes_room_and_is_counted() {
    let (mut cache, model) = cache(2, None);
    for (at, text) in ["a", "b"].iter().enumerate() {
        cache.put(text, &model, &[at as f32, 1.0], Tick(0)).unwrap();
    }
    assert_eq!(cache.get("a", Tick(1)), Some(&[0.0, 1.0][..]));
    cache.put("c", &model, &[2.0, 1.0], Tick(2)).unwrap();
    assert_eq!((cache.len(), cache.get("b", Tick(3))), (2, None));
    assert!(cache.get("a", Tick(3)).is_some() && cache.get("c", Tick(3)).is_some());
    // The same text again takes nobody's place.
    cache.put("c", &model, &[3.0, 1.0], Tick(4)).unwrap();
    assert_eq!(cache.get("c", Tick(4)), Some(&[3.0, 1.0][..]));
    assert_eq!(cache.counts(), CacheCounts { hits: 4, misses: 1, evicted: 1, expired: 0 });
    assert!((cache.counts().hit_rate() - 0.8).abs() < 1e-9);
}

#[test]
fn a_vector_grows_too_old_in_cortex_time_however_often_it_is_asked_for() {
    let (mut cache, model) = cache(4, Some(10));
    cache.put("a", &model, &[1.0, 0.0], Tick(100)).unwrap();
    assert!(cache.get("a", Tick(109)).is_some());
    assert!(cache.get("a", Tick(110)).is_none() && cache.is_empty());
    cache.put("a", &model, &[1.0, 0.0], Tick(110)).unwrap();
    assert!(cache.get("a", Tick(119)).is_some());
    assert_eq!(cache.counts(), CacheCounts { hits: 2, misses: 1, evicted: 0, expired: 1 });
}

#[test]
fn vectors_of_other_models_and_lengths_are_refused_and_nothing_changes() {
    let (mut cache, model) = cache(4, None);
    let other = Model::new("two", 2, b"other weights");
    let told = cache.put("a", &other, &[1.0, 0.0], Tick(0)).unwrap_err();
    assert!(matches!(told, VectorError::OtherModel { .. }), "{told}");
    let told = cache.put("a", &model, &[1.0], Tick(0)).unwrap_err();
    assert!(matches!(told, VectorError::Dimensions { expected: 2, found: 1, .. }), "{told}");
    assert!(cache.is_empty());
}

/// Directions that are easily named.
fn scripted() -> Scripted {
    Scripted::new(&["door", "open", "shut", "gate", "light"])
}

fn judge(concepts: &[Concept], inhibition: f32, text: &str) -> Vec<Judgement> {
    let encoder = scripted();
    let lexicon = Lexicon::new(concepts, &encoder).unwrap().inhibition(inhibition).unwrap();
    lexicon.judge(text, &encoder.encode(text).unwrap()).unwrap()
}

fn verdict<'a>(judgements: &'a [Judgement], concept: &str) -> &'a Verdict {
    &judgements.iter().find(|judgement| judgement.concept == concept).unwrap().verdict
}

#[test]
fn what_is_nearer_to_the_opposite_does_not_fire_the_concept() {
    // Five words and more are a sentence: the rule that holds siblings apart has no say here.
    let open = Concept::new("door open").exemplar("the big door here is open").threshold(0.4);
    let said = "someone says the door is shut";
    let judged = judge(std::slice::from_ref(&open), 0.0, said);
    assert_eq!(verdict(&judged, "door open"), &Verdict::Fires);
    let open = open.opposite_of("door shut");
    let judged = judge(std::slice::from_ref(&open), 0.0, said);
    let Verdict::Opposite { text, score } = verdict(&judged, "door open") else {
        panic!("{judged:?}");
    };
    assert!(text == "door shut" && *score > 0.99, "{judged:?}");
    let judged = judge(std::slice::from_ref(&open), 0.0, "someone says the door is open");
    assert_eq!(verdict(&judged, "door open"), &Verdict::Fires);
}

#[test]
fn a_stronger_concept_keeps_a_weaker_one_down_as_much_as_it_is_told_to() {
    let concepts = [
        Concept::new("door").exemplar("door and gate").threshold(0.5),
        Concept::new("gate").threshold(0.4),
    ];
    let said = "please see to the door gate door";
    let both = judge(&concepts, 0.0, said);
    assert!(both.iter().all(|judgement| judgement.verdict == Verdict::Fires), "{both:?}");
    let judged = judge(&concepts, 20.0, said);
    assert_eq!(verdict(&judged, "door"), &Verdict::Fires);
    assert_eq!(verdict(&judged, "gate"), &Verdict::Inhibited { by: "door".to_owned() });
    let encoder = scripted();
    for wrong in [-1.0, f32::NAN] {
        assert!(Lexicon::new(&concepts, &encoder).unwrap().inhibition(wrong).is_err());
    }
}

fn world() -> (Inlet, Cortex, MeaningPorts) {
    let (inlet, gate) = Inlet::gate(64).unwrap();
    let mut builder = Cortex::builder();
    let ear = builder.region(Region::gated("ear", gate));
    let concepts = [Concept::new("payment failed").exemplar("the card was declined")];
    let meaning = Meaning::new("language", &concepts, StaticTable::bundled()).unwrap();
    let capacity = NonZeroUsize::new(8).unwrap();
    let meaning = meaning.cache(CacheSettings { capacity, lifetime: None }).wire(&mut builder);
    builder.project(ear, meaning.input.clone(), Projection::all_to_all());
    builder.pace(Pace::Free);
    let cortex = builder.build().unwrap();
    (inlet, cortex, meaning)
}

#[test]
fn a_reader_and_its_concepts_go_on_from_a_snapshot_with_what_they_had_read() {
    let (mut inlet, mut first, _) = world();
    let say = |cortex: &mut Cortex, inlet: &mut Inlet, text: &str| {
        inlet.fire(SpikeKind::Excitatory, 0, text.as_bytes()).unwrap();
        cortex.run_for(Ticks(5)).unwrap();
    };
    say(&mut first, &mut inlet, "my credit card was declined again");
    say(&mut first, &mut inlet, "the weather is nice");
    let mut saved = Vec::new();
    first.snapshot(&mut saved).unwrap();
    let (mut inlet, mut second, meaning) = world();
    second.restore(&saved).unwrap();
    assert_eq!(second.digest(), first.digest());
    let before = meaning.meter.counts();
    assert_eq!((before.texts, before.recognised, before.misses), (2, 1, 2), "{before:?}");
    say(&mut second, &mut inlet, "my credit card was declined again");
    let after = meaning.meter.counts();
    assert_eq!(
        (after.hits, after.recognised),
        (before.hits + 1, 2),
        "it was read before: {after:?}"
    );
}
