//! The tokens of the Kusto query language, as its own lexer has them: what it does not know is an error.
//! <https://github.com/microsoft/Kusto-Query-Language/blob/master/src/Kusto.Language/Parser/TokenParser.cs>

/// A token, and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Name(String),
    Text(String),
    Whole(i64),
    Real(f64),
    /// A type and the raw text in its brackets, such as `datetime(2026-01-01)`.
    Typed(&'static str, String),
    Symbol(&'static str),
}

/// Types whose brackets hold raw text up to the first `)`.
const RAW: [&str; 9] = ["bool", "datetime", "decimal", "guid", "int", "long", "real", "time", "timespan"];
const SYMBOLS: [&str; 17] =
    ["==", "!=", "=~", "<=", ">=", "=", "<", ">", "|", ",", ";", "(", ")", "[", "]", "-", "*"];

/// The tokens of a query, or what is wrong and where.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, (String, usize)> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < query.len() {
        let rest = &query[at..];
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find(['\r', '\n', '\u{2028}', '\u{2029}']).unwrap_or(rest.len());
            continue;
        }
        let (kind, length) = token(rest, first).map_err(|why| (why, at))?;
        out.push(Token { kind, at });
        at += length;
    }
    Ok(out)
}

fn token(rest: &str, first: char) -> Result<(Kind, usize), String> {
    if matches!(first, '\'' | '"') {
        let (text, length) = text(rest, first)?;
        return Ok((Kind::Text(text), length));
    }
    if let Some(verbatim) = rest.strip_prefix('@') {
        let quote = verbatim.chars().next().filter(|c| matches!(c, '\'' | '"')).ok_or("Unexpected: @")?;
        let end = verbatim[1..].find(quote).ok_or("Unterminated string literal")?;
        return Ok((Kind::Text(verbatim[1..=end].to_owned()), end + 3));
    }
    if first.is_ascii_digit() {
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = &rest[..length];
        let kind = number.parse().map(Kind::Whole).or_else(|_| number.parse().map(Kind::Real));
        return Ok((kind.map_err(|_| format!("Unexpected: {number}"))?, length));
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let typed = RAW.iter().copied().find(|known| *known == word);
        if let (Some(name), Some(inside)) = (typed, after.strip_prefix('(')) {
            let end = inside.find(')').ok_or("Missing expression: )")?;
            return Ok((Kind::Typed(name, inside[..end].trim().to_owned()), length + end + 2));
        }
        return Ok((Kind::Name(word.to_owned()), length));
    }
    let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
    symbol.map(|symbol| (Kind::Symbol(symbol), symbol.len())).ok_or_else(|| format!("Unexpected: {first}"))
}

/// A text in quotes: its value, and its length with the quotes.
fn text(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut units: Vec<u16> = Vec::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, c)) = letters.next() {
        match c {
            '\r' | '\n' => break,
            '\\' => {
                let Some((_, escaped)) = letters.next() else { break };
                units.push(match escaped {
                    '\\' | '\'' | '"' => escaped as u16,
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'v' => 11,
                    'u' => {
                        let digits: String = letters.by_ref().take(4).map(|(_, digit)| digit).collect();
                        u16::from_str_radix(&digits, 16).map_err(|_| "Unterminated string literal")?
                    }
                    // An unknown escape ends the literal.
                    _ => return Err("Unterminated string literal".to_owned()),
                });
            }
            c if c == quote => {
                let text = String::from_utf16(&units).map_err(|_| "Unterminated string literal")?;
                return Ok((text, at + 1));
            }
            c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
        }
    }
    Err("Unterminated string literal".to_owned())
}
