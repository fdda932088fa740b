//! What becomes of a text: the concepts that it belongs to, and why it belongs to no others.

/// How a text found its concept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// It is a topic of the concept, letter by letter.
    Topic,
    /// It resembles an exemplar.
    Meaning,
}

/// A concept that a text belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Which, by its position in the lexicon.
    pub concept: u32,
    /// Cosine with the nearest exemplar that counts; 1 for a topic.
    pub score: f32,
    /// What the score does to the concept's membrane, which fires from 1 on.
    pub drive: f32,
    /// How.
    pub by: Means,
}

/// Why a concept does, or does not, fire.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
#[non_exhaustive]
pub enum Verdict {
    /// It fires.
    Fires,
    /// No exemplar is near enough.
    BelowThreshold,
    /// The exemplars that are near enough are siblings of the text: one word of each differs.
    Sibling {
        /// The nearest of them.
        exemplar: String,
    },
    /// The text is nearer to what the concept is the opposite of.
    Opposite {
        /// That text.
        text: String,
        /// Its cosine.
        score: f32,
    },
    /// A stronger concept keeps it down.
    Inhibited {
        /// Which.
        by: String,
    },
}

/// One concept's part in a decision.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Judgement {
    /// The concept's name.
    pub concept: String,
    /// Cosine with the nearest exemplar that counts.
    pub score: f32,
    /// From where on it fires.
    pub threshold: f32,
    /// The nearest exemplar of all.
    pub exemplar: String,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What fires first, then by score.
pub(crate) fn in_order(mut judgements: Vec<Judgement>) -> Vec<Judgement> {
    let fires = |judgement: &Judgement| judgement.verdict == Verdict::Fires;
    judgements.sort_by(|a, b| fires(b).cmp(&fires(a)).then(b.score.total_cmp(&a.score)));
    judgements
}
