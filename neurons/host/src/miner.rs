//! Groups of lines that are alike: lines of a log whose words differ where something varies.
//!
//! A [template](crate::template) masks what looks like a number; names, users and paths it cannot know. Lines are
//! therefore compared (Drain: He et al., ICWS 2017): those of as many words and with the same first two belong
//! together if enough of the rest is the same, and what differs is masked from then on.
//!
//! ```text
//! user ada logged in from 10.0.0.7      a group is named by its first line,
//! user bob logged in from 10.0.0.9      user ada logged in from <*>
//!                                       and known as  user <*> logged in from <*>
//! ```
//!
//! A line whose template was met before costs a look into a table.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::template::{MASK, template};

/// Words at the beginning that must be the same, unless something in them is masked.
const HEAD: usize = 2;

/// Templates that are known by heart; further ones are compared each time.
const KNOWN: usize = 1 << 16;

/// Any seed gives the same groups: the maps are looked up in, never iterated.
const SEED: u64 = 0x6D_696E_6572;

/// Finds the group of a line, and makes one where there is none.
#[derive(Debug)]
pub struct Miner {
    /// The group of each template that was met.
    known: HashMap<Box<str>, u32, FixedState>,
    /// The groups of lines with so many words and such a head.
    leaves: HashMap<Head, Vec<u32>, FixedState>,
    groups: Vec<Group>,
    likeness: f32,
    bound: usize,
    masked: String,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Head {
    words: usize,
    first: [Box<str>; HEAD],
}

#[derive(Debug)]
struct Group {
    /// The template of its first line.
    name: Box<str>,
    /// What its lines have in common; `None` is what varies.
    words: Vec<Option<Box<str>>>,
}

impl Miner {
    /// A miner for so many groups at most. Lines are alike from `likeness` on, the share of their words that are the
    /// same, 0 to 1; 0.3 suits most logs.
    #[must_use]
    pub fn new(bound: usize, likeness: f32) -> Self {
        Self {
            known: HashMap::with_hasher(FixedState::with_seed(SEED)),
            leaves: HashMap::with_hasher(FixedState::with_seed(SEED)),
            groups: Vec::new(),
            likeness: likeness.clamp(0.0, 1.0),
            bound,
            masked: String::new(),
        }
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The group of a line, by its position; `None` if it is like none, and there is no room for another.
    #[inline]
    pub fn group(&mut self, line: &str) -> Option<u32> {
        template(line, &mut self.masked);
        match self.known.get(self.masked.as_str()) {
            Some(&group) => Some(group),
            None => self.compare(),
        }
    }

    /// The name of a group: the template of its first line. It stays as it is.
    #[must_use]
    pub fn name(&self, group: u32) -> Option<&str> {
        self.groups.get(group as usize).map(|group| &*group.name)
    }

    /// The template of the last line.
    #[must_use]
    pub fn masked(&self) -> &str {
        &self.masked
    }

    /// What the lines of a group have in common, as far as it is known by now.
    #[must_use]
    pub fn pattern(&self, group: u32) -> Option<String> {
        let words = &self.groups.get(group as usize)?.words;
        let words: Vec<&str> = words.iter().map(|word| word.as_deref().unwrap_or(MASK)).collect();
        Some(words.join(" "))
    }

    /// A template that was not met before.
    #[cold]
    fn compare(&mut self) -> Option<u32> {
        let words: Vec<&str> = self.masked.split(' ').collect();
        let word = |at: usize| match words.get(at) {
            Some(word) if !word.contains(MASK) => Box::from(*word),
            Some(_) => Box::from(MASK),
            None => Box::default(),
        };
        let head = Head { words: words.len(), first: std::array::from_fn(word) };
        let leaf = self.leaves.entry(head).or_default();
        let mut best = None::<((usize, usize), u32)>;
        for &group in &*leaf {
            let likeness = self.groups[group as usize].likeness(&words);
            if best.is_none_or(|(most, _)| likeness > most) {
                best = Some((likeness, group));
            }
        }
        let enough = self.likeness * words.len() as f32;
        let group = match best {
            Some(((same, _), group)) if same as f32 >= enough => {
                self.groups[group as usize].widen(&words);
                group
            }
            _ if self.groups.len() < self.bound => {
                let group = self.groups.len() as u32;
                self.groups.push(Group::new(&self.masked, &words));
                leaf.push(group);
                group
            }
            _ => return None,
        };
        if self.known.len() < KNOWN {
            self.known.insert(self.masked.as_str().into(), group);
        }
        Some(group)
    }
}

impl Group {
    fn new(masked: &str, words: &[&str]) -> Self {
        let word = |word: &&str| (!word.contains(MASK)).then(|| Box::from(*word));
        Self { name: masked.into(), words: words.iter().map(word).collect() }
    }

    /// How many words are the same; of equally many, more that vary anyway are better.
    fn likeness(&self, words: &[&str]) -> (usize, usize) {
        let same =
            self.words.iter().zip(words).filter(|(own, word)| own.as_deref() == Some(**word));
        (same.count(), self.words.iter().filter(|own| own.is_none()).count())
    }

    fn widen(&mut self, words: &[&str]) {
        for (own, word) in self.words.iter_mut().zip(words) {
            if own.as_deref() != Some(*word) {
                *own = None;
            }
        }
    }
}
