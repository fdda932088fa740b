//! Spikes under way: one entry a spike, however many synapses it travels to.

use bytemuck::Zeroable as _;

use crate::arena::{Arena, ArenaError};
use crate::spike::{Cells, Header, Spike};

/// Writes a spike in place, its payload inline, or in the arena where it is too long for that.
#[inline(always)]
pub(crate) fn write(
    spike: &mut Spike,
    header: &Header,
    cells: Option<Cells>,
    payload: &[u8],
    arena: &Arena,
) -> Result<(), ArenaError> {
    let inline = match cells {
        None => spike.rewrite(header, payload),
        Some(cells) => spike.rewrite_between(header, cells, payload),
    };
    if inline { Ok(()) } else { write_large(spike, header, cells, payload, arena) }
}

#[cold]
fn write_large(
    spike: &mut Spike,
    header: &Header,
    cells: Option<Cells>,
    payload: &[u8],
    arena: &Arena,
) -> Result<(), ArenaError> {
    let block = arena.write(payload)?;
    write(spike, header, cells, &[], arena)?;
    *spike =
        if cells.is_some() { spike.between_with_arena(block) } else { spike.with_arena(block) };
    Ok(())
}

#[derive(Debug, Default)]
pub(crate) struct Flights {
    spikes: Vec<Spike>,
    /// Arrivals that still refer to each spike.
    pending: Vec<u32>,
    free: Vec<u32>,
}

impl Flights {
    /// A place for a spike that sets out; nothing refers to it yet, and what stands there is not it.
    #[inline]
    pub(crate) fn place(&mut self) -> (u32, &mut Spike) {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.spikes.push(Spike::zeroed());
                self.pending.push(0);
                (self.spikes.len() - 1) as u32
            }
        };
        (index, &mut self.spikes[index as usize])
    }

    /// Gives back a place that no spike was put into.
    pub(crate) fn give_back(&mut self, flight: u32) {
        self.free.push(flight);
    }

    /// Says how many arrivals refer to a spike; one that none refers to is let go, and its payload with it.
    #[inline]
    pub(crate) fn depart(&mut self, flight: u32, arrivals: u32, arena: &Arena) {
        self.pending[flight as usize] = arrivals;
        if arrivals == 0 {
            self.let_go(flight, arena);
        }
    }

    #[inline]
    pub(crate) fn spike(&self, flight: u32) -> &Spike {
        &self.spikes[flight as usize]
    }

    /// One arrival more refers to the spike.
    pub(crate) fn hold(&mut self, flight: u32) {
        self.pending[flight as usize] += 1;
    }

    /// One arrival has happened; the last gives the payload back to the arena. True if it was the last.
    #[inline]
    pub(crate) fn land(&mut self, flight: u32, arena: &Arena) -> bool {
        let pending = &mut self.pending[flight as usize];
        *pending -= 1;
        let last = *pending == 0;
        if last {
            self.let_go(flight, arena);
        }
        last
    }

    /// The same for a spike whose payload lies in no arena.
    #[inline]
    pub(crate) fn land_light(&mut self, flight: u32) -> bool {
        let pending = &mut self.pending[flight as usize];
        *pending -= 1;
        let last = *pending == 0;
        if last {
            self.free.push(flight);
        }
        last
    }

    #[inline]
    fn let_go(&mut self, flight: u32, arena: &Arena) {
        self.free.push(flight);
        if let Some(block) = self.spikes[flight as usize].arena_ref() {
            // A block that is already gone was released by the one who may: nothing is left to give back.
            let _ = arena.release(block);
        }
    }

    /// How many spikes are under way.
    pub(crate) fn len(&self) -> usize {
        self.spikes.len() - self.free.len()
    }
}
