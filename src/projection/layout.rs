//! Where neurons are in space, and who is near whom.

use std::sync::Arc;

use super::error::{ProjectionError, refuse};

/// Where the neurons of one end of a projection are, in any unit of length.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Line { spacing: f32 },
    Grid { columns: u32, spacing: f32 },
    Points(Arc<[[f32; 2]]>),
}

impl Layout {
    /// One after the other on a line, this far apart; the first at 0.
    #[must_use]
    pub fn line(spacing: f32) -> Self {
        Self(Kind::Line { spacing })
    }

    /// Row by row on a grid with so many columns, this far apart; the first at 0, 0.
    #[must_use]
    pub fn grid(columns: u32, spacing: f32) -> Self {
        Self(Kind::Grid { columns, spacing })
    }

    /// Each at a point of its own.
    #[must_use]
    pub fn points(points: Vec<[f32; 2]>) -> Self {
        Self(Kind::Points(points.into()))
    }

    pub(super) fn check(&self) -> Result<(), ProjectionError> {
        match &self.0 {
            Kind::Grid { columns: 0, .. } => {
                Err(refuse("layout.columns", 0, "a grid has at least one column"))
            }
            Kind::Line { spacing } | Kind::Grid { spacing, .. }
                if !(spacing.is_finite() && *spacing > 0.0) =>
            {
                Err(refuse("layout.spacing", spacing, "it must be finite and above zero"))
            }
            Kind::Points(points) => match points.iter().flatten().find(|x| !x.is_finite()) {
                Some(x) => Err(refuse("layout.points", x, "it must be a finite number")),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    pub(super) fn fits(&self, end: &'static str, neurons: u32) -> Result<(), ProjectionError> {
        match &self.0 {
            Kind::Points(points) if points.len() != neurons as usize => {
                Err(ProjectionError::Points { end, points: points.len(), neurons })
            }
            _ => Ok(()),
        }
    }

    /// Where a neuron is.
    pub(super) fn place(&self, neuron: u32) -> [f64; 2] {
        let at = |steps: u32, spacing: f32| f64::from(steps) * f64::from(spacing);
        match &self.0 {
            Kind::Line { spacing } => [at(neuron, *spacing), 0.0],
            Kind::Grid { columns, spacing } => {
                [at(neuron % columns, *spacing), at(neuron / columns, *spacing)]
            }
            Kind::Points(points) => points[neuron as usize].map(f64::from),
        }
    }
}

/// Neurons sorted into square boxes, so that only near ones are looked at.
#[derive(Debug)]
pub(super) struct Boxes {
    places: Vec<[f64; 2]>,
    corner: [f64; 2],
    side: f64,
    columns: usize,
    rows: usize,
    starts: Vec<u32>,
    neurons: Vec<u32>,
}

fn distance_squared(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (x, y) = (a[0] - b[0], a[1] - b[1]);
    x * x + y * y
}

impl Boxes {
    pub(super) fn new(layout: &Layout, count: u32) -> Self {
        let places: Vec<_> = (0..count).map(|neuron| layout.place(neuron)).collect();
        let end = |axis: usize, pick: fn(f64, f64) -> f64| {
            places.iter().map(|place| place[axis]).reduce(pick).unwrap_or(0.0)
        };
        let corner = [end(0, f64::min), end(1, f64::min)];
        let size = [end(0, f64::max) - corner[0], end(1, f64::max) - corner[1]];
        // About two neurons a box where they are spread evenly, over an area or along a line.
        let half = (f64::from(count) / 2.0).max(1.0);
        let even = libm::sqrt(size[0] * size[1] / half).max(size[0].max(size[1]) / half);
        let side = if even > 0.0 { even } else { 1.0 };
        let along = |size: f64| (size / side) as usize + 1;
        let (columns, rows) = (along(size[0]), along(size[1]));
        let mut boxes = Self {
            corner,
            side,
            columns,
            rows,
            starts: vec![0; columns * rows + 1],
            neurons: vec![0; places.len()],
            places,
        };
        for neuron in 0..boxes.places.len() {
            let index = boxes.box_of(boxes.places[neuron]);
            boxes.starts[index + 1] += 1;
        }
        for index in 1..boxes.starts.len() {
            boxes.starts[index] += boxes.starts[index - 1];
        }
        let mut next = boxes.starts.clone();
        for neuron in 0..count {
            let index = boxes.box_of(boxes.places[neuron as usize]);
            let place = &mut next[index];
            boxes.neurons[*place as usize] = neuron;
            *place += 1;
        }
        boxes
    }

    /// The column and row of a place; the nearest ones of a place outside.
    fn cell_of(&self, place: [f64; 2]) -> [usize; 2] {
        // A conversion of a negative number gives zero.
        let along = |axis: usize, count: usize| {
            (((place[axis] - self.corner[axis]) / self.side) as usize).min(count - 1)
        };
        [along(0, self.columns), along(1, self.rows)]
    }

    fn box_of(&self, place: [f64; 2]) -> usize {
        let [column, row] = self.cell_of(place);
        row * self.columns + column
    }

    /// All neurons within a radius, with the square of their distance, in no order.
    pub(super) fn within(&self, place: [f64; 2], radius: f64, found: &mut Vec<(f64, u32)>) {
        found.clear();
        let low = self.cell_of([place[0] - radius, place[1] - radius]);
        let high = self.cell_of([place[0] + radius, place[1] + radius]);
        for row in low[1]..=high[1] {
            let (first, last) = (row * self.columns + low[0], row * self.columns + high[0]);
            let range = self.starts[first] as usize..self.starts[last + 1] as usize;
            for &neuron in &self.neurons[range] {
                let distance = distance_squared(place, self.places[neuron as usize]);
                if distance <= radius * radius {
                    found.push((distance, neuron));
                }
            }
        }
    }

    /// The so many nearest neurons, nearest first, of equally near ones the lower number first; all, if there are
    /// fewer.
    pub(super) fn nearest(&self, place: [f64; 2], count: usize, found: &mut Vec<(f64, u32)>) {
        let wanted = count.min(self.places.len());
        let mut radius = self.side;
        // bound: a radius that doubles reaches everything.
        loop {
            self.within(place, radius, found);
            if found.len() >= wanted {
                break;
            }
            radius *= 2.0;
        }
        found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.truncate(wanted);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout() -> impl Strategy<Value = Layout> {
        let point =
            prop_oneof![(-9.0f32..9.0, -9.0f32..9.0), Just((1.0, 1.0)), (0.0f32..1e6, Just(0.0))];
        prop_oneof![
            (0.1f32..3.0).prop_map(Layout::line),
            (1u32..9, 0.1f32..3.0).prop_map(|(columns, spacing)| Layout::grid(columns, spacing)),
            prop::collection::vec(point, 40)
                .prop_map(|points| Layout::points(points.iter().map(|&(x, y)| [x, y]).collect())),
        ]
    }

    proptest! {
        #[test]
        fn boxes_find_who_a_look_at_everybody_finds(
            layout in layout(),
            from in (-20.0f64..40.0, -20.0f64..40.0),
            radius in 0.0f64..30.0,
            count in 0usize..50,
        ) {
            let place = [from.0, from.1];
            let mut all: Vec<(f64, u32)> =
                (0..40).map(|n| (distance_squared(place, layout.place(n)), n)).collect();
            all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let boxes = Boxes::new(&layout, 40);
            let mut found = Vec::new();
            boxes.nearest(place, count, &mut found);
            prop_assert_eq!(&found[..], &all[..count.min(40)]);
            boxes.within(place, radius, &mut found);
            found.sort_unstable_by_key(|&(_, neuron)| neuron);
            all.retain(|&(distance, _)| distance <= radius * radius);
            all.sort_unstable_by_key(|&(_, neuron)| neuron);
            prop_assert_eq!(found, all);
        }
    }
}
