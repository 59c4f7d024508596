//! What a filter says, and whether a row passes.

use std::cmp::Ordering;

use serde_json::Value;

use crate::read::decode::time::{ParsedTime, parse_time};

#[derive(Clone, Debug)]
pub(super) enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Compare(Comparison, Operand, Operand),
    In(Operand, Vec<Operand>),
    Text(TextTest, Operand, Operand),
    /// Whether some or all items of a list pass.
    Items(Quantifier, Operand, Box<Expression>),
    /// A value that is true itself.
    True(Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// A member of the row, by its position in the values that the filter picks.
    Field(usize),
    /// The item of the list that is tested.
    Item,
    Value(Value),
    /// A time, in ticks.
    Time(i64),
}

/// What an operand stands for in a row.
enum Resolved<'a> {
    Value(&'a Value),
    Time(i64),
}

impl Expression {
    /// Whether a row with these values passes. `item` is the item of the list that is tested.
    pub(super) fn passes(&self, row: &[Value], item: Option<&Value>) -> bool {
        let resolve = |operand| resolve(operand, row, item);
        match self {
            Expression::And(left, right) => left.passes(row, item) && right.passes(row, item),
            Expression::Or(left, right) => left.passes(row, item) || right.passes(row, item),
            Expression::Not(inner) => !inner.passes(row, item),
            Expression::Compare(comparison, left, right) => comparison.holds(&resolve(left), &resolve(right)),
            Expression::In(left, list) => {
                let left = resolve(left);
                list.iter().any(|right| Comparison::Equal.holds(&left, &resolve(right)))
            }
            Expression::Text(test, whole, part) => match (resolve(whole).text(), resolve(part).text()) {
                (Some(whole), Some(part)) => test.holds(&whole, &part),
                _ => false,
            },
            Expression::Items(quantifier, list, test) => {
                let list = resolve(list);
                let items = match &list {
                    Resolved::Value(Value::Array(items)) => items.as_slice(),
                    _ => &[],
                };
                let mut passes = items.iter().map(|item| test.passes(row, Some(item)));
                match quantifier {
                    Quantifier::Any => passes.any(|passes| passes),
                    Quantifier::All => passes.all(|passes| passes),
                }
            }
            Expression::True(value) => resolve(value).truth() == Some(true),
        }
    }
}

fn resolve<'a>(operand: &'a Operand, row: &'a [Value], item: Option<&'a Value>) -> Resolved<'a> {
    match operand {
        Operand::Field(index) => Resolved::Value(&row[*index]),
        Operand::Item => Resolved::Value(item.unwrap_or(&Value::Null)),
        Operand::Value(value) => Resolved::Value(value),
        Operand::Time(ticks) => Resolved::Time(*ticks),
    }
}

impl Resolved<'_> {
    fn is_null(&self) -> bool {
        match self {
            Resolved::Value(Value::Null) => true,
            // The services write the year 1 for a time that never was.
            Resolved::Value(Value::String(text)) => parse_time(text) == ParsedTime::Never,
            _ => false,
        }
    }

    /// In lower case.
    fn text(&self) -> Option<String> {
        match self {
            Resolved::Value(Value::String(text)) => Some(text.to_lowercase()),
            Resolved::Value(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Resolved::Value(Value::Number(number)) => number.as_f64(),
            Resolved::Value(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Resolved::Value(Value::Bool(truth)) => Some(*truth),
            Resolved::Value(Value::String(text)) if text.eq_ignore_ascii_case("true") => Some(true),
            Resolved::Value(Value::String(text)) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    fn time(&self) -> Option<i64> {
        match self {
            Resolved::Time(ticks) => Some(*ticks),
            Resolved::Value(Value::String(text)) => match parse_time(text) {
                ParsedTime::Ticks(ticks) => Some(ticks),
                ParsedTime::Never | ParsedTime::Unreadable => None,
            },
            Resolved::Value(_) => None,
        }
    }
}

impl Comparison {
    fn holds(self, left: &Resolved<'_>, right: &Resolved<'_>) -> bool {
        if left.is_null() || right.is_null() {
            let both = left.is_null() && right.is_null();
            return match self {
                Comparison::Equal => both,
                Comparison::NotEqual => !both,
                _ => false,
            };
        }
        match order(left, right) {
            None => self == Comparison::NotEqual,
            Some(order) => match self {
                Comparison::Equal => order.is_eq(),
                Comparison::NotEqual => order.is_ne(),
                Comparison::Greater => order.is_gt(),
                Comparison::GreaterOrEqual => order.is_ge(),
                Comparison::Less => order.is_lt(),
                Comparison::LessOrEqual => order.is_le(),
            },
        }
    }
}

/// The literal decides how values are compared: some services write numbers and truth values as texts.
fn order(left: &Resolved<'_>, right: &Resolved<'_>) -> Option<Ordering> {
    let is = |test: fn(&Resolved<'_>) -> bool| test(left) || test(right);
    if is(|value| matches!(value, Resolved::Time(_))) {
        return Some(left.time()?.cmp(&right.time()?));
    }
    if is(|value| matches!(value, Resolved::Value(Value::Number(_)))) {
        return left.number()?.partial_cmp(&right.number()?);
    }
    if is(|value| matches!(value, Resolved::Value(Value::Bool(_)))) {
        return Some(left.truth()?.cmp(&right.truth()?));
    }
    Some(left.text()?.cmp(&right.text()?))
}

impl TextTest {
    fn holds(self, text: &str, part: &str) -> bool {
        match self {
            TextTest::StartsWith => text.starts_with(part),
            TextTest::EndsWith => text.ends_with(part),
            TextTest::Contains => text.contains(part),
        }
    }
}
