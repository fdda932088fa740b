//! A compiled expression, and what it says of an event.

use std::cmp::Ordering;

use neuronbus::event::{EventView, Packed, Scalar};

use super::clock::{TimePart, WallClock};

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Comparison {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    pub(super) fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Body,
    Context,
    Headers,
    /// In the context, and if it is not there in the body.
    Either,
}

/// Something with a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Topic,
    Key,
    Priority,
    Schema,
    Time(TimePart),
    Path(Root, Box<[Box<str>]>),
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Box<str>),
}

/// Something that is true, false or unknown.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    All(Box<[Condition]>),
    Any(Box<[Condition]>),
    Not(Box<Condition>),
    Holds(Operand),
    Compare(Operand, Comparison, Operand),
    In(Operand, Box<[Operand]>),
    Contains(Operand, Operand),
    Matches(Operand, Box<regex::Regex>),
}

/// What an expression is evaluated in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) event: &'a EventView<'a>,
    pub(super) priority: u8,
    pub(super) time_ns: u64,
    pub(super) clock: WallClock,
}

/// The value of an operand.
#[derive(Debug, Clone, Copy)]
enum Found<'a> {
    Scalar(Scalar<'a>),
    Parts(Packed<'a>),
}

fn walk<'a>(mut value: Packed<'a>, path: &[Box<str>]) -> Option<Packed<'a>> {
    for part in path {
        value = match value.get(part) {
            Some(within) => within,
            None if value.is_array() => value.at(part.parse().ok()?)?,
            None => return None,
        };
    }
    Some(value)
}

impl Operand {
    /// Its value; `None` if the event has no such thing.
    #[inline]
    fn value<'a>(&'a self, scene: &Scene<'a>) -> Option<Found<'a>> {
        let event = scene.event;
        let packed = |value: Packed<'a>| match value.scalar() {
            Some(scalar) => Found::Scalar(scalar),
            None => Found::Parts(value),
        };
        Some(Found::Scalar(match self {
            Self::Topic => Scalar::Text(event.topic()),
            Self::Key => Scalar::Text(event.key()?),
            Self::Priority => Scalar::Integer(scene.priority.into()),
            Self::Schema => Scalar::Integer(event.schema().into()),
            Self::Time(part) => Scalar::Integer(scene.clock.part(*part, scene.time_ns)),
            Self::Path(root, path) => {
                return match root {
                    Root::Body => walk(event.body(), path).map(packed),
                    Root::Context => walk(event.context(), path).map(packed),
                    Root::Headers => walk(event.all_headers(), path).map(packed),
                    Root::Either => {
                        walk(event.context(), path).or_else(|| walk(event.body(), path)).map(packed)
                    }
                };
            }
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Integer(value) => Scalar::Integer(*value),
            Self::Float(value) => Scalar::Float(*value),
            Self::Text(value) => Scalar::Text(value),
        }))
    }
}

/// How two values of one kind are ordered; `None` if they are of different kinds, or not ordered.
fn order(left: Scalar<'_>, right: Scalar<'_>) -> Option<Ordering> {
    use Scalar::{Bool, Float, Integer, Null, Text, Unsigned};
    match (left, right) {
        (Text(left), Text(right)) => Some(left.cmp(right)),
        (Integer(left), Integer(right)) => Some(left.cmp(&right)),
        (Unsigned(left), Unsigned(right)) => Some(left.cmp(&right)),
        // One that is unsigned is above all that have a sign.
        (Unsigned(_), Integer(_)) => Some(Ordering::Greater),
        (Integer(_), Unsigned(_)) => Some(Ordering::Less),
        (Float(left), Float(right)) => left.partial_cmp(&right),
        (Float(left), Integer(right)) => left.partial_cmp(&(right as f64)),
        (Integer(left), Float(right)) => (left as f64).partial_cmp(&right),
        (Float(left), Unsigned(right)) => left.partial_cmp(&(right as f64)),
        (Unsigned(left), Float(right)) => (left as f64).partial_cmp(&right),
        (Bool(left), Bool(right)) => Some(left.cmp(&right)),
        (Null, Null) => Some(Ordering::Equal),
        _ => None,
    }
}

fn compare(left: Found<'_>, how: Comparison, right: Found<'_>) -> Option<bool> {
    let order = match (left, right) {
        (Found::Scalar(left), Found::Scalar(right)) => order(left, right),
        (Found::Parts(left), Found::Parts(right)) => {
            (left.bytes() == right.bytes()).then_some(Ordering::Equal)
        }
        _ => None,
    };
    match order {
        Some(order) => Some(how.holds(order)),
        // Things of different kinds are not equal, and there is no order between them.
        None if how.is_order() => None,
        None => Some(how == Comparison::Unequal),
    }
}

fn equal(left: Found<'_>, right: Found<'_>) -> bool {
    compare(left, Comparison::Equal, right) == Some(true)
}

fn contains(whole: Found<'_>, part: Found<'_>) -> Option<bool> {
    match (whole, part) {
        (Found::Scalar(Scalar::Text(whole)), Found::Scalar(Scalar::Text(part))) => {
            Some(whole.contains(part))
        }
        (Found::Parts(whole), part) if whole.is_array() => Some(whole.elements().any(|element| {
            let element = match element.scalar() {
                Some(scalar) => Found::Scalar(scalar),
                None => Found::Parts(element),
            };
            equal(element, part)
        })),
        (Found::Parts(whole), Found::Scalar(Scalar::Text(key))) => Some(whole.get(key).is_some()),
        _ => None,
    }
}

impl Condition {
    /// Whether it holds; `None` if that is not known, because something is not there or is of another kind.
    pub(super) fn holds(&self, scene: &Scene<'_>) -> Option<bool> {
        match self {
            Self::All(parts) => {
                let mut known = Some(true);
                for part in parts {
                    match part.holds(scene) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => known = None,
                    }
                }
                known
            }
            Self::Any(parts) => {
                let mut known = Some(false);
                for part in parts {
                    match part.holds(scene) {
                        Some(false) => {}
                        Some(true) => return Some(true),
                        None => known = None,
                    }
                }
                known
            }
            Self::Not(part) => part.holds(scene).map(|holds| !holds),
            Self::Holds(operand) => match operand.value(scene)? {
                Found::Scalar(Scalar::Bool(value)) => Some(value),
                _ => None,
            },
            Self::Compare(left, how, right) => {
                compare(left.value(scene)?, *how, right.value(scene)?)
            }
            Self::In(operand, list) => {
                let value = operand.value(scene)?;
                Some(list.iter().any(|other| other.value(scene).is_some_and(|o| equal(value, o))))
            }
            Self::Contains(whole, part) => contains(whole.value(scene)?, part.value(scene)?),
            Self::Matches(operand, pattern) => match operand.value(scene)? {
                Found::Scalar(Scalar::Text(text)) => Some(pattern.is_match(text)),
                _ => None,
            },
        }
    }
}
