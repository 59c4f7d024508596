//! Splits a page into rows while it arrives. A page is an envelope
//! (`{"@odata.context":…,"value":[…],"@odata.nextLink":…}`) or, for a request of any path, any JSON document,
//! which then is one row. Every byte is read once, however the page is cut.

use std::borrow::Cow;

use super::scanner::{MAX_DEPTH, ScanError, Scanner, Skipper};
use crate::catalog::Paging;
use crate::errors::{Error, Result, excerpt};
use crate::errors::{NESTED_TOO_DEEPLY, NOT_JSON, TOO_LARGE, TRUNCATED, UNEXPECTED_SHAPE};

/// Longest row, and longest document that is no list.
const WINDOW_LIMIT: usize = 64 << 20;
/// A window of more bytes grows in large steps.
const LARGE: usize = 1 << 20;

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

/// What a page looks like: its shape, and which members of an envelope count. Names are matched without regard to case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    pub(crate) shape: Shape,
    /// Member that holds the list.
    pub(crate) list: &'static str,
    /// Member that holds the link to the next page, or the token for it.
    pub(crate) link: Option<&'static str>,
    /// Member that says whether the list is cut off.
    pub(crate) truncated: Option<&'static str>,
}

/// What an envelope says about the rest of its list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Continuation {
    /// Link to the next page, or the token for it.
    pub(crate) link: Option<String>,
    /// The list is cut off.
    pub(crate) truncated: bool,
    /// The page has no list: all of it was the row.
    pub(crate) is_document: bool,
}

impl Envelope {
    /// The envelope of a list with this paging rule.
    pub(crate) fn of(shape: Shape, list: &'static str, paging: Paging) -> Self {
        let (link, truncated) = match paging {
            Paging::NextLink { member, .. } => (Some(member.name()), None),
            Paging::SkipToken => (Some("$skipToken"), Some("resultTruncated")),
            Paging::Skip { .. } | Paging::Single => (None, None),
        };
        Envelope { shape, list, link, truncated }
    }
}

/// What a member of the envelope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    List,
    Link,
    Truncated,
    Schema,
    Error,
    Other,
}

/// What came last in a list of members or elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListPosition {
    /// After the opening bracket.
    First,
    /// After a value.
    Value,
    /// After a comma.
    Comma,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte: a byte order mark may come.
    Begin,
    /// Before the first byte that counts.
    Start,
    /// Among the members of the envelope.
    Member(ListPosition),
    /// Inside a member's name.
    Name,
    /// After a member's name.
    Colon(Member),
    /// Before a member's value.
    MemberValue(Member),
    /// Inside a member's value.
    InMember(Member),
    /// Among the elements of the list.
    Element(ListPosition),
    /// Inside a row.
    Row,
    /// After the document.
    Done,
}

/// What damage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDamage {
    /// It ends the page.
    Stop,
    /// A row that is not JSON is skipped, and U+FFFD replaces what is not UTF-8.
    PassOver,
}

/// Where a row stands in the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    from: usize,
    to: usize,
    pub(crate) state: RowState,
}

/// What is known of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowState {
    /// JSON that nothing has read yet.
    Unread,
    /// The attempt read it, so that its text need not be read again.
    Read,
    /// Not JSON.
    Broken,
    /// JSON, but nested deeper than a row is read.
    TooDeep,
}

enum Progress {
    Row(Row),
    Continue,
    NeedMore,
}

/// The member that describes the columns of a list.
#[derive(Default)]
struct Description {
    member: Option<&'static str>,
    /// Its text, until it is taken.
    text: Option<String>,
    /// The list or its description was named, with whatever value.
    is_named: bool,
}

/// Splits one page.
pub(crate) struct Splitter {
    envelope: Envelope,
    limit: usize,
    window: String,
    /// Bytes of a character that was cut.
    cut: Vec<u8>,
    /// The bytes after the window are not UTF-8.
    is_damaged: bool,
    /// Everything before it was read.
    position: usize,
    /// Where the value that is being read begins.
    value: Option<usize>,
    /// Where the document begins, while it may yet be the row.
    document: Option<usize>,
    scanner: Scanner,
    /// Set while a row that cannot be read is skipped, with the reason.
    skipper: Option<(Skipper, RowState)>,
    damage: OnDamage,
    state: State,
    /// The list is the document itself, not a member of an envelope.
    bare: bool,
    list_seen: bool,
    description: Description,
    continuation: Continuation,
    /// The error that the service answered instead of a list.
    error: Option<String>,
    /// Bytes read or moved: tests hold that it grows with the page and not faster.
    #[cfg(test)]
    pub(crate) work: usize,
}

impl Splitter {
    pub(crate) fn new(envelope: Envelope) -> Self {
        Splitter {
            envelope,
            limit: WINDOW_LIMIT,
            window: String::new(),
            cut: Vec::new(),
            is_damaged: false,
            position: 0,
            value: None,
            document: None,
            scanner: Scanner::new(0),
            skipper: None,
            damage: OnDamage::Stop,
            state: State::Begin,
            bare: false,
            list_seen: false,
            description: Description::default(),
            continuation: Continuation::default(),
            error: None,
            #[cfg(test)]
            work: 0,
        }
    }

    /// With another answer to damage.
    pub(crate) fn on_damage(mut self, damage: OnDamage) -> Self {
        self.damage = damage;
        self
    }

    /// With a member that describes the columns of the list.
    pub(crate) fn with_schema(mut self, member: &'static str) -> Self {
        self.description.member = Some(member);
        self
    }

    /// The description of the columns, once: the rows after it must not be read without it.
    pub(crate) fn take_schema(&mut self) -> Option<String> {
        self.description.text.take()
    }

    /// With another limit of the window.
    #[cfg(test)]
    pub(crate) fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Bytes that the window has room for.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.window.capacity()
    }

    /// Adds bytes. What was read is dropped, unless it is part of what may yet be a row.
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        let unread = self.kept().unwrap_or(self.position);
        if unread > 0 {
            self.window.drain(..unread);
            self.position -= unread;
            self.value = self.value.map(|at| at - unread);
            self.document = self.document.map(|at| at - unread);
            #[cfg(test)]
            {
                self.work += self.window.len();
            }
        }
        self.make_room(chunk.len());
        if self.cut.is_empty() {
            self.decode(chunk);
        } else {
            let mut joined = std::mem::take(&mut self.cut);
            joined.extend_from_slice(chunk);
            self.decode(&joined);
        }
    }

    /// Makes room for a long value in few steps, because each of them copies the value, and not beyond its limit.
    fn make_room(&mut self, more: usize) {
        let needed = self.window.len() + more;
        if needed > self.window.capacity().max(LARGE) {
            let room = (4 * needed).min(self.limit + more).max(needed);
            self.window.reserve_exact(room - self.window.len());
        }
    }

    /// Adds the text of these bytes. A character may be cut by their end: its bytes wait for the rest.
    fn decode(&mut self, mut bytes: &[u8]) {
        while !self.is_damaged {
            let (valid, invalid) = match std::str::from_utf8(bytes) {
                Ok(text) => return self.window.push_str(text),
                Err(e) => (e.valid_up_to(), e.error_len()),
            };
            let (text, rest) = bytes.split_at(valid);
            self.window.push_str(std::str::from_utf8(text).unwrap_or_default());
            match invalid {
                None => return self.cut.extend_from_slice(rest),
                Some(length) if self.damage == OnDamage::PassOver => {
                    self.window.push(char::REPLACEMENT_CHARACTER);
                    bytes = &rest[length..];
                }
                Some(_) => self.is_damaged = true,
            }
        }
    }

    /// The next row, or `None` when more bytes are needed or the page is over.
    ///
    /// `attempt` gets the text from the beginning of an object on, which may be cut anywhere. It gives the length of
    /// the object if it could read all of it. Otherwise the row's end is found without it, and the caller reads the row
    /// then.
    pub(crate) fn next_row(&mut self, attempt: impl FnOnce(&str) -> Option<usize>) -> Result<Option<Row>> {
        let mut attempt = Some(attempt);
        loop {
            let progress = match self.state {
                State::Begin => self.begin(),
                State::Start => self.start(&mut attempt)?,
                State::Member(position) => self.member(position)?,
                State::Name => self.name()?,
                State::Colon(member) => self.colon(member)?,
                State::MemberValue(member) => self.member_value(member)?,
                State::InMember(member) => self.in_member(member)?,
                State::Element(position) => self.element(position, &mut attempt)?,
                State::Row => self.row()?,
                State::Done => self.done()?,
            };
            match progress {
                Progress::Row(row) => return Ok(Some(row)),
                Progress::Continue => {}
                Progress::NeedMore if self.horizon() < self.window.len() => return Err(self.too_large()),
                Progress::NeedMore if self.is_damaged => return Err(not_json("its text is not UTF-8", "")),
                Progress::NeedMore => return Ok(None),
            }
        }
    }

    /// The text of a row; good until the next [`Splitter::feed`].
    pub(crate) fn text(&self, row: Row) -> &str {
        &self.window[row.from..row.to]
    }

    /// Whether it began as a page should: what breaks after that was damaged on its way.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.state, State::Begin | State::Start)
    }

    /// Ends the page: everything must have come. Gives what leads to the next page.
    pub(crate) fn finish(self) -> Result<Continuation> {
        if matches!(self.skipper, Some((_, RowState::Broken))) {
            return Err(scan_error(ScanError::Syntax(self.position)));
        }
        if self.state != State::Done {
            return Err(TRUNCATED.error(TRUNCATED.cause));
        }
        if self.cut.is_empty() {
            Ok(self.continuation)
        } else {
            Err(not_json("something stands after its end", ""))
        }
    }

    fn begin(&mut self) -> Progress {
        let Some(first) = self.window.chars().next() else { return Progress::NeedMore };
        if first == '\u{feff}' {
            self.position = first.len_utf8();
        }
        self.state = State::Start;
        Progress::Continue
    }

    fn start<A: FnOnce(&str) -> Option<usize>>(&mut self, attempt: &mut Option<A>) -> Result<Progress> {
        let Some(byte) = self.peek() else { return Ok(Progress::NeedMore) };
        match (byte, self.envelope.shape) {
            (b'{', Shape::Entity) => Ok(self.begin_row(byte, attempt)),
            (b'{', shape) => {
                self.document = (shape == Shape::Any).then_some(self.position);
                Ok(self.go_on(State::Member(ListPosition::First)))
            }
            (b'[', Shape::Any) => {
                (self.bare, self.list_seen) = (true, true);
                Ok(self.go_on(State::Element(ListPosition::First)))
            }
            (b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n', _) => Err(other_shape()),
            _ => Err(not_json("it does not begin like JSON", self.rest())),
        }
    }

    fn member(&mut self, position: ListPosition) -> Result<Progress> {
        let Some(byte) = self.peek() else { return Ok(Progress::NeedMore) };
        match (byte, position) {
            (b'}', ListPosition::First | ListPosition::Value) => self.end_of_envelope(),
            (b',', ListPosition::Value) => Ok(self.go_on(State::Member(ListPosition::Comma))),
            (b'"', ListPosition::First | ListPosition::Comma) => {
                self.begin_value(0);
                self.state = State::Name;
                Ok(Progress::Continue)
            }
            _ => Err(not_json("its syntax is broken", self.rest())),
        }
    }

    fn name(&mut self) -> Result<Progress> {
        let Some((from, to)) = self.scan()? else { return Ok(Progress::NeedMore) };
        let name: Cow<'_, str> = serde_json::from_str(&self.window[from..to])
            .map_err(|_| not_json("a member's name cannot be read", ""))?;
        let member = if name.eq_ignore_ascii_case(self.envelope.list) {
            Member::List
        } else if self.envelope.link.is_some_and(|link| name.eq_ignore_ascii_case(link)) {
            Member::Link
        } else if self.envelope.truncated.is_some_and(|member| name.eq_ignore_ascii_case(member)) {
            Member::Truncated
        } else if self.description.member.is_some_and(|member| name.eq_ignore_ascii_case(member)) {
            Member::Schema
        } else if self.envelope.shape == Shape::List && name == "error" {
            Member::Error
        } else {
            Member::Other
        };
        self.state = State::Colon(member);
        Ok(Progress::Continue)
    }

    fn colon(&mut self, member: Member) -> Result<Progress> {
        match self.peek() {
            None => Ok(Progress::NeedMore),
            Some(b':') => Ok(self.go_on(State::MemberValue(member))),
            Some(_) => Err(not_json("its syntax is broken", self.rest())),
        }
    }

    fn member_value(&mut self, member: Member) -> Result<Progress> {
        match (self.peek(), member) {
            (None, _) => Ok(Progress::NeedMore),
            (Some(b'['), Member::List) if self.list_seen => {
                Err(UNEXPECTED_SHAPE.error("the answer has more than one list"))
            }
            (Some(b'['), Member::List) => {
                (self.list_seen, self.document) = (true, None);
                Ok(self.go_on(State::Element(ListPosition::First)))
            }
            _ => {
                // In a document that may be the row, the value is nested in it.
                self.begin_value(u32::from(self.document.is_some()));
                self.state = State::InMember(member);
                Ok(Progress::Continue)
            }
        }
    }

    fn in_member(&mut self, member: Member) -> Result<Progress> {
        if member == Member::Other || member == Member::List {
            // Nobody wants its text.
            self.value = None;
        }
        let Some((from, to)) = self.scan()? else { return Ok(Progress::NeedMore) };
        if member == Member::Link {
            let link: Option<String> =
                serde_json::from_str(&self.window[from..to]).map_err(|_| other_shape())?;
            self.continuation.link = link.filter(|link| !link.is_empty());
        }
        // A list that is null is an empty one where the columns are described.
        self.description.is_named |=
            self.description.member.is_some() && matches!(member, Member::List | Member::Schema);
        if member == Member::Schema {
            self.description.text = Some(self.window[from..to].to_owned());
        }
        if member == Member::Error {
            self.error = Some(excerpt(&self.window[from..to], 300));
        }
        if member == Member::Truncated {
            // Azure Resource Graph writes it as a text.
            self.continuation.truncated =
                self.window[from..to].trim_matches('"').eq_ignore_ascii_case("true");
        }
        self.state = State::Member(ListPosition::Value);
        Ok(Progress::Continue)
    }

    fn end_of_envelope(&mut self) -> Result<Progress> {
        self.position += 1;
        self.state = State::Done;
        match (self.list_seen, self.document.take()) {
            (true, _) => Ok(Progress::Continue),
            (false, None) if self.description.is_named && self.error.is_none() => Ok(Progress::Continue),
            (false, Some(from)) => {
                self.continuation.is_document = true;
                Ok(Progress::Row(Row { from, to: self.position, state: RowState::Unread }))
            }
            (false, None) => Err(match &self.error {
                Some(error) => {
                    UNEXPECTED_SHAPE.error(format!("the answer has no list but an error: {error}"))
                }
                None => other_shape(),
            }),
        }
    }

    fn element<A: FnOnce(&str) -> Option<usize>>(
        &mut self,
        position: ListPosition,
        attempt: &mut Option<A>,
    ) -> Result<Progress> {
        let Some(byte) = self.peek() else { return Ok(Progress::NeedMore) };
        match (byte, position) {
            (b']', ListPosition::First | ListPosition::Value) => {
                Ok(self.go_on(if self.bare { State::Done } else { State::Member(ListPosition::Value) }))
            }
            (b',', ListPosition::Value) => Ok(self.go_on(State::Element(ListPosition::Comma))),
            (_, ListPosition::Value) => Err(not_json("its syntax is broken", self.rest())),
            _ => Ok(self.begin_row(byte, attempt)),
        }
    }

    fn begin_row<A: FnOnce(&str) -> Option<usize>>(&mut self, byte: u8, attempt: &mut Option<A>) -> Progress {
        let from = self.position;
        self.begin_value(0);
        self.state = State::Row;
        if byte == b'{'
            && self.description.text.is_none()
            && let Some(attempt) = attempt.take()
            && let Some(text) = self.window.get(from..self.horizon())
            && let Some(length) = attempt(text)
        {
            self.value = None;
            return self.end_row(from, from + length, RowState::Read);
        }
        Progress::Continue
    }

    fn row(&mut self) -> Result<Progress> {
        if self.skipper.is_none() {
            let state = match self.advance() {
                Ok(None) => return Ok(Progress::NeedMore),
                Ok(Some((from, to))) => return Ok(self.end_row(from, to, RowState::Unread)),
                Err(ScanError::TooDeep) => RowState::TooDeep,
                Err(ScanError::Syntax(_)) if self.damage == OnDamage::PassOver => RowState::Broken,
                Err(error) => return Err(scan_error(error)),
            };
            self.skipper = Some((Skipper::default(), state));
            self.position = self.value.unwrap_or(self.position);
        }
        Ok(self.skip())
    }

    /// Reads on to the end of a row that cannot be read.
    fn skip(&mut self) -> Progress {
        let horizon = self.horizon();
        let Some((skipper, state)) = &mut self.skipper else { return Progress::Continue };
        let before = self.position;
        let end = skipper.advance(&self.window.as_bytes()[..horizon], before);
        let state = *state;
        self.position = end.unwrap_or(horizon);
        #[cfg(test)]
        {
            self.work += self.position - before;
        }
        let Some(to) = end else { return Progress::NeedMore };
        self.skipper = None;
        let from = self.value.take().unwrap_or(to);
        self.end_row(from, to, state)
    }

    fn end_row(&mut self, from: usize, to: usize, state: RowState) -> Progress {
        self.position = to;
        self.state = if self.envelope.shape == Shape::Entity {
            State::Done
        } else {
            State::Element(ListPosition::Value)
        };
        Progress::Row(Row { from, to, state })
    }

    fn done(&mut self) -> Result<Progress> {
        match self.peek() {
            None => Ok(Progress::NeedMore),
            Some(_) => Err(not_json("something stands after its end", self.rest())),
        }
    }

    fn go_on(&mut self, state: State) -> Progress {
        self.position += 1;
        self.state = state;
        Progress::Continue
    }

    fn begin_value(&mut self, outer: u32) {
        self.value = Some(self.position);
        self.scanner = Scanner::new(outer);
    }

    /// Reads on in a value. Gives where it begins and ends once all of it was read; it is not kept from then on.
    fn scan(&mut self) -> Result<Option<(usize, usize)>> {
        self.advance().map_err(scan_error)
    }

    fn advance(&mut self) -> Result<Option<(usize, usize)>, ScanError> {
        let text = &self.window.as_bytes()[..self.horizon()];
        let before = self.position;
        let end = self.scanner.advance(text, before)?;
        self.position = end.unwrap_or(text.len());
        #[cfg(test)]
        {
            self.work += self.position - before;
        }
        Ok(end.map(|to| (self.value.take().unwrap_or(to), to)))
    }

    /// The next byte that is no white space; moves up to it.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.window.as_bytes()[..self.horizon()][self.position..];
        let skipped = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r'));
        let found = skipped.map(|at| rest[at]);
        let skipped = skipped.unwrap_or(rest.len());
        self.position += skipped;
        #[cfg(test)]
        {
            self.work += skipped;
        }
        found
    }

    fn rest(&self) -> &str {
        &self.window[self.position..]
    }

    /// The first byte that has to be kept.
    fn kept(&self) -> Option<usize> {
        self.document.or(self.value)
    }

    /// Where reading stops: what is kept has a limit, however the page is cut.
    fn horizon(&self) -> usize {
        match self.kept() {
            Some(from) => self.window.len().min(from.saturating_add(self.limit)),
            None => self.window.len(),
        }
    }

    fn too_large(&self) -> Error {
        TOO_LARGE
            .error(format!("a row, or an answer that is no list, is longer than {} MB", self.limit >> 20))
    }
}

fn scan_error(error: ScanError) -> Error {
    match error {
        ScanError::Syntax(_) => not_json("its syntax is broken", ""),
        ScanError::TooDeep => {
            NESTED_TOO_DEEPLY.error(format!("the answer is nested more than {MAX_DEPTH} levels deep"))
        }
    }
}

fn not_json(why: &str, found: &str) -> Error {
    let mut message = format!("the answer is not JSON: {why}");
    if !found.is_empty() {
        let found: String = found.chars().take(400).collect();
        message = format!("{message}: {}", excerpt(&found, 100));
    }
    NOT_JSON.error(message)
}

fn other_shape() -> Error {
    UNEXPECTED_SHAPE.error(UNEXPECTED_SHAPE.cause)
}
