//! The thread on which handlers run: slow code, and code that panics, holds up no tick.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use neuronbus::event::EventView;

use super::handed::{Handler, Shared, count};

/// Deliveries that may wait for handlers; then the cortex feels it.
const WAITING: usize = 4096;

pub(super) enum Task {
    Add(u64, Handler),
    Remove(u64),
    Deliver(u64, Vec<u8>),
}

/// The gate's side.
#[derive(Debug)]
pub(super) struct Dispatcher {
    tasks: Option<Sender<Task>>,
    spare: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
}

impl Dispatcher {
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (tasks, todo) = bounded(WAITING);
        let (give_back, spare) = bounded(WAITING);
        let work = move || run(&shared, &todo, &give_back);
        let thread = std::thread::Builder::new().name("event handlers".to_owned()).spawn(work)?;
        Ok(Self { tasks: Some(tasks), spare, thread: Some(thread) })
    }

    /// Whether there was room.
    pub(super) fn deliver(&self, number: u64, record: &[u8]) -> bool {
        let Some(tasks) = &self.tasks else { return true };
        if tasks.is_full() {
            return false;
        }
        let mut copy = self.spare.try_recv().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(record);
        // A thread that is gone handles nothing more; it goes only with this.
        !matches!(tasks.try_send(Task::Deliver(number, copy)), Err(TrySendError::Full(_)))
    }

    /// Adds or removes a handler; hands the task back when there is no room.
    pub(super) fn change(&self, task: Task) -> Result<(), Task> {
        let Some(tasks) = &self.tasks else { return Ok(()) };
        match tasks.try_send(task) {
            Err(TrySendError::Full(task)) => Err(task),
            _ => Ok(()),
        }
    }

    /// Lets it finish what it has, and waits for that.
    pub(super) fn finish(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // Panics of handlers are caught within.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, todo: &Receiver<Task>, give_back: &Sender<Vec<u8>>) {
    let mut handlers: BTreeMap<u64, Handler> = BTreeMap::new();
    for task in todo {
        match task {
            Task::Add(number, handler) => {
                handlers.insert(number, handler);
            }
            Task::Remove(number) => {
                let handler = handlers.remove(&number);
                // Its drop is foreign code too.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(handler)));
            }
            Task::Deliver(number, record) => {
                match (handlers.get_mut(&number), EventView::open(&record)) {
                    (Some(handler), Ok(event)) => {
                        // Unwind safe: what a handler leaves half done is its own.
                        let done = catch_unwind(AssertUnwindSafe(|| handler(&event)));
                        let counts = &shared.counts;
                        count(if done.is_ok() { &counts.handled } else { &counts.panicked }, 1);
                    }
                    _ => count(&shared.counts.late, 1),
                }
                // Where there are enough already, this one is let go.
                let _ = give_back.try_send(record);
            }
        }
    }
}
