//! A query: as much of the language as tests need, with the services' errors for the rest.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use serde_json::Value;

use super::lexer::{Kind, Token, tokens};
use super::tables::{Rows, SECOND, TABLES, Table};
use super::value::{Cell, Type};

/// A result: its columns and its rows.
pub(super) struct Outcome {
    pub(super) columns: Vec<(String, Type)>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// What a query reads.
pub(super) struct Source<'a> {
    pub(super) rows: &'a Rows,
    /// Ticks of the first and the last time.
    pub(super) window: (i64, i64),
    pub(super) now: i64,
}

/// An expression.
#[derive(Clone, Debug)]
enum Expression {
    Value(Cell),
    Column(usize),
    Hash(usize, i64),
}

/// A condition on a row.
struct Condition {
    left: Expression,
    operator: String,
    right: Vec<Expression>,
}

struct Parser<'a> {
    query: &'a str,
    tokens: Vec<Token>,
    at: usize,
    variables: BTreeMap<String, Cell>,
    source: &'a Source<'a>,
}

/// Runs a query, or says what is wrong with it.
pub(super) fn run(query: &str, source: &Source<'_>) -> Result<Outcome, String> {
    let tokens = tokens(query).map_err(|(why, at)| syntax_error(query, &why, at))?;
    let mut parser = Parser { query, tokens, at: 0, variables: BTreeMap::new(), source };
    while parser.takes_word("let") {
        let name = parser.name()?;
        parser.symbol("=")?;
        let value = parser.literal()?;
        parser.symbol(";")?;
        parser.variables.insert(name, value);
    }
    let outcome = parser.tabular()?;
    while parser.takes(";") {}
    match parser.tokens.get(parser.at) {
        None => Ok(outcome),
        Some(token) => Err(syntax_error(query, "Expected: ;", token.at)),
    }
}

/// The line and column come as the portal shows them.
fn syntax_error(query: &str, why: &str, at: usize) -> String {
    let before = &query[..at.min(query.len())];
    let (line, start) =
        (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |newline| newline + 1));
    let column = before[start..].chars().count() + 1;
    format!(
        "The query contains syntax errors: {why}. [line:position={line}:{column}]. Fix syntax errors in your query."
    )
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn bad(&self, why: &str) -> String {
        let at = self.tokens.get(self.at).map_or(self.query.len(), |token| token.at);
        syntax_error(self.query, why, at)
    }

    fn takes(&mut self, symbol: &'static str) -> bool {
        let found = self.peek() == Some(&Kind::Symbol(symbol));
        self.at += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &'static str) -> Result<(), String> {
        if self.takes(symbol) { Ok(()) } else { Err(self.bad(&format!("Expected: {symbol}"))) }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Kind::Name(name)) if name == word);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Result<String, String> {
        let Some(Kind::Name(name)) = self.peek() else { return Err(self.bad("Expected: name")) };
        let name = name.clone();
        self.at += 1;
        Ok(name)
    }

    /// A literal, or a variable.
    fn literal(&mut self) -> Result<Cell, String> {
        let negative = self.takes("-");
        let Some(kind) = self.peek().cloned() else { return Err(self.bad("Missing expression")) };
        let sign = if negative { -1 } else { 1 };
        let cell = match kind {
            Kind::Text(text) if !negative => Cell::Text(text),
            Kind::Whole(number) => Cell::Long(sign * number),
            Kind::Real(number) => Cell::Real(if negative { -number } else { number }),
            Kind::Typed(name, raw) if !negative => typed(name, &raw, self.source.now)
                .ok_or_else(|| self.bad(&format!("Unexpected: {name}({raw})")))?,
            Kind::Name(name) if name == "true" || name == "false" => Cell::Bool(name == "true"),
            Kind::Name(name) if name == "dynamic" => {
                self.at += 1;
                self.symbol("(")?;
                let value = self.dynamic()?;
                self.symbol(")")?;
                return Ok(Cell::Dynamic(value));
            }
            Kind::Name(name) if name == "ago" => {
                self.at += 1;
                self.symbol("(")?;
                let Cell::Span(span) = self.literal()? else { return Err(self.bad("ago(): argument")) };
                self.symbol(")")?;
                return Ok(Cell::Time(self.source.now - span));
            }
            Kind::Name(name) => self.variables.get(&name).cloned().ok_or_else(|| unresolved("", &name))?,
            _ => return Err(self.bad("Missing expression")),
        };
        self.at += 1;
        Ok(cell)
    }

    /// The inside of a `dynamic`.
    fn dynamic(&mut self) -> Result<Value, String> {
        if !self.takes("[") {
            return Ok(match self.literal()? {
                Cell::Text(text) => text.into(),
                Cell::Int(number) | Cell::Long(number) => number.into(),
                Cell::Bool(value) => value.into(),
                Cell::Real(number) => number.into(),
                other => other.plain(),
            });
        }
        let mut items = Vec::new();
        while !self.takes("]") {
            items.push(self.dynamic()?);
            if !self.takes(",") && self.peek() != Some(&Kind::Symbol("]")) {
                return Err(self.bad("Expected: ]"));
            }
        }
        Ok(Value::Array(items))
    }

    fn tabular(&mut self) -> Result<Outcome, String> {
        if self.takes_word("print") {
            let (mut columns, mut row) = (Vec::new(), Vec::new());
            loop {
                let name = self.name()?;
                self.symbol("=")?;
                let value = self.literal()?;
                columns.push((name, value.kind()));
                row.push(value);
                if !self.takes(",") {
                    return Ok(Outcome { columns, rows: vec![row] });
                }
            }
        }
        let name = self.name()?;
        let table = TABLES.iter().find(|table| table.name == name).ok_or_else(|| {
            let operator = if self.peek() == Some(&Kind::Symbol("|")) { "'where' operator: " } else { "" };
            format!(
                "{operator}Failed to resolve table or column expression named '{name}'. Fix semantic errors in your \
                 query."
            )
        })?;
        let mut outcome = self.all(*table);
        while self.takes("|") {
            outcome = self.operator(outcome)?;
        }
        Ok(outcome)
    }

    fn all(&self, table: Table) -> Outcome {
        let columns = table.columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        Outcome { columns, rows: self.source.rows.of(table, self.source.window).collect() }
    }

    fn operator(&mut self, input: Outcome) -> Result<Outcome, String> {
        let operator = self.name()?;
        match operator.as_str() {
            "where" => self.filter(input),
            "project" => self.project(&input),
            "extend" => self.extend(input),
            "take" | "limit" => {
                let (Cell::Long(count) | Cell::Int(count)) = self.literal()? else {
                    return Err(self.bad("Expected: number"));
                };
                let mut input = input;
                input.rows.truncate(usize::try_from(count).unwrap_or(0));
                Ok(input)
            }
            "count" => {
                let count = i64::try_from(input.rows.len()).unwrap_or(0);
                Ok(Outcome {
                    columns: vec![("Count".to_owned(), Type::Long)],
                    rows: vec![vec![Cell::Long(count)]],
                })
            }
            "summarize" => self.summarize(&input),
            "sort" | "order" => self.sort(input),
            other => {
                self.at -= 1;
                Err(self.bad(&format!("Unexpected: {other}")))
            }
        }
    }

    fn filter(&mut self, mut input: Outcome) -> Result<Outcome, String> {
        loop {
            let left = self.expression("where", &input)?;
            let operator = match self.peek().cloned() {
                Some(Kind::Symbol(symbol)) => symbol.to_owned(),
                Some(Kind::Name(name)) => name,
                _ => return Err(self.bad("Expected: operator")),
            };
            self.at += 1;
            let right =
                if operator == "in" { self.list(&input)? } else { vec![self.expression("where", &input)?] };
            let condition = Condition { left, operator, right };
            condition.check().map_err(|why| self.bad(&why))?;
            input.rows.retain(|row| condition.holds(row));
            if !self.takes_word("and") {
                return Ok(input);
            }
        }
    }

    /// The list of an `in`.
    fn list(&mut self, input: &Outcome) -> Result<Vec<Expression>, String> {
        self.symbol("(")?;
        let mut items = Vec::new();
        loop {
            match self.expression("where", input)? {
                Expression::Value(Cell::Dynamic(Value::Array(values))) => {
                    items.extend(values.into_iter().map(|value| Expression::Value(scalar(value))));
                }
                other => items.push(other),
            }
            if !self.takes(",") {
                self.symbol(")")?;
                return Ok(items);
            }
        }
    }

    fn expression(&mut self, operator: &str, input: &Outcome) -> Result<Expression, String> {
        if let Some(Kind::Name(name)) = self.peek().cloned() {
            if let Some(index) = input.columns.iter().position(|(column, _)| *column == name) {
                self.at += 1;
                return Ok(Expression::Column(index));
            }
            if name == "hash" {
                self.at += 1;
                self.symbol("(")?;
                let Expression::Column(column) = self.expression(operator, input)? else {
                    return Err(self.bad("hash(): argument"));
                };
                self.symbol(",")?;
                let (Cell::Long(groups) | Cell::Int(groups)) = self.literal()? else {
                    return Err(self.bad("hash(): argument"));
                };
                self.symbol(")")?;
                return Ok(Expression::Hash(column, groups.max(1)));
            }
            let is_known = self.variables.contains_key(&name)
                || matches!(name.as_str(), "true" | "false" | "dynamic" | "ago");
            if !is_known {
                return Err(unresolved(operator, &name));
            }
        }
        self.literal().map(Expression::Value)
    }

    fn project(&mut self, input: &Outcome) -> Result<Outcome, String> {
        let (mut columns, mut expressions) = (Vec::new(), Vec::new());
        loop {
            let mut name = String::new();
            if let (Some(Kind::Name(first)), Some(Token { kind: Kind::Symbol("="), .. })) =
                (self.peek().cloned(), self.tokens.get(self.at + 1))
            {
                name = first;
                self.at += 2;
            }
            let expression = self.expression("project", input)?;
            let (own, kind) = match &expression {
                Expression::Column(index) => input.columns[*index].clone(),
                Expression::Hash(..) => ("hash_".to_owned(), Type::Long),
                Expression::Value(value) => ("Column1".to_owned(), value.kind()),
            };
            columns.push((if name.is_empty() { own } else { name }, kind));
            expressions.push(expression);
            if !self.takes(",") {
                break;
            }
        }
        let rows = input.rows.iter();
        let rows =
            rows.map(|row| expressions.iter().map(|expression| expression.of(row)).collect()).collect();
        Ok(Outcome { columns, rows })
    }

    fn extend(&mut self, mut input: Outcome) -> Result<Outcome, String> {
        let name = self.name()?;
        self.symbol("=")?;
        let expression = self.expression("extend", &input)?;
        let kind = match &expression {
            Expression::Column(index) => input.columns[*index].1,
            Expression::Hash(..) => Type::Long,
            Expression::Value(value) => value.kind(),
        };
        input.columns.push((name, kind));
        for row in &mut input.rows {
            row.push(expression.of(row));
        }
        Ok(input)
    }

    fn summarize(&mut self, input: &Outcome) -> Result<Outcome, String> {
        let mut name = "count_".to_owned();
        if let Some(Token { kind: Kind::Symbol("="), .. }) = self.tokens.get(self.at + 1) {
            name = self.name()?;
            self.symbol("=")?;
        }
        if !self.takes_word("count") {
            return Err(self.bad("Expected: aggregate"));
        }
        self.symbol("(")?;
        self.symbol(")")?;
        let mut groups: Vec<(Cell, i64)> = Vec::new();
        let by = self.takes_word("by").then(|| self.expression("summarize", input)).transpose()?;
        let Some(Expression::Column(column)) = by else {
            let count = i64::try_from(input.rows.len()).unwrap_or(0);
            return Ok(Outcome { columns: vec![(name, Type::Long)], rows: vec![vec![Cell::Long(count)]] });
        };
        for row in &input.rows {
            match groups.iter_mut().find(|(key, _)| *key == row[column]) {
                Some((_, count)) => *count += 1,
                None => groups.push((row[column].clone(), 1)),
            }
        }
        let rows = groups.into_iter().map(|(key, count)| vec![key, Cell::Long(count)]).collect();
        Ok(Outcome { columns: vec![input.columns[column].clone(), (name, Type::Long)], rows })
    }

    fn sort(&mut self, mut input: Outcome) -> Result<Outcome, String> {
        if !self.takes_word("by") {
            return Err(self.bad("Expected: by"));
        }
        let Expression::Column(column) = self.expression("sort", &input)? else {
            return Err(self.bad("Expected: column"));
        };
        let ascending = self.takes_word("asc");
        let _ = self.takes_word("desc");
        input.rows.sort_by(|a, b| {
            let order = compare(&a[column], &b[column]).unwrap_or(Ordering::Equal);
            if ascending { order } else { order.reverse() }
        });
        Ok(input)
    }
}

fn unresolved(operator: &str, name: &str) -> String {
    let operator = if operator.is_empty() { String::new() } else { format!("'{operator}' operator: ") };
    format!(
        "{operator}Failed to resolve scalar expression named '{name}'. Fix semantic errors in your query."
    )
}

/// An element of an array, as a value.
fn scalar(value: Value) -> Cell {
    match value {
        Value::String(text) => Cell::Text(text),
        Value::Bool(value) => Cell::Bool(value),
        Value::Number(number) => number.as_i64().map_or(Cell::Null, Cell::Long),
        other => Cell::Dynamic(other),
    }
}

/// The value of a type with raw text in brackets.
fn typed(name: &str, raw: &str, now: i64) -> Option<Cell> {
    Some(match name {
        "int" => Cell::Int(raw.parse::<i32>().ok()?.into()),
        "long" => Cell::Long(raw.parse().ok()?),
        "real" => Cell::Real(match raw {
            "nan" => f64::NAN,
            "+inf" => f64::INFINITY,
            "-inf" => f64::NEG_INFINITY,
            number => number.parse().ok().filter(|number: &f64| number.is_finite())?,
        }),
        "decimal" => raw.parse::<f64>().ok().map(|_| Cell::Decimal(raw.to_owned()))?,
        "bool" => Cell::Bool(raw.parse().ok()?),
        // Without a text it is now.
        "datetime" if raw.is_empty() => Cell::Time(now),
        "datetime" => Cell::Time(ticks(raw)?),
        "time" | "timespan" => Cell::Span(span(raw)?),
        "guid" if raw.len() == 36 => Cell::Guid(raw.to_owned()),
        _ => return None,
    })
}

/// Ticks of a time; a date without a time is its midnight.
pub(super) fn ticks(text: &str) -> Option<i64> {
    let at: Timestamp = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).ok()?;
    i64::try_from(at.as_nanosecond().div_euclid(100)).ok()
}

/// `d.hh:mm:ss.fffffff`, or a number of days.
fn span(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    if let Ok(days) = text.parse::<i64>() {
        return Some(sign * days * 86_400 * SECOND);
    }
    let (days, clock) = match text.split_once('.').filter(|(days, _)| !days.contains(':')) {
        Some((days, clock)) => (days.parse().ok()?, clock),
        None => (0, text),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts[..] else { return None };
    let fraction: i64 = format!("{fraction:0<7}").parse().ok()?;
    Some(sign * ((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * SECOND + fraction))
}

impl Expression {
    fn of(&self, row: &[Cell]) -> Cell {
        match self {
            Expression::Value(value) => value.clone(),
            Expression::Column(index) => row[*index].clone(),
            Expression::Hash(index, groups) => {
                let mut hasher = DefaultHasher::new();
                format!("{:?}", row[*index]).hash(&mut hasher);
                Cell::Long(i64::try_from(hasher.finish() >> 1).unwrap_or(0) % groups)
            }
        }
    }
}

impl Condition {
    fn check(&self) -> Result<(), String> {
        const KNOWN: [&str; 11] =
            ["==", "!=", "=~", "<", "<=", ">", ">=", "contains", "has", "in", "startswith"];
        if KNOWN.contains(&self.operator.as_str()) {
            Ok(())
        } else {
            Err(format!("Unexpected: {}", self.operator))
        }
    }

    fn holds(&self, row: &[Cell]) -> bool {
        let left = self.left.of(row);
        self.right.iter().any(|right| {
            let right = right.of(row);
            let texts = || match (&left, &right) {
                (Cell::Text(left), Cell::Text(right)) => Some((left.to_lowercase(), right.to_lowercase())),
                _ => None,
            };
            let order = || compare(&left, &right);
            match self.operator.as_str() {
                "==" | "in" => order() == Some(Ordering::Equal),
                "!=" => order() != Some(Ordering::Equal),
                "<" => order() == Some(Ordering::Less),
                "<=" => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
                ">" => order() == Some(Ordering::Greater),
                ">=" => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
                "=~" => texts().is_some_and(|(left, right)| left == right),
                "startswith" => texts().is_some_and(|(left, right)| left.starts_with(&right)),
                _ => texts().is_some_and(|(left, right)| left.contains(&right)),
            }
        })
    }
}

fn compare(left: &Cell, right: &Cell) -> Option<Ordering> {
    match (left, right) {
        (Cell::Int(left) | Cell::Long(left), Cell::Int(right) | Cell::Long(right)) => Some(left.cmp(right)),
        (Cell::Text(left), Cell::Text(right)) => Some(left.cmp(right)),
        (Cell::Time(left), Cell::Time(right)) | (Cell::Span(left), Cell::Span(right)) => {
            Some(left.cmp(right))
        }
        (Cell::Bool(left), Cell::Bool(right)) => Some(left.cmp(right)),
        (Cell::Real(left), Cell::Real(right)) => left.partial_cmp(right),
        (Cell::Guid(left), Cell::Guid(right)) => Some(left.to_lowercase().cmp(&right.to_lowercase())),
        _ => None,
    }
}
