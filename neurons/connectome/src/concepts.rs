//! `kind = "concepts"`: what texts can be about, a neuron each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use neuronbus_semantic::concept::Concept;
use neuronbus_semantic::concept_file::{ConceptFile, ConceptFileError};
use neuronbus_semantic::encoder::Encoder;
use neuronbus_semantic::encoder_neuron::EventText;
use neuronbus_semantic::lexicon::Lexicon;
use neuronbus_semantic::store;
use neuronbus_semantic::wiring::Meaning;

use crate::files::Files;
use crate::mistake::Code;
use crate::sheet::Located;
use crate::spelling;
use crate::table::Table;

/// Concepts, as a description has them: its own, and those of a file that calibration has written.
#[derive(Debug, Clone, PartialEq)]
pub struct ConceptsPlan {
    model: Option<String>,
    file: Option<CalibratedFile>,
    own: Vec<Concept>,
    text_field: Option<String>,
    inhibition: f32,
}

/// A file that a description names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CalibratedFile {
    /// As the description names it.
    pub(crate) name: String,
    /// Where it lies.
    pub(crate) place: PathBuf,
    /// What it says; nothing before the first calibration.
    pub(crate) text: Option<String>,
    content: Option<ConceptFile>,
}

impl ConceptsPlan {
    pub(crate) fn read(table: &Table<'_, '_>, files: &Files) -> Self {
        let model = table.text("model");
        let file = table.text("file").and_then(|name| read_file(table, &name, files));
        let content = file.as_ref().and_then(|file| file.content.as_ref());
        if let (Some(model), Some(content)) = (&model, content)
            && model.value != content.model
        {
            let expected = format!("{:?}, which the file was calibrated with", content.model);
            table.sheet().wrong(Code::Contradiction, &model.place, expected);
        }
        let own = read_concepts(table);
        if own.is_empty() && !table.has("file") && !table.has("concept") {
            let expected = "a `file` of concepts, or at least one [[region.concept]]";
            table.sheet().absent(Code::MissingKey, table.place(), expected);
        }
        Self {
            model: model.map(|model| model.value),
            file,
            own,
            text_field: table.text("text-field").map(|field| field.value),
            inhibition: table.real("inhibition", 0.0..=1e6).unwrap_or(0.0) as f32,
        }
    }

    /// The model by which texts are read: that of the description, or else that of the file.
    #[must_use]
    pub fn model(&self) -> &str {
        let calibrated = || Some(&self.content()?.model);
        self.model.as_ref().or_else(calibrated).map_or(store::BUNDLED, String::as_str)
    }

    /// Whether the description says which model it is.
    #[must_use]
    pub fn names_model(&self) -> bool {
        self.model.is_some()
    }

    /// The file of concepts that calibration writes.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.place.as_path())
    }

    pub(crate) fn calibrated(&self) -> Option<&CalibratedFile> {
        self.file.as_ref()
    }

    fn content(&self) -> Option<&ConceptFile> {
        self.file.as_ref()?.content.as_ref()
    }

    /// The names of the concepts: those of the file, then those that only the description has.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let calibrated = self.content().map_or(&[][..], |file| file.concepts.as_slice());
        let is_new = |own: &&Concept| calibrated.iter().all(|other| other.name() != own.name());
        calibrated.iter().chain(self.own.iter().filter(is_new)).map(Concept::name).collect()
    }

    /// The encoder, and the concepts in its space: what a run recognises texts by, and `explain` explains.
    ///
    /// # Errors
    /// Why there is none, in words: a model that is not on this machine, thresholds of another model.
    pub fn lexicon(&self) -> Result<(Arc<dyn Encoder>, Lexicon), String> {
        let encoder = store::open(self.model()).map_err(|error| error.to_string())?;
        let mut file = self.content().cloned().unwrap_or_else(|| ConceptFile {
            model: self.model().to_owned(),
            made_with: encoder.model().to_string(),
            abstain: None,
            concepts: Vec::new(),
        });
        file.add(&self.own);
        let lexicon = file.lexicon(&*encoder).map_err(|error| error.to_string())?;
        let lexicon = lexicon.inhibition(self.inhibition).map_err(|error| error.to_string())?;
        Ok((encoder, lexicon))
    }

    /// The region for the runtime.
    pub(crate) fn meaning(&self, path: &str) -> Result<Meaning<EventText>, String> {
        let (encoder, lexicon) = self.lexicon()?;
        let reading = self.text_field.as_ref().map_or_else(EventText::topic, EventText::field);
        // A slow model holds cortex time, so that a run of the same input is the same run.
        Ok(Meaning::of(path, lexicon, encoder).reading(reading).holding())
    }

    /// What the region is told, in a few words.
    pub(crate) fn summary(&self) -> String {
        let count = self.names().len();
        let file = self.file.as_ref().map(|file| match &file.content {
            Some(_) => format!(", calibrated in {}", file.name),
            None => format!(", to be calibrated in {}", file.name),
        });
        let what = if count == 1 { "concept" } else { "concepts" };
        format!("{count} {what} by the model {}{}", self.model(), file.unwrap_or_default())
    }
}

fn read_file(
    table: &Table<'_, '_>,
    name: &Located<String>,
    files: &Files,
) -> Option<CalibratedFile> {
    let read = files.text(&name.value).and_then(|text| {
        let content = text.as_deref().map(ConceptFile::parse).transpose()?;
        Ok((text, content))
    });
    match read {
        Ok((text, content)) => {
            let (name, place) = (name.value.clone(), files.place(&name.value));
            Some(CalibratedFile { name, place, text, content })
        }
        Err(why) => {
            let code = match why {
                ConceptFileError::Malformed(_) => Code::OutOfRange,
                _ => Code::Unreadable,
            };
            let expected = format!("a file of concepts as `neuronbus calibrate` writes it ({why})");
            table.sheet().wrong(code, &name.place, expected);
            None
        }
    }
}

fn read_concepts(table: &Table<'_, '_>) -> Vec<Concept> {
    let mut concepts: Vec<Concept> = Vec::new();
    for entry in table.tables("concept") {
        entry.require("name", "what it is called");
        let texts = |key| entry.texts(key).into_iter().map(|text| text.value);
        let name = entry.text("name");
        let mut concept = Concept::new(name.as_ref().map_or("", |name| name.value.as_str()))
            .exemplars(texts("exemplars"));
        for topic in texts("topics") {
            concept = concept.topic(topic);
        }
        for text in texts("opposite-of") {
            concept = concept.opposite_of(text);
        }
        for text in texts("same-as") {
            concept = concept.same_as(text);
        }
        if let Some(threshold) = entry.positive("threshold", 1.0) {
            concept = concept.threshold(threshold as f32);
        }
        if let Some(name) = &name {
            if let Err(why) = concept.check() {
                let expected = format!("a concept that makes sense ({why})");
                table.sheet().wrong(Code::OutOfRange, &name.place, expected);
            }
            if concepts.iter().any(|other| other.name() == name.value) {
                let expected = "a name that no other concept of the region has";
                table.sheet().wrong(Code::Duplicate, &name.place, expected);
            }
        }
        entry.finish();
        concepts.push(concept);
    }
    concepts
}

/// Looks a concept up that one end of a projection names, and says which one was probably meant.
pub(crate) fn find_concept(table: &Table<'_, '_>, plan: &ConceptsPlan, wanted: &Located<String>) {
    let names = plan.names();
    // Before the first calibration nobody knows what there will be.
    let is_known = plan.file.as_ref().is_none_or(|file| file.content.is_some());
    if is_known && !names.contains(&wanted.value.as_str()) {
        let expected = format!("a concept of the region: {}", spelling::list(&names));
        let nearest = spelling::nearest(&wanted.value, names.iter().copied());
        table.sheet().misnamed(Code::UnknownName, &wanted.place, expected, nearest);
    }
}
