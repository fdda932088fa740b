//! Evaluates encoders, concepts and routers on real data, and prints the tables of `docs/learning.md`.
//!
//! ```sh
//! cargo run --release -p neuronbus-semantic --features minilm --example eval -- --data DIR [PART ..]
//! ```
//!
//! Parts are `pairs`, `intents`, `reward` and `drift`; all of them unless some are named. With `--pictures DIR` the
//! learning curves are drawn there.

mod curves;
mod data;
mod intents;
mod pairs;
mod reward;

use std::path::PathBuf;

use neuronbus_semantic::store;

use crate::data::Outcome;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut folder, mut model, mut parts) =
        (PathBuf::from("data"), "minilm".to_owned(), Vec::new());
    let mut pictures = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--data" => folder = arguments.next().ok_or("--data needs a directory")?.into(),
            "--model" => model = arguments.next().ok_or("--model needs a name")?,
            "--pictures" => pictures = arguments.next().map(PathBuf::from),
            part => parts.push(part.to_owned()),
        }
    }
    if store::OFFERS.iter().any(|offer| offer.name == model) {
        store::fetch(&model)?;
    }
    let encoder = store::open(&model)?;
    println!("model: {}", encoder.model());
    let asked = |part: &str| parts.is_empty() || parts.iter().any(|asked| asked == part);
    if asked("pairs") {
        pairs::print(&folder, &encoder)?;
    }
    if !["intents", "reward", "drift"].into_iter().any(asked) {
        return Ok(());
    }
    let clinc = data::clinc(&folder, &*encoder)?;
    if asked("intents") {
        intents::print(&clinc, &*encoder)?;
    }
    let mut passes = if asked("reward") { reward::print(&clinc, &*encoder)? } else { Vec::new() };
    if asked("drift") {
        passes.push(("150, 20 of them swapped half-way", reward::print_drift(&clinc, &*encoder)?));
    }
    if let Some(folder) = pictures {
        let drawn: Vec<_> = passes.iter().map(|(name, pass)| (*name, pass)).collect();
        curves::draw(&folder.join("reward.svg"), "Learning from right and wrong alone", &drawn)?;
    }
    Ok(())
}
