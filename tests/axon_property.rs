//! An axon against a plain list: whatever is done in whatever order, nothing is lost in silence.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus::axon::{Axon, AxonFull, AxonReader, AxonTap, EndKind, Outcome, Overflow, Tapped};
use neuronbus::id::NeuronId;
use neuronbus::spike::{Spike, SpikeKind};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Publish(Overflow),
    Batch(usize),
    BatchWith(usize),
    Read(usize),
    Drain(usize, usize),
    Poll(usize),
    DrainTap(usize, usize),
    AttachReader,
    CloneReader(usize),
    AttachTap,
    DropReader(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop_oneof![
            Just(Overflow::Defer),
            Just(Overflow::ShedOldest),
            Just(Overflow::DropNewest)
        ].prop_map(Step::Publish),
        4 => (0..12_usize).prop_map(Step::Batch),
        4 => (0..12_usize).prop_map(Step::BatchWith),
        8 => (0..4_usize).prop_map(Step::Read),
        3 => (0..4_usize, 0..12_usize).prop_map(|(end, max)| Step::Drain(end, max)),
        8 => (0..4_usize).prop_map(Step::Poll),
        3 => (0..4_usize, 0..40_usize).prop_map(|(end, max)| Step::DrainTap(end, max)),
        1 => Just(Step::AttachReader),
        1 => (0..4_usize).prop_map(Step::CloneReader),
        1 => Just(Step::AttachTap),
        1 => (0..4_usize).prop_map(Step::DropReader),
    ]
}

fn spike(position: u64) -> Spike {
    let source = NeuronId::new(1).unwrap();
    let spike = Spike::new(source, SpikeKind::Excitatory).stamped(position, 0);
    // Some fill half a slot and some a whole one.
    let payload = [position as u8; 46];
    spike.with_inline(&payload[..(position * 7) as usize % 47]).unwrap()
}

/// The number of a spike that is whole.
fn position(spike: &Spike) -> u64 {
    assert_eq!(*spike, self::spike(spike.time_ns()), "whole");
    spike.time_ns()
}

/// What the property knows of one end: the plain list's side of the account.
struct Known<End> {
    end: End,
    delivered: u64,
    lost: u64,
    offered_before: u64,
}

struct World {
    axon: Axon,
    /// Spikes in the ring so far, which number themselves.
    head: u64,
    dropped: u64,
    readers: Vec<Known<AxonReader>>,
    taps: Vec<Known<AxonTap>>,
}

impl World {
    fn knows<End>(&self, end: End) -> Known<End> {
        Known { end, delivered: 0, lost: 0, offered_before: self.head + self.dropped }
    }

    fn publish(&mut self, overflow: Overflow) {
        match self.axon.publish_with(&spike(self.head), overflow) {
            Ok(Outcome::Published | Outcome::Shed) => self.head += 1,
            Ok(Outcome::Dropped) => self.dropped += 1,
            Err(AxonFull) => assert_eq!(overflow, Overflow::Defer),
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Publish(overflow) => self.publish(overflow),
            Step::Batch(count) => {
                let spikes: Vec<_> = (self.head..).take(count).map(spike).collect();
                self.head += self.axon.publish_batch(&spikes) as u64;
            }
            Step::BatchWith(count) => {
                let mut next = self.head;
                let published = self.axon.publish_batch_with(count, |index| {
                    assert_eq!(self.head + index as u64, next, "each is made once, in order");
                    next += 1;
                    spike(self.head + index as u64)
                });
                self.head += published as u64;
                assert_eq!(self.head, next, "what is made is published");
            }
            Step::Read(number) => {
                if let Some(known) = self.readers.get_mut(number) {
                    let before = known.end.position();
                    let spike = known.end.try_read();
                    Self::check_read(known, before, spike.into_iter().collect());
                }
            }
            Step::Drain(number, max) => {
                if let Some(known) = self.readers.get_mut(number) {
                    let before = known.end.position();
                    let mut got = Vec::new();
                    known.end.drain(max, |spike| got.push(*spike));
                    Self::check_read(known, before, got);
                }
            }
            Step::Poll(number) => {
                if let Some(known) = self.taps.get_mut(number) {
                    let position = known.end.position();
                    match known.end.poll() {
                        Tapped::Empty => assert_eq!(position, self.head),
                        Tapped::Lost(lost) => known.lost += lost,
                        Tapped::Spike(spike) => {
                            assert_eq!(self::position(&spike), position);
                            known.delivered += 1;
                        }
                    }
                }
            }
            Step::DrainTap(number, max) => self.drain_tap(number, max),
            Step::AttachReader => {
                self.readers.extend(self.axon.reader().ok().map(|reader| self.knows(reader)));
            }
            Step::CloneReader(number) => {
                let clone = self.readers.get(number).and_then(|known| known.end.try_clone().ok());
                // A clone's account begins at its own start.
                if let Some(end) = clone {
                    let offered_before = end.position() + self.dropped;
                    self.readers.push(Known { end, delivered: 0, lost: 0, offered_before });
                }
            }
            Step::AttachTap => self.taps.push(self.knows(self.axon.tap())),
            Step::DropReader(number) => {
                if number < self.readers.len() {
                    self.readers.swap_remove(number);
                }
            }
        }
    }

    fn drain_tap(&mut self, number: usize, max: usize) {
        let Some(known) = self.taps.get_mut(number) else { return };
        let before = known.end.position();
        let mut got = Vec::new();
        let drained = known.end.drain(max, |spike| got.push(position(spike)));
        let from = before + drained.lost;
        assert!(got.iter().copied().eq(from..from + drained.read as u64));
        assert_eq!(drained.read as u64, (self.head - from).min(max as u64));
        known.lost += drained.lost;
        known.delivered += drained.read as u64;
    }

    fn check_read(known: &mut Known<AxonReader>, before: u64, got: Vec<Spike>) {
        let skipped = known.end.position() - before - got.len() as u64;
        known.lost += skipped;
        known.delivered += got.len() as u64;
        assert_eq!(known.end.shed(), known.lost);
        for (position, spike) in (before + skipped..).zip(got) {
            assert_eq!(self::position(&spike), position, "in order");
        }
    }

    /// Reads everything, and compares the account with what was counted here.
    fn settle(&mut self) {
        for number in 0..self.readers.len() {
            self.run(&Step::Drain(number, usize::MAX));
        }
        for known in &mut self.taps {
            loop {
                match known.end.poll() {
                    Tapped::Empty => break,
                    Tapped::Lost(lost) => known.lost += lost,
                    Tapped::Spike(_) => known.delivered += 1,
                }
            }
        }
        let account = self.axon.account();
        assert_eq!(account.published, self.head + self.dropped);
        assert_eq!(account.dropped, self.dropped);
        let mut seen: Vec<_> = account
            .ends
            .iter()
            .map(|e| (e.kind, e.published, e.delivered, e.shed + e.lost))
            .collect();
        let offered = self.head + self.dropped;
        let readers = self.readers.iter();
        let mut known: Vec<_> = readers
            .map(|k| (EndKind::Reader, offered - k.offered_before, k.delivered, k.lost))
            .chain(
                self.taps
                    .iter()
                    .map(|k| (EndKind::Tap, offered - k.offered_before, k.delivered, k.lost)),
            )
            .collect();
        let key = |e: &(EndKind, u64, u64, u64)| (e.0 as u8, e.1, e.2, e.3);
        seen.sort_unstable_by_key(key);
        known.sort_unstable_by_key(key);
        assert_eq!(seen, known);
        assert!(account.ends.iter().all(|end| end.waiting == 0 && end.balances()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 512 }))]

    #[test]
    fn every_spike_is_accounted_for(
        size in 0..5_u32,
        steps in proptest::collection::vec(step(), 0..200),
    ) {
        let axon = Axon::with_readers(1 << size, 3).unwrap();
        let mut world =
            World { axon, head: 0, dropped: 0, readers: Vec::new(), taps: Vec::new() };
        for step in &steps {
            world.run(step);
            let account = world.axon.account();
            prop_assert!(account.ends.iter().all(|end| end.balances()), "{account:?}");
        }
        world.settle();
    }
}
