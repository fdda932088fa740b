//! The parts that stand in front of a provider, one by one.

use std::time::Duration;

use neuronbus_llm::{
    Breaker, BreakerSettings, BreakerState, Budget, CancelToken, Failure, FailureKind, Ledger,
    Piece, Price, Scope, Sentences, Usage, wait_for,
};
use proptest::prelude::*;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_breaker_opens_closes_and_tries_one() {
    let mut breaker = Breaker::new(BreakerSettings { failures: 2, pause: s(10) });
    assert!(breaker.admits(s(0)));
    breaker.failed(s(0));
    breaker.succeeded();
    breaker.failed(s(1));
    assert!(breaker.admits(s(1)), "failures count in a row");
    breaker.failed(s(1));
    assert_eq!(breaker.state(), BreakerState::Open(s(11)));
    assert!(!breaker.admits(s(10)));
    assert!(breaker.admits(s(11)));
    assert!(!breaker.admits(s(11)), "one is on trial");
    breaker.failed(s(12));
    assert!(!breaker.admits(s(21)));
    assert!(breaker.admits(s(22)));
    breaker.abandoned(s(23));
    assert!(breaker.admits(s(23)), "a trial that we gave up says nothing");
    breaker.succeeded();
    assert_eq!((breaker.state(), breaker.opened()), (BreakerState::Closed(0), 2));
}

#[test]
fn a_token_is_cancelled_once_and_wakes_who_waits() {
    let token = CancelToken::new();
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let token = token.clone();
            std::thread::spawn(move || {
                wait_for(Box::pin(async move { Ok(token.cancelled().await) })).unwrap()
            })
        })
        .collect();
    assert_eq!(token.reason(), None);
    assert!(token.cancel("the door has closed"));
    assert!(!token.cancel("too late"));
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap(), "the door has closed");
    }
    assert_eq!(token.reason(), Some("the door has closed"));
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input, output, cached: 0 }
}

#[test]
fn a_budget_holds_for_those_it_is_for_and_for_a_day() {
    let price = Price { input: 1.0, cached: 0.1, output: 2.0 };
    let budgets = vec![
        Budget { scope: Scope::Agent("a/b:voice".into()), tokens: Some(100), cost: None },
        Budget { scope: Scope::Region("a".into()), tokens: None, cost: Some(1e-3) },
    ];
    let mut ledger = Ledger::new(budgets, price);
    let reserved = ledger.reserve("a/b:voice", usage(40, 60), 7).unwrap();
    assert!(ledger.reserve("a/b:voice", usage(1, 0), 7).is_err());
    assert!(ledger.reserve("ab:voice", usage(10_000, 0), 7).is_ok(), "a is no parent of ab");
    let cost = ledger.settle("a/b:voice", reserved, usage(40, 10));
    assert!((cost - 60e-6).abs() < 1e-12, "{cost}");
    ledger.reserve("a/b:voice", usage(50, 0), 7).unwrap();
    let over = ledger.reserve("a/c:voice", usage(0, 500), 7).unwrap_err();
    assert_eq!((over.what, over.scope), ("cost", Scope::Region("a".into())));
    ledger.reserve("a/b:voice", usage(100, 0), 8).unwrap();
    // What was cached is cheaper.
    let cached = Usage { input: 10, cached: 10, output: 0 };
    assert!((price.of(cached) - 1e-6).abs() < 1e-12);
}

#[test]
fn sentences_are_cut_where_they_end() {
    let mut sentences = Sentences::default();
    let mut heard = Vec::new();
    for token in ["It is", " 3.5", " m. ", "\"Go!\"", " she said", ".\nThen", " nothing"] {
        sentences.feed(token, |sentence| heard.push(sentence.to_owned()));
    }
    assert_eq!(heard, ["It is 3.5 m.", "\"Go!\"", "she said."]);
    assert_eq!(sentences.finish().as_deref(), Some("Then nothing"));
    assert_eq!(sentences.finish(), None);
}

proptest! {
    #[test]
    fn sentences_lose_nothing_but_white_space(text in "[a-c.!? \n\"é]{0,60}", cut in 0_usize..60) {
        let at = (0..=cut.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
        let mut sentences = Sentences::default();
        let mut heard = String::new();
        for part in [&text[..at], &text[at..]] {
            sentences.feed(part, |sentence| heard.push_str(sentence));
        }
        heard.extend(sentences.finish());
        let dense = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(dense(&heard), dense(&text));
    }

    #[test]
    fn a_piece_is_read_back_and_other_bytes_are_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        number: u32,
    ) {
        if let Ok((number, piece)) = Piece::decode(&bytes) {
            let mut again = Vec::new();
            piece.encode(number, &mut again);
            prop_assert_eq!(Piece::decode(&again).unwrap(), (number, piece));
        }
        let piece = Piece::Failed(Failure::new(FailureKind::Budget, "so it is"));
        let mut encoded = Vec::new();
        piece.encode(number, &mut encoded);
        prop_assert_eq!(Piece::decode(&encoded).unwrap(), (number, piece));
    }
}
