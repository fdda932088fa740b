//! How bad a line says it is, and the priority its spike gets.

/// The severity of a line, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Severity {
    /// Step by step detail.
    Trace = 0,
    /// For who debugs.
    Debug = 1,
    /// Nothing to do; also every line that names no severity.
    #[default]
    Info = 2,
    /// May need a look.
    Warn = 3,
    /// Something failed.
    Error = 4,
    /// The program cannot go on.
    Fatal = 5,
}

/// Words a line may use, in lower case.
const WORDS: [(&str, Severity); 19] = [
    ("trace", Severity::Trace),
    ("verbose", Severity::Trace),
    ("debug", Severity::Debug),
    ("dbg", Severity::Debug),
    ("info", Severity::Info),
    ("information", Severity::Info),
    ("notice", Severity::Info),
    ("warn", Severity::Warn),
    ("warning", Severity::Warn),
    ("error", Severity::Error),
    ("err", Severity::Error),
    ("severe", Severity::Error),
    ("fail", Severity::Error),
    ("failed", Severity::Error),
    ("fatal", Severity::Fatal),
    ("critical", Severity::Fatal),
    ("crit", Severity::Fatal),
    ("emerg", Severity::Fatal),
    ("panic", Severity::Fatal),
];

/// How many words at the start of a text line may name its severity; after a date, a host and a program.
const WORDS_READ: usize = 6;

impl Severity {
    /// The severity a word names, in any case.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        // Longer than every word known: most words of a line end here.
        if word.len() < 3 || word.len() > 11 {
            return None;
        }
        WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map(|&(_, s)| s)
    }

    /// The severity a number names: 0 to 7 as syslog counts (0 is the worst), 10 to 60 as pino and bunyan count
    /// (60 is the worst). Others name none.
    #[must_use]
    pub fn of_number(number: f64) -> Option<Self> {
        match number {
            n if !(0.0..70.0).contains(&n) => None,
            n if n <= 2.0 => Some(Self::Fatal),
            n if n <= 3.0 => Some(Self::Error),
            n if n <= 4.0 => Some(Self::Warn),
            n if n <= 6.0 => Some(Self::Info),
            n if n < 10.0 => Some(Self::Debug),
            n if n < 20.0 => Some(Self::Trace),
            n if n < 30.0 => Some(Self::Debug),
            n if n < 40.0 => Some(Self::Info),
            n if n < 50.0 => Some(Self::Warn),
            n if n < 60.0 => Some(Self::Error),
            _ => Some(Self::Fatal),
        }
    }

    /// The severity that the first words of a text line name.
    #[must_use]
    pub fn of_text(line: &str) -> Self {
        line.split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty() && !word.as_bytes()[0].is_ascii_digit())
            .take(WORDS_READ)
            .find_map(Self::of_word)
            .unwrap_or_default()
    }

    /// The severity with this number, as payloads carry it.
    #[must_use]
    pub const fn of_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Trace,
            1 => Self::Debug,
            2 => Self::Info,
            3 => Self::Warn,
            4 => Self::Error,
            5 => Self::Fatal,
            _ => return None,
        })
    }

    /// The number that payloads carry.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The priority of a line's spike: tiers 0, 1, 3, 4, 6 and 7 of 0 to 7.
    #[must_use]
    pub const fn priority(self) -> u8 {
        match self {
            Self::Trace => 16,
            Self::Debug => 48,
            Self::Info => 96,
            Self::Warn => 144,
            Self::Error => 200,
            Self::Fatal => 240,
        }
    }
}
