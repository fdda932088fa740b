//! A cortex on a thread of its own, and the handle to it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::run::{Ended, RunError, RunReport};
use super::{Cortex, Stopper};
use crate::neuron::Fault;
use crate::time::Span;

/// Something to be done with the cortex between two ticks.
pub(super) type Command = Box<dyn FnOnce(&mut Cortex) + Send>;

/// A cortex that runs on its own thread; it is stopped when this handle is dropped.
#[derive(Debug)]
pub struct Running {
    commands: Sender<Command>,
    stopper: Stopper,
    thread: Option<JoinHandle<(Cortex, Result<RunReport, RunError>)>>,
}

/// Cores that the system's mask has bits for; the library aborts the process for a number beyond.
const CORES_MAX: usize = 1024;

/// Pins the calling thread to a core; whether the system let it.
pub(super) fn pin_to(core: usize) -> bool {
    // The list of known cores would not do: it has only those that the calling thread may use.
    let id = core_affinity::CoreId { id: core };
    core < CORES_MAX && core_affinity::set_for_current(id)
}

impl Cortex {
    /// Runs on a thread of its own until it is stopped, or until every gate has ended and nothing is due.
    ///
    /// # Errors
    /// [`RunError`] if a gate cannot be opened or the thread cannot be started.
    pub fn spawn(self) -> Result<Running, RunError> {
        self.spawn_until(None)
    }

    /// Runs on a thread of its own for a span of cortex time, or until it is stopped.
    ///
    /// # Errors
    /// [`RunError`] if a gate cannot be opened or the thread cannot be started.
    pub fn spawn_for(self, span: impl Into<Span>) -> Result<Running, RunError> {
        self.spawn_until(Some(span.into()))
    }

    fn spawn_until(mut self, span: Option<Span>) -> Result<Running, RunError> {
        self.open()?;
        let (commands, inbox) = unbounded();
        let stopper = self.stopper();
        let thread = std::thread::Builder::new().name("cortex".to_owned()).spawn(move || {
            self.pin_to_core();
            let outcome = self.serve(&inbox, span);
            (self, outcome)
        })?;
        Ok(Running { commands, stopper, thread: Some(thread) })
    }

    fn pin_to_core(&mut self) {
        let Some(core) = self.pin else { return };
        if !pin_to(core) {
            self.notes.push(format!("the worker could not be pinned to core {core}; it floats"));
        }
    }

    /// Runs, and between two ticks does what the handle asks for.
    fn serve(
        &mut self,
        inbox: &Receiver<Command>,
        span: Option<Span>,
    ) -> Result<RunReport, RunError> {
        self.attention = Some(inbox.clone());
        let outcome = match span {
            Some(span) => self.run_for(span),
            None => self.run(),
        };
        self.attention = None;
        outcome
    }

    /// Does what the handle asked for; called between two ticks.
    pub(crate) fn obey(&mut self) -> Result<(), RunError> {
        let Some(inbox) = self.attention.take_if(|inbox| !inbox.is_empty()) else { return Ok(()) };
        self.come_together()?;
        while let Ok(command) = inbox.try_recv() {
            command(self);
        }
        self.attention = Some(inbox);
        self.set_off()
    }
}

impl Running {
    /// Lets a closure look at the cortex between two ticks, and waits for what it returns.
    ///
    /// # Errors
    /// [`RunError::Gone`] when the run has ended, [`RunError::Closure`] when the closure panicked.
    pub fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Cortex) -> T + Send + 'static,
    ) -> Result<T, RunError> {
        self.command(|cortex| look(cortex))
    }

    /// Lets a closure work on the cortex between two ticks, and waits for what it returns.
    ///
    /// # Errors
    /// [`RunError::Gone`] when the run has ended, [`RunError::Closure`] when the closure panicked.
    pub fn command<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Cortex) -> T + Send + 'static,
    ) -> Result<T, RunError> {
        let (answer, answered) = bounded(1);
        let command: Command = Box::new(move |cortex| {
            // Unwind safe: what the closure left half done between two ticks is what it was allowed to do.
            let done = catch_unwind(AssertUnwindSafe(|| work(cortex)));
            // Nobody waits any more: then the answer is not wanted.
            let _ = answer.send(done.map_err(|panic| Fault::of_panic(panic.as_ref())));
        });
        self.commands.send(command).map_err(|_| RunError::Gone)?;
        self.stopper.doorbell.ring();
        let done = answered.recv().map_err(|_| RunError::Gone)?;
        done.map_err(|fault| RunError::Closure(fault.message().to_owned()))
    }

    /// Asks the run to end after the present tick.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// A handle that stops the run from any thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Whether the run has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end of the run and gives the cortex back.
    ///
    /// # Errors
    /// [`RunError::Panicked`] if the runtime itself failed, or how the run ended badly.
    pub fn join(mut self) -> Result<(Cortex, RunReport), RunError> {
        let Some(thread) = self.thread.take() else { return Err(RunError::Gone) };
        match thread.join() {
            Ok((cortex, outcome)) => outcome.map(|report| (cortex, report)),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&t| t.to_owned()));
                Err(RunError::Panicked(text.unwrap_or_else(|| "(no message)".to_owned())))
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stopper.stop();
            // A panic in there has been printed; a drop has nobody to tell.
            let _ = thread.join();
        }
    }
}

impl Ended {
    /// Whether somebody asked for the end.
    #[must_use]
    pub fn was_asked(self) -> bool {
        self == Self::Stopped
    }
}
