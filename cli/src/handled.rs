//! Events that reached a handler: counted, the last of them kept for the report, and all of them written where the
//! description wants them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use neuronbus_connectome::{Handled, HandlerEnd, HandlerReceiver};

use crate::failure::Failure;

/// What the handlers of a run were given.
#[derive(Debug)]
pub(crate) struct HandledLog<'a> {
    ends: Vec<End<'a>>,
    kept: VecDeque<Handled>,
    total: u64,
}

#[derive(Debug)]
struct End<'a> {
    receiver: &'a HandlerReceiver,
    output: Option<Output>,
}

#[derive(Debug)]
struct Output {
    path: PathBuf,
    file: BufWriter<File>,
    /// The first thing that went wrong; nothing is written after it.
    failed: Option<std::io::Error>,
}

impl Output {
    fn open(path: PathBuf) -> Result<Self, Failure> {
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file), failed: None }),
            Err(source) => Err(Failure::File { path, source }),
        }
    }

    fn write(&mut self, line: &str) {
        if self.failed.is_none() {
            self.failed = writeln!(self.file, "{line}").err();
        }
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.file.flush().err();
        }
    }
}

impl<'a> HandledLog<'a> {
    /// A run of months must not grow without end.
    const KEPT: usize = 1000;

    /// Opens the files that the description wants events in: a place that cannot be written is known before the run.
    pub(crate) fn open(ends: &'a [HandlerEnd]) -> Result<Self, Failure> {
        let open = |end: &'a HandlerEnd| {
            let output = end.output.clone().map(Output::open).transpose()?;
            Ok(End { receiver: &end.receiver, output })
        };
        let ends = ends.iter().map(open).collect::<Result<_, Failure>>()?;
        Ok(Self { ends, kept: VecDeque::new(), total: 0 })
    }

    /// Takes what has come; `tell` is given the lines that go into no file.
    pub(crate) fn collect(&mut self, mut tell: impl FnMut(&str)) {
        for end in &mut self.ends {
            for handled in end.receiver.drain() {
                // Texts, numbers and what JSON is made of.
                let line = serde_json::to_string(&handled).unwrap_or_default();
                match &mut end.output {
                    Some(output) => output.write(&line),
                    None => tell(&line),
                }
                if self.kept.len() == Self::KEPT {
                    self.kept.pop_front();
                }
                self.kept.push_back(handled);
                self.total += 1;
            }
            if let Some(output) = &mut end.output {
                output.flush();
            }
        }
    }

    /// Whether everything was written.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let outputs = self.ends.iter_mut().filter_map(|end| end.output.as_mut());
        for output in outputs {
            if let Some(source) = output.failed.take() {
                return Err(Failure::File { path: output.path.clone(), source });
            }
        }
        Ok(())
    }

    /// Whether there is any handler.
    pub(crate) fn is_needed(&self) -> bool {
        !self.ends.is_empty()
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = &Handled> {
        self.kept.iter()
    }
}
