//! Concepts in a file, with the thresholds that calibration found and the model that those are good for.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::calibration::{Calibration, Sample};
use crate::classifier::ClassifierError;
use crate::concept::{Concept, ConceptError};
use crate::encoder::Encoder;
use crate::lexicon::Lexicon;

/// Bytes of the longest file that is read.
pub const FILE_MAX: u64 = 16 << 20;

/// Concepts as a file has them, in JSON: what `neuronbus calibrate` writes, and what `explain` and brains read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConceptFile {
    /// The name or the directory of the model, as [`store::open`](crate::store::open) takes it.
    pub model: String,
    /// The model itself, so that thresholds are not used with another.
    pub made_with: String,
    /// Where labels decide, the logit below which they do not; where it is absent, the nearest exemplar decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abstain: Option<f32>,
    /// The concepts.
    pub concepts: Vec<Concept>,
}

/// Why the concepts of a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConceptFileError {
    /// It cannot be read or written.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// It is longer than any file of concepts.
    #[error("a file of more than {} MiB is refused", FILE_MAX >> 20)]
    TooLong,
    /// It is no regular file.
    #[error("it is no file")]
    NoFile,
    /// It is not what calibration writes.
    #[error("it is no file of concepts: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Its thresholds were found for another model.
    #[error("its thresholds are for {made_with} and mean nothing for {model}: calibrate again")]
    OtherModel {
        /// Whose they are.
        made_with: String,
        /// The model at hand.
        model: String,
    },
    /// Its concepts are refused.
    #[error(transparent)]
    Concept(#[from] ConceptError),
    /// Its labels cannot decide.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
}

impl ConceptFile {
    /// The concepts of calibrated texts, by the model that `model` names.
    #[must_use]
    pub fn of(found: &Calibration, samples: &[Sample], model: &str) -> Self {
        Self {
            model: model.to_owned(),
            made_with: found.model.clone(),
            abstain: found.abstain(),
            concepts: found.concepts(samples),
        }
    }

    /// The text of a file of concepts, as it is.
    ///
    /// # Errors
    /// [`ConceptFileError`] for what is no regular file, too long, or cannot be read.
    pub fn text(path: &Path) -> Result<String, ConceptFileError> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(ConceptFileError::NoFile);
        }
        if metadata.len() > FILE_MAX {
            return Err(ConceptFileError::TooLong);
        }
        Ok(std::fs::read_to_string(path)?)
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// [`ConceptFileError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ConceptFileError> {
        Ok(serde_json::from_str(text)?)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ConceptFileError`].
    pub fn read(path: &Path) -> Result<Self, ConceptFileError> {
        Self::parse(&Self::text(path)?)
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// [`ConceptFileError::File`]; what was there is there still.
    pub fn write(&self, path: &Path) -> Result<(), ConceptFileError> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        // Beside its place, so that it can be moved there in one step.
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        let outcome = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
        if outcome.is_err() {
            // What is left over is only in the way.
            let _ = std::fs::remove_file(&beside);
        }
        Ok(outcome?)
    }

    /// Adds concepts that were written elsewhere. One that is in the file already gets what the other has beside it:
    /// its exemplars, topics, opposites and what it is the same as; a threshold that the other says is the one that
    /// counts.
    pub fn add(&mut self, others: &[Concept]) {
        for other in others {
            match self.concepts.iter_mut().find(|own| own.name == other.name) {
                Some(own) => own.take_in(other),
                None => self.concepts.push(other.clone()),
            }
        }
    }

    /// The concepts as a lexicon, in the space of the model that their thresholds are for.
    ///
    /// # Errors
    /// [`ConceptFileError`]: it is another model, or a concept is refused.
    pub fn lexicon(&self, encoder: &dyn Encoder) -> Result<Lexicon, ConceptFileError> {
        let model = encoder.model().to_string();
        if model != self.made_with {
            let made_with = self.made_with.clone();
            return Err(ConceptFileError::OtherModel { made_with, model });
        }
        let lexicon = Lexicon::new(&self.concepts, encoder)?;
        match self.abstain {
            Some(abstain) => Ok(lexicon.classifying(abstain)?),
            None => Ok(lexicon),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

    use super::*;
    use crate::static_table::StaticTable;

    fn file() -> ConceptFile {
        let concepts = vec![Concept::new("payment failed").threshold(0.4), Concept::new("rain")];
        let made_with = StaticTable::bundled().model().to_string();
        ConceptFile { model: "static".to_owned(), made_with, abstain: None, concepts }
    }

    #[test]
    fn a_file_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("concepts.json");
        file().write(&path).unwrap();
        assert_eq!(ConceptFile::read(&path).unwrap(), file());
        let refused = ConceptFile::read(folder.path()).unwrap_err();
        assert!(matches!(refused, ConceptFileError::NoFile), "{refused}");
        assert!(file().write(&folder.path().join("no/such/place")).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn what_is_said_elsewhere_is_added_and_its_threshold_counts() {
        let mut file = file();
        let more = Concept::new("payment failed").opposite_of("payment received").threshold(0.6);
        file.add(&[more, Concept::new("parcel late")]);
        assert_eq!(file.concepts.len(), 3);
        let own = &file.concepts[0];
        assert_eq!((own.threshold, own.opposites.len()), (Some(0.6), 1));
    }

    #[test]
    fn thresholds_of_another_model_are_refused() {
        let other = ConceptFile { made_with: "another/384@0".to_owned(), ..file() };
        let refused = other.lexicon(&*StaticTable::bundled()).unwrap_err();
        assert!(refused.to_string().contains("calibrate again"), "{refused}");
        assert_eq!(file().lexicon(&*StaticTable::bundled()).unwrap().len(), 2);
    }
}
