//! Handwritten digits of 8 by 8 pixels, and what two well-known methods make of them.

use std::io::Read;
use std::path::PathBuf;

use neuronbus::math;
use neuronbus::time::Tick;
use smartcore::cluster::kmeans::{KMeans, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};

/// One picture: 64 pixels from 0 to 16, row by row, and which digit it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digit {
    /// How much ink, 0 to 16.
    pub pixels: [u8; 64],
    /// 0 to 9.
    pub label: u8,
}

/// How many ticks a picture takes.
pub const SLOT: u64 = 600;

impl Digit {
    /// The spikes of the pixels when it is shown as the nth picture: the more ink the earlier, from black at the start
    /// to white after 160 ticks, with up to 9 ticks of chance.
    pub fn spikes(&self, nth: u64) -> impl Iterator<Item = (Tick, u32)> {
        self.pixels.into_iter().zip(0u32..).map(move |(ink, pixel)| {
            let chance = math::random(2, nth, u64::from(pixel), 0) % 10;
            (Tick(nth * SLOT + 10 * (16 - u64::from(ink)) + chance), pixel)
        })
    }
}

/// Pictures to learn from, pictures to be asked about, and where they come from.
#[derive(Debug)]
pub struct Digits {
    /// Two thirds.
    pub train: Vec<Digit>,
    /// The rest.
    pub test: Vec<Digit>,
    /// In words.
    pub origin: &'static str,
}

/// Where the data may lie beside the project.
const BESIDE: &str = "../../shared/data/digits8x8/digits.csv.gz";

impl Digits {
    /// The optical digits of UCI (1,797 pictures by 43 writers) from the file that the first argument or the variable
    /// `DIGITS` names, or that lies beside the project; where there is no such file, pictures drawn from strokes.
    #[must_use]
    pub fn find() -> Self {
        let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(BESIDE);
        let named = std::env::args().nth(1).or_else(|| std::env::var("DIGITS").ok());
        let path = named.map_or(beside, PathBuf::from);
        match read(&path) {
            Some(digits) => Self::split(digits, "the UCI optical digits"),
            None => Self::drawn(),
        }
    }

    /// Pictures drawn from strokes, with noise.
    #[must_use]
    pub fn drawn() -> Self {
        let digits = (0..900).map(|number| draw((number % 10) as u8, number));
        Self::split(digits.collect(), "digits drawn by this program: no file was found")
    }

    /// Every third picture is asked about.
    fn split(digits: Vec<Digit>, origin: &'static str) -> Self {
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for (number, digit) in digits.into_iter().enumerate() {
            if number % 3 == 2 { test.push(digit) } else { train.push(digit) }
        }
        Self { train, test, origin }
    }

    /// The share of the pictures that are asked about that a group gets right, by who won each picture that was shown:
    /// those to learn from, as often as it was, then those that are asked about. A group is named after most of the
    /// pictures that it won in the last round before.
    #[must_use]
    pub fn right(&self, groups: usize, won: &[Option<u32>]) -> f64 {
        let (before, asked) = won.split_at(won.len() - self.test.len());
        let last = before[before.len() - self.train.len()..].iter().zip(&self.train);
        let named = name(groups, last.filter_map(|(won, digit)| Some(((*won)?, digit))));
        let said = asked.iter().map(|won| won.and_then(|group| named[group as usize]));
        share(said.zip(&self.test).map(|(said, digit)| said == Some(digit.label)))
    }

    /// The share of the pictures that are asked about that k-means gets right, when each of its clusters is named after
    /// most of the pictures it was made from.
    #[must_use]
    pub fn k_means(&self, clusters: usize) -> f64 {
        let parameters = KMeansParameters::default().with_k(clusters).with_max_iter(100);
        let parameters = KMeansParameters { seed: Some(1), ..parameters };
        let fitted = KMeans::<f64, u32, _, Vec<u32>>::fit(&matrix(&self.train), parameters);
        let fitted = fitted.expect("there are more pictures than clusters");
        let of = |digits| fitted.predict(&matrix(digits)).expect("all pictures are 64 pixels");
        let won: Vec<_> = of(&self.train).into_iter().chain(of(&self.test)).map(Some).collect();
        self.right(clusters, &won)
    }

    /// The share of the pictures that are asked about that logistic regression gets right, which is told what the
    /// others are.
    #[must_use]
    pub fn logistic_regression(&self) -> f64 {
        let labels: Vec<u32> = self.train.iter().map(|digit| u32::from(digit.label)).collect();
        let parameters = LogisticRegressionParameters::default().with_alpha(1.0);
        let fitted = LogisticRegression::fit(&matrix(&self.train), &labels, parameters);
        let fitted = fitted.expect("there is a label for each picture");
        let said = fitted.predict(&matrix(&self.test)).expect("all pictures are 64 pixels");
        share(said.iter().zip(&self.test).map(|(&said, digit)| said == u32::from(digit.label)))
    }
}

/// The label that each of so many groups saw most often, if it saw any; of equal ones the smallest.
fn name<'a>(groups: usize, seen: impl Iterator<Item = (u32, &'a Digit)>) -> Vec<Option<u8>> {
    let mut votes = vec![[0u32; 10]; groups];
    for (group, digit) in seen {
        votes[group as usize][usize::from(digit.label)] += 1;
    }
    let winner = |votes: &[u32; 10]| {
        let most = *votes.iter().max()?;
        let first = votes.iter().position(|&count| count == most && most > 0)?;
        Some(first as u8)
    };
    votes.iter().map(winner).collect()
}

/// The share of what is true.
fn share(all: impl Iterator<Item = bool>) -> f64 {
    let (mut right, mut count) = (0, 0);
    for one in all {
        right += u32::from(one);
        count += 1;
    }
    f64::from(right) / f64::from(count.max(1))
}

fn matrix(digits: &[Digit]) -> DenseMatrix<f64> {
    let values = digits.iter().flat_map(|digit| digit.pixels.map(|ink| f64::from(ink) / 16.0));
    DenseMatrix::new(digits.len(), 64, values.collect(), false)
        .expect("there are 64 values for each picture")
}

/// The pictures of a file with 64 numbers and a label in each line, if it is one.
fn read(path: &std::path::Path) -> Option<Vec<Digit>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).ok()?).read_to_string(&mut text).ok()?;
    let digit = |line: &str| {
        let numbers: Vec<u8> =
            line.split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let (&label, pixels) = numbers.split_last()?;
        let pixels: [u8; 64] = pixels.try_into().ok()?;
        (label < 10 && pixels.iter().all(|&ink| ink <= 16)).then_some(Digit { pixels, label })
    };
    text.lines().map(digit).collect()
}

type Stroke = &'static [(f64, f64)];

/// How each digit is written, in a square from 0 to 1, y downwards.
const STROKES: [&[Stroke]; 10] = [
    &[&[(0.5, 0.1), (0.75, 0.25), (0.78, 0.6), (0.5, 0.9), (0.24, 0.65), (0.24, 0.3), (0.5, 0.1)]],
    &[&[(0.35, 0.3), (0.55, 0.1), (0.55, 0.9)]],
    &[&[(0.25, 0.25), (0.5, 0.1), (0.72, 0.3), (0.25, 0.88), (0.78, 0.88)]],
    &[&[(0.27, 0.12), (0.7, 0.15), (0.45, 0.45), (0.74, 0.68), (0.55, 0.9), (0.25, 0.82)]],
    &[&[(0.5, 0.08), (0.24, 0.6), (0.8, 0.6)], &[(0.62, 0.35), (0.6, 0.92)]],
    &[&[(0.72, 0.1), (0.3, 0.12), (0.28, 0.45), (0.65, 0.48), (0.7, 0.75), (0.28, 0.9)]],
    &[&[
        (0.62, 0.08),
        (0.3, 0.45),
        (0.28, 0.78),
        (0.55, 0.9),
        (0.72, 0.7),
        (0.55, 0.52),
        (0.3, 0.65),
    ]],
    &[&[(0.22, 0.12), (0.76, 0.12), (0.45, 0.9)], &[(0.35, 0.5), (0.72, 0.5)]],
    &[
        &[(0.5, 0.48), (0.28, 0.3), (0.5, 0.1), (0.72, 0.3), (0.5, 0.48)],
        &[(0.5, 0.48), (0.26, 0.7), (0.5, 0.9), (0.74, 0.7), (0.5, 0.48)],
    ],
    &[&[(0.7, 0.4), (0.45, 0.48), (0.3, 0.28), (0.5, 0.1), (0.7, 0.25), (0.68, 0.6), (0.5, 0.92)]],
];

/// Draws a digit in a hand of its own.
fn draw(label: u8, number: u64) -> Digit {
    let within =
        |what, limit: f64| limit * (2.0 * math::unit(math::random(8, number, what, 0)) - 1.0);
    let (turn, slant, wide, high) =
        (within(0, 0.15), within(1, 0.25), 1.0 + within(2, 0.15), 1.0 + within(3, 0.12));
    let (right, down, pen) = (within(4, 0.06), within(5, 0.06), 0.1 + within(6, 0.02));
    let bent = |(nth, &(x, y)): (usize, &(f64, f64))| {
        let shaken = |axis| within(16 + 2 * nth as u64 + axis, 0.035);
        let (x, y) = ((x - 0.5) * wide + shaken(0), (y - 0.5) * high + shaken(1));
        let x = x - slant * y;
        (0.5 + right + x - turn * y, 0.5 + down + y + turn * x)
    };
    let strokes: Vec<Vec<(f64, f64)>> = STROKES[usize::from(label)]
        .iter()
        .map(|stroke| stroke.iter().enumerate().map(bent).collect())
        .collect();
    let pixels = std::array::from_fn(|pixel| {
        let at = ((pixel % 8) as f64 / 8.0 + 1.0 / 16.0, (pixel / 8) as f64 / 8.0 + 1.0 / 16.0);
        let lines = strokes.iter().flat_map(|stroke| stroke.windows(2));
        let near = lines.map(|line| distance(at, line[0], line[1])).fold(f64::MAX, f64::min);
        let ink = 16.0 * (1.5 - near / pen) + within(64 + pixel as u64, 1.5);
        ink.clamp(0.0, 16.0) as u8
    });
    Digit { pixels, label }
}

/// How far a point is from a line between two others.
fn distance(at: (f64, f64), from: (f64, f64), to: (f64, f64)) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let along = ((at.0 - from.0) * dx + (at.1 - from.1) * dy) / (dx * dx + dy * dy).max(1e-9);
    let along = along.clamp(0.0, 1.0);
    libm::hypot(at.0 - from.0 - along * dx, at.1 - from.1 - along * dy)
}
