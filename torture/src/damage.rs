//! A peer that scribbles over the files, or cuts them short, while a cortex, a producer and a reader use them.
//!
//! They may refuse, lose and end with errors; they may not crash, panic or hang: each must end by itself, with an exit
//! code of its own, when it is told to.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use neuronbus::brain::{Brain, default_path};

use crate::Outcome;
use crate::roles::{LONG, spawn};
use crate::seeded::Seeded;

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Random bytes anywhere in it.
    Scribble,
    /// It is made shorter.
    Truncate,
}

/// A fresh brain is hurt so often before the next one.
const WOUNDS: u64 = 2000;

/// Hurts files so often, brain after brain.
pub(crate) fn run(kind: Kind, count: u64, seed: u64) -> Outcome {
    let mut random = Seeded::new(seed);
    let wounds = if kind == Kind::Truncate { 1 } else { WOUNDS };
    let (mut left, mut brains) = (count, 0);
    while left > 0 {
        let now = left.min(wounds);
        one_brain(kind, now, brains, &mut random)?;
        left -= now;
        brains += 1;
    }
    Ok(format!("{kind:?}: {count} times in {brains} brains, 0 crashes, 0 hangs"))
}

fn one_brain(
    kind: Kind,
    wounds: u64,
    number: u64,
    random: &mut Seeded,
) -> Result<(), Box<dyn std::error::Error>> {
    let path = default_path(&format!("torture-{}-{kind:?}-{number}", std::process::id()));
    let text = path.display().to_string();
    let ledger = path.with_extension("accepted").display().to_string();
    let mut children = vec![("cortex", spawn(&["cortex", &text])?)];
    children.push(("producer", spawn(&["producer", &text, "0", &ledger])?));
    children.push(("reader", spawn(&["reader", &text])?));
    for _ in 0..LONG.as_millis() {
        // Something has gone through everything.
        if Brain::observe(&path).is_ok_and(|brain| brain.pulse().fired > 100) {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let files = files(&path)?;
    for _ in 0..wounds {
        let at = random.below(files.len() as u64) as usize;
        hurt(kind, &files[at], random)?;
        if kind == Kind::Scribble && random.below(8) == 0 {
            std::thread::park_timeout(Duration::from_micros(random.below(300)));
        }
        look_on(&path);
    }
    std::thread::park_timeout(Duration::from_millis(20));
    let ends: Result<Vec<()>, _> =
        children.into_iter().map(|(role, child)| end(role, child)).collect();
    let _ = std::fs::remove_file(ledger);
    std::fs::remove_dir_all(&path)?;
    ends?;
    Ok(())
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(path)?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

fn hurt(kind: Kind, file: &Path, random: &mut Seeded) -> std::io::Result<()> {
    let open = File::options().write(true).open(file)?;
    let length = open.metadata()?.len().max(8);
    if kind == Kind::Truncate {
        return open.set_len(random.below(length) & !7);
    }
    // Half of it where the words are that everything hangs on.
    let range = if random.below(2) == 0 { length.min(16 << 10) } else { length };
    let at = random.below(range / 8) * 8;
    let word = match random.below(4) {
        0 => 0,
        1 => u64::MAX,
        2 => random.below(1 << 20),
        _ => random.below(u64::MAX) << 16 | random.below(1 << 16),
    };
    open.write_at(&word.to_le_bytes(), at)?;
    Ok(())
}

/// An observer looks at it too, whatever it finds.
fn look_on(path: &Path) {
    if let Ok(brain) = Brain::observe(path) {
        let _ = brain.census();
        if let Ok(tap) = brain.tap("*") {
            let _ = tap.from_oldest().poll();
        }
    }
}

/// Tells a child to stop, and looks how it ends.
fn end(role: &str, mut child: Child) -> Result<(), Box<dyn std::error::Error>> {
    drop(child.stdin.take());
    for _ in 0..LONG.as_millis() {
        if let Some(status) = child.try_wait()? {
            let mut said = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut said)?;
            }
            // 0 and 1 are the program's own codes; a signal has none, and a panic has 101.
            let own = matches!(status.code(), Some(0 | 1)) && !said.contains("panicked");
            return if own {
                Ok(())
            } else {
                Err(format!("{role} ended with {status}: {said}").into())
            };
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    child.kill()?;
    Err(format!("{role} hangs").into())
}
