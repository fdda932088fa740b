//! Who takes a topic: beliefs that change when outcomes do.
//!
//! For each topic there is a probability for every handler that it is the one who takes it. Before each text of the
//! topic it may have changed; an outcome then makes the handler that was tried likelier or less likely, as Bayes has
//! it. Two things make a search among many handlers short:
//!
//! - *More failure than usual* where success was expected means that the world is changing (Yu and Dayan, 2005): for a
//!   while a change is likelier everywhere.
//! - *Who is free.* A handler is a candidate as far as its own topic has left it too; and where two change places, each
//!   failure and each success says something about both.

use serde::{Deserialize, Serialize};

use crate::reliability::Reliability;

/// Beliefs about who takes each topic; in the beginning, each topic's own handler does.
#[derive(Debug, Clone)]
pub(crate) struct Tenure {
    count: usize,
    /// One row a topic, one column a handler; rows add up to 1.
    beliefs: Vec<f32>,
    /// Who is settled: the handler that was last found to be the one.
    holders: Vec<u32>,
    /// How likely a change is from one text to the next, in quiet times.
    change: f32,
    /// Failures beyond what was expected, as a mean over few outcomes and over many.
    lately: f32,
    usually: f32,
    /// How often what is expected of a handler that is trusted comes true.
    reliability: Reliability,
}

/// What an outcome says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The topic has the handler that it should have: a failure is the text's, which was taken for what it is not.
    Topic,
    /// The handler is the topic's, and may be no longer: whose a failure is, is not known yet.
    Open,
    /// Another handler was tried: a failure says nothing about the text.
    Handler,
    /// The handler that was tried is the topic's from now on.
    Settled,
}

/// Nobody is quite impossible.
const DOUBT: f32 = 1e-4;

/// However sure a topic is, its handler fails in so many cases.
const SLIPS: f32 = 0.005;

/// How often a handler succeeds that is not the one.
const LUCK: f32 = 0.002;

/// What a handler is worth that its own topic has not left.
const TAKEN: f32 = 0.02;

/// How much likelier a change is where failures are so much more frequent than usual.
const ALARM: f32 = 100.0;

/// Chance alone makes a difference as large as this.
const NOISE: f32 = 0.02;

/// A change is never likelier than this.
const UPHEAVAL: f32 = 0.3;

/// A topic is settled with a handler from here on, and in doubt below the second.
const SETTLED: f32 = 0.5;
const SURE: f32 = 0.9;

/// Who lost its handler to another may have got the other's: this much is added to the belief, over the count.
const EXCHANGE: f32 = 30.0;

/// Who is not right for one is less likely to have changed places with it.
const NO_EXCHANGE: f32 = 0.5;

impl Tenure {
    pub(crate) fn new(count: usize, change: f32) -> Self {
        let mut beliefs = vec![DOUBT; count * count];
        (0..count).for_each(|at| beliefs[at * count + at] = 1.0);
        let mut tenure = Self {
            count,
            beliefs,
            holders: (0..count as u32).collect(),
            change,
            lately: 0.0,
            usually: 0.0,
            reliability: Reliability::default(),
        };
        (0..count).for_each(|topic| normalise(tenure.row_mut(topic)));
        tenure
    }

    fn row(&self, topic: usize) -> &[f32] {
        &self.beliefs[topic * self.count..][..self.count]
    }

    fn row_mut(&mut self, topic: usize) -> &mut [f32] {
        &mut self.beliefs[topic * self.count..][..self.count]
    }

    /// Who is to take the next text of a topic: who holds it, or who is likeliest of those that are free.
    pub(crate) fn handler(&self, topic: usize) -> usize {
        let (row, holder) = (self.row(topic), self.holders[topic] as usize);
        if row[holder] > SETTLED {
            return holder;
        }
        let mut free = vec![1.0 + TAKEN; self.count];
        for (other, &held) in self.holders.iter().enumerate().filter(|&(other, _)| other != topic) {
            let held = held as usize;
            free[held] = free[held].min(1.0 + TAKEN - self.row(other)[held]);
        }
        free[holder] = 1.0;
        let worth = row.iter().zip(&free).map(|(belief, free)| belief * free).enumerate();
        worth
            .fold(
                (holder, 0.0),
                |best, (at, worth)| if worth > best.1 { (at, worth) } else { best },
            )
            .0
    }

    /// Learns from an outcome, and says what it means. `expected` is what its episodes said of the topic, -1 to 1.
    pub(crate) fn hear(
        &mut self,
        topic: usize,
        handler: usize,
        expected: f32,
        reward: f32,
    ) -> Verdict {
        let holder = self.holders[topic] as usize;
        let is_holder = handler == holder;
        if expected <= 0.0 || self.count < 2 || reward == 0.0 {
            return if is_holder { Verdict::Topic } else { Verdict::Handler };
        }
        let right = self.reliability.of(expected).min(1.0 - SLIPS);
        let failed = reward < 0.0;
        if is_holder && self.row(topic)[handler] >= SURE {
            self.reliability.note(expected, !failed);
        }
        let change = self.notice(is_holder, right, failed) / self.count as f32;
        let row = self.row_mut(topic);
        for (at, belief) in row.iter_mut().enumerate() {
            let likelihood = match (failed, at == handler) {
                (true, true) => 1.0 - right,
                (true, false) => 1.0,
                (false, true) => right,
                (false, false) => LUCK,
            };
            *belief = (*belief + change) * likelihood;
        }
        normalise(row);
        match (failed, is_holder) {
            (true, false) => self.rule_out(topic, handler, holder),
            (false, false) if self.row(topic)[handler] > SETTLED => {
                self.settle(topic, handler, holder);
                return Verdict::Settled;
            }
            _ => {}
        }
        match is_holder {
            true if self.row(topic).iter().any(|&belief| belief >= SURE) => Verdict::Topic,
            true => Verdict::Open,
            false => Verdict::Handler,
        }
    }

    /// Follows how often what was expected fails, and returns how likely a change is now.
    fn notice(&mut self, is_holder: bool, right: f32, failed: bool) -> f32 {
        if is_holder && right > 0.8 {
            let surprise = f32::from(u8::from(failed)) - (1.0 - right);
            self.lately += 0.02 * (surprise - self.lately);
            self.usually += 0.002 * (surprise - self.usually);
        }
        let alarm = (self.lately - self.usually - NOISE).max(0.0);
        (self.change * (1.0 + ALARM * alarm)).min(UPHEAVAL)
    }

    /// A handler failed at a topic that is not its own: so the holder is less likely to have its topics.
    fn rule_out(&mut self, topic: usize, handler: usize, holder: usize) {
        for other in 0..self.count {
            if other != topic && self.holders[other] as usize == handler {
                let row = self.row_mut(other);
                row[holder] *= NO_EXCHANGE;
                normalise(row);
            }
        }
    }

    /// A topic has found its handler. Whose topic that was may have been given the one that this had.
    fn settle(&mut self, topic: usize, handler: usize, holder: usize) {
        self.holders[topic] = handler as u32;
        for other in 0..self.count {
            let was_its = other != topic && self.holders[other] as usize == handler;
            if was_its && self.row(other)[handler] < 1.0 - SLIPS {
                let exchange = EXCHANGE / self.count as f32;
                let row = self.row_mut(other);
                row[holder] += exchange;
                normalise(row);
            }
        }
    }

    pub(crate) fn saved(&self) -> SavedTenure {
        let (beliefs, holders) = (self.beliefs.clone(), self.holders.clone());
        let (lately, usually) = (self.lately, self.usually);
        SavedTenure { beliefs, holders, lately, usually, reliability: self.reliability.clone() }
    }

    /// Becomes what was saved, which [fits](SavedTenure::fits).
    pub(crate) fn refill(&mut self, saved: SavedTenure) {
        (self.beliefs, self.holders) = (saved.beliefs, saved.holders);
        (self.lately, self.usually) = (saved.lately, saved.usually);
        self.reliability = saved.reliability;
    }
}

fn normalise(row: &mut [f32]) {
    let all: f32 = row.iter().sum();
    row.iter_mut().for_each(|belief| *belief /= all);
}

/// Beliefs, as they are written.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedTenure {
    beliefs: Vec<f32>,
    holders: Vec<u32>,
    lately: f32,
    usually: f32,
    reliability: Reliability,
}

impl SavedTenure {
    /// Whether these are beliefs about so many topics.
    pub(crate) fn fits(&self, count: usize) -> bool {
        let is_belief = |&belief: &f32| (0.0..=1.0).contains(&belief);
        self.holders.len() == count
            && self.holders.iter().all(|&holder| (holder as usize) < count)
            && self.beliefs.len() == count * count
            && self.beliefs.iter().all(is_belief)
            && self.lately.is_finite()
            && self.usually.is_finite()
            && self.reliability.is_sound()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets every topic have a text, and tells each what comes of it.
    fn round(tenure: &mut Tenure, truth: &[usize]) -> usize {
        let right = (0..truth.len()).filter(|&topic| {
            let handler = tenure.handler(topic);
            let is_right = handler == truth[topic];
            tenure.hear(topic, handler, 0.9, if is_right { 1.0 } else { -1.0 });
            is_right
        });
        right.count()
    }

    #[test]
    fn those_who_change_places_are_found_among_many_in_a_few_texts_each() {
        let (count, moved) = (100, 10);
        let mut tenure = Tenure::new(count, 0.01);
        let mut truth: Vec<usize> = (0..count).collect();
        (0..5).for_each(|_| assert_eq!(round(&mut tenure, &truth), count));
        (0..moved).for_each(|at| truth.swap(at * 7, at * 7 + 3));
        let rights: Vec<usize> = (0..25).map(|_| round(&mut tenure, &truth)).collect();
        assert_eq!(rights[0], count - 2 * moved, "{rights:?}");
        assert_eq!(rights[24], count, "{rights:?}");
    }

    #[test]
    fn one_failure_of_a_handler_that_is_trusted_is_the_texts() {
        let mut tenure = Tenure::new(10, 0.01);
        let identity: Vec<usize> = (0..10).collect();
        (0..5).for_each(|_| {
            round(&mut tenure, &identity);
        });
        let sure = tenure.hear(3, 3, 0.5, -1.0);
        assert_eq!(sure, Verdict::Topic, "it was not sure, so it is the text's");
        assert_eq!(tenure.hear(3, 3, 0.9, -1.0), Verdict::Open, "it is in doubt");
        assert_eq!(tenure.handler(3), 3, "nobody else is free");
        (0..8).for_each(|_| {
            tenure.hear(3, 3, 0.9, -1.0);
        });
        assert_ne!(tenure.handler(3), 3);
    }

    #[test]
    fn what_is_not_known_of_a_topic_says_nothing_about_its_handler() {
        let mut tenure = Tenure::new(4, 0.01);
        (0..50).for_each(|_| assert_eq!(tenure.hear(2, 2, 0.0, -1.0), Verdict::Topic));
        assert_eq!(tenure.handler(2), 2);
    }

    #[test]
    fn one_handler_may_take_two_topics() {
        let mut tenure = Tenure::new(6, 0.01);
        let truth = [0, 1, 2, 3, 4, 4];
        let last = (0..20).map(|_| round(&mut tenure, &truth)).last();
        assert_eq!(last, Some(6));
    }
}
