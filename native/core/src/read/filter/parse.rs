//! Reads the text of a filter. From weak to strong: `or`, `and`, `not`, comparison.

use serde_json::Value;

use super::expression::{Comparison, Expression, Operand, Quantifier, TextTest};
use crate::errors::excerpt;
use crate::read::decode::time::{ParsedTime, parse_time};
use crate::settings::is_guid;

/// Brackets inside brackets, at most.
const MAX_DEPTH: usize = 64;

/// The expression, and the names of the members that it needs, in lower case.
pub(super) fn parse(text: &str, fields: &[&str]) -> Result<(Expression, Vec<String>), String> {
    let mut parser =
        Parser { tokens: tokens(text)?, next: 0, known: fields, fields: Vec::new(), item: None, depth: 0 };
    let expression = parser.or()?;
    match parser.take() {
        None => Ok((expression, parser.fields)),
        Some(token) => Err(format!("has {token} where it should end")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A name, a keyword, or a literal without quotes.
    Word(String),
    Text(String),
    Symbol(char),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Word(word) => write!(f, "'{}'", excerpt(word, 40)),
            Token::Text(text) => write!(f, "the text '{}'", excerpt(text, 40)),
            Token::Symbol(symbol) => write!(f, "'{symbol}'"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if first.is_whitespace() => first.len_utf8(),
            // A lambda's colon stands after a name; one inside a time has a digit before it.
            '(' | ')' | ',' | ':' => {
                tokens.push(Token::Symbol(first));
                1
            }
            '\'' => {
                let (value, length) = quoted(rest)?;
                tokens.push(Token::Text(value));
                length
            }
            _ => {
                let is_literal = first.is_ascii_digit() || matches!(first, '-' | '+');
                let ends = |c: char| {
                    c.is_whitespace() || matches!(c, '(' | ')' | ',' | '\'') || (c == ':' && !is_literal)
                };
                let length = rest.find(ends).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
        };
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// The text in quotes at the start, in which a quote is written twice, and how many bytes it takes.
fn quoted(text: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != '\'' {
            value.push(character);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            value.push('\'');
        } else {
            return Ok((value, at + 1));
        }
    }
    Err("has a quote that is not closed".to_owned())
}

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    known: &'a [&'a str],
    fields: Vec<String>,
    /// Name of the item inside `any` and `all`.
    item: Option<String>,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    /// Takes a keyword, if it is the next word.
    fn keyword(&mut self, keyword: &str) -> bool {
        let is_next = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(is_next);
        is_next
    }

    fn symbol(&mut self, symbol: char) -> Result<(), String> {
        match self.take() {
            Some(Token::Symbol(found)) if found == symbol => Ok(()),
            Some(token) => Err(format!("has {token} instead of '{symbol}'")),
            None => Err(format!("ends where '{symbol}' should be")),
        }
    }

    fn or(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("has more than {MAX_DEPTH} brackets inside each other"));
        }
        let mut left = self.and()?;
        while self.keyword("or") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut left = self.not()?;
        while self.keyword("and") {
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expression, String> {
        let mut negated = false;
        while self.keyword("not") {
            negated = !negated;
        }
        let inner = self.comparison()?;
        Ok(if negated { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        if self.peek() == Some(&Token::Symbol('(')) {
            self.next += 1;
            let inner = self.or()?;
            self.symbol(')')?;
            return Ok(inner);
        }
        if let Some(test) = self.text_test()? {
            return Ok(test);
        }
        let left = match self.list_test()? {
            Ok(test) => return Ok(test),
            Err(left) => left,
        };
        if self.keyword("in") {
            self.symbol('(')?;
            let mut list = vec![self.operand()?];
            while self.peek() == Some(&Token::Symbol(',')) {
                self.next += 1;
                list.push(self.operand()?);
            }
            self.symbol(')')?;
            return Ok(Expression::In(left, list));
        }
        let operator = match self.peek() {
            Some(Token::Word(word)) => comparison(word),
            _ => None,
        };
        let Some(operator) = operator else { return Ok(Expression::True(left)) };
        self.next += 1;
        let right = self.operand()?;
        Ok(Expression::Compare(operator, left, right))
    }

    /// `startswith(name,'pc')` and its relatives.
    fn text_test(&mut self) -> Result<Option<Expression>, String> {
        let Some(Token::Word(name)) = self.peek() else { return Ok(None) };
        let test = match name.to_ascii_lowercase().as_str() {
            "startswith" => TextTest::StartsWith,
            "endswith" => TextTest::EndsWith,
            "contains" => TextTest::Contains,
            _ => return Ok(None),
        };
        self.next += 1;
        self.symbol('(')?;
        let whole = self.operand()?;
        self.symbol(',')?;
        let part = self.operand()?;
        self.symbol(')')?;
        Ok(Some(Expression::Text(test, whole, part)))
    }

    /// `tags/any(tag: tag eq 'x')`; or else the operand that stands here.
    fn list_test(&mut self) -> Result<Result<Expression, Operand>, String> {
        let split = match self.peek() {
            Some(Token::Word(word)) => word.rsplit_once('/'),
            _ => None,
        };
        let quantifier = split.and_then(|(_, name)| match name.to_ascii_lowercase().as_str() {
            "any" => Some(Quantifier::Any),
            "all" => Some(Quantifier::All),
            _ => None,
        });
        let (Some((list, _)), Some(quantifier)) = (split, quantifier) else {
            return self.operand().map(Err);
        };
        let list = list.to_owned();
        let list = self.field(&list)?;
        self.next += 1;
        self.symbol('(')?;
        let Some(Token::Word(item)) = self.take() else {
            return Err("needs a name and a colon after 'any('".to_owned());
        };
        self.symbol(':')?;
        let outer = self.item.replace(item);
        let test = self.or()?;
        self.item = outer;
        self.symbol(')')?;
        Ok(Ok(Expression::Items(quantifier, list, Box::new(test))))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        match self.take() {
            Some(Token::Text(text)) => Ok(Operand::Value(Value::from(text))),
            // Text is compared without regard to case anyway.
            Some(Token::Word(word))
                if ["tolower", "toupper"].iter().any(|f| word.eq_ignore_ascii_case(f)) =>
            {
                self.symbol('(')?;
                let inner = self.operand()?;
                self.symbol(')')?;
                Ok(inner)
            }
            Some(Token::Word(word)) => self.word(&word),
            Some(token) => Err(format!("has {token} where a field or a value should be")),
            None => Err("ends where a field or a value should be".to_owned()),
        }
    }

    fn word(&mut self, word: &str) -> Result<Operand, String> {
        if self.item.as_deref() == Some(word) {
            return Ok(Operand::Item);
        }
        if let Some(value) = literal(word) {
            return Ok(value);
        }
        self.field(word)
    }

    fn field(&mut self, name: &str) -> Result<Operand, String> {
        if !self.known.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(format!("names '{}', which is not a field that can be filtered", excerpt(name, 40)));
        }
        let name = name.to_ascii_lowercase();
        let index = self.fields.iter().position(|field| *field == name).unwrap_or_else(|| {
            self.fields.push(name);
            self.fields.len() - 1
        });
        Ok(Operand::Field(index))
    }
}

fn comparison(word: &str) -> Option<Comparison> {
    Some(match word.to_ascii_lowercase().as_str() {
        "eq" => Comparison::Equal,
        "ne" => Comparison::NotEqual,
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        _ => return None,
    })
}

/// A literal without quotes: null, truth value, number, GUID or time.
fn literal(word: &str) -> Option<Operand> {
    match word {
        "null" => return Some(Operand::Value(Value::Null)),
        "true" => return Some(Operand::Value(Value::Bool(true))),
        "false" => return Some(Operand::Value(Value::Bool(false))),
        _ if is_guid(word) => return Some(Operand::Value(Value::from(word))),
        _ => {}
    }
    if let Ok(number) = word.parse::<f64>()
        && word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'))
    {
        return serde_json::Number::from_f64(number).map(|number| Operand::Value(Value::Number(number)));
    }
    // Defender takes a date without a time, as in 2024-05-01Z.
    let date = word.strip_suffix('Z').unwrap_or(word);
    let whole = if date.len() == 10 { format!("{date}T00:00:00Z") } else { word.to_owned() };
    match parse_time(&whole) {
        ParsedTime::Ticks(ticks) => Some(Operand::Time(ticks)),
        ParsedTime::Never | ParsedTime::Unreadable => None,
    }
}
