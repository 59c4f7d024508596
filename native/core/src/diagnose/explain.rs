//! Explains a code of Entra, an error id of FedXdr or the text of any error, including errors of other scripts.

use crate::batch::{Batch, tables};
use crate::context::Context;
use crate::errors::{
    self, API_THROTTLED, HYBRID_WORKER, IDENTITY_REFUSED, IDENTITY_RESOURCE, IDENTITY_UNKNOWN, KnownError,
    METADATA_REFUSED, PROXY_REFUSED, ROLE_MISSING,
};

/// Texts that identify an error without a code.
const WORDS: &[(&str, &KnownError)] = &[
    ("no msi found for specified", &IDENTITY_UNKNOWN),
    ("multiple user assigned identities exist", &IDENTITY_UNKNOWN),
    ("user assigned identity is currently not supported", &HYBRID_WORKER),
    ("identity not found", &IDENTITY_UNKNOWN),
    ("required metadata header not specified", &IDENTITY_REFUSED),
    ("invalid_resource", &IDENTITY_RESOURCE),
    ("missing application roles", &ROLE_MISSING),
    ("api calls quota exceeded", &API_THROTTLED),
    ("failed to refresh token, error: adal", &METADATA_REFUSED),
    ("proxy authentication required", &PROXY_REFUSED),
];

/// One row for each known error in the text.
pub(crate) fn rows(context: &Context, tenants: &[String], text: &str) -> Option<Batch> {
    let mut builder = tables::KNOWN_ERROR.builder(0, "");
    for (code, entry) in found(text) {
        let c = builder.columns();
        match code {
            Some(code) => c[0].int(i64::from(code)),
            None => c[0].null(),
        }
        c[1].text(entry.id);
        c[2].text(entry.check.name());
        c[3].text(entry.cause);
        c[4].text(&fix(context, tenants, entry));
        builder.end_row();
    }
    builder.take()
}

fn found(text: &str) -> Vec<(Option<u32>, &'static KnownError)> {
    let mut found: Vec<(Option<u32>, &'static KnownError)> = Vec::new();
    let mut add = |code: Option<u32>, entry: &'static KnownError| {
        if found.iter().all(|(_, known)| !known.is(entry)) {
            found.push((code, entry));
        }
    };
    for code in codes(text) {
        if let Some(entry) = errors::of_code(code) {
            add(Some(code), entry);
        }
    }
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')) {
        if let Some(entry) =
            word.starts_with("Fdx.").then(|| errors::of_id(word.trim_end_matches('.'))).flatten()
        {
            add(None, entry);
        }
    }
    let lower = text.to_ascii_lowercase();
    for (_, entry) in WORDS.iter().filter(|(words, _)| lower.contains(words)) {
        add(None, entry);
    }
    found
}

/// All codes in the text: `AADSTS700213`, or a number that is the whole text.
fn codes(text: &str) -> Vec<u32> {
    if let Ok(code) = text.trim().parse() {
        return vec![code];
    }
    text.match_indices("AADSTS").filter_map(|(at, _)| errors::code_in(&text[at..])).collect()
}

fn fix(context: &Context, tenants: &[String], entry: &KnownError) -> String {
    let settings = &context.settings;
    let tenant = if let [tenant] = tenants { tenant.clone() } else { String::new() };
    entry.advice(&[
        ("audience", settings.cloud.exchange_audience().to_owned()),
        ("authority", settings.authority().to_owned()),
        ("client", settings.client_id.clone().unwrap_or_default()),
        ("tenant", tenant),
    ])
}
