//! The signs of vectors: one bit for each number.

use pulp::Arch;

/// How many of the nearest by signs are compared by their numbers: one in so many, within these bounds.
const ONE_IN: usize = 64;
const COMPARED: std::ops::RangeInclusive<usize> = 128..=512;

/// Of so many vectors, how many should be compared by their numbers to find the nearest.
#[must_use]
pub fn compared(vectors: usize) -> usize {
    (vectors / ONE_IN).clamp(*COMPARED.start(), *COMPARED.end())
}

/// The signs of vectors of one length, each at a place.
#[derive(Debug, Clone)]
pub struct Signs {
    dimensions: usize,
    words: usize,
    signs: Vec<u64>,
    len: usize,
}

/// What a search needs besides the signs; its buffers are kept from call to call.
#[derive(Debug, Clone, Default)]
pub struct Search {
    query: Vec<u64>,
    distances: Vec<u16>,
    /// How many vectors differ in so many signs, in several columns that are added up.
    tally: Vec<[u32; COLUMNS]>,
    places: Vec<u32>,
}

/// Neighbours are counted in different columns: one counter would wait for itself, because most vectors differ from a
/// query in about half of the signs.
const COLUMNS: usize = 4;

/// Distances that are looked at together when the near ones are picked out.
const TOGETHER: usize = 32;

impl Signs {
    /// For vectors of so many numbers, at most 65,534.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        Self { dimensions, words: dimensions.div_ceil(64), signs: Vec::new(), len: 0 }
    }

    /// How many vectors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the signs of a vector, at the next place.
    pub fn push(&mut self, vector: &[f32]) {
        push_signs(vector, &mut self.signs);
        self.len += 1;
        // A vector of another length must not move those behind it.
        self.signs.resize(self.len * self.words, 0);
    }

    /// Replaces the signs at a place.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn set(&mut self, place: u32, vector: &[f32]) {
        let mut signs = Vec::with_capacity(self.words);
        push_signs(vector, &mut signs);
        signs.resize(self.words, 0);
        self.signs[place as usize * self.words..][..self.words].copy_from_slice(&signs);
    }

    /// The places of the vectors whose signs differ least from those of a query, in their order: as many as `wanted`
    /// and those that differ no more. `taken` says of each place whether it counts; without it all do.
    pub fn nearest<'s>(
        &self,
        query: &[f32],
        wanted: usize,
        taken: Option<&[bool]>,
        search: &'s mut Search,
    ) -> &'s [u32] {
        search.query.clear();
        push_signs(query, &mut search.query);
        search.query.resize(self.words, 0);
        let limit = self.count(wanted, taken, search);
        let Search { distances, places, .. } = search;
        places.clear();
        Arch::new().dispatch(|| {
            for (chunk, distances) in distances.chunks(TOGETHER).enumerate() {
                // Most chunks hold nothing near, which the least of them says at once.
                if distances.iter().fold(u16::MAX, |least, &distance| least.min(distance)) > limit {
                    continue;
                }
                let near = distances.iter().enumerate().filter(|(_, near)| **near <= limit);
                places.extend(near.map(|(at, _)| (chunk * TOGETHER + at) as u32));
            }
        });
        places
    }

    /// Counts in how many signs each vector differs, and says up to how many at least `wanted` of them do.
    fn count(&self, wanted: usize, taken: Option<&[bool]>, search: &mut Search) -> u16 {
        let Search { query, distances, tally, .. } = search;
        // Room is kept, and every number in it written over.
        distances.resize(self.len, 0);
        Arch::new().dispatch(|| count_differences(&self.signs, query, distances));
        if let Some(taken) = taken {
            let both = distances.iter_mut().zip(taken);
            both.filter(|(_, taken)| !**taken).for_each(|(distance, _)| *distance = u16::MAX);
        }
        tally.clear();
        // One place more, for those that do not count.
        tally.resize(self.dimensions + 2, [0; COLUMNS]);
        let last = self.dimensions + 1;
        for (at, &distance) in distances.iter().enumerate() {
            tally[usize::from(distance).min(last)][at % COLUMNS] += 1;
        }
        let mut so_far = 0;
        for (distance, counts) in tally[..last].iter().enumerate() {
            so_far += counts.iter().sum::<u32>() as usize;
            if so_far >= wanted {
                return distance as u16;
            }
        }
        u16::MAX - 1
    }
}

fn push_signs(vector: &[f32], out: &mut Vec<u64>) {
    for chunk in vector.chunks(64) {
        let bits = chunk.iter().enumerate();
        out.push(bits.fold(0, |word, (bit, value)| word | u64::from(*value < 0.0) << bit));
    }
}

/// In how many signs each row differs from the query. For the usual lengths the compiler knows how long a row is, and
/// has no loop to run for each.
#[inline(always)]
fn count_differences(signs: &[u64], query: &[u64], out: &mut [u16]) {
    match query.len() {
        1 => differences::<1>(signs, query, out),
        2 => differences::<2>(signs, query, out),
        4 => differences::<4>(signs, query, out),
        6 => differences::<6>(signs, query, out),
        8 => differences::<8>(signs, query, out),
        12 => differences::<12>(signs, query, out),
        16 => differences::<16>(signs, query, out),
        24 => differences::<24>(signs, query, out),
        words => {
            for (row, out) in signs.chunks_exact(words.max(1)).zip(out) {
                *out = row.iter().zip(query).map(|(a, b)| (a ^ b).count_ones() as u16).sum();
            }
        }
    }
}

#[inline(always)]
fn differences<const WORDS: usize>(signs: &[u64], query: &[u64], out: &mut [u16]) {
    let Some(query) = query.first_chunk::<WORDS>() else { return };
    for (row, out) in signs.as_chunks::<WORDS>().0.iter().zip(out) {
        let mut differ = 0;
        for word in 0..WORDS {
            differ += (row[word] ^ query[word]).count_ones();
        }
        *out = differ as u16;
    }
}
