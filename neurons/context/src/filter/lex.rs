//! From characters to words, with the place of each.

use winnow::LocatingSlice;
use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{alt, dispatch, fail, opt, peek};
use winnow::prelude::*;
use winnow::stream::Location;
use winnow::token::{any, take_till, take_while};

use super::error::{FilterError, Problem};
use super::tree::Comparison;

/// One word of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Path(Vec<Box<str>>),
    Text(Box<str>),
    Integer(i64),
    Float(f64),
    Compare(Comparison),
    And,
    Or,
    Not,
    In,
    Contains,
    Matches,
    True,
    False,
    Null,
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

type Input<'a> = LocatingSlice<&'a str>;

/// The words of an expression, each with the byte at which it begins.
pub(super) fn words(text: &str) -> Result<Vec<(usize, Word)>, FilterError> {
    let mut input = LocatingSlice::new(text);
    let mut found = Vec::new();
    loop {
        // White space alone never fails.
        let _: winnow::ModalResult<&str> = multispace0.parse_next(&mut input);
        if input.is_empty() {
            return Ok(found);
        }
        let at = input.current_token_start();
        match word.parse_next(&mut input) {
            Ok(word) => found.push((at, word)),
            Err(_) => return Err(refusal(text, at)),
        }
    }
}

/// Why no word begins here.
fn refusal(text: &str, at: usize) -> FilterError {
    let rest = &text[at..];
    let first = rest.chars().next().unwrap_or(' ');
    let number = || rest.split(|c: char| !(c.is_alphanumeric() || "+-.".contains(c))).next();
    let (problem, hint) = match first {
        '\'' | '"' => (Problem::OpenQuote, Some("close it with the quote it began with")),
        '=' => (Problem::Character('='), Some("equality is written ==")),
        '&' => (Problem::Character('&'), Some("both is written && or AND")),
        '|' => (Problem::Character('|'), Some("either is written || or OR")),
        '-' | '.' | '0'..='9' => (Problem::Number(number().unwrap_or("").to_owned()), None),
        // Only a dot without a name behind it keeps a path from being one.
        first if first.is_alphabetic() || first == '_' => {
            let dots = rest.match_indices('.').map(|(dot, _)| dot + 1);
            let bare = |&dot: &usize| !rest[dot..].starts_with(is_of_name);
            let at = at + { dots }.find(bare).unwrap_or(0);
            let found =
                text[at..].chars().next().map_or("the end".to_owned(), |c| format!("{c:?}"));
            let problem = Problem::Expected { expected: "a name behind the dot", found };
            return FilterError { at, problem, hint: None, expression: text.into() };
        }
        other => (Problem::Character(other), None),
    };
    FilterError { at, problem, hint, expression: text.into() }
}

fn word(input: &mut Input<'_>) -> winnow::ModalResult<Word> {
    dispatch! {peek(any);
        '\'' | '"' => text,
        '-' | '0'..='9' => number,
        '(' => any.value(Word::Open),
        ')' => any.value(Word::Close),
        '[' => any.value(Word::OpenList),
        ']' => any.value(Word::CloseList),
        ',' => any.value(Word::Comma),
        '=' | '!' | '<' | '>' | '&' | '|' => symbol,
        c if c.is_alphabetic() || c == '_' => name,
        _ => fail,
    }
    .parse_next(input)
}

fn symbol(input: &mut Input<'_>) -> winnow::ModalResult<Word> {
    alt((
        "==".value(Word::Compare(Comparison::Equal)),
        "!=".value(Word::Compare(Comparison::Unequal)),
        "<=".value(Word::Compare(Comparison::AtMost)),
        ">=".value(Word::Compare(Comparison::AtLeast)),
        "<".value(Word::Compare(Comparison::Below)),
        ">".value(Word::Compare(Comparison::Above)),
        "&&".value(Word::And),
        "||".value(Word::Or),
        "!".value(Word::Not),
    ))
    .parse_next(input)
}

fn number(input: &mut Input<'_>) -> winnow::ModalResult<Word> {
    let exponent = ('e', opt(alt(('+', '-'))), digit1);
    let digits = (opt('-'), digit1, opt(('.', digit1)), opt(exponent)).take();
    let whole = digits.verify_map(|text: &str| match text.parse() {
        Ok(integer) => Some(Word::Integer(integer)),
        Err(_) => text.parse().ok().filter(|float: &f64| float.is_finite()).map(Word::Float),
    });
    // `5x` is neither a number nor a name.
    let ended =
        peek(winnow::combinator::not(take_while(1, |c: char| c.is_alphanumeric() || c == '.')));
    winnow::combinator::terminated(whole, ended).parse_next(input)
}

/// A text in either quotes; a backslash takes the next character as it is.
fn text(input: &mut Input<'_>) -> winnow::ModalResult<Word> {
    let quote = any.parse_next(input)?;
    let mut text = String::new();
    loop {
        let plain: &str = take_till(0.., |c| c == quote || c == '\\').parse_next(input)?;
        text.push_str(plain);
        match any.parse_next(input)? {
            '\\' => text.push(any.parse_next(input)?),
            _ => return Ok(Word::Text(text.into())),
        }
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn name(input: &mut Input<'_>) -> winnow::ModalResult<Word> {
    let name = take_while(1.., is_of_name).parse_next(input)?;
    let keyword = [
        ("and", Word::And),
        ("or", Word::Or),
        ("not", Word::Not),
        ("in", Word::In),
        ("contains", Word::Contains),
        ("matches", Word::Matches),
        ("true", Word::True),
        ("false", Word::False),
        ("null", Word::Null),
    ];
    let keyword = keyword.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(name));
    if let Some((_, word)) = keyword {
        return Ok(word);
    }
    let mut path: Vec<Box<str>> = vec![name.into()];
    while opt('.').parse_next(input)?.is_some() {
        let part: &str = take_while(1.., is_of_name).parse_next(input)?;
        path.push(part.into());
    }
    Ok(Word::Path(path))
}
