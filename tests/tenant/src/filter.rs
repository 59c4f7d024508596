//! The part of OData's `$filter` that the documented fields need: comparisons, `and`, `or`, `not`, brackets,
//! `startswith`.

use serde_json::Value;

/// A filter that was understood.
pub(crate) enum Filter {
    /// Both.
    And(Box<Filter>, Box<Filter>),
    /// Either.
    Or(Box<Filter>, Box<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// Field, operator, literal.
    Compare(String, String, String),
    /// Field, beginning.
    StartsWith(String, String),
}

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    fields: &'a [&'a str],
}

impl Filter {
    /// Reads a filter that uses only `fields`.
    pub(crate) fn parse(text: &str, fields: &[&str]) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0, fields };
        let filter = parser.or()?;
        match parser.tokens.get(parser.at) {
            None => Ok(filter),
            Some(token) => Err(format!("Syntax error at '{token}'.")),
        }
    }

    /// Whether a row fits.
    pub(crate) fn fits(&self, row: &Value) -> bool {
        match self {
            Filter::And(a, b) => a.fits(row) && b.fits(row),
            Filter::Or(a, b) => a.fits(row) || b.fits(row),
            Filter::Not(a) => !a.fits(row),
            Filter::StartsWith(field, beginning) => {
                row[field].as_str().is_some_and(|text| text.starts_with(beginning))
            }
            Filter::Compare(field, operator, literal) => compare(&row[field], operator, literal),
        }
    }
}

fn compare(value: &Value, operator: &str, literal: &str) -> bool {
    let order = match value {
        Value::Number(number) => number.as_f64().partial_cmp(&literal.parse().ok()),
        Value::Null if literal == "null" => Some(std::cmp::Ordering::Equal),
        Value::String(text) => Some(text.as_str().cmp(literal)),
        Value::Bool(flag) => Some(flag.to_string().as_str().cmp(literal)),
        _ => None,
    };
    match (operator, order) {
        ("eq", Some(order)) => order.is_eq(),
        ("ne", order) => order.is_none_or(std::cmp::Ordering::is_ne),
        ("gt", Some(order)) => order.is_gt(),
        ("ge", Some(order)) => order.is_ge(),
        ("lt", Some(order)) => order.is_lt(),
        ("le", Some(order)) => order.is_le(),
        _ => false,
    }
}

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' | ')' | ',' => tokens.push(c.to_string()),
            '\'' => {
                let mut literal = String::from("'");
                loop {
                    match chars.next() {
                        Some('\'') if chars.peek() == Some(&'\'') => {
                            literal.push(chars.next().unwrap_or('\''));
                        }
                        Some('\'') => break,
                        Some(c) => literal.push(c),
                        None => return Err("Unterminated string literal.".to_owned()),
                    }
                }
                tokens.push(literal);
            }
            _ => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"(),'".contains(*c)) {
                    word.push(c);
                }
                tokens.push(word);
            }
        }
    }
    Ok(tokens)
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Filter, String> {
        let mut left = self.and()?;
        while self.take("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut left = self.term()?;
        while self.take("and") {
            left = Filter::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Filter, String> {
        if self.take("not") {
            return Ok(Filter::Not(Box::new(self.term()?)));
        }
        if self.take("(") {
            let inner = self.or()?;
            return if self.take(")") { Ok(inner) } else { Err("A bracket is not closed.".to_owned()) };
        }
        if self.take("startswith") {
            let made = (self.take("("), self.field()?, self.take(","), self.literal()?, self.take(")"));
            return match made {
                (true, field, true, beginning, true) => Ok(Filter::StartsWith(field, beginning)),
                _ => Err("Syntax error in startswith.".to_owned()),
            };
        }
        let field = self.field()?;
        let operator = self.next()?;
        if !["eq", "ne", "gt", "ge", "lt", "le"].contains(&operator.as_str()) {
            return Err(format!("'{operator}' is no operator."));
        }
        Ok(Filter::Compare(field, operator, self.literal()?))
    }

    fn field(&mut self) -> Result<String, String> {
        let name = self.next()?;
        if self.fields.contains(&name.as_str()) {
            Ok(name)
        } else {
            Err(format!("Could not find a property named '{name}'."))
        }
    }

    fn literal(&mut self) -> Result<String, String> {
        let token = self.next()?;
        match token.strip_prefix('\'') {
            Some(text) => Ok(text.to_owned()),
            None if token.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Ok(token),
            None if ["true", "false", "null"].contains(&token.as_str()) => Ok(token),
            None => Err(format!("'{token}' is no literal.")),
        }
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|token| token == wanted);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Result<String, String> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned().ok_or_else(|| "The filter ends too early.".to_owned())
    }
}
