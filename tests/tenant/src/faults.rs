//! Faults, by name.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fault and the requests that it strikes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// `identity`, `imds`, `arc`, `fabric`, `cloudshell`, `authority`, `defender`, `graph`, `arm`,
    /// `blob`, `ingestion`, `eventHubs`.
    pub service: String,
    /// Which fault.
    pub name: Name,
    /// Number of requests that it strikes.
    #[serde(default = "once")]
    pub times: u64,
    /// Number of requests that it lets through first.
    #[serde(default)]
    pub skip: u64,
    /// Only requests whose path contains this.
    pub path_contains: Option<String>,
    /// Only requests of this tenant.
    pub tenant: Option<String>,
    /// Status, for `status`.
    pub code: Option<u16>,
    /// AADSTS code, for `refusal`.
    pub aadsts: Option<u32>,
    /// Body, for `status`. Text is sent as it is, anything else as JSON. For `challenge`: the header's value.
    pub body: Option<Value>,
    /// Retry-After, for `status`: seconds, text, or `date:+N`.
    pub retry_after: Option<Value>,
    /// Location, for `status`.
    pub location: Option<String>,
    /// Rows after which `cut-body`, `hang-body` and `truncated-json` strike.
    #[serde(default)]
    pub after_rows: u64,
    /// Pause before the head, for `slow`.
    #[serde(default)]
    pub delay_ms: u64,
    /// Pause before each part of the body, for `slow`.
    #[serde(default)]
    pub chunk_delay_ms: u64,
    /// Row that `bad-row` damages.
    #[serde(default)]
    pub row: u64,
}

fn once() -> u64 {
    1
}

/// Names of the faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Name {
    /// Answers `code` with `body` and `retryAfter`.
    Status,
    /// Closes the connection instead of answering.
    Reset,
    /// Never answers, until the client goes.
    Hang,
    /// Answers late, or in slow parts.
    Slow,
    /// Answers 200 with HTML.
    NotJson,
    /// Closes the connection inside the body.
    CutBody,
    /// Stops inside the body, until the client goes.
    HangBody,
    /// A gzip body that is damaged.
    BadGzip,
    /// 401 as for an expired token.
    Unauthorized,
    /// Every token so far becomes invalid.
    RevokeTokens,
    /// The link to the next page leads to the foreign host.
    ForeignNextLink,
    /// The link to the next page is http to a host that is not loopback.
    HttpNextLink,
    /// The link to the next page is the page itself.
    RepeatedNextLink,
    /// An empty page with a link to the page that was asked for.
    EmptyPage,
    /// JSON without a list.
    OtherShape,
    /// A complete body with incomplete JSON.
    TruncatedJson,
    /// Text after the JSON.
    TrailingGarbage,
    /// The page has other rows than the first time.
    ChangedPage,
    /// A row whose values have other types.
    BadRow,
    /// The token endpoint refuses with the code `aadsts`.
    Refusal,
    /// A token for another audience.
    WrongAudience,
    /// An identity endpoint answers for another identity.
    IdentityMismatch,
    /// 200 without a token.
    EmptyToken,
    /// 401 that asks for claims, until a token answers it.
    ClaimsChallenge,
    /// The Azure Arc agent's challenge is `body`, in which `{key}` and `{directory}` are filled in.
    Challenge,
    /// What was sent is kept, and the connection closes instead of an answer.
    LostAnswer,
    /// The Azure Arc agent's key file is larger than a client may read.
    BigKey,
}

impl Name {
    /// Whether any service can have it, whatever the request is.
    pub fn is_general(self) -> bool {
        matches!(self, Name::Status | Name::Reset | Name::Hang | Name::NotJson)
    }
}

/// The faults that are set.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Removes all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first fault for a request of `service` that `wanted` takes. It then has one request less to strike.
    pub(crate) fn strike(
        &mut self,
        service: &str,
        path: &str,
        tenant: Option<&str>,
        wanted: impl Fn(Name) -> bool,
    ) -> Option<Fault> {
        let fault = self.0.iter_mut().find(|f| {
            f.times > 0
                && f.service == service
                && wanted(f.name)
                && f.path_contains.as_deref().is_none_or(|part| path.contains(part))
                && f.tenant
                    .as_deref()
                    .is_none_or(|wanted| tenant.is_some_and(|t| t.eq_ignore_ascii_case(wanted)))
        })?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.clone())
    }
}
