//! Vectors with their signs.

use pulp::Arch;

use crate::signs::{Search, Signs, compared};

/// Sums that run side by side: the same whatever the machine's vectors are.
const LANES: usize = 16;

/// Vectors of one length, found by their cosine.
#[derive(Debug, Clone)]
pub struct SignIndex {
    dimensions: usize,
    vectors: Vec<f32>,
    signs: Signs,
    /// Whether a place holds a vector.
    taken: Vec<bool>,
    free: Vec<u32>,
    search: Search,
}

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

impl SignIndex {
    /// An index for vectors of so many numbers.
    #[must_use]
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            vectors: Vec::new(),
            signs: Signs::new(dimensions),
            taken: Vec::new(),
            free: Vec::new(),
            search: Search::default(),
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
            self.signs.set(place, &unit);
            self.taken[at] = true;
            return Some(place);
        }
        let place = u32::try_from(self.taken.len()).ok()?;
        self.signs.push(&unit);
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
        let wanted = compared(self.len()).max(8 * k);
        let taken = (!self.free.is_empty()).then_some(self.taken.as_slice());
        let mut search = std::mem::take(&mut self.search);
        let near = self.signs.nearest(&unit, wanted, taken, &mut search);
        let mut found: Vec<(u32, f32)> = Vec::with_capacity(near.len());
        Arch::new().dispatch(|| {
            let near = near.iter().filter(|place| within(**place));
            found.extend(near.map(|&place| (place, dot(&unit, self.vector(place)))));
        });
        let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if k > 0 && found.len() > k {
            found.select_nth_unstable_by(k - 1, order);
        }
        found.truncate(k);
        found.sort_unstable_by(order);
        self.search = search;
        found
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
