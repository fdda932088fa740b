//! Many vectors of one model, and their products with one: the exact match of a text against every concept.

use std::sync::Arc;

use pulp::{Arch, Simd, WithSimd};

use crate::encoder::{Model, VectorError, normalise};

/// Numbers that are added up side by side. Fixed, so that a sum has the same bits however wide the machine computes.
const LANES: usize = 16;

/// Rows that are read beside each other, so that the vector is loaded once for all of them.
const ABREAST: usize = 4;

/// Unit vectors of one model, a row each.
#[derive(Debug, Clone)]
pub struct Matrix {
    model: Arc<Model>,
    rows: Vec<[f32; LANES]>,
    /// Blocks of lanes in a row; the last is filled up with zeros.
    blocks: usize,
    arch: Arch,
}

impl Matrix {
    /// No vectors yet, for those of one model.
    #[must_use]
    pub fn new(model: Arc<Model>) -> Self {
        let blocks = model.dimensions().div_ceil(LANES).max(1);
        Self { model, rows: Vec::new(), blocks, arch: Arch::new() }
    }

    /// Whose vectors they are.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() / self.blocks
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a vector, brought to length 1, and returns its row.
    ///
    /// # Errors
    /// [`VectorError`] for one of another length, with a number that is not finite, or without direction.
    pub fn push(&mut self, vector: &[f32]) -> Result<usize, VectorError> {
        self.check(vector)?;
        let mut unit = vector.to_vec();
        normalise(&mut unit)?;
        Ok(self.push_raw(&unit))
    }

    /// Adds a row as it is; missing numbers are zeros.
    pub(crate) fn push_raw(&mut self, row: &[f32]) -> usize {
        let at = self.len();
        for chunk in 0..self.blocks {
            let part = row.get(chunk * LANES..).unwrap_or(&[]);
            let mut block = [0.0; LANES];
            let count = part.len().min(LANES);
            block[..count].copy_from_slice(&part[..count]);
            self.rows.push(block);
        }
        at
    }

    /// One vector as it is kept.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        let flat = self.rows[row * self.blocks..][..self.blocks].as_flattened();
        &flat[..self.model.dimensions()]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let flat = self.rows[row * self.blocks..][..self.blocks].as_flattened_mut();
        &mut flat[..self.model.dimensions()]
    }

    /// All rows, one after the other, filled up with zeros.
    pub(crate) fn flat(&self) -> &[f32] {
        self.rows.as_flattened()
    }

    pub(crate) fn flat_mut(&mut self) -> &mut [f32] {
        self.rows.as_flattened_mut()
    }

    /// Subtracts the product of a column with itself as a row, times a scale; the matrix is square.
    pub(crate) fn subtract_outer(&mut self, column: &[f32], scale: f32) {
        let (rows, blocks) = (&mut self.rows, self.blocks);
        let mut wide = vec![[0.0; LANES]; blocks];
        wide.as_flattened_mut()[..column.len()].copy_from_slice(column);
        self.arch.dispatch(|| outer(rows, blocks, column, &wide, scale));
    }

    /// Adds a vector, times a scale, to one row.
    pub(crate) fn add_to_row(&mut self, row: usize, vector: &[f32], scale: f32) {
        let row = self.row_mut(row);
        row.iter_mut().zip(vector).for_each(|(number, part)| *number += part * scale);
    }

    /// Whether a vector can be compared with these.
    ///
    /// # Errors
    /// [`VectorError::Dimensions`].
    pub fn check(&self, vector: &[f32]) -> Result<(), VectorError> {
        if vector.len() == self.model.dimensions() {
            return Ok(());
        }
        Err(VectorError::Dimensions {
            model: self.model.to_string(),
            expected: self.model.dimensions(),
            found: vector.len(),
        })
    }

    /// The cosine of a unit vector with every row, into `scores`: one product of the matrix with the vector.
    ///
    /// # Errors
    /// [`VectorError::Dimensions`] for a vector of another length.
    pub fn scores(&self, vector: &[f32], scores: &mut Vec<f32>) -> Result<(), VectorError> {
        self.check(vector)?;
        scores.clear();
        scores.resize(self.len(), 0.0);
        let (width, rows) = (self.blocks * LANES, self.rows.as_flattened());
        if vector.len() == width {
            self.arch.dispatch(Product { rows, vector, scores });
        } else {
            let mut padded = vec![0.0; width];
            padded[..vector.len()].copy_from_slice(vector);
            self.arch.dispatch(Product { rows, vector: &padded, scores });
        }
        Ok(())
    }

    /// The cosine of a unit vector with one row.
    #[must_use]
    pub fn score(&self, row: usize, vector: &[f32]) -> f32 {
        dot(self.row(row), vector)
    }
}

/// The sum of the products of two vectors of one length, in an order that is the same everywhere.
#[must_use]
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in left.iter().zip(right) {
        accumulate(&mut sums, left, right);
    }
    for (lane, (left, right)) in left_rest.iter().zip(right_rest).enumerate() {
        sums[lane] += left * right;
    }
    fold(sums)
}

#[inline(always)]
fn accumulate(sums: &mut [f32; LANES], left: &[f32; LANES], right: &[f32; LANES]) {
    for lane in 0..LANES {
        sums[lane] += left[lane] * right[lane];
    }
}

/// Halves are added to halves, so that the order does not depend on how wide the machine adds.
#[inline(always)]
fn fold(mut sums: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}

#[inline(always)]
fn outer(
    rows: &mut [[f32; LANES]],
    blocks: usize,
    column: &[f32],
    wide: &[[f32; LANES]],
    scale: f32,
) {
    for (row, &number) in rows.chunks_exact_mut(blocks).zip(column) {
        let number = number * scale;
        for (block, part) in row.iter_mut().zip(wide) {
            for lane in 0..LANES {
                block[lane] -= part[lane] * number;
            }
        }
    }
}

/// The product of rows with a vector. In vectors of the machine and not as loops over lanes: those are put together
/// across rows by the compiler, which is ten times slower.
struct Product<'a> {
    /// As long as the vector, each, which is a whole number of blocks.
    rows: &'a [f32],
    vector: &'a [f32],
    scores: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, vector, scores } = self;
        let mut groups = rows.chunks_exact(vector.len() * ABREAST);
        let mut places = scores.chunks_exact_mut(ABREAST);
        for (group, places) in (&mut groups).zip(&mut places) {
            abreast::<S, ABREAST>(simd, group, vector, places);
        }
        let rest = groups.remainder().chunks_exact(vector.len());
        for (row, place) in rest.zip(places.into_remainder().chunks_exact_mut(1)) {
            abreast::<S, 1>(simd, row, vector, place);
        }
    }
}

/// The products of some rows with a vector, side by side.
#[inline(always)]
fn abreast<S: Simd, const ROWS: usize>(simd: S, rows: &[f32], vector: &[f32], places: &mut [f32]) {
    // As many of the machine's vectors as have a block's lanes, so that a sum has the same bits on every machine.
    let parts = LANES / S::F32_LANES;
    let width = vector.len();
    let vector = S::as_simd_f32s(vector).0;
    let rows: [&[S::f32s]; ROWS] = std::array::from_fn(|row| {
        &S::as_simd_f32s(&rows[row * width..][..width]).0[..vector.len()]
    });
    let mut sums = [[simd.splat_f32s(0.0); LANES]; ROWS];
    for block in (0..vector.len()).step_by(parts) {
        for part in 0..parts {
            let at = block + part;
            for (row, sums) in rows.iter().zip(&mut sums) {
                sums[part] = simd.add_f32s(sums[part], simd.mul_f32s(row[at], vector[at]));
            }
        }
    }
    for (place, sums) in places.iter_mut().zip(sums) {
        let mut lanes = [0.0; LANES];
        S::as_mut_simd_f32s(&mut lanes).0.copy_from_slice(&sums[..parts]);
        *place = fold(lanes);
    }
}
