//! `neuronbus model`, `calibrate` and `explain`: what texts mean, without running a brain.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use neuronbus_connectome::{Brain, ConceptsPlan, RegionKind};
use neuronbus_semantic::calibration::{self, Calibration, Sample};
use neuronbus_semantic::concept_file::ConceptFile;
use neuronbus_semantic::encoder::Encoder;
use neuronbus_semantic::lexicon::{Judgement, Lexicon, Verdict};
use neuronbus_semantic::store::{self, StoreError};
use neuronbus_semantic::text::{self, spaced};

use crate::args::{CalibrateOptions, ExplainOptions, ModelAction, ReportFormat};
use crate::console::Console;
use crate::failure::Failure;

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
    let brain = options.brain.as_ref().map(|path| Target::of(path, options)).transpose()?;
    let (model, out) = match brain {
        Some(Target { model, file }) => (model, Some(file)),
        None => {
            let model = options.model.clone().unwrap_or_else(|| store::BUNDLED.to_owned());
            (model, options.out.clone())
        }
    };
    let encoder = store::open(&model)?;
    let found = calibration::calibrate(&samples, &*encoder, options.folds)?;
    if let Some(path) = &out {
        ConceptFile::of(&found, &samples, &model).write(path).map_err(|source| {
            Failure::ConceptFile { path: path.clone(), source: Box::new(source) }
        })?;
    }
    match options.format {
        ReportFormat::Json => {
            let text = serde_json::to_string_pretty(&found).map_err(Failure::Json)?;
            console.write(&(text + "\n"))
        }
        ReportFormat::Text => {
            let mut text = table(&found);
            if let Some(path) = &out {
                // Writing into a string cannot fail.
                let _ = writeln!(text, "\nwritten to {}", path.display());
            }
            console.write(&text)
        }
    }
}

/// Where the calibration of a brain goes, and by which model.
struct Target {
    model: String,
    file: PathBuf,
}

impl Target {
    fn of(path: &Path, options: &CalibrateOptions) -> Result<Self, Failure> {
        let refuse = |reason: String| Failure::Examples { path: path.to_owned(), reason };
        let brain = Brain::read_uncalibrated(path)?;
        let (region, plan) = concepts_of(&brain, path, options.region.as_deref())?;
        let file = plan.file().ok_or_else(|| {
            refuse(format!("region {region} has no `file` for its concepts: file = \"my.json\""))
        })?;
        let model = options.model.clone().unwrap_or_else(|| plan.model().to_owned());
        if plan.names_model() && model != plan.model() {
            let said = plan.model();
            return Err(refuse(format!("region {region} is of the model {said:?}, not {model:?}")));
        }
        Ok(Self { model, file: file.to_owned() })
    }
}

/// The region of concepts that is meant: the one at this path, or the only one.
fn concepts_of<'b>(
    brain: &'b Brain,
    path: &Path,
    region: Option<&str>,
) -> Result<(&'b str, &'b ConceptsPlan), Failure> {
    let all = brain.regions().iter().filter_map(|region| match &region.kind {
        RegionKind::Concepts(plan) => Some((region.path.as_str(), plan)),
        _ => None,
    });
    let found: Vec<_> =
        all.filter(|(path, _)| region.is_none_or(|region| region == *path)).collect();
    let refuse = |reason: String| Failure::Examples { path: path.to_owned(), reason };
    match (found.as_slice(), region) {
        ([only], _) => Ok(*only),
        ([], None) => Err(refuse("it has no region of kind \"concepts\"".to_owned())),
        ([], Some(region)) => {
            Err(refuse(format!("it has no region of kind \"concepts\" at {region:?}")))
        }
        (several, _) => {
            let paths: Vec<&str> = several.iter().map(|(path, _)| *path).collect();
            let paths = paths.join(", ");
            Err(refuse(format!("it has several regions of kind \"concepts\": --region {paths}")))
        }
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

/// The concepts that are asked about, and the encoder by which they are read.
fn asked(options: &ExplainOptions) -> Result<(Arc<dyn Encoder>, Lexicon), Failure> {
    if let Some(path) = &options.brain {
        let brain = Brain::read(path)?;
        let (_, plan) = concepts_of(&brain, path, options.region.as_deref())?;
        let refuse = |reason| Failure::Examples { path: path.clone(), reason };
        return plan.lexicon().map_err(refuse);
    }
    // One of the two is given, or the command line would have been refused.
    let path = options.concepts.clone().unwrap_or_default();
    let refuse = |source| Failure::ConceptFile { path: path.clone(), source: Box::new(source) };
    let file = ConceptFile::read(&path).map_err(refuse)?;
    let encoder = store::open(options.model.as_ref().unwrap_or(&file.model))?;
    let lexicon = file.lexicon(&*encoder).map_err(refuse)?;
    Ok((encoder, lexicon))
}

pub(crate) fn explain(options: &ExplainOptions, console: Console) -> Result<(), Failure> {
    let (encoder, lexicon) = asked(options)?;
    let vector = encoder.encode(&spaced(&options.text))?;
    let mut judgements = lexicon
        .judge(&options.text, &vector)
        .map_err(neuronbus_semantic::encoder::EncodeError::from)?;
    judgements.truncate(options.top);
    if options.format == ReportFormat::Json {
        let text = serde_json::to_string_pretty(&judgements).map_err(Failure::Json)?;
        return console.write(&(text + "\n"));
    }
    let mut text = format!("{:?}, by {}\n", options.text, encoder.model());
    for judgement in &judgements {
        // Writing into a string cannot fail.
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
