//! Every fault × each kind of request × first and later page × once and always. Whatever happens, each row comes at
//! most once, no row is skipped, and the query ends with all rows or with an error that says why.

use std::fmt::Write as _;

use serde_json::json;

use super::{End, Fixture, bearer, form};
use crate::http::{Request, TransportErrorKind};
use crate::testing::{Answer, Part, TENANT, ok, status};

/// How the list is requested. The pages are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// Rows of the catalog.
    Rows,
    /// A request of any path.
    Get,
    /// A request that is repeated only when that is safe.
    Post,
}

impl Door {
    fn document(self) -> &'static str {
        match self {
            Door::Rows => r#"{"kind":"rows","resource":"machines"}"#,
            Door::Get => r#"{"kind":"request","path":"/api/machines"}"#,
            Door::Post => {
                r#"{"kind":"request","path":"/api/machines","method":"POST","body":"{\"query\":\"fake\"}"}"#
            }
        }
    }
}

/// Where and how often the fault occurs.
#[derive(Clone, Copy, Debug)]
struct Cell {
    door: Door,
    /// 1 or 2.
    page: usize,
    lasting: bool,
}

/// The expected outcome. A pause is the shortest possible sum, in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expect {
    /// Every row, after one more request and this pause.
    Heals { pause: u64 },
    /// Every row, after one more request without a pause but with a new token.
    Renews,
    /// The rows before the fault, then this error after this many requests for the page.
    Fails { id: &'static str, requests: usize, pause: u64 },
    /// The rows before the fault, then this error. This table does not say after how many requests.
    FailsSometime(&'static str),
    /// The page counts as an empty one.
    Empty,
    /// This table makes no claim.
    Open,
}

struct Fault {
    name: &'static str,
    answer: fn() -> Answer,
    /// Rows of the page that arrive before the fault.
    partial: usize,
    /// Whether a token is in the cache before the query begins.
    warm: bool,
    expect: fn(Cell) -> Expect,
}

const ROWS: usize = 3;
/// Requests for a page: the settings of the tests allow two retries.
const ATTEMPTS: usize = 3;
/// The first pause is one second.
const PAUSES: u64 = 1 + 2;

fn row(id: usize) -> String {
    format!(r#"{{"id":"{id}","computerDnsName":"machine-{id}.example"}}"#)
}

fn rows(ids: std::ops::RangeInclusive<usize>) -> String {
    ids.map(row).collect::<Vec<_>>().join(",")
}

fn page(number: usize) -> String {
    if number == 1 {
        let next = "https://api.security.microsoft.com/api/page2?$skiptoken=x";
        format!(r#"{{"@odata.context":"c","value":[{}],"@odata.nextLink":"{next}"}}"#, rows(1..=ROWS))
    } else {
        format!(r#"{{"value":[{}]}}"#, rows(ROWS + 1..=2 * ROWS))
    }
}

fn number_of(request: &Request) -> usize {
    if request.url.path() == "/api/page2" { 2 } else { 1 }
}

/// Placeholder in an answer: the page from its start to the middle of its second row.
const HALF: &str = "<half>";
/// Placeholder in an answer: the whole page.
const WHOLE: &str = "<whole>";

/// The answer with its placeholders replaced.
fn on_page(answer: Answer, number: usize) -> Answer {
    let page = page(number);
    let second = page.find(&format!(r#"{{"id":"{}""#, (number - 1) * ROWS + 2)).unwrap();
    let fill = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) => text.replace(HALF, &page[..second + 12]).replace(WHOLE, &page).into_bytes(),
        Err(bytes) => bytes.into_bytes(),
    };
    match answer {
        Answer::Parts(status, headers, parts) => {
            let parts = parts.into_iter().map(|part| match part {
                Part::Bytes(bytes) => Part::Bytes(fill(bytes)),
                other => other,
            });
            Answer::Parts(status, headers, parts.collect())
        }
        other => other,
    }
}

fn parts(parts: &[&str]) -> Answer {
    Answer::Parts(200, Vec::new(), parts.iter().map(|part| Part::Bytes(part.as_bytes().to_vec())).collect())
}

fn half_and(kind: TransportErrorKind) -> Answer {
    Answer::Parts(200, Vec::new(), vec![Part::Bytes(HALF.into()), Part::Fails(kind)])
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    Answer::Said(status, Vec::new(), json!({"error": {"code": code, "message": message}}).to_string())
}

/// A fault that may pass: the request is repeated if that is safe.
fn passing(cell: Cell, id: &'static str) -> Expect {
    match cell {
        Cell { door: Door::Post, .. } => final_error(id),
        Cell { lasting: false, .. } => Expect::Heals { pause: 1 },
        _ => Expect::Fails { id, requests: ATTEMPTS, pause: PAUSES },
    }
}

/// As `passing`, but damage that is always the same may be given up earlier.
fn damage(cell: Cell, id: &'static str) -> Expect {
    match cell {
        Cell { lasting: true, .. } => Expect::FailsSometime(id),
        cell => passing(cell, id),
    }
}

/// The service did nothing yet, so every method is repeated.
fn refused_for_now(cell: Cell, id: &'static str, pause: u64) -> Expect {
    let lasting = Expect::Fails { id, requests: ATTEMPTS, pause: 2 * pause };
    once_or_lasting(cell, Expect::Heals { pause }, lasting)
}

fn refused_token(cell: Cell, id: &'static str) -> Expect {
    once_or_lasting(cell, Expect::Renews, Expect::Fails { id, requests: 2, pause: 0 })
}

fn once_or_lasting(cell: Cell, once: Expect, lasting: Expect) -> Expect {
    if cell.lasting { lasting } else { once }
}

fn final_error(id: &'static str) -> Expect {
    Expect::Fails { id, requests: 1, pause: 0 }
}

macro_rules! faults {
    ($($name:literal $([$($field:ident: $value:expr),*])?: $answer:expr => $expect:expr;)*) => {
        &[$(Fault {
            name: $name,
            answer: || $answer,
            expect: $expect,
            ..faults!(@rest $($($field: $value),*)?)
        }),*]
    };
    (@rest $($field:ident: $value:expr),*) => {
        Fault { $($field: $value,)* ..PLAIN }
    };
}

const PLAIN: Fault =
    Fault { name: "", answer: || status(500), partial: 0, warm: false, expect: |_| Expect::Open };

const FAULTS: &[Fault] = faults! {
    // The connection.
    "connection refused": Answer::Fails(TransportErrorKind::Connect) => |cell| match cell.door {
        // Nothing was sent, so a POST is repeated too.
        Door::Post => passing(Cell { door: Door::Get, ..cell }, "Fdx.Network.Unreachable"),
        _ => passing(cell, "Fdx.Network.Unreachable"),
    };
    // What cannot pass is not tried again.
    "a name that does not exist": Answer::Fails(TransportErrorKind::Address) =>
        |_| final_error("Fdx.Network.Unreachable");
    "a certificate that is not trusted": Answer::Fails(TransportErrorKind::Certificate) =>
        |_| final_error("Fdx.Network.Unreachable");
    "a proxy that wants a password": Answer::Fails(TransportErrorKind::Proxy) =>
        |_| final_error("Fdx.Network.Unreachable");
    "407": a_text(407, "<html>Log in</html>".to_owned()) => |_| final_error("Fdx.Network.ProxyRefused");
    "400 of a proxy": a_text(400, "<html><title>Invalid host</title></html>".to_owned()) =>
        |_| final_error("Fdx.Network.ProxyRefused");
    // It does not mean that the list is empty.
    "404 of a proxy": a_text(404, "<!DOCTYPE html><title>Not found</title>".to_owned()) =>
        |_| final_error("Fdx.Network.ProxyRefused");
    "403 of a proxy" [warm: true]: a_text(403, "<html><title>Blocked</title></html>".to_owned()) =>
        |_| final_error("Fdx.Network.ProxyRefused");
    "no answer in time": Answer::Fails(TransportErrorKind::Timeout) => |cell| damage(cell, "Fdx.Network.Timeout");
    "broken off before the answer": Answer::Fails(TransportErrorKind::Broken) =>
        |cell| passing(cell, "Fdx.Network.Broken");
    "broken off in the middle of the body" [partial: 1]: half_and(TransportErrorKind::Broken) =>
        |cell| passing(cell, "Fdx.Network.Broken");
    "too slow in the middle of the body" [partial: 1]: half_and(TransportErrorKind::TooSlow) =>
        |cell| damage(cell, "Fdx.Network.Timeout");
    "stalled in the middle of the body" [partial: 1]: half_and(TransportErrorKind::Timeout) =>
        |cell| damage(cell, "Fdx.Network.Timeout");
    "damaged gzip" [partial: 1]: half_and(TransportErrorKind::Decode) => |cell| damage(cell, "Fdx.Network.Damaged");
    // The body.
    "damaged JSON" [partial: 1]: parts(&[HALF, "\"#,"]) => |cell| damage(cell, "Fdx.Protocol.NotJson");
    "truncated JSON" [partial: 1]: parts(&[HALF]) => |cell| damage(cell, "Fdx.Protocol.Truncated");
    "something behind the document" [partial: 3]: parts(&[WHOLE, "\n<!-- proxy -->"]) =>
        |cell| damage(cell, "Fdx.Protocol.NotJson");
    "a page of a proxy": ok("<html><body>Sign in</body></html>") => |_| final_error("Fdx.Protocol.NotJson");
    "another document": ok(r#"{"error":{"code":"x","message":"y"}}"#) => |cell| match cell.door {
        Door::Rows => final_error("Fdx.Protocol.UnexpectedShape"),
        _ => Expect::Open,
    };
    "an empty body": ok("") => empty;
    "204": status(204) => empty;
    "white space": ok(" \r\n ") => |cell| damage(cell, "Fdx.Protocol.Truncated");
    // The token.
    "401": refusal(401, "Unauthorized", "the token has expired") => |cell| refused_token(cell, "Fdx.Api.Unauthorized");
    "401 without a body": status(401) => |cell| refused_token(cell, "Fdx.Api.Unauthorized");
    "403 with a new token": refusal(403, "Forbidden", "not allowed") => |cell| match cell {
        Cell { page: 1, .. } => final_error("Fdx.Api.Forbidden"),
        // On the second page the token comes from the cache.
        cell => refused_token(cell, "Fdx.Api.Forbidden"),
    };
    "403 with a cached token" [warm: true]: refusal(403, "Forbidden", "not allowed") =>
        |cell| refused_token(cell, "Fdx.Api.Forbidden");
    "no licence" [warm: true]: refusal(403, "Forbidden", "Tenant does not have the required license") =>
        |_| final_error("Fdx.Api.NotLicensed");
    // The quota.
    "429 with seconds": said(429, "retry-after", "7") => |cell| refused_for_now(cell, "Fdx.Api.Throttled", 7);
    // 40 s after the clock's start. Afterwards the date is in the past, which means the shortest pause.
    "429 with a date": said(429, "retry-after", "Tue, 14 Nov 2023 22:14:00 GMT") => |cell| once_or_lasting(
        cell,
        Expect::Heals { pause: 40 },
        Expect::Fails { id: "Fdx.Api.Throttled", requests: ATTEMPTS, pause: 41 },
    );
    "429 with 0": said(429, "retry-after", "0") => |cell| refused_for_now(cell, "Fdx.Api.Throttled", 1);
    "429 without a wait": refusal(429, "TooManyRequests", "quota") =>
        |cell| refused_for_now(cell, "Fdx.Api.Throttled", 60);
    "429 of Azure Resource Graph": said(429, "x-ms-user-quota-resets-after", "00:00:05") =>
        |cell| refused_for_now(cell, "Fdx.Api.Throttled", 5);
    "429 whose text names the window": refusal(429, "429", "quota exceeded! maximum allowed 45 per 00:02:00") =>
        |cell| refused_for_now(cell, "Fdx.Api.Throttled", 120);
    "429 with more than an hour": said(429, "retry-after", "7200") => |_| final_error("Fdx.Api.Throttled");
    // The service.
    "408": status(408) => |cell| passing(cell, "Fdx.Api.Unavailable");
    "500": refusal(500, "InternalServerError", "oops") => |cell| passing(cell, "Fdx.Api.Unavailable");
    "502": a_text(502, "<html>Bad Gateway</html>".to_owned()) => |cell| passing(cell, "Fdx.Api.Unavailable");
    "503": status(503) => |cell| passing(cell, "Fdx.Api.Unavailable");
    "503 with seconds": said(503, "retry-after", "9") => |cell| match cell.door {
        Door::Post => final_error("Fdx.Api.Unavailable"),
        _ => refused_for_now(cell, "Fdx.Api.Unavailable", 9),
    };
    "504": status(504) => |cell| passing(cell, "Fdx.Api.Unavailable");
    "501": status(501) => |_| final_error("Fdx.Api.Unavailable");
    "500 with an enormous text": a_text(500, "enormous ".repeat(1 << 20)) =>
        |cell| passing(cell, "Fdx.Api.Unavailable");
    "500 whose text breaks off": Answer::Parts(
        500, Vec::new(), vec![Part::Bytes(b"{\"error\":".to_vec()), Part::Fails(TransportErrorKind::Broken)]
    ) => |cell| passing(cell, "Fdx.Api.Unavailable");
    // The request.
    "400": refusal(400, "BadRequest", "no such property") => |_| final_error("Fdx.Api.BadRequest");
    "404": refusal(404, "NotFound", "nothing here") => |cell| match cell {
        // The service answers 404 for an empty list.
        Cell { door: Door::Rows, page: 1, .. } => Expect::Empty,
        Cell { door: Door::Rows, .. } => Expect::Open,
        _ => final_error("Fdx.Api.NotFound"),
    };
    "409": status(409) => |_| final_error("Fdx.Api.Refused");
    "413 with an enormous text": a_text(413, "enormous ".repeat(1 << 20)) => |_| final_error("Fdx.Api.Refused");
    "301": said(301, "location", "https://elsewhere.example/") => |_| final_error("Fdx.Api.Redirected");
    "302": said(302, "location", "https://elsewhere.example/") => |_| final_error("Fdx.Api.Redirected");
    "304": status(304) => |_| final_error("Fdx.Api.Redirected");
    "307": said(307, "location", "/api/page2") => |_| final_error("Fdx.Api.Redirected");
    "308": said(308, "location", "https://elsewhere.example/") => |_| final_error("Fdx.Api.Redirected");
};

/// A page must not be empty, but the answer to a request of any path may be.
fn empty(cell: Cell) -> Expect {
    match cell {
        Cell { door: Door::Rows, .. } => damage(cell, "Fdx.Protocol.Truncated"),
        Cell { page: 1, .. } => Expect::Empty,
        _ => Expect::Open,
    }
}

#[tokio::test(start_paused = true)]
async fn damage_that_comes_back_byte_for_byte_is_requested_twice_and_not_six_times() {
    for broken in [&[HALF, "\"#,"][..], &[HALF], &[WHOLE, "\n<!-- proxy -->"]] {
        for faulty in [1, 2] {
            let fixture = Fixture::with_settings("", move |request, _| match number_of(request) {
                number if number == faulty => on_page(parts(broken), number),
                number => ok(page(number)),
            });
            let outcome = fixture.run(Door::Rows.document()).await;
            assert_eq!(outcome.errors.len(), 1, "{broken:?}");
            assert_eq!(fixture.api_requests().len(), faulty - 1 + 2, "{broken:?} on page {faulty}");
            assert!(outcome.waited.as_secs() < 1, "{broken:?}");
        }
    }
    // Damage that differs each time is damage on the way.
    let fixture = Fixture::with_settings("", |request, before| match (number_of(request), before) {
        (1, 0) => on_page(parts(&[HALF, "\"#,"]), 1),
        (1, 1) => on_page(parts(&[HALF, "\u{1}"]), 1),
        (1, 2) => on_page(parts(&[HALF]), 1),
        (number, _) => ok(page(number)),
    });
    let outcome = fixture.run(Door::Rows.document()).await;
    assert_eq!((outcome.error_ids().len(), outcome.rows.len()), (0, 2 * ROWS));
}

fn said(status: u16, name: &'static str, value: &str) -> Answer {
    Answer::Said(status, vec![(name, value.to_owned())], String::new())
}

fn a_text(status: u16, body: String) -> Answer {
    Answer::Said(status, Vec::new(), body)
}

#[tokio::test(start_paused = true)]
async fn every_fault_ends_with_all_rows_or_with_its_error() {
    let mut wrong = String::new();
    for fault in FAULTS {
        for door in [Door::Rows, Door::Get, Door::Post] {
            for (page, lasting) in [(1, false), (1, true), (2, false), (2, true)] {
                let cell = Cell { door, page, lasting };
                let expect = (fault.expect)(cell);
                if expect != Expect::Open
                    && let Err(why) = check(fault, cell, &expect).await
                {
                    let _ = writeln!(wrong, "{}, {cell:?}, {expect:?}: {why}", fault.name);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Runs one cell. The error says what differs from the expectation.
async fn check(fault: &Fault, cell: Cell, expect: &Expect) -> Result<(), String> {
    let Cell { door, page: faulty, lasting } = cell;
    let answer = fault.answer;
    let fixture = Fixture::new(move |request, before| {
        let number = number_of(request);
        if number == faulty && (lasting || before == 0) {
            on_page(answer(), number)
        } else {
            ok(page(number))
        }
    });
    if fault.warm {
        fixture.run(r#"{"kind":"token","resource":"Defender"}"#).await;
    }
    let outcome = fixture.run(door.document()).await;
    let before = (faulty - 1) * ROWS;
    let (rows, requests, tokens, error) = match *expect {
        Expect::Heals { .. } => (2 * ROWS, 3, 1, None),
        Expect::Renews => (2 * ROWS, 3, 2, None),
        Expect::Empty => (before, faulty, 1, None),
        Expect::Fails { id, requests, pause } => {
            let tokens = if requests == 2 && pause == 0 { 2 } else { 1 };
            (before + fault.partial, faulty - 1 + requests, tokens, Some(id))
        }
        Expect::FailsSometime(id) => (before + fault.partial, fixture.api_requests().len(), 1, Some(id)),
        Expect::Open => return Ok(()),
    };
    let differs = |what: &str, found: &dyn std::fmt::Debug, wanted: &dyn std::fmt::Debug| {
        let (found, wanted) = (format!("{found:?}"), format!("{wanted:?}"));
        if found == wanted { Ok(()) } else { Err(format!("{what}: {found} instead of {wanted}")) }
    };
    differs("error", &outcome.error_ids(), &error.into_iter().collect::<Vec<_>>())?;
    differs("rows", &outcome.ids(), &(1..=rows).map(|id| id.to_string()).collect::<Vec<_>>())?;
    differs("end", &outcome.end, &End::Complete)?;
    let sent = fixture.api_requests();
    differs("requests", &sent.len(), &requests)?;
    differs("token requests", &fixture.token_requests().len(), &tokens)?;
    for error in &outcome.errors {
        differs("rows before the error", &error.rows, &(rows as u64))?;
        differs("tenant", &error.tenant.as_deref(), &Some(TENANT))?;
        differs("a long message", &(error.message.len() > 600), &false)?;
    }
    if sent.iter().any(|request| request.url.host_str() != Some("api.security.microsoft.com")) {
        return Err("a token went to another host".to_owned());
    }
    let body = (door == Door::Post).then_some(&br#"{"query":"fake"}"#[..]);
    differs("bodies", &sent.iter().all(|request| request.body.as_deref() == body), &true)?;
    let pause = match expect {
        Expect::FailsSometime(_) => return Ok(()),
        Expect::Heals { pause } | Expect::Fails { pause, .. } => *pause,
        _ => 0,
    };
    // Random jitter makes the client's own pauses up to a quarter longer.
    let waited = outcome.waited.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let (least, most) = (pause as f64, pause as f64 * 1.25 + 0.1);
    if (least..=most).contains(&waited) { Ok(()) } else { Err(format!("waited {waited} s")) }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_used_again() {
    for door in [Door::Rows, Door::Get, Door::Post] {
        let fixture = Fixture::new(|request, before| match (number_of(request), before) {
            (2, 0) => status(401),
            (number, _) => ok(page(number)),
        });
        let outcome = fixture.run(door.document()).await;
        assert_eq!(outcome.rows.len(), 2 * ROWS, "{door:?}");
        let sent = fixture.api_requests();
        let tokens: Vec<_> = sent.iter().map(bearer).collect();
        assert!(tokens[0] == tokens[1] && tokens[1] != tokens[2], "{door:?}");
        assert!(sent.iter().all(|request| request.headers["authorization"].is_sensitive()), "{door:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_claims_of_a_challenge_are_asked_for_with_the_next_token() {
    const CLAIMS: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;
    const CHALLENGE: &str = concat!(
        r#"Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6"#,
        r#"dHJ1ZSwidmFsdWUiOiIxNjA0MTA2NjUxIn19fQ==""#
    );
    for door in [Door::Rows, Door::Get, Door::Post] {
        for faulty in [1, 2] {
            let fixture = Fixture::new(move |request, before| match (number_of(request), before) {
                (number, 0) if number == faulty => said(401, "www-authenticate", CHALLENGE),
                (number, _) => ok(page(number)),
            });
            let outcome = fixture.run(door.document()).await;
            assert_eq!(outcome.rows.len(), 2 * ROWS, "{door:?} {faulty}");
            let claims: Vec<_> =
                fixture.token_requests().iter().map(|request| form(request).remove("claims")).collect();
            assert_eq!(claims, [None, Some(CLAIMS.to_owned())], "{door:?} {faulty}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_says_how_long_the_service_wants_us_to_wait() {
    let fixture = Fixture::new(|_, _| said(429, "retry-after", "7200"));
    let outcome = fixture.run(Door::Rows.document()).await;
    assert_eq!(outcome.errors[0].retry_after.unwrap().as_secs(), 7200);
    assert_eq!(outcome.errors[0].http_status, Some(429));
}
