//! Slots of two words over the model checker's atomics.

use std::sync::atomic::Ordering;

use super::mapping::{Groups, Mapping};
use crate::sync::{Arc, AtomicU64, Relaxed};

pub(crate) const SLOT_WORDS: usize = 2;

pub(crate) const FRONT_WORDS: usize = 1;

#[derive(Clone)]
pub(crate) struct SlotMemory(Groups<SLOT_WORDS>);

impl SlotMemory {
    pub(crate) fn of(memory: &Arc<Mapping>, at: usize, count: usize) -> Self {
        Self(Groups::of(memory, at, count))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn touch(&self) {}

    fn at(&self, number: u64) -> &[AtomicU64; SLOT_WORDS] {
        &self.0[number as usize & (self.0.len() - 1)]
    }

    pub(crate) fn first(&self, number: u64, order: Ordering) -> u64 {
        self.at(number)[0].load(order)
    }

    pub(crate) fn store(
        &self,
        number: u64,
        words: &[u64; SLOT_WORDS],
        front_only: bool,
        first: Ordering,
    ) {
        assert!(!front_only, "every spike is carried whole here, so that a torn one is seen");
        let [one, two] = self.at(number);
        two.store(words[1], Relaxed);
        one.store(words[0], first);
    }

    /// The front is the first word alone, which the caller has and puts in the place of this.
    pub(crate) fn front(&self, _: u64) -> [u64; FRONT_WORDS] {
        [0]
    }

    pub(crate) fn back(&self, number: u64) -> [u64; SLOT_WORDS - FRONT_WORDS] {
        [self.at(number)[1].load(Relaxed)]
    }
}
