//! Filter expressions: what they say, what they refuse, and that nothing can break them.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus::event::{Event, EventIds, EventView};
use neuronbus::id::NeuronId;
use neuronbus::spike::{Spike, SpikeKind};
use neuronbus_context::filter::{DEPTH_MAX, LENGTH_MAX, LIST_MAX};
use neuronbus_context::{Filter, WallClock};
use proptest::prelude::*;
use serde_json::{Value, json};

const HOUR_NS: u64 = 3_600_000_000_000;

fn record(event: &Event) -> Vec<u8> {
    let mut record = Vec::new();
    event.encode(&mut EventIds::new(1), 0, &mut record).unwrap();
    record
}

fn order() -> Event {
    Event::new("orders.placed")
        .key("o-17")
        .header("source", "web")
        .schema(2)
        .context(json!({"user": {"role": "admin", "is_bot": false, "subscription": "premium", "country": "AT"}}))
        .body(json!({
            "amount": 99.5, "count": 3, "tags": ["rush", 7], "note": null, "text": "it's \"due\"", "big": u64::MAX,
            "user": {"role": "hidden", "name": "ada"}
        }))
}

fn passes_at(expression: &str, priority: u8, time_ns: u64) -> bool {
    let filter = Filter::new(expression).unwrap_or_else(|e| panic!("{e}\n{}", e.shown()));
    let record = record(&order());
    filter.passes(&EventView::open(&record).unwrap(), priority, time_ns)
}

#[track_caller]
fn holds(expressions: &[&str]) {
    for expression in expressions {
        assert!(passes_at(expression, 7, 21 * HOUR_NS), "{expression} should hold");
        let negated = format!("NOT ({expression})");
        assert!(!passes_at(&negated, 7, 21 * HOUR_NS), "{negated} should not hold");
    }
}

#[track_caller]
fn fails(expressions: &[&str]) {
    for expression in expressions {
        assert!(!passes_at(expression, 7, 21 * HOUR_NS), "{expression} should not hold");
    }
}

#[test]
fn the_three_examples_hold_where_they_should() {
    holds(&[
        "user.subscription == 'premium' AND time.hour < 22",
        "priority > 5 AND (user.role == \"admin\" OR user.role == \"moderator\")",
        "NOT user.is_bot && body.amount >= 99.5 && topic MATCHES '^orders\\\\.'",
    ]);
    assert!(!passes_at("user.subscription == 'premium' AND time.hour < 22", 7, 22 * HOUR_NS));
    assert!(!passes_at("priority > 5", 5, 0));
}

#[test]
fn every_form_of_the_language_means_what_its_table_says() {
    holds(&[
        "topic == 'orders.placed'",
        "key == 'o-17'",
        "schema == 2",
        "headers.source == 'web'",
        "body.amount == 99.5",
        "body.count == 3.0",
        "body.count != 4",
        "body.count < 3.5",
        "3 <= body.count",
        "body.big > 9223372036854775807",
        "body.amount > -1e3",
        "user.role == 'admin'",
        "body.user.role == 'hidden'",
        "user.name == 'ada'",
        "count == 3",
        "body.note == null",
        "user.country IN ['DE', 'AT']",
        "user.country in ('AT')",
        "user.country NOT IN ['DE']",
        "body.count IN [1, 3]",
        "body.tags CONTAINS 'rush'",
        "body.tags contains 7",
        "NOT body.tags CONTAINS 'late'",
        "body.tags.0 == 'rush'",
        "body.user CONTAINS 'name'",
        "body.text CONTAINS 'due'",
        "body.text == 'it\\'s \"due\"'",
        "body.text == \"it's \\\"due\\\"\"",
        "topic MATCHES 'placed$'",
        "topic NOT MATCHES 'x'",
        "true",
        "!user.is_bot",
        "not user.is_bot",
        "false or true",
        "!(false || false)",
        "true && !false",
        "false AND false OR true",
        "NOT false AND true",
        "user.role != null",
        "body.count != 'three'",
    ]);
}

#[test]
fn what_is_not_there_is_never_delivered_and_never_an_error() {
    fails(&[
        "user.age > 3",
        "NOT user.age > 3",
        "NOT (user.age > 3)",
        "user.age == null",
        "user.age != 3",
        "user.age",
        "!user.age",
        "nobody.at.all",
        "user.age IN [1]",
        "NOT user.age IN [1]",
        "user.age MATCHES 'x'",
        "user.age CONTAINS 'x'",
        "user.age > 3 AND true",
        "user.role > 3",
        "NOT user.role > 3",
        "body.tags.9 == 1",
        "body.tags.x == 1",
        "user == 'x'",
        "user",
        "user.role",
        "body.count MATCHES '3'",
        "headers.other == 'a'",
    ]);
    // What decides without it, decides.
    holds(&["user.age > 3 OR true", "true || user.age", "NOT (user.age > 3 AND false)"]);
}

#[test]
fn time_is_the_cortexs_own_from_the_beginning_that_was_set() {
    let clock = WallClock { begin: 1_700_000_000, offset: 3_600 };
    // 2023-11-14, a Tuesday, 22:13:20 UTC, 23:13:20 an hour further east.
    let at = |expression: &str, time_ns| {
        let record = record(&order());
        let filter = Filter::new(expression).unwrap().clock(clock);
        filter.passes(&EventView::open(&record).unwrap(), 0, time_ns)
    };
    assert!(at("time.hour == 23 AND time.minute == 13 AND time.second == 20", 0));
    assert!(at("time.weekday == 2 AND time.unix == 1700000000 AND time.elapsed_ms == 0", 0));
    assert!(at("time.weekday == 3 AND time.hour == 0 AND time.elapsed_ms == 3600000", HOUR_NS));
}

#[test]
fn what_does_not_parse_is_refused_with_its_place_and_a_hint() {
    let table = [
        ("", "a path, a text, a number, true or false was expected, not the end at byte 0"),
        ("a = 1", "'=' begins nothing at byte 2: equality is written =="),
        ("a & b", "'&' begins nothing at byte 2: both is written && or AND"),
        ("a == 'x", "a text has no closing quote at byte 5: close it with the quote it began with"),
        ("a == 5x", "5x is no number that can be compared at byte 5"),
        ("a == 1e999", "1e999 is no number that can be compared at byte 5"),
        ("(a", "\")\" was expected, not the end at byte 2: a parenthesis is open"),
        ("a)", "the end was expected, not \")\" at byte 1: it closes nothing"),
        ("a b", "AND, OR or the end was expected, not \"b\" at byte 2"),
        ("a NOT b", "IN, CONTAINS or MATCHES was expected, not \"b\" at byte 6"),
        ("a IN 'x'", "a list was expected, not \"'x'\" at byte 5: a list is written ['a', 'b']"),
        ("a IN [1 2]", "a comma or the end of the list was expected, not \"2\" at byte 8"),
        ("a..b", "a name behind the dot was expected, not '.' at byte 2"),
        ("a ; b", "';' begins nothing at byte 2"),
        ("a AND", "a path, a text, a number, true or false was expected, not the end at byte 5"),
        ("a MATCHES b", "a pattern in quotes was expected, not \"b\" at byte 10"),
        ("a MATCHES '('", "the pattern cannot be compiled (unclosed group) at byte 10"),
    ];
    for (expression, says) in table {
        assert_eq!(Filter::new(expression).unwrap_err().to_string(), says, "{expression:?}");
    }
    assert_eq!(Filter::new("ä == 'x").unwrap_err().shown(), "ä == 'x\n     ^");
}

#[test]
fn kinds_that_can_never_agree_are_refused_when_the_filter_is_made() {
    let table = [
        ("priority == 'high'", "a number == a text can never be true at byte 9"),
        ("topic > 5", "a text > a number can never be true at byte 6"),
        ("'a' < 3", "a text < a number can never be true at byte 4"),
        ("a < true", "a value < true or false can never be true at byte 2"),
        ("time.hour", "a number is neither true nor false at byte 0: compare it with something"),
        ("a AND 5", "a number is neither true nor false at byte 6: compare it with something"),
        ("priority MATCHES '5'", "a number MATCHES a text can never be true at byte 9"),
        ("priority CONTAINS 5", "a number CONTAINS a number can never be true at byte 9"),
        (
            "time.hours < 3",
            "there is no time.hours at byte 0: there are hour, minute, second, weekday, unix and elapsed_ms",
        ),
        ("topic.name == 'a'", "topic has no parts at byte 0"),
    ];
    for (expression, says) in table {
        assert_eq!(Filter::new(expression).unwrap_err().to_string(), says, "{expression:?}");
    }
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::new(&nested(DEPTH_MAX)).is_ok());
    let deep = Filter::new(&nested(DEPTH_MAX + 1)).unwrap_err().to_string();
    assert_eq!(deep, "nesting of more than 32 levels is refused at byte 33: divide the expression");
    assert!(Filter::new(&format!("{}true", "!".repeat(2_000))).is_err());
    let list = |length: usize| format!("a IN [{}]", vec!["1"; length].join(","));
    assert!(Filter::new(&list(LIST_MAX)).is_ok() && Filter::new(&list(LIST_MAX + 1)).is_err());
    let long = format!("a == '{}'", "x".repeat(LENGTH_MAX));
    assert!(Filter::new(&long).unwrap_err().to_string().starts_with("an expression of 4103 bytes"));
    let huge = Filter::new("a MATCHES '(((x{100}){100}){100})'").unwrap_err();
    assert!(huge.to_string().contains("cannot be compiled"), "{huge}");
}

#[test]
fn a_filter_is_a_dendrite_of_any_synapse() {
    let dendrite = Filter::new("priority >= 3 AND user.role == 'admin'").unwrap().dendrite();
    let spike = Spike::new(NeuronId::new(1).unwrap(), SpikeKind::Excitatory);
    let record = record(&order());
    assert!(dendrite.passes(&spike.with_priority(3), &record));
    assert!(!dendrite.passes(&spike.with_priority(2), &record));
    assert!(!dendrite.passes(&spike.with_priority(3), b"no event"));
}

/// An expression as a tree, its text in one of several spellings, and its meaning by definition.
#[derive(Debug, Clone)]
enum Tree {
    Flag(&'static str),
    Compare(&'static str, &'static str, i64),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn text(&self, spelling: usize) -> String {
        let word = |words: [&'static str; 3]| words[spelling % 3];
        match self {
            Self::Flag(name) => (*name).to_owned(),
            Self::Compare(name, how, number) => format!("{name}{how}{number}"),
            Self::Not(one) => format!("{} ({})", word(["NOT", "!", "not"]), one.text(spelling + 1)),
            Self::And(a, b) => {
                let and = word(["AND", "&&", "and"]);
                format!("({}) {and} ({})", a.text(spelling + 1), b.text(spelling + 2))
            }
            Self::Or(a, b) => {
                let or = word(["||", "Or", "OR"]);
                format!("({}) {or}\n({})", a.text(spelling + 1), b.text(spelling + 2))
            }
        }
    }

    fn holds(&self, body: &Value) -> Option<bool> {
        match self {
            Self::Flag(name) => body.get(name)?.as_bool(),
            Self::Compare(name, how, number) => {
                let value = body.get(name)?;
                let Some(value) = value.as_i64() else {
                    return match *how {
                        "==" => Some(false),
                        "!=" => Some(true),
                        _ => None,
                    };
                };
                Some(match *how {
                    "==" => value == *number,
                    "!=" => value != *number,
                    "<" => value < *number,
                    "<=" => value <= *number,
                    ">" => value > *number,
                    _ => value >= *number,
                })
            }
            Self::Not(one) => one.holds(body).map(|holds| !holds),
            Self::And(a, b) => match (a.holds(body), b.holds(body)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Or(a, b) => match (a.holds(body), b.holds(body)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }
    }
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let name = prop::sample::select(vec!["a", "b", "c", "d"]);
    let how = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        name.clone().prop_map(Tree::Flag),
        (name, how, -2_i64..3).prop_map(|(name, how, number)| Tree::Compare(name, how, number)),
    ];
    leaf.prop_recursive(6, 40, 2, |inner| {
        let pair = (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            inner.prop_map(|one| Tree::Not(Box::new(one))),
            pair.clone().prop_map(|(a, b)| Tree::And(a, b)),
            pair.prop_map(|(a, b)| Tree::Or(a, b)),
        ]
    })
}

proptest! {
    #[test]
    fn an_expression_means_what_its_tree_means(
        tree in any_tree(), spelling in 0_usize..3,
        body in prop::collection::btree_map("[abcd]", prop_oneof![
            any::<bool>().prop_map(Value::from), (-2_i64..3).prop_map(Value::from), Just(json!("x")),
        ], 0..4),
    ) {
        let body = json!(body);
        let text = tree.text(spelling);
        let filter = Filter::new(&text).unwrap();
        let record = record(&Event::new("t").body(body.clone()));
        let passes = filter.passes(&EventView::open(&record).unwrap(), 0, 0);
        prop_assert_eq!(passes, tree.holds(&body) == Some(true), "{}", text);
    }

    #[test]
    fn any_text_is_a_filter_or_refused_at_a_place_within(text in "[a-c.()'\"<=>!&|, \\[\\]0-9ANDORIMTCHES-]{0,60}") {
        match Filter::new(&text) {
            Ok(filter) => {
                let record = record(&order());
                let _ = filter.passes(&EventView::open(&record).unwrap(), 0, 0);
            }
            Err(error) => {
                prop_assert!(error.at <= text.len());
                let _ = error.shown();
            }
        }
    }
}
