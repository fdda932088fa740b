//! `neuronbus model`, `calibrate` and `explain`: what texts mean, without running a brain.

use std::fmt::Write as _;
use std::path::Path;

use neuronbus_semantic::calibration::{self, Calibration, Sample};
use neuronbus_semantic::concept::Concept;
use neuronbus_semantic::lexicon::{Judgement, Lexicon, Verdict};
use neuronbus_semantic::store::{self, StoreError};
use neuronbus_semantic::text::{self, spaced};
use serde::{Deserialize, Serialize};

use crate::args::{CalibrateOptions, ExplainOptions, ModelAction, ReportFormat};
use crate::console::Console;
use crate::failure::Failure;

/// Concepts with their thresholds, and the model that those are good for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConceptFile {
    /// As `--model` names it.
    model: String,
    /// The model itself, so that thresholds are not used with another.
    made_with: String,
    /// Where labels decide, the logit below which they do not; where it is absent, the nearest exemplar decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    abstain: Option<f32>,
    concepts: Vec<Concept>,
}

pub(crate) fn model(action: &ModelAction, console: Console) -> Result<(), Failure> {
    match action {
        ModelAction::Ls => list(console),
        ModelAction::Fetch { name } if name == store::BUNDLED => {
            console.write(&format!("{name} is part of this program\n"))
        }
        ModelAction::Fetch { name } => {
            let place = store::fetch(name)?;
            console.write(&format!("{name} is in {}\n", place.display()))
        }
    }
}

fn list(console: Console) -> Result<(), Failure> {
    let mut text = format!(
        "{:<12} {:<8} part of this program: 256 dimensions, English\n",
        store::BUNDLED,
        "here"
    );
    for offer in store::OFFERS {
        let (network, disk) = offer.megabytes;
        let state = match store::find(offer.name) {
            Ok(_) => "here",
            Err(StoreError::Damaged { .. }) => "damaged",
            Err(_) => "absent",
        };
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{:<12} {state:<8} {} ({network} MB to fetch, {disk} MB kept)",
            offer.name, offer.about
        );
    }
    console.write(&text)
}

fn samples(path: &Path) -> Result<Vec<Sample>, Failure> {
    let refuse = |reason: String| Failure::Examples { path: path.to_owned(), reason };
    let reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_path(path);
    let mut reader = reader.map_err(|error| refuse(error.to_string()))?;
    let mut samples = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| refuse(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let (Some(text), Some(label), None) = (record.get(0), record.get(1), record.get(2)) else {
            return Err(refuse(format!(
                "line {line} has {} columns: write text,concept",
                record.len()
            )));
        };
        if line == 1 && (text, label) == ("text", "label") {
            continue;
        }
        text::check(text).map_err(|error| refuse(format!("line {line}: {error}")))?;
        samples.push(Sample { text: text.to_owned(), label: label.to_owned() });
    }
    Ok(samples)
}

pub(crate) fn calibrate(options: &CalibrateOptions, console: Console) -> Result<(), Failure> {
    let samples = samples(&options.file)?;
    let encoder = store::open(&options.model)?;
    let found = calibration::calibrate(&samples, &*encoder, options.folds)?;
    if let Some(path) = &options.out {
        let concepts = found.concepts(&samples);
        let (model, made_with) = (options.model.clone(), found.model.clone());
        let file = ConceptFile { model, made_with, abstain: found.abstain(), concepts };
        let text = serde_json::to_string_pretty(&file).map_err(Failure::Json)?;
        std::fs::write(path, text + "\n")
            .map_err(|source| Failure::File { path: path.clone(), source })?;
    }
    match options.format {
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&found).map_err(Failure::Json)?;
            console.write(&(text + "\n"))
        }
        ReportFormat::Text => console.write(&table(&found)),
    }
}

fn table(found: &Calibration) -> String {
    let width = found
        .concepts
        .iter()
        .map(|concept| concept.concept.chars().count())
        .max()
        .unwrap_or(0)
        .max(7);
    let mut text = format!("model {}, {} folds\n\n", found.model, found.folds);
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "{:<width$}  texts  threshold  precision  recall  unsure between",
        "concept"
    );
    for concept in &found.concepts {
        let (low, high) = concept.band;
        let _ = writeln!(
            text,
            "{:<width$}  {:>5}  {:>9.3}  {:>7.1} %  {:>4.0} %  {low:.3} and {high:.3}",
            concept.concept,
            concept.texts,
            concept.threshold,
            concept.precision * 100.0,
            concept.recall * 100.0
        );
    }
    let _ = writeln!(
        text,
        "\nnearest concept right: {:.1} % of texts, each compared with the other parts",
        found.accuracy * 100.0
    );
    let classified = found.classified;
    let decides = if found.abstain().is_some() { "labels decide" } else { "the nearest decides" };
    let _ = writeln!(
        text,
        "labels learned right:  {:.1} % of texts it was not fitted to; so {decides}",
        classified.accuracy * 100.0
    );
    let _ = write!(
        text,
        "abstaining below a logit of {:.2}: {:.1} % right",
        classified.abstain,
        classified.kept * 100.0
    );
    let _ = match classified.refused {
        Some(refused) => {
            writeln!(text, ", {:.1} % of texts of unknown concepts refused", refused * 100.0)
        }
        None => writeln!(text),
    };
    text
}

fn concepts(path: &Path) -> Result<ConceptFile, Failure> {
    let refuse = |reason: String| Failure::Examples { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))
}

pub(crate) fn explain(options: &ExplainOptions, console: Console) -> Result<(), Failure> {
    let file = concepts(&options.concepts)?;
    let encoder = store::open(options.model.as_ref().unwrap_or(&file.model))?;
    let mut lexicon = Lexicon::new(&file.concepts, &*encoder)?;
    if let Some(abstain) = file.abstain {
        lexicon = lexicon.classifying(abstain).map_err(|error| Failure::Examples {
            path: options.concepts.clone(),
            reason: error.to_string(),
        })?;
    }
    let vector = encoder.encode(&spaced(&options.text))?;
    let mut judgements = lexicon
        .judge(&options.text, &vector)
        .map_err(neuronbus_semantic::encoder::EncodeError::from)?;
    judgements.truncate(options.top);
    if options.format == ReportFormat::Json {
        let text = serde_json::to_string_pretty(&judgements).map_err(Failure::Json)?;
        return console.write(&(text + "\n"));
    }
    let model = encoder.model().to_string();
    let mut text = format!("{:?}, by {model}\n", options.text);
    if model != file.made_with {
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "these thresholds are for {}: calibrate again for this model",
            file.made_with
        );
    }
    for judgement in &judgements {
        let _ = writeln!(text, "{}", line(judgement));
    }
    console.write(&text)
}

/// One concept: what became of it, and what would have had to be otherwise.
fn line(judgement: &Judgement) -> String {
    let Judgement { concept, score, threshold, exemplar, verdict } = judgement;
    let what = match verdict {
        Verdict::Fires => format!("fires: {:.3} above its threshold", score - threshold),
        Verdict::BelowThreshold => {
            format!("does not: {:.3} short of its threshold", threshold - score)
        }
        Verdict::Sibling { exemplar } => {
            format!("does not: {exemplar:?} is a sibling; say same_as if both mean the same")
        }
        Verdict::Opposite { text, score } => {
            format!("does not: nearer to its opposite {text:?} ({score:.3})")
        }
        Verdict::Inhibited { by } => format!("does not: {by:?} is stronger"),
        _ => "does not".to_owned(),
    };
    format!("  {concept}: {score:.3} of {threshold:.3}, nearest {exemplar:?}; {what}")
}
