//! Nearest neighbours by a scan: signs first, then numbers.
//!
//! Every vector is kept as numbers of length 1 and as the signs of its numbers. A search counts for all vectors how
//! many signs differ from those of the query (a few instructions for 64 numbers), and computes the cosine of those that
//! differ least. A scan needs no building, forgets at once, and gives the same answer on every machine; up to some
//! hundred thousand vectors it is as fast as a graph.

use pulp::Arch;

/// How many of the nearest by signs are compared by their numbers: one in so many, within these bounds.
const ONE_IN: usize = 64;
const COMPARED: std::ops::RangeInclusive<usize> = 128..=512;

/// Sums that run side by side: the same whatever the machine's vectors are.
const LANES: usize = 16;

/// Vectors of one length, found by their cosine.
#[derive(Debug, Clone)]
pub struct SignIndex {
    dimensions: usize,
    words: usize,
    vectors: Vec<f32>,
    signs: Vec<u64>,
    /// Whether a place holds a vector.
    taken: Vec<bool>,
    free: Vec<u32>,
    scratch: Scratch,
}

#[derive(Debug, Clone, Default)]
struct Scratch {
    query: Vec<f32>,
    query_signs: Vec<u64>,
    distances: Vec<u16>,
    /// How many vectors differ in so many signs, in several columns that are added up.
    tally: Vec<[u32; COLUMNS]>,
}

/// Neighbours are counted in different columns: one counter would wait for itself, because most vectors differ from a
/// query in about half of the signs.
const COLUMNS: usize = 4;

/// Distances that are looked at together when the near ones are picked out.
const TOGETHER: usize = 32;

/// The sum of products, in an order that is the same on every machine.
#[inline(always)]
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a, b) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
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

fn push_signs(vector: &[f32], out: &mut Vec<u64>) {
    for chunk in vector.chunks(64) {
        let bits = chunk.iter().enumerate();
        out.push(bits.fold(0, |word, (bit, value)| word | u64::from(*value < 0.0) << bit));
    }
}

impl SignIndex {
    /// An index for vectors of so many numbers.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            words: dimensions.div_ceil(64),
            vectors: Vec::new(),
            signs: Vec::new(),
            taken: Vec::new(),
            free: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// How many numbers a vector has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many vectors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.taken.len() - self.free.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a vector, and says where it is. `None` if it has another length, or no direction.
    pub fn add(&mut self, vector: &[f32]) -> Option<u32> {
        let unit = self.unit(vector)?;
        if let Some(place) = self.free.pop() {
            let at = place as usize;
            self.vectors[at * self.dimensions..][..self.dimensions].copy_from_slice(&unit);
            let mut signs = Vec::with_capacity(self.words);
            push_signs(&unit, &mut signs);
            self.signs[at * self.words..][..self.words].copy_from_slice(&signs);
            self.taken[at] = true;
            return Some(place);
        }
        let place = u32::try_from(self.taken.len()).ok()?;
        push_signs(&unit, &mut self.signs);
        self.vectors.extend_from_slice(&unit);
        self.taken.push(true);
        Some(place)
    }

    /// Removes the vector at a place.
    pub fn remove(&mut self, place: u32) {
        if let Some(taken) = self.taken.get_mut(place as usize)
            && std::mem::take(taken)
        {
            self.free.push(place);
        }
    }

    /// The vector at a place, of length 1.
    #[must_use]
    pub fn vector(&self, place: u32) -> &[f32] {
        self.vectors.get(place as usize * self.dimensions..).map_or(&[], |v| &v[..self.dimensions])
    }

    /// Whether a vector has a direction: numbers that are finite, and not all zero.
    #[must_use]
    pub fn has_direction(vector: &[f32]) -> bool {
        let square = dot(vector, vector);
        square.is_finite() && square > 0.0
    }

    fn unit(&self, vector: &[f32]) -> Option<Vec<f32>> {
        let length = dot(vector, vector).sqrt();
        let fits = vector.len() == self.dimensions && Self::has_direction(vector);
        fits.then(|| vector.iter().map(|value| value / length).collect())
    }

    /// The `k` places with the greatest cosine among those that `within` lets in, and their cosines; of equal ones the
    /// first. Nothing for a query of another length or without a direction.
    pub fn nearest(
        &mut self,
        query: &[f32],
        k: usize,
        within: impl Fn(u32) -> bool,
    ) -> Vec<(u32, f32)> {
        let Some(unit) = self.unit(query) else { return Vec::new() };
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.query = unit;
        scratch.query_signs.clear();
        push_signs(&scratch.query, &mut scratch.query_signs);
        let compared = (self.len() / ONE_IN).clamp(*COMPARED.start(), *COMPARED.end());
        let limit = self.count_signs(&mut scratch, compared.max(8 * k));
        let mut found: Vec<(u32, f32)> = Vec::with_capacity(2 * compared);
        Arch::new().dispatch(|| {
            for (chunk, distances) in scratch.distances.chunks(TOGETHER).enumerate() {
                // Most chunks hold nothing near, which the least of them says at once.
                if distances.iter().fold(u16::MAX, |least, &distance| least.min(distance)) > limit {
                    continue;
                }
                for (at, _) in distances.iter().enumerate().filter(|(_, near)| **near <= limit) {
                    let place = (chunk * TOGETHER + at) as u32;
                    if within(place) {
                        found.push((place, dot(&scratch.query, self.vector(place))));
                    }
                }
            }
        });
        let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if k > 0 && found.len() > k {
            found.select_nth_unstable_by(k - 1, order);
        }
        found.truncate(k);
        found.sort_unstable_by(order);
        self.scratch = scratch;
        found
    }

    /// Counts in how many signs each vector differs, and says up to how many at least `wanted` of them do.
    fn count_signs(&self, scratch: &mut Scratch, wanted: usize) -> u16 {
        let Scratch { query_signs, distances, tally, .. } = scratch;
        // Room is kept, and every number in it written over.
        distances.resize(self.taken.len(), 0);
        Arch::new().dispatch(|| count_differences(&self.signs, query_signs, distances));
        if !self.free.is_empty() {
            let both = distances.iter_mut().zip(&self.taken);
            both.filter(|(_, taken)| !**taken).for_each(|(distance, _)| *distance = u16::MAX);
        }
        tally.clear();
        // One place more, for those that are free.
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

    /// What [`nearest`](Self::nearest) approximates: all cosines.
    #[must_use]
    pub fn exactly_nearest(&self, query: &[f32], k: usize) -> Vec<(u32, f32)> {
        let Some(unit) = self.unit(query) else { return Vec::new() };
        let places = (0..self.taken.len()).filter(|&place| self.taken[place]);
        let mut all: Vec<_> =
            places.map(|place| (place as u32, dot(&unit, self.vector(place as u32)))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(k);
        all
    }
}
