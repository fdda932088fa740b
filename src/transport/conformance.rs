//! What every transport must do, as checks that panic with what went wrong.
//!
//! Used in tests: `conformance::all(|| my_pair())`. `pair` makes two ends that are, or soon will be, joined. Each check
//! can be called alone.

use std::sync::Arc;
use std::time::Duration;

use super::{Transport, TransportCounts, TransportError};
use crate::axon::{Doorbell, WaitStrategy};
use crate::id::NeuronId;
use crate::math::random;
use crate::spike::{Spike, SpikeKind};

/// As long as a check waits for what must come; a carrier that takes longer has lost it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Long enough for what must not come.
const MOMENT: Duration = Duration::from_millis(30);

/// Runs every check, each on a pair of its own.
///
/// # Panics
/// If the transport does not keep the contract of [`Transport`].
pub fn all<A: Transport, B: Transport>(mut pair: impl FnMut() -> (A, B)) {
    carries_both_ways(pair());
    keeps_order_and_content(pair());
    keeps_payloads_of_any_size(pair());
    pushes_back_and_loses_nothing(pair());
    refuses_what_is_no_spike(pair());
    rings_when_something_comes(pair());
    says_when_the_other_side_is_done(pair());
}

fn source(number: u16) -> NeuronId {
    NeuronId::new(number).expect("the numbers here are below the broadcast address")
}

/// A spike of its own for each number, with a payload of `length` random bytes in it.
fn spike(number: u32, length: usize) -> (Spike, Vec<u8>) {
    let kinds = [SpikeKind::Excitatory, SpikeKind::Inhibitory, SpikeKind::Modulatory];
    let bytes = payload(u64::from(number), length);
    let spike = Spike::new(source((number % 60_000) as u16), kinds[number as usize % 3]);
    let spike = spike.with_priority((number % 251) as u8).stamped(u64::from(number) * 77, number);
    (spike.with_inline(&bytes).unwrap_or(spike), bytes)
}

fn payload(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| random(seed, 1, at / 8, 0).to_le_bytes()[at as usize % 8]).collect()
}

#[track_caller]
fn send(end: &mut impl Transport, spike: &Spike, payload: &[u8]) {
    end.send(spike, payload).unwrap_or_else(|error| panic!("a spike was refused: {error}"));
}

#[track_caller]
fn flush(end: &mut impl Transport) {
    end.flush().unwrap_or_else(|error| panic!("what was sent cannot leave: {error}"));
}

#[track_caller]
fn receive(end: &mut impl Transport, payload: &mut Vec<u8>) -> Spike {
    match end.recv(payload, PATIENCE) {
        Ok(Some(spike)) => spike,
        Ok(None) => panic!("nothing came within {PATIENCE:?}: {:?}", end.counts()),
        Err(error) => panic!("nothing came: {error}"),
    }
}

/// Full duplex: each end receives what the other sends, and nothing of its own.
///
/// # Panics
/// If it is otherwise.
pub fn carries_both_ways((mut a, mut b): (impl Transport, impl Transport)) {
    let ((there, _), (back, _)) = (spike(1, 4), spike(2, 46));
    let mut bytes = Vec::new();
    send(&mut a, &there, &[]);
    flush(&mut a);
    assert_eq!(receive(&mut b, &mut bytes), there);
    send(&mut b, &back, &[]);
    flush(&mut b);
    assert_eq!(receive(&mut a, &mut bytes), back);
    assert_eq!(bytes, back.inline(), "the payload is handed out whichever way it travelled");
    for (name, nothing) in [("a", a.recv(&mut bytes, MOMENT)), ("b", b.recv(&mut bytes, MOMENT))] {
        let nothing = nothing.expect("both ends are there");
        assert_eq!(nothing, None, "{name} received a spike that nobody sent to it");
    }
    let TransportCounts { sent, received, .. } = a.counts();
    assert_eq!((sent, received), (1, 1), "an end counts what passes it");
}

/// Every field of a spike arrives as it was, in the order sent, however many are sent at once.
///
/// # Panics
/// If it is otherwise.
pub fn keeps_order_and_content((mut a, mut b): (impl Transport, impl Transport)) {
    let (mut bytes, mut next) = (Vec::new(), 0);
    for number in 0..2000 {
        let (sent, _) = spike(number, number as usize % 47);
        // bound: each refusal is followed by a spike received, and there are 2,000 of them
        while let Err(error) = a.send(&sent, &[]) {
            assert!(matches!(error, TransportError::Full { .. }), "{error}");
            flush(&mut a);
            let (expected, inline) = spike(next, next as usize % 47);
            assert_eq!(receive(&mut b, &mut bytes), expected);
            assert_eq!(bytes, inline);
            next += 1;
        }
    }
    flush(&mut a);
    for number in next..2000 {
        let (expected, inline) = spike(number, number as usize % 47);
        assert_eq!(receive(&mut b, &mut bytes), expected, "spike {number}");
        assert_eq!(bytes, inline, "payload {number}");
    }
}

/// Payloads beside the spike arrive whole, mixed with others, and so do volleys and marks.
///
/// # Panics
/// If it is otherwise.
pub fn keeps_payloads_of_any_size((mut a, mut b): (impl Transport, impl Transport)) {
    let mut bytes = Vec::new();
    let lengths = [47, 0, 48, 1000, 46, 4096, 65_535, 1, 65_536, 300_000];
    for (number, length) in lengths.into_iter().enumerate() {
        let (sent, content) = spike(number as u32, length);
        send(&mut a, &sent, &content);
        flush(&mut a);
        let received = receive(&mut b, &mut bytes);
        assert_eq!(bytes.len(), length);
        assert!(bytes == content, "a payload of {length} bytes was altered");
        assert_eq!(received.kind(), sent.kind());
        assert_eq!(
            (received.priority(), received.sequence(), received.time_ns(), received.source()),
            (sent.priority(), sent.sequence(), sent.time_ns(), sent.source())
        );
    }
    let volley = Spike::new(source(9), SpikeKind::Excitatory).with_volley(&[1, 70_000, 3]);
    for sent in [volley.expect("three cells fit"), Spike::epoch_end(source(9))] {
        send(&mut a, &sent, &[]);
        flush(&mut a);
        assert_eq!(receive(&mut b, &mut bytes), sent);
        assert_eq!(bytes, sent.carried());
    }
}

/// A full transport says so, counts it, and carries everything that it took.
///
/// # Panics
/// If it is otherwise.
pub fn pushes_back_and_loses_nothing((mut a, mut b): (impl Transport, impl Transport)) {
    let content = payload(3, 10_000);
    let (mut taken, mut refused) = (0, false);
    // bound: 4 GB are more than any buffer here holds
    for number in 0..400_000 {
        match a.send(&spike(number, 0).0, &content) {
            Ok(()) => taken += 1,
            Err(TransportError::Full { .. }) => {
                refused = true;
                break;
            }
            Err(error) => panic!("a spike was refused: {error}"),
        }
        flush(&mut a);
    }
    assert!(refused, "{taken} spikes were taken that nobody received: the buffer has no bound");
    assert_eq!((a.counts().sent, a.counts().full), (u64::from(taken), 1));
    let mut bytes = Vec::new();
    for number in 0..taken {
        assert_eq!(receive(&mut b, &mut bytes).sequence(), number);
        assert!(bytes == content, "payload {number} was altered");
    }
    assert_eq!(b.counts().received, u64::from(taken));
    let (last, _) = spike(taken, 3);
    // bound: the other side has received everything, so there is room as soon as that is known here
    while let Err(error) = a.send(&last, &[]) {
        assert!(matches!(error, TransportError::Full { .. }), "{error}");
        let _ = a.recv(&mut bytes, Duration::from_millis(1));
    }
    flush(&mut a);
    assert_eq!(receive(&mut b, &mut bytes), last);
}

/// Bytes that are no spike are refused where they are sent.
///
/// # Panics
/// If it is otherwise.
pub fn refuses_what_is_no_spike((mut a, mut b): (impl Transport, impl Transport)) {
    let mut bytes = *spike(5, 5).0.as_bytes();
    bytes[16] |= 0b11;
    let broken = Spike::from_words(bytemuck::must_cast(bytes));
    match a.send(&broken, &[]) {
        Err(TransportError::Spike(_)) => {}
        other => panic!("kind 3 is no kind, and was answered with {other:?}"),
    }
    assert_eq!((a.counts().sent, a.counts().refused), (0, 1));
    let (whole, _) = spike(6, 6);
    send(&mut a, &whole, &[]);
    flush(&mut a);
    assert_eq!(receive(&mut b, &mut Vec::new()), whole);
}

/// The bell rings for what comes, and for the end.
///
/// # Panics
/// If it is otherwise.
pub fn rings_when_something_comes((mut a, mut b): (impl Transport, impl Transport)) {
    let bell = Arc::new(Doorbell::new());
    b.notify(Arc::clone(&bell));
    let mut bytes = Vec::new();
    for number in 0..3 {
        let sent = spike(number, 8).0;
        send(&mut a, &sent, &[]);
        flush(&mut a);
        assert_eq!(await_bell(&bell, || b.try_recv(&mut bytes).transpose()), Some(sent));
    }
    a.close(PATIENCE);
    let mut closed = || match b.try_recv(&mut bytes) {
        Err(TransportError::Closed) => Some(Ok(())),
        other => other.map(|spike| spike.map(|_| ())).transpose(),
    };
    assert_eq!(await_bell(&bell, &mut closed), Some(()));
}

/// Looks after each ring until there is something; `None` if the bell stays still.
fn await_bell<T>(
    bell: &Doorbell,
    mut look: impl FnMut() -> Option<Result<T, TransportError>>,
) -> Option<T> {
    // bound: a bell that rings for nothing all the time is a defect too
    for _ in 0..10_000 {
        let seen = bell.count();
        if let Some(found) = look() {
            return Some(found.unwrap_or_else(|error| panic!("nothing came: {error}")));
        }
        if bell.wait(seen, WaitStrategy::YieldThenPark, Some(PATIENCE)) == seen {
            return None;
        }
    }
    None
}

/// What was sent before the end arrives; then the end is an error, and so is sending.
///
/// # Panics
/// If it is otherwise.
pub fn says_when_the_other_side_is_done((mut a, mut b): (impl Transport, impl Transport)) {
    let mut bytes = Vec::new();
    for number in 0..10 {
        send(&mut a, &spike(number, 10).0, &[]);
    }
    assert_eq!(a.close(PATIENCE), 0, "what was sent before the end was not confirmed");
    assert!(matches!(a.send(&spike(1, 1).0, &[]), Err(TransportError::Closed)));
    drop(a);
    for number in 0..10 {
        assert_eq!(receive(&mut b, &mut bytes), spike(number, 10).0);
    }
    for _ in 0..2 {
        match b.recv(&mut bytes, PATIENCE) {
            Err(TransportError::Closed) => {}
            other => panic!("after the end came {other:?}"),
        }
    }
    match b.send(&spike(1, 1).0, &[]) {
        Err(TransportError::Closed) => {}
        other => panic!("a spike that nobody will receive was answered with {other:?}"),
    }
}
