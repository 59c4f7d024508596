//! Pages: the stream of vulnerability rows, and what can go wrong with a page.

use std::convert::Infallible;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use crate::data::{Vulnerabilities, close_envelope, open_envelope};
use crate::defender::{Refusal, no, only, parameter};
use crate::faults::{Fault, Name};
use crate::files;
use crate::http::{Answer, Call, answer, json_answer, with_header};
use crate::state::{Open, State};
use crate::world::Customer;

const CONTEXT: &str = "Collection(AssetVulnerability)";
/// Bytes that are generated at a time.
const PART: usize = 64 * 1024;
/// A row whose values have other types.
const BAD_ROW: &str = r#"{"id":17,"cvssScore":{"value":"high"},"firstSeenTimestamp":12345,"cveId":["CVE-2026-0001"],
"diskPaths":"C:\\x","newMember":{"a":[1,null]}}"#;

/// Rows of one page, generated on demand.
type Rows = Box<dyn Iterator<Item = Vec<u8>> + Send>;

fn page_fault(state: &State, call: &Call, customer: &Customer) -> Option<Fault> {
    state.strike("defender", &call.path, Some(&customer.tenant_id), |name| {
        let of_the_token = matches!(name, Name::Unauthorized | Name::RevokeTokens | Name::ClaimsChallenge);
        !name.is_general() && !of_the_token && name != Name::Slow
    })
}

/// Where the previous page ended.
pub(crate) fn position(call: &Call, rows: u64) -> Result<u64, Refusal> {
    let Some((_, token)) = call.query.iter().find(|(name, _)| name.eq_ignore_ascii_case("$skiptoken")) else {
        return Ok(0);
    };
    let bad = || no(400, "BadRequest", "The skip token is not valid.");
    let token = STANDARD.decode(token).map_err(|_| bad())?;
    let token: serde_json::Value = serde_json::from_slice(&token).map_err(|_| bad())?;
    token["LineStoppedAt"].as_u64().filter(|at| *at <= rows).ok_or_else(bad)
}

/// `GET /api/machines/SoftwareVulnerabilitiesByMachine`, which has no `$filter`.
/// <https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities>
pub(crate) fn by_machine(
    state: &Arc<State>,
    call: &Call,
    customer: &Customer,
    open: Open,
) -> Result<Answer, Refusal> {
    only(state, call, &["pageSize", "$top", "$skiptoken"])?;
    let default = state.world().vulnerability_page_size as u64;
    let size = parameter(call, "pageSize", 200_000)?.unwrap_or(default).max(1);
    let top = parameter(call, "$top", 200_000)?;
    let total = customer.vulnerability_rows;
    let from = position(call, total)?;
    let to = from.saturating_add(top.unwrap_or(size)).min(total);
    state.count("pages");
    let fault = page_fault(state, call, customer);
    let changed = fault.as_ref().is_some_and(|f| f.name == Name::ChangedPage);
    let made = Vulnerabilities::new(&customer.tenant_id, u64::from(changed) << 40);
    let next = (top.is_none() && to < total).then(|| {
        let definition = json!({"TimePath": files::time_path(&state.world().snapshot)});
        let token = json!({"ExportDefinition": definition, "ExportFileIndex": 0, "LineStoppedAt": to});
        let token = STANDARD.encode(token.to_string());
        let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        // The real links have the parameter in lower case.
        format!("{}{}?pagesize={size}&$skiptoken={token}", state.address("defender"), call.path)
    });
    let next = link(state, call, fault.as_ref(), next);
    if fault.is_none() {
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        open_envelope(&mut head, CONTEXT);
        close_envelope(&mut tail, next.as_deref());
        return Ok(stream_rows(state, call, (head, tail), made, from..to, open));
    }
    let rows: Rows = Box::new((from..to).map(move |row| {
        let mut out = Vec::new();
        made.write(row, &mut out);
        out
    }));
    Ok(whole_page(state, call, CONTEXT, rows, next.as_deref(), fault.as_ref()))
}

/// A list that is small enough to be generated at once.
pub(crate) fn list(
    state: &Arc<State>,
    call: &Call,
    customer: &Customer,
    context: &str,
    rows: Vec<Vec<u8>>,
    next: Option<String>,
) -> Answer {
    state.count("pages");
    let fault = page_fault(state, call, customer);
    let next = link(state, call, fault.as_ref(), next);
    whole_page(state, call, context, Box::new(rows.into_iter()), next.as_deref(), fault.as_ref())
}

fn own_address(state: &State, call: &Call) -> String {
    let query = if call.query_text.is_empty() { String::new() } else { format!("?{}", call.query_text) };
    format!("{}{}{query}", state.address("defender"), call.path)
}

/// The link to the next page, or the one of a fault.
fn link(state: &State, call: &Call, fault: Option<&Fault>, next: Option<String>) -> Option<String> {
    match fault.map(|fault| fault.name) {
        Some(Name::ForeignNextLink) => {
            Some(format!("{}/api/machines?$skiptoken=foreign", state.address("foreign")))
        }
        Some(Name::HttpNextLink) => Some("http://api.example.invalid/api/machines".to_owned()),
        Some(Name::RepeatedNextLink) => Some(own_address(state, call)),
        _ => next,
    }
}

fn whole_page(
    state: &State,
    call: &Call,
    context: &str,
    rows: Rows,
    next: Option<&str>,
    fault: Option<&Fault>,
) -> Answer {
    let name = fault.map(|fault| fault.name);
    let after = fault.map_or(0, |fault| fault.after_rows);
    if name == Some(Name::EmptyPage) {
        // The same page again. The token makes its address another one than before.
        let query = if call.query_text.is_empty() { String::new() } else { format!("{}&", call.query_text) };
        let again = format!(
            "{}{}?{query}$skiptoken={}",
            state.address("defender"),
            call.path,
            STANDARD.encode(r#"{"LineStoppedAt":0}"#)
        );
        return json_answer(200, &json!({"@odata.context": "x", "value": [], "@odata.nextLink": again}));
    }
    if name == Some(Name::OtherShape) {
        return json_answer(200, &json!({"items": [{"id": 1}], "count": 1}));
    }
    let mut body = Vec::new();
    open_envelope(&mut body, context);
    let mut stopped = false;
    for (number, row) in rows.enumerate() {
        if matches!(name, Some(Name::CutBody | Name::HangBody | Name::TruncatedJson))
            && number as u64 == after
        {
            stopped = true;
            body.extend_from_slice(if number > 0 { b",{\"id\":\"half a r" } else { b"{\"id\":\"half a ro" });
            break;
        }
        if number > 0 {
            body.push(b',');
        }
        if name == Some(Name::BadRow) && fault.is_some_and(|fault| fault.row == number as u64) {
            body.extend_from_slice(BAD_ROW.as_bytes());
        } else {
            body.extend_from_slice(&row);
        }
    }
    if !stopped {
        close_envelope(&mut body, next);
    }
    finish(
        state,
        call,
        body,
        name.filter(|name| stopped || matches!(name, Name::BadGzip | Name::TrailingGarbage)),
    )
}

fn finish(state: &State, call: &Call, mut body: Vec<u8>, fault: Option<Name>) -> Answer {
    const JSON: &str = "application/json; odata.metadata=minimal; charset=utf-8";
    match fault {
        Some(Name::CutBody) => {
            let parts: Vec<Result<Bytes, std::io::Error>> =
                vec![Ok(body.into()), Err(std::io::Error::other("cut"))];
            answer(200, JSON, Body::from_stream(slow_end(parts)))
        }
        Some(Name::HangBody) => {
            let first = stream::iter([Ok::<_, Infallible>(Bytes::from(body))]);
            answer(200, JSON, Body::from_stream(first.chain(stream::pending())))
        }
        Some(Name::BadGzip) => {
            let mut damaged = gzip(&body);
            let middle = damaged.len() / 2;
            for byte in damaged.iter_mut().skip(middle).take(64) {
                *byte ^= 0x5A;
            }
            with_header(answer(200, JSON, damaged), "content-encoding", "gzip")
        }
        Some(Name::TrailingGarbage) => {
            body.extend_from_slice(b"<!-- end -->");
            answer(200, JSON, body)
        }
        _ if wants_gzip(state, call, body.len()) => {
            with_header(answer(200, JSON, gzip(&body)), "content-encoding", "gzip")
        }
        _ => answer(200, JSON, body),
    }
}

/// The parts, with a pause before the failure: when a body fails, hyper drops what it has not written yet.
pub(crate) fn slow_end(
    parts: Vec<Result<Bytes, std::io::Error>>,
) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::iter(parts).then(|part| async move {
        if part.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        part
    })
}

fn wants_gzip(state: &State, call: &Call, length: usize) -> bool {
    let asked = call.header("accept-encoding").is_some_and(|encodings| encodings.contains("gzip"));
    asked
        && match state.world().gzip.as_str() {
            "on" => true,
            "off" => false,
            _ => length < 1 << 20,
        }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

/// `text` with `count` of the customer's rows where it has `{rows}`: a document of any shape and size.
pub(crate) fn document(
    state: &State,
    call: &Call,
    customer: &Customer,
    (text, count): (&str, u64),
    open: Open,
) -> Answer {
    let (head, tail) = text.split_once("{rows}").unwrap_or((text, ""));
    let rows = Vulnerabilities::new(&customer.tenant_id, 0);
    stream_rows(state, call, (head.as_bytes().to_vec(), tail.as_bytes().to_vec()), rows, 0..count, open)
}

/// Generates an answer while it is sent, so that two million rows take no memory: the rows between a head and a tail.
fn stream_rows(
    state: &State,
    call: &Call,
    (head, mut tail): (Vec<u8>, Vec<u8>),
    rows: Vulnerabilities,
    Range { start: from, end: to }: Range<u64>,
    open: Open,
) -> Answer {
    let mut part = head;
    let (mut row, mut end) = (from, false);
    let parts = std::iter::from_fn(move || {
        // Held until the last part is generated or the client has gone.
        let _ = &open;
        if end {
            return None;
        }
        while row < to && part.len() < PART {
            if row > from {
                part.push(b',');
            }
            rows.write(row, &mut part);
            row += 1;
        }
        if row == to {
            part.append(&mut tail);
            end = true;
        }
        Some(std::mem::replace(&mut part, Vec::with_capacity(PART + 2048)))
    });
    let length = usize::try_from(to - from).unwrap_or(usize::MAX).saturating_mul(970);
    let json = "application/json; odata.metadata=minimal; charset=utf-8";
    if wants_gzip(state, call, length) {
        let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut parts = parts;
        let packed = std::iter::from_fn(move || {
            let packer = encoder.as_mut()?;
            match parts.next() {
                Some(part) => {
                    let _ = packer.write_all(&part);
                    Some(std::mem::take(packer.get_mut()))
                }
                None => encoder.take().and_then(|packer| packer.finish().ok()),
            }
        });
        return with_header(
            answer(200, json, Body::from_stream(one_by_one(packed))),
            "content-encoding",
            "gzip",
        );
    }
    answer(200, json, Body::from_stream(one_by_one(parts)))
}

/// The parts of a body. Other requests have their turn between two of them: compressed, the whole body may fit into the
/// buffers of the connection, which then never makes it wait.
fn one_by_one(
    parts: impl Iterator<Item = Vec<u8>>,
) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(parts).then(|part| async {
        tokio::task::yield_now().await;
        Ok(Bytes::from(part))
    })
}
