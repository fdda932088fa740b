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
    let passes = if asked("reward") { reward::print(&clinc, &*encoder)? } else { Vec::new() };
    let changes = if asked("drift") { reward::print_drift(&clinc, &*encoder)? } else { Vec::new() };
    if let Some(folder) = pictures {
        let drawn: Vec<_> = passes.iter().map(|(name, pass)| (*name, pass)).collect();
        if !drawn.is_empty() {
            let title = "Learning from right and wrong alone";
            curves::draw(&folder.join("reward.svg"), title, &drawn)?;
        }
        let names = ["seed 0", "seed 1", "seed 2"];
        let drawn: Vec<_> = names.into_iter().zip(&changes).collect();
        if !drawn.is_empty() {
            let title = "20 of 150 handlers change places after 7,500 queries";
            curves::draw(&folder.join("drift.svg"), title, &drawn)?;
        }
    }
    Ok(())
}
