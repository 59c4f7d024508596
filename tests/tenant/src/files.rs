//! Export assessments as files: a list of addresses of the blob service, each with a signature, and the files.
//! <https://learn.microsoft.com/defender-endpoint/api/get-assessment-methods-properties>

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use crate::data::Vulnerabilities;
use crate::defender::{Refusal, only, parameter};
use crate::endpoints::{self, Endpoint, Own, Shape};
use crate::faults::Name;
use crate::http::{Answer, Call, Service, answer, json_answer};
use crate::pages::slow_end;
use crate::state::{Open, State, now};
use crate::world::Customer;

/// Hours that a signature is valid at most.
const LONGEST_HOURS: u64 = 6;

/// The list of the files of a snapshot, with new signatures.
pub(crate) fn list(
    state: &Arc<State>,
    call: &Call,
    customer: &Customer,
    pages: &'static str,
) -> Result<Answer, Refusal> {
    only(state, call, &["sasValidHours"])?;
    let hours = parameter(call, "sasValidHours", LONGEST_HOURS)?.unwrap_or(1);
    let (snapshot, count, seconds) = {
        let world = state.world();
        (world.snapshot.clone(), world.export_files, world.signature_seconds)
    };
    let end = now() + seconds.unwrap_or(hours * 3600);
    let end = jiff::Timestamp::from_second(i64::try_from(end).unwrap_or(0)).unwrap_or_default();
    let name = pages.rsplit('/').next().unwrap_or_default();
    let folder = format!("/exports/{}{}/{name}", time_path(&snapshot), customer.tenant_id);
    let files: Vec<String> = (0..count)
        .map(|number| {
            let path = format!("{folder}/part-{number:03}.json.gz");
            let signature = state.guid();
            state.sign(&signature, &path, end.as_second());
            format!("{}{path}?sv=2021-12-02&se={end}&sr=b&sp=r&sig={signature}", state.address("blob"))
        })
        .collect();
    state.count("exportLists");
    let context = format!("https://api.security.microsoft.com/api/$metadata#{name}");
    Ok(json_answer(200, &json!({"@odata.context": context, "exportFiles": files, "generatedTime": snapshot})))
}

/// How paths and skip tokens name a snapshot: `2026-11-24/1101/`.
pub(crate) fn time_path(snapshot: &str) -> String {
    let (day, time) = snapshot.split_once('T').unwrap_or((snapshot, "00:00"));
    format!("{day}/{}{}/", time.get(..2).unwrap_or_default(), time.get(3..5).unwrap_or_default())
}

/// Azure Blob Storage, as far as files of others are read from it.
/// <https://learn.microsoft.com/rest/api/storageservices/get-blob>
pub(crate) struct Blob;

impl Service for Blob {
    const NAME: &'static str = "blob";

    async fn answer(state: Arc<State>, call: Call, open: Open) -> Answer {
        if call.header("authorization").is_some() {
            state.violation(format!("blob: {} was asked with a token", call.path));
            return refuse(400, "InvalidAuthenticationInfo");
        }
        if call.method != "GET" {
            state.violation(format!("blob: {} {} was not expected", call.method, call.path));
            return refuse(405, "UnsupportedHttpVerb");
        }
        let signature = call.query.get("sig").map_or("", String::as_str);
        let Some((path, end)) = state.signed(signature) else {
            state.violation(format!("blob: {} without a signature of the service", call.path));
            return refuse(403, "AuthenticationFailed");
        };
        if path != call.path {
            state.violation(format!("blob: {} with the signature of another file", call.path));
            return refuse(403, "AuthenticationFailed");
        }
        if end <= i64::try_from(now()).unwrap_or(0) {
            return refuse(403, "AuthenticationFailed");
        }
        state.count("files");
        file(&state, &call, open).unwrap_or_else(|| refuse(404, "BlobNotFound"))
    }
}

fn refuse(status: u16, code: &str) -> Answer {
    let body =
        format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code></Error>");
    answer(status, "application/xml", body)
}

/// The content of a file: one part of the rows of a list.
fn file(state: &State, call: &Call, _open: Open) -> Option<Answer> {
    let mut parts = call.path.rsplit('/');
    let number: u64 = parts.next()?.strip_prefix("part-")?.strip_suffix(".json.gz")?.parse().ok()?;
    let (name, tenant) = (parts.next()?, parts.next()?);
    let list = endpoints::list(&format!("/api/machines/{name}"))?;
    let (customer, count) = {
        let world = state.world();
        let customer = world.tenants.iter().find(|customer| customer.tenant_id == tenant)?.clone();
        (customer, world.export_files)
    };
    let total = rows(list, &customer);
    let range = total * number / count..total * (number + 1) / count;
    let fault =
        state.strike("blob", &call.path, Some(tenant), |name| !name.is_general() && name != Name::Slow);
    let key = format!("{} {range:?} {customer:?}", call.path);
    let whole = state.kept_file(key, || lines(list, &customer, range));
    let Some(fault) = fault else { return Some(answer(200, "application/octet-stream", whole)) };
    let mut body = whole.to_vec();
    match fault.name {
        Name::EmptyPage => body.clear(),
        Name::TruncatedJson => body.truncate(body.len() / 2),
        Name::BadGzip => {
            let middle = body.len() / 2;
            body.iter_mut().skip(middle).take(64).for_each(|byte| *byte ^= 0x5A);
        }
        Name::CutBody => {
            body.truncate(body.len() / 2);
            let parts: Vec<Result<Bytes, std::io::Error>> =
                vec![Ok(body.into()), Err(std::io::Error::other("cut"))];
            return Some(answer(200, "application/octet-stream", Body::from_stream(slow_end(parts))));
        }
        _ => {}
    }
    Some(answer(200, "application/octet-stream", body))
}

/// How many rows a list has.
fn rows(list: &Endpoint, customer: &Customer) -> u64 {
    match list.shape {
        Shape::Own(Own::Vulnerabilities) => customer.vulnerability_rows,
        _ => (customer.machines * list.samples().len()) as u64,
    }
}

/// Rows as the files have them: one per line, names in Pascal case, and nothing that is null.
fn lines(list: &Endpoint, customer: &Customer, range: Range<u64>) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    let made = Vulnerabilities::new(&customer.tenant_id, 0);
    let samples = list.samples();
    for number in range {
        let row = if let Shape::Own(_) = list.shape {
            let mut text = Vec::new();
            made.write(number, &mut text);
            serde_json::from_slice(&text).unwrap_or_default()
        } else {
            Endpoint::export_row(&samples, customer, number)
        };
        let Value::Object(members) = row else { continue };
        let kept = members.into_iter().filter(|(_, value)| !value.is_null());
        let line: Map<String, Value> = kept.map(|(name, value)| (pascal(&name), value)).collect();
        let _ = writeln!(file, "{}", Value::Object(line));
    }
    file.finish().unwrap_or_default()
}

/// `osPlatform` is `OSPlatform` in the files that were seen.
fn pascal(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    let name = first.to_ascii_uppercase() + rest;
    name.strip_prefix("Os").map_or_else(|| name.clone(), |rest| format!("OS{rest}"))
}
