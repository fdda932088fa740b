//! Saving and restoring one neuron, whatever its code does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Fault, Neuron, NeuronResult};

/// The state of a neuron, for the digest. One that panics while it is asked has what it said instead.
pub(crate) fn snapshot_of(neuron: &dyn Neuron, out: &mut Vec<u8>) {
    if let Err(fault) = save(neuron, out) {
        out.clear();
        out.extend_from_slice(fault.message().as_bytes());
    }
}

/// The state of a neuron, behind what `out` holds; a panic is a fault, and adds nothing.
pub(crate) fn save(neuron: &dyn Neuron, out: &mut Vec<u8>) -> NeuronResult {
    let before = out.len();
    // Unwind safe: what it has written so far is thrown away.
    catch_unwind(AssertUnwindSafe(|| neuron.snapshot(out))).map_err(|panic| {
        out.truncate(before);
        Fault::of_panic(panic.as_ref())
    })
}

/// Gives a neuron its state back, and sees to it that it is that state. A neuron that refuses it may be left in any.
pub(crate) fn restore(neuron: &mut dyn Neuron, bytes: &[u8]) -> NeuronResult {
    // Unwind safe: a neuron whose state is refused is used no more.
    catch_unwind(AssertUnwindSafe(|| neuron.restore(bytes)))
        .unwrap_or_else(|panic| Err(Fault::of_panic(panic.as_ref())))?;
    let mut again = Vec::with_capacity(bytes.len());
    save(neuron, &mut again)?;
    if again == bytes {
        return Ok(());
    }
    let (had, has) = (bytes.len(), again.len());
    Err(Fault::new(format!(
        "it was given {had} bytes of state and restored others, {has} bytes: its `restore` is not \
         the inverse of its `snapshot`"
    )))
}

/// Whether a neuron can be saved: it holds nothing that it does not write, and takes back what it writes.
pub(crate) fn check(neuron: &mut dyn Neuron) -> NeuronResult {
    let forgets = catch_unwind(AssertUnwindSafe(|| neuron.forgets().map(str::to_owned)));
    let forgets = forgets.map_err(|panic| Fault::of_panic(panic.as_ref()))?;
    if let Some(what) = forgets {
        return Err(Fault::new(format!("a snapshot would forget {what}")));
    }
    let mut state = Vec::new();
    save(neuron, &mut state)?;
    restore(neuron, &state)
}
