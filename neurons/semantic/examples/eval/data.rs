//! The data sets, and their vectors.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use neuronbus_semantic::prelude::*;
use neuronbus_semantic::text::spaced;
use serde::Deserialize;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Intents of CLINC150 (Larson et al., EMNLP 2019), and queries that belong to none.
pub(crate) struct Clinc {
    pub(crate) names: Vec<String>,
    /// Which of the ten domains an intent belongs to.
    pub(crate) domains: Vec<usize>,
    pub(crate) train: Split,
    pub(crate) val: Split,
    pub(crate) test: Split,
    pub(crate) out_val: Split,
    pub(crate) out_test: Split,
    pub(crate) name_vectors: Vec<Vec<f32>>,
}

/// Queries and what they are.
#[derive(Default)]
pub(crate) struct Split {
    pub(crate) labels: Vec<usize>,
    pub(crate) vectors: Vec<Vec<f32>>,
}

/// A pair of names of topics.
#[derive(Debug, Deserialize)]
pub(crate) struct Pair {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) similar: bool,
    pub(crate) source: String,
    pub(crate) kind: String,
}

/// Reads a file, or the same with `.gz`.
fn read(path: &Path) -> Outcome<Vec<u8>> {
    if let Ok(bytes) = fs::read(path) {
        return Ok(bytes);
    }
    let packed = PathBuf::from(format!("{}.gz", path.display()));
    let file = fs::File::open(&packed).map_err(|error| format!("{}: {error}", packed.display()))?;
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn pairs(data: &Path) -> Outcome<Vec<Pair>> {
    #[derive(Deserialize)]
    struct File {
        pairs: Vec<Pair>,
    }
    let file: File = serde_json::from_slice(&read(&data.join("semantic_pairs.json"))?)?;
    Ok(file.pairs)
}

pub(crate) fn clinc(data: &Path, encoder: &dyn Encoder) -> Outcome<Clinc> {
    #[derive(Deserialize)]
    struct File {
        train: Vec<(String, String)>,
        val: Vec<(String, String)>,
        test: Vec<(String, String)>,
        oos_val: Vec<(String, String)>,
        oos_test: Vec<(String, String)>,
    }
    let folder = data.join("clinc150");
    let file: File = serde_json::from_slice(&read(&folder.join("data_full.json"))?)?;
    let domains: std::collections::BTreeMap<String, Vec<String>> =
        serde_json::from_slice(&read(&folder.join("domains.json"))?)?;
    let mut names: Vec<String> = file.train.iter().map(|(_, name)| name.clone()).collect();
    names.sort();
    names.dedup();
    let domain = |name: &String| domains.values().position(|members| members.contains(name));
    let split = |queries: Vec<(String, String)>, part: &str| -> Outcome<Split> {
        let label = |name: &String| names.binary_search(name).unwrap_or(usize::MAX);
        let labels = queries.iter().map(|(_, name)| label(name)).collect();
        let texts: Vec<String> = queries.into_iter().map(|(text, _)| text).collect();
        Ok(Split { labels, vectors: vectors(encoder, &texts, part)? })
    };
    let spelt: Vec<String> = names.iter().map(|name| spaced(name)).collect();
    Ok(Clinc {
        domains: names.iter().map(|name| domain(name).unwrap_or(usize::MAX)).collect(),
        name_vectors: vectors(encoder, &spelt, "names")?,
        train: split(file.train, "train")?,
        val: split(file.val, "val")?,
        test: split(file.test, "test")?,
        out_val: split(file.oos_val, "oos_val")?,
        out_test: split(file.oos_test, "oos_test")?,
        names,
    })
}

/// Vectors of texts; they are kept in the temporary directory, because a model takes minutes for all of them.
pub(crate) fn vectors(
    encoder: &dyn Encoder,
    texts: &[String],
    part: &str,
) -> Outcome<Vec<Vec<f32>>> {
    let model = encoder.model();
    let name = format!("{}-{:016x}-{part}.f32", model.name(), model.fingerprint());
    let folder = std::env::temp_dir().join("neuronbus-eval");
    fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    let width = model.dimensions();
    let split = |bytes: &[u8]| -> Vec<Vec<f32>> {
        let numbers: Vec<f32> =
            bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        numbers.chunks_exact(width).map(<[f32]>::to_vec).collect()
    };
    if let Ok(bytes) = fs::read(&path)
        && bytes.len() == texts.len() * width * 4
    {
        return Ok(split(&bytes));
    }
    let mut numbers = Vec::with_capacity(texts.len() * width);
    for text in texts {
        encoder.encode_batch(&[text], &mut numbers)?;
    }
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    fs::write(&path, &bytes)?;
    Ok(split(&bytes))
}

/// Numbers from a seed, for orders and splits that can be repeated.
pub(crate) struct Draws {
    seed: u64,
    drawn: u64,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.drawn += 1;
        (neuronbus::math::random(self.seed, 0, 0, self.drawn) % bound as u64) as usize
    }

    pub(crate) fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            order.swap(at, self.below(at + 1));
        }
        order
    }
}
