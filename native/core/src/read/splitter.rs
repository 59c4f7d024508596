//! Splits a page into rows while it arrives. A page is an OData envelope (`{"@odata.context":…,"value":[…],"@odata.nextLink":…}`) or, for a
//! request of any path, any JSON document, which then is one row.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::catalog::Paging;
use crate::errors::{Error, Result, excerpt};
use crate::errors::{NOT_JSON, TOO_LARGE, TRUNCATED, UNEXPECTED_SHAPE};

/// Longest row, and longest document that is no list.
const WINDOW_LIMIT: usize = 64 << 20;

/// What a page may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A list; anything else is an error.
    List,
    /// One object, which is the row.
    Entity,
    /// A list if it looks like one, or else one row.
    Any,
}

/// What a page looks like: its shape, and which members of an envelope count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    pub(crate) shape: Shape,
    /// Member that holds the list.
    pub(crate) list: &'static str,
    /// Member that holds the link to the next page.
    pub(crate) link: Option<&'static str>,
}

impl Envelope {
    /// The envelope of a list with this paging rule.
    pub(crate) fn of(shape: Shape, list: &'static str, paging: Paging) -> Self {
        let link = match paging {
            Paging::NextLink { member, .. } => Some(member.name()),
            Paging::Skip { .. } | Paging::Single => None,
        };
        Envelope { shape, list, link }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte that counts.
    Start,
    /// Before a member of the envelope or its end.
    Member { first: bool },
    /// Before an element of the list or its end.
    Element { first: bool },
    /// After the document.
    Done,
}

/// Where a row stands in the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    from: usize,
    to: usize,
}

enum Progress {
    Row(Span),
    Continue,
    NeedMore,
}

/// Splits one page.
pub(crate) struct Splitter {
    envelope: Envelope,
    window: Vec<u8>,
    position: usize,
    state: State,
    /// The list is the document itself, not a member of an envelope.
    bare: bool,
    list_seen: bool,
    next_link: Option<String>,
}

impl Splitter {
    pub(crate) fn new(envelope: Envelope) -> Self {
        Splitter {
            envelope,
            window: Vec::new(),
            position: 0,
            state: State::Start,
            bare: false,
            list_seen: false,
            next_link: None,
        }
    }

    /// Adds bytes. What was read is dropped, unless the whole document may yet be the row.
    pub(crate) fn feed(&mut self, chunk: &[u8]) -> Result<()> {
        if self.list_seen || self.envelope.shape == Shape::List {
            self.window.drain(..self.position);
            self.position = 0;
        }
        if self.window.len() + chunk.len() > WINDOW_LIMIT {
            let message =
                format!("a row, or an answer that is no list, is longer than {} MB", WINDOW_LIMIT >> 20);
            return Err(TOO_LARGE.error(message));
        }
        self.window.extend_from_slice(chunk);
        Ok(())
    }

    /// The next row, or `None` when more bytes are needed or the page is over.
    pub(crate) fn next_row(&mut self) -> Result<Option<Span>> {
        loop {
            let progress = match self.state {
                State::Start => self.start()?,
                State::Member { first } => self.member(first)?,
                State::Element { first } => self.element(first)?,
                State::Done => self.done()?,
            };
            match progress {
                Progress::Row(span) => return Ok(Some(span)),
                Progress::NeedMore => return Ok(None),
                Progress::Continue => {}
            }
        }
    }

    /// The text of a row; good until the next [`Splitter::feed`].
    pub(crate) fn row(&self, span: Span) -> Result<&str> {
        std::str::from_utf8(&self.window[span.from..span.to])
            .map_err(|_| not_json("its text is not UTF-8", b""))
    }

    /// Whether it began as a page should: what breaks after that was damaged on its way.
    pub(crate) fn has_begun(&self) -> bool {
        self.state != State::Start
    }

    /// Ends the page: everything must have come.
    pub(crate) fn finish(self) -> Result<Option<String>> {
        if self.state == State::Done {
            return Ok(self.next_link);
        }
        Err(TRUNCATED.error(TRUNCATED.cause))
    }

    fn start(&mut self) -> Result<Progress> {
        if self.window.starts_with("\u{feff}".as_bytes()) && self.position == 0 {
            self.position = 3;
        }
        let Some(byte) = self.peek() else { return Ok(Progress::NeedMore) };
        match (byte, self.envelope.shape) {
            (b'{', Shape::Entity) => self.document(),
            (b'{', _) => {
                self.position += 1;
                self.state = State::Member { first: true };
                Ok(Progress::Continue)
            }
            (b'[', Shape::Any) => {
                self.position += 1;
                (self.bare, self.list_seen) = (true, true);
                self.state = State::Element { first: true };
                Ok(Progress::Continue)
            }
            (b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n', _) => Err(other_shape()),
            _ => Err(not_json("it does not begin like JSON", &self.window[self.position..])),
        }
    }

    /// The whole document as the row.
    fn document(&mut self) -> Result<Progress> {
        let Some((_, to)) = self.value::<IgnoredAny>(self.position)? else { return Ok(Progress::NeedMore) };
        let span = Span { from: self.position, to };
        self.position = to;
        self.state = State::Done;
        Ok(Progress::Row(span))
    }

    fn member(&mut self, first: bool) -> Result<Progress> {
        let Some(byte) = self.peek() else { return Ok(Progress::NeedMore) };
        if byte == b'}' {
            return self.end_of_envelope();
        }
        let mut at = self.position;
        if !first {
            self.expect(byte, b',')?;
            at += 1;
        }
        let Some((name, end)) = self.value::<String>(at)? else { return Ok(Progress::NeedMore) };
        let Some((colon, at)) = self.next_byte(end) else { return Ok(Progress::NeedMore) };
        self.expect(colon, b':')?;
        let Some((opening, at)) = self.next_byte(at + 1) else { return Ok(Progress::NeedMore) };
        if opening == b'[' && name.eq_ignore_ascii_case(self.envelope.list) && !self.list_seen {
            self.list_seen = true;
            self.position = at + 1;
            self.state = State::Element { first: true };
            return Ok(Progress::Continue);
        }
        let end = if self.envelope.link.is_some_and(|link| name.eq_ignore_ascii_case(link)) {
            let Some((link, end)) = self.value::<Option<String>>(at)? else { return Ok(Progress::NeedMore) };
            self.next_link = link.filter(|link| !link.is_empty());
            end
        } else {
            let Some((_, end)) = self.value::<IgnoredAny>(at)? else { return Ok(Progress::NeedMore) };
            end
        };
        self.position = end;
        self.state = State::Member { first: false };
        Ok(Progress::Continue)
    }

    fn end_of_envelope(&mut self) -> Result<Progress> {
        self.position += 1;
        self.state = State::Done;
        match (self.list_seen, self.envelope.shape) {
            (true, _) => Ok(Progress::Continue),
            (false, Shape::Any) => Ok(Progress::Row(Span { from: self.beginning(), to: self.position })),
            (false, _) => Err(other_shape()),
        }
    }

    fn element(&mut self, first: bool) -> Result<Progress> {
        let Some(byte) = self.peek() else { return Ok(Progress::NeedMore) };
        if byte == b']' {
            self.position += 1;
            self.state = if self.bare { State::Done } else { State::Member { first: false } };
            return Ok(Progress::Continue);
        }
        let mut at = self.position;
        if !first {
            self.expect(byte, b',')?;
            let Some((_, next)) = self.next_byte(at + 1) else { return Ok(Progress::NeedMore) };
            at = next;
        }
        let Some((_, to)) = self.value::<&RawValue>(at)? else { return Ok(Progress::NeedMore) };
        self.position = to;
        self.state = State::Element { first: false };
        Ok(Progress::Row(Span { from: at, to }))
    }

    fn done(&mut self) -> Result<Progress> {
        match self.peek() {
            None => Ok(Progress::NeedMore),
            Some(_) => Err(not_json("something stands after its end", &self.window[self.position..])),
        }
    }

    /// A complete value from `at` on, and where it ends.
    fn value<'a, T: Deserialize<'a>>(&'a self, at: usize) -> Result<Option<(T, usize)>> {
        let mut values = Deserializer::from_slice(&self.window[at..]).into_iter::<T>();
        match values.next() {
            None => Ok(None),
            Some(Err(e)) if e.is_eof() => Ok(None),
            // A number that is cut behind its sign, point or exponent is an error to the parser and not an end.
            Some(Err(_)) if matches!(self.window.last(), Some(b'-' | b'+' | b'.' | b'e' | b'E')) => Ok(None),
            Some(Err(e)) if e.is_data() => Err(other_shape()),
            Some(Err(_)) => Err(not_json("its syntax is broken", b"")),
            Some(Ok(value)) => {
                let end = at + values.byte_offset();
                // A number or word that touches the end of the window may go on behind it.
                let complete = end < self.window.len() || matches!(self.window[end - 1], b'}' | b']' | b'"');
                Ok(complete.then_some((value, end)))
            }
        }
    }

    /// The next byte that is no white space; moves up to it.
    fn peek(&mut self) -> Option<u8> {
        let (byte, at) = self.next_byte(self.position)?;
        self.position = at;
        Some(byte)
    }

    fn next_byte(&self, from: usize) -> Option<(u8, usize)> {
        let rest = self.window.get(from..)?;
        let skipped = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        Some((rest[skipped], from + skipped))
    }

    fn beginning(&self) -> usize {
        self.window.iter().position(|byte| *byte == b'{').unwrap_or(0)
    }

    fn expect(&self, found: u8, wanted: u8) -> Result<()> {
        if found == wanted {
            Ok(())
        } else {
            Err(not_json("its syntax is broken", &self.window[self.position..]))
        }
    }
}

fn not_json(why: &str, found: &[u8]) -> Error {
    let mut message = format!("the answer is not JSON: {why}");
    if !found.is_empty() {
        message =
            format!("{message}: {}", excerpt(&String::from_utf8_lossy(&found[..found.len().min(400)]), 100));
    }
    NOT_JSON.error(message)
}

fn other_shape() -> Error {
    UNEXPECTED_SHAPE.error(UNEXPECTED_SHAPE.cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Split = (Vec<String>, Option<String>);

    fn split(shape: Shape, body: &str, chunk: usize) -> Result<Split> {
        let mut splitter = Splitter::new(Envelope::of(shape, "value", Paging::ODATA));
        let mut rows = Vec::new();
        for chunk in body.as_bytes().chunks(chunk) {
            splitter.feed(chunk)?;
            while let Some(span) = splitter.next_row()? {
                rows.push(splitter.row(span)?.to_owned());
            }
        }
        Ok((rows, splitter.finish()?))
    }

    /// However the body is cut, the rows are the same.
    fn split_every_way(shape: Shape, body: &str) -> Result<Split> {
        let whole = split(shape, body, body.len().max(1));
        for chunk in 1..body.len() {
            let cut = split(shape, body, chunk);
            match (&whole, &cut) {
                (Ok(a), Ok(b)) => assert_eq!(a, b, "chunks of {chunk}"),
                (Err(a), Err(b)) => assert_eq!(a.id, b.id, "chunks of {chunk}"),
                _ => panic!("chunks of {chunk}: {whole:?} {cut:?}"),
            }
        }
        whole
    }

    #[test]
    fn an_envelope_is_split_wherever_it_is_cut() {
        let body = r#" {"@odata.context":"x\u0022[","@odata.count":12, "value" : [ {"a":[-1.5E+2,{"b":"]}\u00e9\\"}],"c":true,"d":7.5e-1} , 12,"s",null ], "@odata.nextLink":"https://h/\u0026x" } "#;
        let (rows, next) = split_every_way(Shape::List, body).unwrap();
        assert_eq!(
            rows,
            [r#"{"a":[-1.5E+2,{"b":"]}\u00e9\\"}],"c":true,"d":7.5e-1}"#, "12", r#""s""#, "null"]
        );
        assert_eq!(next.as_deref(), Some("https://h/&x"));
    }

    #[test]
    fn a_next_link_before_the_list_counts_too() {
        let (rows, next) = split_every_way(Shape::List, r#"{"@odata.nextLink":"n","Value":[]}"#).unwrap();
        assert!(rows.is_empty());
        assert_eq!(next.as_deref(), Some("n"));
    }

    #[test]
    fn a_document_that_is_no_list_is_one_row() {
        for shape in [Shape::Entity, Shape::Any] {
            let (rows, _) = split_every_way(shape, r#" {"id":"x","n":{"value":[1]}} "#).unwrap();
            assert_eq!(rows, [r#"{"id":"x","n":{"value":[1]}}"#]);
        }
        let (rows, _) = split_every_way(Shape::Any, "[1, 2]").unwrap();
        assert_eq!(rows, ["1", "2"]);
    }

    #[test]
    fn what_is_no_page_is_named() {
        for (body, id) in [
            ("<html>", "Fdx.Protocol.NotJson"),
            (r#"{"value":[{]}"#, "Fdx.Protocol.NotJson"),
            (r#"{"value":[1 2]}"#, "Fdx.Protocol.NotJson"),
            (r#"{"value":[1]} x"#, "Fdx.Protocol.NotJson"),
            (r#"{"values":[1]}"#, "Fdx.Protocol.UnexpectedShape"),
            (r#"{"value":{}}"#, "Fdx.Protocol.UnexpectedShape"),
            ("[]", "Fdx.Protocol.UnexpectedShape"),
            (r#"{"value":[1,"#, "Fdx.Protocol.Truncated"),
            (r#"{"value":[1]"#, "Fdx.Protocol.Truncated"),
            ("", "Fdx.Protocol.Truncated"),
        ] {
            assert_eq!(split_every_way(Shape::List, body).unwrap_err().id, id, "{body}");
        }
    }
}
