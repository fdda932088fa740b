//! A set of concepts, and which of them a text belongs to.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;
use neuronbus_nearest::{Search, Signs};

use crate::concept::{Concept, ConceptError};
use crate::encoder::{Encoder, Model, VectorError};
use crate::judgement::in_order;
pub use crate::judgement::{Judgement, Match, Means, Verdict};
use crate::labelled::{Labels, SURE};
use crate::matrix::Matrix;
use crate::text;

/// Exemplars up to which a text is compared with every one of them.
const EXACT: usize = 50_000;

/// Names of more words than this are sentences, and sentences that differ by a word say the same more often than not.
const NAME_WORDS: usize = 4;

#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) name: String,
    threshold: f32,
    /// Its exemplars in the matrix and in `texts`.
    pub(crate) rows: Range<usize>,
    /// What it is the opposite of, likewise.
    opposites: Range<usize>,
    same_as: Vec<String>,
}

/// Concepts, encoded by one model.
#[derive(Debug)]
pub struct Lexicon {
    model: Arc<Model>,
    pub(crate) concepts: Vec<Kept>,
    topics: HashMap<String, u32, FixedState>,
    pub(crate) exemplars: Matrix,
    /// The words of each exemplar.
    pub(crate) texts: Vec<String>,
    opposites: Matrix,
    opposite_texts: Vec<String>,
    inhibition: f32,
    /// What decides instead of the nearest exemplar, if anything does.
    pub(crate) labels: Option<Labels>,
    /// Where there are too many exemplars to compare a text with each, their signs.
    signs: Option<Signs>,
}

impl Lexicon {
    /// Encodes a set of concepts. This may take as long as the encoder does; it belongs before a run.
    ///
    /// # Errors
    /// [`ConceptError`] for names or topics that are there twice, and texts that cannot be encoded.
    pub fn new(concepts: &[Concept], encoder: &dyn Encoder) -> Result<Self, ConceptError> {
        let model = Arc::new(encoder.model().clone());
        let mut lexicon = Self {
            concepts: Vec::with_capacity(concepts.len()),
            topics: HashMap::default(),
            exemplars: Matrix::new(model.clone()),
            texts: Vec::new(),
            opposites: Matrix::new(model.clone()),
            opposite_texts: Vec::new(),
            inhibition: 0.0,
            labels: None,
            signs: None,
            model,
        };
        let mut names = HashMap::<&str, (), FixedState>::default();
        for concept in concepts {
            concept.check()?;
            if names.insert(&concept.name, ()).is_some() {
                return Err(ConceptError::Twice(concept.name.clone()));
            }
            lexicon.claim_topics(concept)?;
            lexicon.add(concept, encoder.threshold());
        }
        encode_into(encoder, &lexicon.texts, &mut lexicon.exemplars)?;
        encode_into(encoder, &lexicon.opposite_texts, &mut lexicon.opposites)?;
        Ok(lexicon.exact_up_to(EXACT))
    }

    /// Compares a text with every exemplar only if there are no more than so many; 50,000 unless this is called. Beyond
    /// that, those whose numbers differ from the text's in the fewest signs are compared, one in 64 and 128 to 512 of
    /// them: a text fires the concepts of these, and no others.
    ///
    /// Nothing is drawn by chance: the same texts find the same concepts on every machine. Judgements stay exact.
    #[must_use]
    pub fn exact_up_to(mut self, exemplars: usize) -> Self {
        self.signs = (self.exemplars.len() > exemplars).then(|| {
            let mut signs = Signs::new(self.model.dimensions());
            (0..self.exemplars.len()).for_each(|row| signs.push(self.exemplars.row(row)));
            signs
        });
        self
    }

    fn claim_topics(&mut self, concept: &Concept) -> Result<(), ConceptError> {
        for topic in &concept.topics {
            let own = self.concepts.len() as u32;
            let Some(first) = self.topics.insert(topic.clone(), own) else { continue };
            let name = |at: u32| self.concepts.get(at as usize).map_or(&concept.name, |c| &c.name);
            if first != own {
                return Err(ConceptError::TopicTwice {
                    topic: topic.clone(),
                    first: name(first).clone(),
                    second: concept.name.clone(),
                });
            }
        }
        Ok(())
    }

    fn add(&mut self, concept: &Concept, threshold: f32) {
        let words = |texts: &mut Vec<String>, new: &mut dyn Iterator<Item = &String>| {
            let start = texts.len();
            texts.extend(new.map(|text| text::spaced(text)));
            start..texts.len()
        };
        let exemplars = &mut std::iter::once(&concept.name).chain(&concept.exemplars);
        let kept = Kept {
            name: concept.name.clone(),
            threshold: concept.threshold.unwrap_or(threshold),
            rows: words(&mut self.texts, exemplars),
            opposites: words(&mut self.opposite_texts, &mut concept.opposites.iter()),
            same_as: concept.same_as.iter().map(|text| text::spaced(text)).collect(),
        };
        self.concepts.push(kept);
    }

    /// How much a concept is held down by a stronger one, for each unit that the other is further above its own
    /// threshold; 0, the default, is not at all, and about 10 leaves one winner unless two are as good as equal.
    ///
    /// This is what lateral inhibition between the concepts settles to, in closed form: within one tick, and for each
    /// text by itself.
    ///
    /// # Errors
    /// [`ConceptError::Inhibition`].
    pub fn inhibition(mut self, strength: f32) -> Result<Self, ConceptError> {
        if !(strength.is_finite() && strength >= 0.0) {
            return Err(ConceptError::Inhibition(strength));
        }
        self.inhibition = strength;
        Ok(self)
    }

    /// Which model its vectors are of.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// How many concepts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.concepts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.concepts.is_empty()
    }

    /// The name of a concept.
    ///
    /// # Panics
    /// If there is no such concept.
    #[must_use]
    pub fn name(&self, concept: u32) -> &str {
        &self.concepts[concept as usize].name
    }

    /// The threshold of a concept.
    ///
    /// # Panics
    /// If there is no such concept.
    #[must_use]
    pub fn threshold(&self, concept: u32) -> f32 {
        match self.labels {
            None => self.concepts[concept as usize].threshold,
            Some(_) => SURE,
        }
    }

    /// The concept of a topic, letter by letter.
    #[must_use]
    pub fn of_topic(&self, topic: &str) -> Option<u32> {
        self.topics.get(topic).copied()
    }

    /// The concepts that a text belongs to, the strongest first; `room` is reused from call to call.
    ///
    /// `topic` is the text as it came, `words` the same [spaced](text::spaced), and `vector` is that of the words. A
    /// concept that is found both by topic and by meaning is there once. Without a vector only topics count.
    ///
    /// # Errors
    /// [`VectorError`] for a vector of another length.
    pub fn recognise(
        &self,
        topic: &str,
        words: &str,
        vector: Option<&[f32]>,
        room: &mut Room,
    ) -> Result<(), VectorError> {
        room.matches.clear();
        let exact = self.of_topic(topic);
        if let Some(concept) = exact {
            // The drive is what a score of 1 has by meaning, so that competing concepts compare.
            let drive = 1.0 / self.threshold(concept);
            room.matches.push(Match { concept, score: 1.0, drive, by: Means::Topic });
        }
        if let (Some(vector), Some(labels)) = (vector, &self.labels) {
            let found = self.recognise_label(labels, words, vector, room)?;
            room.matches.extend(found.filter(|found| exact != Some(found.concept)));
        } else if let Some(vector) = vector {
            let asked = self.compare(vector, room)?;
            for at in asked {
                let at = room.near.get(at).map_or(at, |&near| near as usize);
                if exact != Some(at as u32) {
                    let found = self.match_with(at, words, vector, &room.scores);
                    room.matches.extend(found);
                }
            }
        }
        self.compete(&mut room.matches);
        Ok(())
    }

    /// Puts the scores of all exemplars into the room, or of those alone that may be near; and says which concepts they
    /// belong to: all, or those in `room.near`.
    fn compare(&self, vector: &[f32], room: &mut Room) -> Result<Range<usize>, VectorError> {
        room.near.clear();
        let Some(signs) = &self.signs else {
            self.exemplars.scores(vector, &mut room.scores)?;
            return Ok(0..self.concepts.len());
        };
        self.exemplars.check(vector)?;
        room.scores.resize(self.exemplars.len(), 0.0);
        let wanted = neuronbus_nearest::compared(signs.len());
        for &row in signs.nearest(vector, wanted, None, &mut room.search) {
            // Rows are in the order of their concepts, and every concept has one.
            let after = self.concepts.partition_point(|kept| kept.rows.start <= row as usize);
            let concept = after.saturating_sub(1) as u32;
            if room.near.last() != Some(&concept) {
                room.near.push(concept);
            }
        }
        for &concept in &room.near {
            // All exemplars of a concept, because which of them counts is not only a matter of nearness.
            for row in self.concepts[concept as usize].rows.clone() {
                room.scores[row] = self.exemplars.score(row, vector);
            }
        }
        Ok(0..room.near.len())
    }

    /// A concept that a text belongs to by meaning, if it does.
    fn match_with(&self, at: usize, words: &str, vector: &[f32], scores: &[f32]) -> Option<Match> {
        let kept = &self.concepts[at];
        if nearest(&scores[kept.rows.clone()]).1 < kept.threshold {
            return None;
        }
        match self.weigh(kept, words, vector, scores) {
            Some((score, Verdict::Fires)) => {
                let (concept, drive) = (at as u32, score / kept.threshold);
                Some(Match { concept, score, drive, by: Means::Meaning })
            }
            _ => None,
        }
    }

    /// What a concept makes of a text, before others have a say: the score that counts, and why; `None` where it has
    /// no exemplars.
    fn weigh(
        &self,
        kept: &Kept,
        words: &str,
        vector: &[f32],
        scores: &[f32],
    ) -> Option<(f32, Verdict)> {
        let scores = &scores[kept.rows.clone()];
        let (mut best, mut sibling) = (None::<f32>, None::<(f32, usize)>);
        for (at, &score) in scores.iter().enumerate() {
            // Names are only compared where it matters.
            let row = kept.rows.start + at;
            if score >= kept.threshold && self.is_held_apart(kept, words, row) {
                sibling = sibling.filter(|&(held, _)| held >= score).or(Some((score, row)));
            } else {
                best = Some(best.map_or(score, |best| best.max(score)));
            }
        }
        let score = best.or(sibling.map(|(score, _)| score))?;
        // A text that is nearer to its sibling than to any other exemplar is near those for the sibling's sake.
        let held = sibling.filter(|&(near, _)| near > score || score < kept.threshold);
        if let Some((_, row)) = held.or(sibling.filter(|_| best.is_none())) {
            return Some((score, Verdict::Sibling { exemplar: self.texts[row].clone() }));
        }
        if score < kept.threshold {
            return Some((score, Verdict::BelowThreshold));
        }
        Some((score, self.opposed(kept, words, vector, score).unwrap_or(Verdict::Fires)))
    }

    /// Whether a text that is so near to a concept is nearer to its opposite.
    pub(crate) fn opposed(
        &self,
        kept: &Kept,
        words: &str,
        vector: &[f32],
        near: f32,
    ) -> Option<Verdict> {
        kept.opposites.clone().find_map(|row| {
            let score = self.opposites.score(row, vector);
            let text = &self.opposite_texts[row];
            (score > near || text == words).then(|| Verdict::Opposite { text: text.clone(), score })
        })
    }

    pub(crate) fn is_held_apart(&self, kept: &Kept, words: &str, row: usize) -> bool {
        let exemplar = &self.texts[row];
        let is_name = |text: &str| text.split(' ').count() <= NAME_WORDS;
        is_name(words)
            && is_name(exemplar)
            && text::are_siblings(words, exemplar)
            && !kept.same_as.iter().any(|same| same == words)
    }

    /// The strongest first, less what it takes from the others.
    fn compete(&self, matches: &mut Vec<Match>) {
        let order =
            |a: &Match, b: &Match| b.drive.total_cmp(&a.drive).then(a.concept.cmp(&b.concept));
        matches.sort_unstable_by(order);
        if self.inhibition > 0.0
            && let Some(first) = matches.first().map(|first| first.drive)
        {
            for weaker in &mut matches[1..] {
                weaker.drive -= self.inhibition * (first - weaker.drive);
            }
            matches.retain(|matched| matched.drive >= 1.0);
        }
        // Scores are what is promised to stand in order.
        matches.sort_by(|a, b| b.score.total_cmp(&a.score));
    }

    /// What every concept makes of a text: those that fire first, then by score.
    ///
    /// # Errors
    /// [`VectorError`] for a vector of another length.
    pub fn judge(&self, topic: &str, vector: &[f32]) -> Result<Vec<Judgement>, VectorError> {
        let words = text::spaced(topic);
        let mut room = Room::default();
        self.recognise(topic, &words, Some(vector), &mut room)?;
        let fires = |at: usize| room.matches.iter().find(|m| m.concept as usize == at);
        if let Some(labels) = &self.labels {
            let found = |at: u32| fires(at as usize).map(|found| found.score);
            let judgements = self.judge_labels(labels, found, &words, vector)?;
            return Ok(in_order(judgements));
        }
        let mut scores = Vec::new();
        self.exemplars.scores(vector, &mut scores)?;
        let strongest = room.matches.iter().max_by(|a, b| a.drive.total_cmp(&b.drive));
        let judgements = self.concepts.iter().enumerate().filter_map(|(at, kept)| {
            let near = kept.rows.start + nearest(&scores[kept.rows.clone()]).0;
            let (mut score, mut verdict) = self.weigh(kept, &words, vector, &scores)?;
            match (fires(at), strongest) {
                (Some(matched), _) => (score, verdict) = (matched.score, Verdict::Fires),
                (None, Some(by)) if verdict == Verdict::Fires => {
                    verdict = Verdict::Inhibited { by: self.name(by.concept).to_owned() };
                }
                _ => {}
            }
            let (exemplar, threshold) = (self.texts[near].clone(), kept.threshold);
            Some(Judgement { concept: kept.name.clone(), score, threshold, exemplar, verdict })
        });
        Ok(in_order(judgements.collect()))
    }
}

/// What matching a text needs besides the lexicon; its buffers are kept from call to call.
#[derive(Debug, Default)]
pub struct Room {
    pub(crate) scores: Vec<f32>,
    matches: Vec<Match>,
    search: Search,
    /// Concepts with an exemplar that may be near, where not all are compared; in their order.
    near: Vec<u32>,
}

impl Room {
    /// What the last text belongs to, the highest score first.
    #[must_use]
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }
}

/// Where the largest is, and what it is; the first of equals.
fn nearest(scores: &[f32]) -> (usize, f32) {
    let best = |best: (usize, f32), (at, &score): (usize, &f32)| match score > best.1 {
        true => (at, score),
        false => best,
    };
    scores.iter().enumerate().fold((0, f32::NEG_INFINITY), best)
}

/// Texts that are encoded at once: enough to be fast, few enough to fit into memory for any model.
const BATCH: usize = 32;

fn encode_into(
    encoder: &dyn Encoder,
    texts: &[String],
    matrix: &mut Matrix,
) -> Result<(), ConceptError> {
    let mut vectors = Vec::new();
    for batch in texts.chunks(BATCH) {
        vectors.clear();
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        encoder.encode_batch(&batch, &mut vectors)?;
        for vector in vectors.chunks_exact(encoder.model().dimensions().max(1)) {
            matrix.push(vector)?;
        }
    }
    Ok(())
}
