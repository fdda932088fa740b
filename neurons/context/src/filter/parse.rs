//! From words to a condition, with every mistake at its place.

use regex::RegexBuilder;

use super::clock::TimePart;
use super::error::{FilterError, Problem};
use super::lex::{Word, words};
use super::tree::{Comparison, Condition, Operand, Root};
use super::{DEPTH_MAX, LENGTH_MAX, LIST_MAX};

/// Bytes that a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 18;

pub(super) fn parse(text: &str) -> Result<Condition, FilterError> {
    if text.len() > LENGTH_MAX {
        let expression = text.chars().take(40).collect::<String>().into();
        return Err(FilterError {
            at: 0,
            problem: Problem::Long(text.len()),
            hint: None,
            expression,
        });
    }
    let words = words(text)?;
    let mut parser = Parser { text, words, next: 0, depth: 0 };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(Word::Close) => Err(parser.fail(
            Problem::Expected { expected: "the end", found: "\")\"".to_owned() },
            Some("it closes nothing"),
        )),
        Some(_) => Err(parser.expected("AND, OR or the end", None)),
    }
}

/// What an operand can be, as far as that is known before there is an event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unknown,
    Null,
    Bool,
    Number,
    Text,
}

impl Kind {
    fn of(operand: &Operand) -> Self {
        match operand {
            Operand::Path(..) => Self::Unknown,
            Operand::Topic | Operand::Key | Operand::Text(_) => Self::Text,
            Operand::Priority | Operand::Schema | Operand::Time(_) => Self::Number,
            Operand::Integer(_) | Operand::Float(_) => Self::Number,
            Operand::Bool(_) => Self::Bool,
            Operand::Null => Self::Null,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "a value",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
        }
    }

    fn can_equal(self, other: Self) -> bool {
        self == other || self == Self::Unknown || other == Self::Unknown
    }
}

struct Parser<'a> {
    text: &'a str,
    words: Vec<(usize, Word)>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next).map(|(_, word)| word)
    }

    fn at(&self) -> usize {
        self.words.get(self.next).map_or(self.text.len(), |(at, _)| *at)
    }

    fn take(&mut self, wanted: &Word) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn fail_at(&self, at: usize, problem: Problem, hint: Option<&'static str>) -> FilterError {
        FilterError { at, problem, hint, expression: self.text.into() }
    }

    fn fail(&self, problem: Problem, hint: Option<&'static str>) -> FilterError {
        self.fail_at(self.at(), problem, hint)
    }

    fn expected(&self, expected: &'static str, hint: Option<&'static str>) -> FilterError {
        let (at, rest) = (self.at(), &self.text[self.at()..]);
        let end = self.words.get(self.next + 1).map_or(rest.len(), |(next, _)| next - at);
        let word = rest[..end].trim_end();
        let found = if word.is_empty() { "the end".to_owned() } else { format!("{word:?}") };
        self.fail(Problem::Expected { expected, found }, hint)
    }

    /// Goes one level deeper for as long as `within` takes.
    fn deeper<T>(
        &mut self,
        within: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        if self.depth == DEPTH_MAX {
            return Err(self.fail(Problem::Deep, Some("divide the expression")));
        }
        self.depth += 1;
        let done = within(self);
        self.depth -= 1;
        done
    }

    fn any(&mut self) -> Result<Condition, FilterError> {
        let mut parts = vec![self.all()?];
        while self.take(&Word::Or) {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, FilterError> {
        let mut parts = vec![self.not()?];
        while self.take(&Word::And) {
            parts.push(self.not()?);
        }
        Ok(joined(parts, Condition::All))
    }

    fn not(&mut self) -> Result<Condition, FilterError> {
        if self.take(&Word::Not) {
            return self.deeper(|this| Ok(Condition::Not(Box::new(this.not()?))));
        }
        if self.take(&Word::Open) {
            let within = self.deeper(Self::any)?;
            if !self.take(&Word::Close) {
                return Err(self.expected("\")\"", Some("a parenthesis is open")));
            }
            return Ok(within);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Condition, FilterError> {
        let at = self.at();
        let left = self.operand()?;
        let (negated, place) = (self.take(&Word::Not), self.at());
        let test = match self.peek().cloned() {
            Some(Word::In) => {
                self.next += 1;
                Condition::In(left, self.list()?)
            }
            Some(Word::Contains) => {
                self.next += 1;
                let part = self.operand()?;
                let (whole, inner) = (Kind::of(&left), Kind::of(&part));
                let fits =
                    whole == Kind::Unknown || (whole == Kind::Text && inner.can_equal(whole));
                self.check(fits, place, "CONTAINS", (whole, inner))?;
                Condition::Contains(left, part)
            }
            Some(Word::Matches) => {
                self.next += 1;
                self.check(
                    Kind::of(&left).can_equal(Kind::Text),
                    place,
                    "MATCHES",
                    (Kind::of(&left), Kind::Text),
                )?;
                Condition::Matches(left, self.pattern()?)
            }
            _ if negated => return Err(self.expected("IN, CONTAINS or MATCHES", None)),
            Some(Word::Compare(how)) => {
                self.next += 1;
                let right = self.operand()?;
                self.check_comparison(place, how, (Kind::of(&left), Kind::of(&right)))?;
                return Ok(Condition::Compare(left, how, right));
            }
            _ => match Kind::of(&left) {
                Kind::Unknown | Kind::Bool => return Ok(Condition::Holds(left)),
                kind => {
                    let problem = Problem::NotACondition(kind.name());
                    return Err(self.fail_at(at, problem, Some("compare it with something")));
                }
            },
        };
        Ok(if negated { Condition::Not(Box::new(test)) } else { test })
    }

    fn check(
        &self,
        fits: bool,
        at: usize,
        operation: &'static str,
        (left, right): (Kind, Kind),
    ) -> Result<(), FilterError> {
        let (left, right) = (left.name(), right.name());
        let problem = Problem::Kinds { operation, left, right };
        if fits { Ok(()) } else { Err(self.fail_at(at, problem, None)) }
    }

    fn check_comparison(
        &self,
        at: usize,
        how: Comparison,
        kinds: (Kind, Kind),
    ) -> Result<(), FilterError> {
        let ordered = |kind| !matches!(kind, Kind::Null | Kind::Bool);
        let fits = kinds.0.can_equal(kinds.1)
            && (!how.is_order() || (ordered(kinds.0) && ordered(kinds.1)));
        // Whatever can be asked for null can be null.
        let null = !how.is_order() && (kinds.0 == Kind::Null || kinds.1 == Kind::Null);
        self.check(fits || null, at, how.symbol(), kinds)
    }

    fn list(&mut self) -> Result<Box<[Operand]>, FilterError> {
        let close = if self.take(&Word::OpenList) {
            Word::CloseList
        } else if self.take(&Word::Open) {
            Word::Close
        } else {
            return Err(self.expected("a list", Some("a list is written ['a', 'b']")));
        };
        let mut list = Vec::new();
        while !self.take(&close) {
            if !list.is_empty() && !self.take(&Word::Comma) {
                return Err(self.expected("a comma or the end of the list", None));
            }
            if list.len() == LIST_MAX {
                return Err(self.fail(Problem::LongList, None));
            }
            list.push(self.operand()?);
        }
        Ok(list.into())
    }

    fn pattern(&mut self) -> Result<Box<regex::Regex>, FilterError> {
        let at = self.at();
        let Some(Word::Text(pattern)) = self.peek().cloned() else {
            return Err(self.expected("a pattern in quotes", None));
        };
        self.next += 1;
        let compiled = RegexBuilder::new(&pattern).size_limit(PATTERN_BYTES).build();
        let why = |error: regex::Error| match error {
            // The last line says what is wrong; those before it draw the place.
            regex::Error::Syntax(text) => {
                let last = text.lines().last().unwrap_or("").trim_start_matches("error: ");
                last.to_owned()
            }
            other => other.to_string(),
        };
        compiled.map(Box::new).map_err(|error| self.fail_at(at, Problem::Pattern(why(error)), None))
    }

    fn operand(&mut self) -> Result<Operand, FilterError> {
        let at = self.at();
        let operand = match self.peek().cloned() {
            Some(Word::Path(path)) => self.path(at, &path)?,
            Some(Word::Text(text)) => Operand::Text(text),
            Some(Word::Integer(number)) => Operand::Integer(number),
            Some(Word::Float(number)) => Operand::Float(number),
            Some(Word::True) => Operand::Bool(true),
            Some(Word::False) => Operand::Bool(false),
            Some(Word::Null) => Operand::Null,
            _ => return Err(self.expected("a path, a text, a number, true or false", None)),
        };
        self.next += 1;
        Ok(operand)
    }

    fn path(&self, at: usize, path: &[Box<str>]) -> Result<Operand, FilterError> {
        // The lexer gives no path without a part.
        let (first, rest) = path.split_first().expect("a path has parts");
        let whole = |operand| match rest {
            [] => Ok(operand),
            _ => Err(self.fail_at(at, Problem::NoParts(first.to_string()), None)),
        };
        let below = |root| Ok(Operand::Path(root, rest.into()));
        match &**first {
            "topic" => whole(Operand::Topic),
            "key" => whole(Operand::Key),
            "priority" => whole(Operand::Priority),
            "schema" => whole(Operand::Schema),
            "time" => match rest {
                [part] if TimePart::named(part).is_some() => {
                    Ok(Operand::Time(TimePart::named(part).unwrap_or(TimePart::Hour)))
                }
                _ => {
                    let problem = Problem::NoSuchTime(rest.join("."));
                    let hint = "there are hour, minute, second, weekday, unix and elapsed_ms";
                    Err(self.fail_at(at, problem, Some(hint)))
                }
            },
            "body" => below(Root::Body),
            "context" => below(Root::Context),
            "headers" => below(Root::Headers),
            _ => Ok(Operand::Path(Root::Either, path.into())),
        }
    }
}

fn joined(mut parts: Vec<Condition>, join: fn(Box<[Condition]>) -> Condition) -> Condition {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            join(parts.into())
        }
        (None, _) => join(Box::new([])),
    }
}
