//! Budgets: what an agent, a region or everybody may spend in a day; refused before it is spent.
//!
//! A request reserves what it can cost at most: its estimated input and all the tokens it may write. What it did cost
//! replaces the reservation when it ends.

use std::collections::BTreeMap;

use neuronbus::atlas::is_parent_of;

use crate::answer::Usage;

/// Prices for a million tokens, in any currency.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// Tokens read.
    pub input: f64,
    /// Tokens read from a cache.
    pub cached: f64,
    /// Tokens written.
    pub output: f64,
}

impl Price {
    /// What so many tokens cost.
    #[must_use]
    pub fn of(&self, usage: Usage) -> f64 {
        let fresh = usage.input.saturating_sub(usage.cached) as f64;
        let sum = fresh * self.input
            + usage.cached as f64 * self.cached
            + usage.output as f64 * self.output;
        sum / 1e6
    }
}

/// Who a budget is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody together.
    Everybody,
    /// The agents of a region and the regions below it, together.
    Region(String),
    /// One agent, by its address.
    Agent(String),
}

impl Scope {
    fn covers(&self, agent: &str) -> bool {
        let region = agent.rsplit_once(':').map_or(agent, |(region, _)| region);
        match self {
            Self::Everybody => true,
            Self::Region(path) => path == region || is_parent_of(path, region),
            Self::Agent(address) => address == agent,
        }
    }
}

/// What may be spent in a day (of UTC).
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Who it is for.
    pub scope: Scope,
    /// Most tokens, read and written; no limit if `None`.
    pub tokens: Option<u64>,
    /// Most money, in the currency of the price; no limit if `None`.
    pub cost: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    tokens: u64,
    cost: f64,
}

/// Why a request was not sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "the budget of {scope:?} is used up: {what} {spent} of {limit} are spent or reserved, and {wanted} more are needed"
)]
pub struct OverBudget {
    /// Whose budget.
    pub scope: Scope,
    /// `tokens` or `cost`.
    pub what: &'static str,
    /// Spent or reserved so far.
    pub spent: f64,
    /// The limit.
    pub limit: f64,
    /// What the request can cost at most.
    pub wanted: f64,
}

/// What a request has reserved.
#[derive(Debug, Clone, Copy)]
pub struct Reservation {
    day: u64,
    most: Spent,
}

/// The budgets and what was spent of them.
#[derive(Debug)]
pub struct Ledger {
    budgets: Vec<Budget>,
    price: Price,
    spent: BTreeMap<usize, Spent>,
    day: u64,
}

impl Ledger {
    /// Budgets of which nothing is spent.
    #[must_use]
    pub fn new(budgets: Vec<Budget>, price: Price) -> Self {
        Self { budgets, price, spent: BTreeMap::new(), day: 0 }
    }

    /// Sets aside what a request can use at most. `day` is any number of the day; a new one starts at nothing.
    ///
    /// # Errors
    /// [`OverBudget`] of the first budget that it would exceed; nothing is reserved.
    pub fn reserve(
        &mut self,
        agent: &str,
        most: Usage,
        day: u64,
    ) -> Result<Reservation, OverBudget> {
        if day != self.day {
            self.spent.clear();
            self.day = day;
        }
        let most = Spent { tokens: most.input + most.output, cost: self.price.of(most) };
        for (index, budget) in self.covering(agent) {
            let spent = self.spent.get(&index).copied().unwrap_or_default();
            let over = |what, spent: f64, wanted: f64, limit: f64| {
                let scope = budget.scope.clone();
                (spent + wanted > limit).then_some(OverBudget { scope, what, spent, limit, wanted })
            };
            let tokens = budget.tokens.and_then(|limit| {
                over("tokens", spent.tokens as f64, most.tokens as f64, limit as f64)
            });
            let cost = budget.cost.and_then(|limit| over("cost", spent.cost, most.cost, limit));
            if let Some(over) = tokens.or(cost) {
                return Err(over);
            }
        }
        self.add(agent, |spent| {
            spent.tokens += most.tokens;
            spent.cost += most.cost;
        });
        Ok(Reservation { day, most })
    }

    /// Replaces a reservation by what was used. Returns what that cost.
    pub fn settle(&mut self, agent: &str, reserved: Reservation, used: Usage) -> f64 {
        let cost = self.price.of(used);
        if reserved.day == self.day {
            self.add(agent, |spent| {
                spent.tokens =
                    (spent.tokens + used.input + used.output).saturating_sub(reserved.most.tokens);
                spent.cost += cost - reserved.most.cost;
            });
        }
        cost
    }

    fn covering(&self, agent: &str) -> impl Iterator<Item = (usize, &Budget)> {
        self.budgets.iter().enumerate().filter(move |(_, budget)| budget.scope.covers(agent))
    }

    fn add(&mut self, agent: &str, change: impl Fn(&mut Spent)) {
        let covering: Vec<usize> = self.covering(agent).map(|(index, _)| index).collect();
        for index in covering {
            change(self.spent.entry(index).or_default());
        }
    }
}
