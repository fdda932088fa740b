//! What a link has learned beside its weights, as columns of a state.

use std::io;

use super::Learning;
use crate::plasticity::StockColumns;
use crate::population::rows::Table;
use crate::population::structure::NOWHERE;
use crate::state::{Section, StateError, StateWriter};

impl Learning {
    /// Whether synapses go and come.
    pub(in crate::population) fn changes_structure(&self) -> bool {
        self.structure.is_some()
    }

    /// What the synapses of a table are eligible for.
    pub(in crate::population) fn eligible(&self, table: usize) -> Option<&[f32]> {
        self.timing.as_ref()?.eligible(table)
    }

    pub(in crate::population) fn eligible_mut(&mut self, table: usize) -> Option<&mut [f32]> {
        self.timing.as_mut()?.eligible_mut(table)
    }

    /// The one table was made anew, of other synapses.
    pub(in crate::population) fn made_anew(&mut self, table: &Table) {
        if let Some(timing) = &mut self.timing {
            timing.rewired(0, table, &vec![NOWHERE; table.targets.len()]);
        }
    }

    /// Writes what arrived at the synapses of a table, source by source.
    pub(in crate::population) fn save_arrivals(
        &self,
        table: usize,
        name: impl Fn(&str) -> String,
        out: &mut StateWriter<'_>,
    ) -> io::Result<()> {
        if let Some(timing) = &self.timing {
            for (column, traces) in timing.arrivals(table) {
                out.column(&name(column), traces)?;
            }
        }
        if let Some(structure) = &self.structure {
            out.column(&name("structure"), structure.arrivals())?;
        }
        if let Some(short_term) = &self.short_term {
            let mut stocks = StockColumns::default();
            short_term.stocks[table].iter().for_each(|stock| stocks.push(stock));
            stocks.write(&name("stock"), out)?;
        }
        Ok(())
    }

    pub(in crate::population) fn load_arrivals(
        &mut self,
        table: usize,
        section: &Section<'_>,
        name: impl Fn(&str) -> String,
        now: u64,
    ) -> Result<(), StateError> {
        if let Some(timing) = &mut self.timing {
            for (column, traces) in timing.arrivals_mut(table) {
                section.read_into(&name(column), traces)?;
            }
        }
        if let Some(structure) = &mut self.structure {
            section.read_into(&name("structure"), structure.arrivals_mut())?;
        }
        if let Some(short_term) = &mut self.short_term {
            let own = &mut short_term.stocks[table];
            let stocks = StockColumns::read(section, &name("stock"), own.len(), now)?;
            own.iter_mut().enumerate().for_each(|(at, stock)| *stock = stocks.get(at));
        }
        Ok(())
    }

    /// Writes what the targets of all parts have fired.
    pub(in crate::population) fn save_firings(
        parts: &[&Self],
        out: &mut StateWriter<'_>,
    ) -> io::Result<()> {
        let Some(first) = parts.first() else { return Ok(()) };
        for (number, (column, _)) in first.floats().iter().enumerate() {
            let all: Vec<&[f32]> = parts.iter().map(|part| part.floats()[number].1).collect();
            out.parts(column, all)?;
        }
        for (number, (column, _)) in first.words().iter().enumerate() {
            let all: Vec<&[u32]> = parts.iter().map(|part| part.words()[number].1).collect();
            out.parts(column, all)?;
        }
        Ok(())
    }

    pub(in crate::population) fn load_firings(
        parts: &mut [&mut Self],
        section: &Section<'_>,
    ) -> Result<(), StateError> {
        let Some(first) = parts.first() else { return Ok(()) };
        let floats: Vec<_> = first.floats().iter().map(|(column, _)| *column).collect();
        let words: Vec<_> = first.words().iter().map(|(column, _)| *column).collect();
        for (number, column) in floats.into_iter().enumerate() {
            let all = parts.iter_mut().filter_map(|part| part.floats_mut().into_iter().nth(number));
            section.read_parts(column, all)?;
        }
        for (number, column) in words.into_iter().enumerate() {
            let all = parts.iter_mut().filter_map(|part| part.words_mut().into_iter().nth(number));
            section.read_parts(column, all)?;
        }
        for part in parts {
            let Some(structure) = &part.structure else { continue };
            if let Some((at, tried)) = structure.tries_nobody() {
                let expected = "there is no such source";
                return Err(section.refuse("tried", at, tried, expected));
            }
        }
        Ok(())
    }

    /// Columns with an entry a target, by name.
    fn floats(&self) -> Vec<(&'static str, &[f32])> {
        let timing = self.timing.iter().flat_map(|timing| timing.firings());
        let structure = self.structure.iter().map(|it| ("coincidences", it.coincidences()));
        timing.chain(structure).collect()
    }

    fn floats_mut(&mut self) -> Vec<&mut [f32]> {
        let timing = self.timing.iter_mut().flat_map(|timing| timing.firings_mut());
        let structure = self.structure.iter_mut().map(|structure| structure.coincidences_mut());
        timing.chain(structure).collect()
    }

    fn words(&self) -> Vec<(&'static str, &[u32])> {
        let scaling = self.scaling.iter().map(|scaling| ("scaling", &scaling.firings[..]));
        scaling.chain(self.structure.iter().flat_map(|structure| structure.words())).collect()
    }

    fn words_mut(&mut self) -> Vec<&mut [u32]> {
        let scaling = self.scaling.iter_mut().map(|scaling| &mut scaling.firings[..]);
        scaling.chain(self.structure.iter_mut().flat_map(|it| it.words_mut())).collect()
    }
}
