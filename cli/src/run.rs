//! `neuronbus run`: from a description to a report.

use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::Receiver;
use neuronbus::cortex::{Cortex, Every, Exchange, Recording, Recovered, RunError, Running};
use neuronbus::journal::Retention;
use neuronbus_connectome::{AlertReceiver, Brain, LineSource, Overrides};

use crate::args::{ReportFormat, RunOptions, Snapshots};
use crate::clock::Moment;
use crate::console::Console;
use crate::failure::Failure;
use crate::handled::HandledLog;
use crate::report::{self, AlertLog, Snapshot, Summary};
use crate::view::{self, Style, View};
use crate::{interrupt, progress};

/// Between two drawings of the view.
const REDRAW: Duration = Duration::from_millis(500);

/// Whether the run has ended by itself is asked this often, at first and later.
const LOOK_FIRST: Duration = Duration::from_millis(1);
const LOOK_LATER: Duration = Duration::from_millis(100);

pub(crate) fn run(options: &RunOptions, console: Console) -> Result<(), Failure> {
    let brain = Brain::read(&options.brain)?;
    if let Some(path) = &options.dot {
        // A place that cannot be written is known before the run, not after an hour of it.
        let opened = File::options().append(true).create(true).open(path);
        opened.map_err(|source| Failure::File { path: path.clone(), source })?;
    }
    let mut builder = Cortex::builder();
    let assembled = brain.assemble(&mut builder, overrides(options))?;
    if let Some(dir) = &options.dir {
        builder.directory(dir);
    }
    if let Some(journal) = &options.journal {
        let mut recording = Recording::in_directory(journal);
        recording.options.level = options.durability.into();
        recording.options.compress = options.compress;
        recording.snapshots_elsewhere = options.snapshots == Snapshots::Elsewhere;
        recording.options.retention =
            Retention { bytes: options.keep_bytes, age: options.keep_for };
        let free = options.exchange().unwrap_or(brain.exchange()) == Exchange::FreeRunning;
        if free || options.snapshots == Snapshots::Never {
            // What workers that run freely know of each other is in no snapshot.
            recording.snapshots = Every::NEVER;
        }
        brain.description().as_bytes().clone_into(&mut recording.description);
        builder.journal(recording);
    }
    let handled = HandledLog::open(assembled.handlers())?;
    let interrupts = interrupt::listen()?;
    let began = Moment::now();
    let cortex = builder.build()?;
    let running = match options.cortex_time {
        Some(span) => cortex.spawn_for(span)?,
        None => cortex.spawn()?,
    };
    let mut watch = Watch::new(&brain, (assembled.alerts(), handled), options, console, began);
    if let Ok(Some(recovered)) = running.inspect(|cortex| cortex.recovered().cloned()) {
        watch.tell_of_recovery(&recovered);
    }
    if let Some(dir) = &options.dir {
        watch.tell(&format!("open to other programs in {}", dir.display()));
    }
    if options.input.is_none() && brain.reads_standard_input() && std::io::stdin().is_terminal() {
        watch.tell("reading lines from the terminal; end them with Ctrl-D");
    }
    watch.until_the_end(&running, &interrupts, options.time.and_then(|time| began.plus(time)))?;
    let cortex = drain(running)?;
    let wall_ms = began.elapsed().as_millis() as u64;
    watch.collect();
    let (alerts, mut handled) = watch.finish();
    let kept = handled.finish();
    let snapshot = Snapshot::of(&cortex, report::LINKS);
    let summary = Summary { brain: &brain, snapshot, alerts, handled, wall_ms };
    let text = match options.format {
        ReportFormat::Json => report::to_json(&summary)?,
        ReportFormat::Text => report::to_text(&summary, Style { colour: console.stdout_colour() }),
    };
    // One place that is full must not cost the user what goes to the other.
    let written = console.write(&text);
    let drawn = match &options.dot {
        Some(path) => write_file(path, &cortex.topology().to_dot()),
        None => Ok(()),
    };
    written.and(drawn).and(kept).and_then(|()| gates_failed(&summary.snapshot))
}

/// A gate that broke did not end the run, but what was asked for was not all done.
fn gates_failed(snapshot: &Snapshot) -> Result<(), Failure> {
    let gates = snapshot.report.gates.iter();
    let failed: Vec<&str> = gates.filter_map(|gate| gate.failed.as_deref()).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Gates(failed.join("\n"))) }
}

fn overrides(options: &RunOptions) -> Overrides {
    let input = match options.input.as_deref() {
        None => None,
        Some(path) if path == Path::new("-") => Some(LineSource::Stdin),
        Some(path) => Some(LineSource::File { path: path.into(), follow: false }),
    };
    let (topic_field, seed) = (options.topic_field.clone(), options.seed);
    let (pace, workers, exchange) = (options.pace(), options.workers, options.exchange());
    Overrides { topic_field, input, seed, pace, workers, exchange }
}

/// Stops the cortex and takes what it still has to do. The second interrupt ends the process while this waits.
fn drain(running: Running) -> Result<Cortex, Failure> {
    running.stop();
    let (mut cortex, _) = running.join()?;
    cortex.close();
    Ok(cortex)
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|source| Failure::File { path: path.into(), source })
}

/// What the user sees while the brain runs.
#[derive(Debug)]
enum Display {
    Live(View),
    Lines,
    Nothing,
}

/// Follows a run: shows it, collects its alerts, and knows when it is over.
#[derive(Debug)]
struct Watch<'a> {
    brain: &'a Brain,
    receivers: &'a [AlertReceiver],
    alerts: AlertLog,
    handled: HandledLog<'a>,
    display: Display,
    console: Console,
    began: Moment,
}

impl<'a> Watch<'a> {
    fn new(
        brain: &'a Brain,
        (receivers, handled): (&'a [AlertReceiver], HandledLog<'a>),
        options: &RunOptions,
        console: Console,
        began: Moment,
    ) -> Self {
        let display = match (options.quiet, console.stderr_is_terminal()) {
            (true, _) => Display::Nothing,
            (false, true) => Display::Live(View::new(Style { colour: console.stderr_colour() })),
            (false, false) => Display::Lines,
        };
        Self { brain, receivers, alerts: AlertLog::default(), handled, display, console, began }
    }

    /// Returns when the run has ended, when its time is over, or at the first interrupt.
    fn until_the_end(
        &mut self,
        running: &Running,
        interrupts: &Receiver<()>,
        end: Option<Moment>,
    ) -> Result<(), Failure> {
        let mut look = LOOK_FIRST;
        let mut next_display = self.began.plus(self.interval());
        while !running.is_finished() {
            let left = end.map_or(Duration::MAX, Moment::remaining);
            let until_display = next_display.map_or(Duration::MAX, Moment::remaining);
            let wait = look.min(left).min(until_display);
            if interrupts.recv_timeout(wait).is_ok() {
                self.tell("ending; interrupt again to leave at once");
                return Ok(());
            }
            if end.is_some_and(|end| end.remaining().is_zero()) {
                return Ok(());
            }
            look = (look * 2).min(LOOK_LATER);
            self.collect();
            if next_display.is_some_and(|next| next.remaining().is_zero()) {
                let took = self.show(running)?;
                // A brain so large that looking at it takes long is looked at less often.
                next_display = Moment::now().plus(self.interval().max(took * 20));
            }
        }
        Ok(())
    }

    fn interval(&self) -> Duration {
        match self.display {
            Display::Live(_) => REDRAW,
            Display::Lines => progress::EVERY,
            Display::Nothing => Duration::MAX,
        }
    }

    fn show(&mut self, running: &Running) -> Result<Duration, Failure> {
        let asked = Moment::now();
        let snapshot = match running.inspect(|cortex| Snapshot::live(cortex, view::LINKS)) {
            Ok(snapshot) => snapshot,
            // It ended while it was asked; the report will say the rest.
            Err(RunError::Gone) => return Ok(Duration::ZERO),
            Err(error) => return Err(error.into()),
        };
        let took = asked.elapsed();
        let elapsed = self.began.elapsed();
        match &mut self.display {
            Display::Live(view) => view.draw(self.brain, &snapshot, &self.alerts, elapsed),
            Display::Lines => progress::say(self.console, &snapshot, elapsed),
            Display::Nothing => {}
        }
        Ok(took)
    }

    /// Takes what has left the brain.
    fn collect(&mut self) {
        for alert in self.receivers.iter().flat_map(AlertReceiver::drain) {
            if matches!(self.display, Display::Lines) {
                self.console.say(&alert.to_string());
            }
            self.alerts.push(alert);
        }
        let (display, console) = (&self.display, self.console);
        self.handled.collect(|line| {
            if matches!(display, Display::Lines) {
                console.say(&format!("handled {line}"));
            }
        });
    }

    fn tell(&self, line: &str) {
        if !matches!(self.display, Display::Nothing) {
            self.console.say(line);
        }
    }

    /// Where the run goes on, if its journal had something.
    fn tell_of_recovery(&self, recovered: &Recovered) {
        let Recovered { records, inputs, cut, next_tick, .. } = recovered;
        if *records > 1 {
            self.tell(&format!("goes on at tick {next_tick}, after {inputs} recorded inputs"));
        }
        if *cut > 0 {
            self.tell(&format!("{cut} bytes at the journal's end were not whole, and are cut off"));
        }
    }

    /// Ends the display and hands over what has left the brain.
    fn finish(self) -> (AlertLog, HandledLog<'a>) {
        (self.alerts, self.handled)
    }
}
