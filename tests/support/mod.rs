//! Parts that several tests need: a gate that follows a script, and a record of who fired.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::sync::{Arc, Mutex};

use neuronbus::gate::{Admissions, Gate, GateError, Outlook};
use neuronbus::prelude::*;

/// Drives neurons at given ticks, sorted by tick.
#[derive(Debug, Default)]
pub struct Script {
    pub steps: Vec<(u64, NeuronId, f32)>,
    next: usize,
}

impl Script {
    pub fn new(mut steps: Vec<(u64, NeuronId, f32)>) -> Self {
        steps.sort_by_key(|&(tick, id, _)| (tick, id));
        Self { steps, next: 0 }
    }
}

impl Gate for Script {
    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        while let Some(&(tick, id, drive)) = self.steps.get(self.next) {
            if tick > inbound.tick().0 {
                return Ok(Outlook::At(Tick(tick)));
            }
            inbound
                .drive(id, drive, 0, &[])
                .map_err(|e| GateError::new("script", e.to_string()))?;
            self.next += 1;
        }
        Ok(Outlook::Ended)
    }
}

/// Who fired when.
pub type Raster = Arc<Mutex<Vec<(u64, u16)>>>;

/// Notes when it fires, and fires an empty spike.
#[derive(Debug)]
pub struct Noted(pub Raster);

impl Neuron for Noted {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.0.lock().unwrap().push((ctx.tick().0, ctx.id().raw()));
        ctx.fire(&[])?;
        Ok(())
    }
}

/// The raster so far.
pub fn fired(raster: &Raster) -> Vec<(u64, u16)> {
    raster.lock().unwrap().clone()
}

/// The id at a position; builders number neurons in the order they are added.
pub fn id(raw: u16) -> NeuronId {
    NeuronId::new(raw).unwrap()
}
