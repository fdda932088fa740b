//! What handlers were rewarded and blamed for: a bounded memory of texts for each, which votes.

use pulp::Arch;
use serde::{Deserialize, Serialize};

use crate::router::RouterSettings;

/// Numbers of a vector that are multiplied at once.
const LANES: usize = 32;

/// Unit vectors are kept in 8 bits: a number of 1 is this.
const ONE: f32 = 127.0;

/// The latest episodes of every handler. Similarities are computed in whole numbers, so they are exact.
#[derive(Debug, Clone)]
pub(crate) struct Episodes {
    handlers: Vec<Remembered>,
    blocks: usize,
    bound: usize,
    arch: Arch,
    nearest: Vec<(f32, f32)>,
    products: Vec<i32>,
}

#[derive(Debug, Clone, Default)]
struct Remembered {
    rows: Vec<[i8; LANES]>,
    /// Reward, and one through the length of the row.
    told: Vec<(f32, f32)>,
    /// Where the next one goes once all places are taken.
    next: usize,
}

/// A text in 8 bits, and one through how long it became by that.
pub(crate) struct Question {
    blocks: Vec<[i8; LANES]>,
    scale: f32,
}

impl Episodes {
    pub(crate) fn new(handlers: usize, width: usize, bound: usize) -> Self {
        Self {
            handlers: vec![Remembered::default(); handlers],
            blocks: width.div_ceil(LANES),
            bound,
            arch: Arch::new(),
            nearest: Vec::new(),
            products: Vec::new(),
        }
    }

    /// Rounds a vector so that its largest number is 127: what is compared is its direction.
    pub(crate) fn question(&self, vector: &[f32]) -> Question {
        let most = vector.iter().fold(f32::MIN_POSITIVE, |most, number| most.max(number.abs()));
        let mut blocks = vec![[0; LANES]; self.blocks];
        let places = blocks.as_flattened_mut().iter_mut();
        places.zip(vector).for_each(|(place, number)| *place = (number / most * ONE).round() as i8);
        let mut square = [0];
        products(&blocks, &blocks, &mut square);
        Question { scale: 1.0 / (square[0].max(1) as f32).sqrt(), blocks }
    }

    pub(crate) fn keep(&mut self, handler: usize, question: &Question, reward: f32) {
        let (blocks, bound) = (self.blocks, self.bound);
        let own = &mut self.handlers[handler];
        if own.told.len() < bound {
            own.rows.extend_from_slice(&question.blocks);
            own.told.push((reward, question.scale));
            return;
        }
        own.rows[own.next * blocks..][..blocks].copy_from_slice(&question.blocks);
        own.told[own.next] = (reward, question.scale);
        own.next = (own.next + 1) % bound;
    }

    /// What a handler's episodes say about a text, from -1 to 1: the mean of what the most similar ones were told, each
    /// by its similarity, and 0 where there are none.
    pub(crate) fn vote(
        &mut self,
        handler: usize,
        question: &Question,
        settings: &RouterSettings,
    ) -> f32 {
        let own = &self.handlers[handler];
        self.products.clear();
        self.products.resize(own.told.len(), 0);
        self.arch.dispatch(|| products(&own.rows, &question.blocks, &mut self.products));
        self.nearest.clear();
        let scaled = self.products.iter().zip(&own.told);
        for (&product, &(reward, scale)) in scaled {
            let similarity = product as f32 * scale * question.scale;
            let last = self.nearest.last().map_or(f32::NEG_INFINITY, |&(least, _)| least);
            let is_full = self.nearest.len() >= settings.voters;
            if is_full && similarity < last {
                continue;
            }
            if is_full {
                self.nearest.pop();
            }
            // Of equally similar ones the later says more.
            let place = self.nearest.partition_point(|&(other, _)| other > similarity);
            self.nearest.insert(place, (similarity, reward));
        }
        let (mut sum, mut weights) = (0.0, settings.doubt);
        for &(similarity, reward) in &self.nearest {
            let weight = libm::expf(settings.sharpness * (similarity - 1.0));
            sum += weight * reward;
            weights += weight;
        }
        sum / weights
    }

    /// Everything that is remembered, for a snapshot.
    pub(crate) fn saved(&self) -> Vec<SavedEpisodes> {
        let own = self.handlers.iter();
        let bytes =
            |own: &Remembered| own.rows.as_flattened().iter().map(|n| n.cast_unsigned()).collect();
        own.map(|own| SavedEpisodes { rows: bytes(own), told: own.told.clone(), next: own.next })
            .collect()
    }

    /// Becomes what was saved; false, and unchanged, if that is of another shape.
    pub(crate) fn refill(&mut self, saved: Vec<SavedEpisodes>) -> bool {
        let row = self.blocks * LANES;
        let fits = |own: &SavedEpisodes| {
            own.told.len() <= self.bound
                && own.rows.len() == own.told.len() * row
                && (own.next == 0 || own.next < own.told.len())
        };
        if saved.len() != self.handlers.len() || !saved.iter().all(fits) {
            return false;
        }
        let refill = |own: SavedEpisodes| {
            let numbers: Vec<i8> = own.rows.iter().map(|n| n.cast_signed()).collect();
            Remembered { rows: numbers.as_chunks().0.to_vec(), told: own.told, next: own.next }
        };
        self.handlers = saved.into_iter().map(refill).collect();
        true
    }
}

/// The episodes of a handler, as they are written.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedEpisodes {
    rows: Vec<u8>,
    told: Vec<(f32, f32)>,
    next: usize,
}

/// The product of each row with one; whole numbers, so the order does not matter.
#[inline(always)]
fn products(rows: &[[i8; LANES]], question: &[[i8; LANES]], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(question.len().max(1)).zip(out) {
        let mut sums = [0i32; LANES];
        for (left, right) in row.iter().zip(question) {
            for lane in 0..LANES {
                sums[lane] += i32::from(i16::from(left[lane]) * i16::from(right[lane]));
            }
        }
        *out = sums.iter().sum();
    }
}
