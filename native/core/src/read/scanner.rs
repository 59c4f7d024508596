//! Finds the end of a JSON value in text that arrives in parts. It checks the syntax of RFC 8259, reads each byte once,
//! and keeps one bit per level of nesting.

/// Levels of arrays and objects inside one row: as many as `serde_json` decodes.
pub(crate) const MAX_DEPTH: u32 = 127;

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// The byte at this position cannot stand there.
    Syntax(usize),
    TooDeep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a value.
    Value,
    /// After `[`: before a value or `]`.
    FirstElement,
    /// After `{`: before a name or `}`.
    FirstName,
    /// After the comma of an object.
    Name,
    /// After a name.
    Colon,
    /// After a value inside an array or object.
    Next,
    Text(Text),
    Number(Number),
    /// Inside `true`, `false` or `null`: the letters that must follow.
    Word(&'static [u8]),
}

/// Where a text stands; what it is shows when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Plain {
        name: bool,
    },
    Escape {
        name: bool,
    },
    /// Inside `\u`: this many digits must follow.
    Hex {
        name: bool,
        left: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

/// Scans one value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner {
    state: State,
    depth: u32,
    limit: u32,
    /// One bit per open container, the innermost at the end: 1 for an object.
    open: u128,
}

impl Scanner {
    /// For a value that lies inside `outer` containers of the same row.
    pub(crate) fn new(outer: u32) -> Self {
        Scanner { state: State::Value, depth: 0, limit: MAX_DEPTH.saturating_sub(outer), open: 0 }
    }

    /// Goes on at `at`. Gives the position after the value, or `None` if all of `text` was read before its end.
    pub(crate) fn advance(&mut self, text: &[u8], mut at: usize) -> Result<Option<usize>, ScanError> {
        while let Some(&byte) = text.get(at) {
            if let State::Text(Text::Plain { name }) = self.state {
                at += plain(&text[at..]);
                match text.get(at) {
                    None => break,
                    Some(b'"') if name => self.state = State::Colon,
                    Some(b'"') => self.end_value(),
                    Some(b'\\') => self.state = State::Text(Text::Escape { name }),
                    Some(_) => return Err(ScanError::Syntax(at)),
                }
                at += 1;
            } else if self.step(byte).map_err(|broken| broken.unwrap_or(ScanError::Syntax(at)))? {
                at += 1;
            }
            if self.depth == 0 && self.state == State::Next {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Reads a byte outside of a text's plain characters; false if it belongs to what follows. An error without a name
    /// is one of syntax.
    fn step(&mut self, byte: u8) -> Result<bool, Option<ScanError>> {
        let is_space = matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
        match self.state {
            State::Text(text) => self.state = escape(text, byte).ok_or(None)?,
            State::Number(number) => match digit(number, byte) {
                Some(next) => self.state = State::Number(next),
                None if is_complete(number) => {
                    self.end_value();
                    return Ok(false);
                }
                None => return Err(None),
            },
            State::Word([letter, rest @ ..]) if *letter == byte => match rest {
                [] => self.end_value(),
                _ => self.state = State::Word(rest),
            },
            State::Word(_) => return Err(None),
            _ if is_space => {}
            State::FirstElement if byte == b']' => self.close(),
            State::Value | State::FirstElement => self.begin_value(byte)?,
            State::FirstName if byte == b'}' => self.close(),
            State::FirstName | State::Name if byte == b'"' => {
                self.state = State::Text(Text::Plain { name: true });
            }
            State::Colon if byte == b':' => self.state = State::Value,
            State::Next => match (byte, self.open & 1 == 1) {
                (b',', true) => self.state = State::Name,
                (b',', false) => self.state = State::Value,
                (b'}', true) | (b']', false) => self.close(),
                _ => return Err(None),
            },
            State::FirstName | State::Name | State::Colon => return Err(None),
        }
        Ok(true)
    }

    fn begin_value(&mut self, byte: u8) -> Result<(), Option<ScanError>> {
        self.state = match byte {
            b'{' => self.open(true).ok_or(ScanError::TooDeep)?,
            b'[' => self.open(false).ok_or(ScanError::TooDeep)?,
            b'"' => State::Text(Text::Plain { name: false }),
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Integer),
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            _ => return Err(None),
        };
        Ok(())
    }

    fn open(&mut self, object: bool) -> Option<State> {
        if self.depth == self.limit {
            return None;
        }
        self.depth += 1;
        self.open = self.open << 1 | u128::from(object);
        Some(if object { State::FirstName } else { State::FirstElement })
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.open >>= 1;
        self.end_value();
    }

    fn end_value(&mut self) {
        self.state = State::Next;
    }
}

/// Finds the end of a value that cannot be read, by its brackets and quotes only.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skipper {
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl Skipper {
    /// Goes on at `at`. Gives the position after the value, or `None` if its end has not come yet.
    pub(crate) fn advance(&mut self, text: &[u8], at: usize) -> Option<usize> {
        for (position, &byte) in text.iter().enumerate().skip(at) {
            if self.quoted {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.quoted = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.quoted = true,
                b'{' | b'[' => self.depth += 1,
                // The comma or bracket that follows a value outside of any brackets is not part of it.
                b',' | b'}' | b']' if self.depth == 0 => return Some(position),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(position + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

fn escape(text: Text, byte: u8) -> Option<State> {
    Some(State::Text(match (text, byte) {
        (Text::Escape { name }, b'u') => Text::Hex { name, left: 4 },
        (Text::Escape { name }, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
            Text::Plain { name }
        }
        (Text::Hex { name, left: 1 }, _) if byte.is_ascii_hexdigit() => Text::Plain { name },
        (Text::Hex { name, left }, _) if byte.is_ascii_hexdigit() => Text::Hex { name, left: left - 1 },
        _ => return None,
    }))
}

fn digit(number: Number, byte: u8) -> Option<Number> {
    Some(match (number, byte) {
        (Number::Minus, b'0') => Number::Zero,
        (Number::Minus, b'1'..=b'9') | (Number::Integer, b'0'..=b'9') => Number::Integer,
        (Number::Zero | Number::Integer, b'.') => Number::Point,
        (Number::Point | Number::Fraction, b'0'..=b'9') => Number::Fraction,
        (Number::Zero | Number::Integer | Number::Fraction, b'e' | b'E') => Number::Exponent,
        (Number::Exponent, b'+' | b'-') => Number::ExponentSign,
        (Number::Exponent | Number::ExponentSign | Number::ExponentDigits, b'0'..=b'9') => {
            Number::ExponentDigits
        }
        _ => return None,
    })
}

fn is_complete(number: Number) -> bool {
    matches!(number, Number::Zero | Number::Integer | Number::Fraction | Number::ExponentDigits)
}

/// How many bytes at the beginning are plain characters of a text: no quote, no backslash, no control character.
fn plain(text: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // Eight bytes at a time; the lowest high bit that a subtraction leaves is exact.
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut at = 0;
    while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*eight);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zero_in(word ^ (ONES * u64::from(b'"')));
        let backslash = zero_in(word ^ (ONES * u64::from(b'\\')));
        let found = (control | quote | backslash) & HIGH;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    at + text[at..].iter().position(special).unwrap_or(text.len() - at)
}
