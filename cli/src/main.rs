//! The `neuronbus` command: runs, checks and draws brains that are described in TOML.
//!
//! Standard output carries what was asked for, standard error everything else. Exit codes are stable: 0 ok, 1 failed,
//! 2 wrong usage or a wrong description, 130 interrupted twice.

#![forbid(unsafe_code)]

mod args;
mod census;
mod clock;
mod console;
mod failure;
mod figures;
mod handled;
mod history;
mod inspect;
mod interrupt;
mod journal;
mod meaning;
mod panics;
mod progress;
mod report;
mod run;
mod view;
mod wire;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::console::Console;
use crate::failure::Failure;

fn main() -> ExitCode {
    panics::install();
    let console = Console::new();
    // A defect of the command must not invent an exit code of its own; the hook has said what happened.
    let outcome = std::panic::catch_unwind(|| command(console));
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            console.complain(&failure);
            ExitCode::from(failure.code())
        }
        Err(_) => ExitCode::from(1),
    }
}

fn command(console: Console) -> Result<(), Failure> {
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => return args::answer(&error, console),
    };
    match args.command {
        Command::Run(options) => run::run(&options, console),
        Command::Check { brain } => inspect::check(&brain, console),
        Command::Topology { brain, format } => inspect::topology(&brain, format, console),
        Command::Ps { dir, format } => census::ps(dir.as_deref(), format, console),
        Command::Doctor { dir, repair, format } => census::doctor(&dir, repair, format, console),
        Command::Tap(options) => wire::tap(&options, console),
        Command::Fire(options) => wire::fire(&options, console),
        Command::Replay(options) => history::replay(&options, console),
        Command::Why(options) => history::why(&options, console),
        Command::Fork(options) => history::fork(&options, console),
        Command::Diff(options) => history::diff(&options, console),
        Command::Journal { command } => journal::run(&command, console),
        Command::Model { action } => meaning::model(&action, console),
        Command::Calibrate(options) => meaning::calibrate(&options, console),
        Command::Explain(options) => meaning::explain(&options, console),
        Command::Completions { shell } => args::completions(shell, console),
    }
}
