//! Requests, answers and retries that all managed identity endpoints share.

pub(crate) mod app_service;
pub(crate) mod azure_arc;
pub(crate) mod cloud_shell;
pub(crate) mod imds;
pub(crate) mod legacy_msi;
mod refusal;
pub(crate) mod service_fabric;

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use url::Url;

use crate::context::Context;
use crate::errors::{
    ARC_SELECTOR_IGNORED, FABRIC_CERTIFICATE, IDENTITY_ANSWER, IDENTITY_ENDPOINT, IDENTITY_UNREACHABLE,
    IDENTITY_WRONG,
};
use crate::errors::{Result, printable};
use crate::http::retry::{Attempt, Outcome, Pauses, Policy, Transient, quota_window, retry_after};
use crate::http::{ErrorBody, Received, Request, TransportErrorKind, limits, quoter};
use crate::secret::Secret;
use crate::settings::Credential;
use crate::token::cache::seconds;
use crate::token::expiry::{Expiry, in_range};
use crate::token::{AccessToken, Claims, TokenType, check_token};
pub(crate) use refusal::refusal;

/// Selects an identity of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    System,
    ClientId(String),
    ObjectId(String),
    ResourceId(String),
}

impl Selector {
    pub(crate) fn of(credential: &Credential) -> Self {
        match credential {
            Credential::ManagedIdentity { client_id: Some(id), .. } => Selector::ClientId(id.clone()),
            Credential::ManagedIdentity { object_id: Some(id), .. } => Selector::ObjectId(id.clone()),
            Credential::ManagedIdentity { resource_id: Some(id), .. } => Selector::ResourceId(id.clone()),
            _ => Selector::System,
        }
    }

    /// A description for messages and cache keys.
    pub(crate) fn describe(&self) -> String {
        match self {
            Selector::System => "system-assigned".to_owned(),
            Selector::ClientId(id) => format!("client id {id}"),
            Selector::ObjectId(id) => format!("object id {id}"),
            Selector::ResourceId(id) => format!("resource id {id}"),
        }
    }

    /// Checks that the token belongs to the selected identity: some endpoints ignore a selector that they do not
    /// support and answer for another identity. Returns false if neither the token nor the answer identifies it.
    fn check(&self, claims: &Claims, answer: &Answer, must_echo: bool) -> Result<bool> {
        let (asked, claimed, echoed) = match self {
            Selector::System => return Ok(true),
            Selector::ClientId(id) => (id, claims.client_id(), answer.client_id.as_ref()),
            Selector::ObjectId(id) => (id, claims.oid.as_deref(), answer.object_id.as_ref()),
            Selector::ResourceId(id) => {
                (id, claims.xms_mirid.as_deref(), answer.msi_res_id.as_ref().or(answer.mi_res_id.as_ref()))
            }
        };
        if must_echo && !echoed.is_some_and(|echo| echo.eq_ignore_ascii_case(asked)) {
            return Err(ARC_SELECTOR_IGNORED.error(ARC_SELECTOR_IGNORED.cause));
        }
        match claimed.or(echoed.map(String::as_str)) {
            Some(got) if !got.eq_ignore_ascii_case(asked) => Err(IDENTITY_WRONG.error(format!(
                "the endpoint returned a token for another identity ({got}) than the requested one ({})",
                self.describe()
            ))),
            known => Ok(known.is_some()),
        }
    }
}

/// A request for a token. `resource_id_name` is the endpoint's parameter for an Azure resource id. An endpoint ignores
/// a parameter that it does not know and answers for the system-assigned identity.
pub(crate) fn token_request(
    endpoint: &Url,
    api_version: &str,
    resource: &str,
    selector: &Selector,
    resource_id_name: &str,
) -> Request {
    let mut url = endpoint.clone();
    url.query_pairs_mut().append_pair("api-version", api_version).append_pair("resource", resource);
    let named = match selector {
        Selector::System => None,
        Selector::ClientId(id) => Some(("client_id", id)),
        Selector::ObjectId(id) => Some(("object_id", id)),
        Selector::ResourceId(id) => Some((resource_id_name, id)),
    };
    if let Some((name, id)) = named {
        url.query_pairs_mut().append_pair(name, id);
    }
    let mut request = Request::new(reqwest::Method::GET, url);
    request.direct = true;
    request
}

/// The platforms use http for endpoints on the machine or its link. Other addresses must be https.
pub(crate) fn endpoint_url(variable: &str, text: &str) -> Result<Url> {
    let invalid = |why: String| {
        IDENTITY_ENDPOINT
            .error(format!("the environment variable {variable} {why}"))
            .fill("variable", variable)
    };
    let url = Url::parse(text).map_err(|e| invalid(format!("is not a URL: {e}")))?;
    if url.scheme() == "https" || (url.scheme() == "http" && is_local(&url)) {
        Ok(url)
    } else {
        Err(invalid("must be https or an address of this machine or its link".to_owned()))
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(a)) => a.is_loopback() || a.is_link_local() || a.is_private(),
        Some(url::Host::Ipv6(a)) => a.is_loopback() || a.is_unicast_link_local() || a.is_unique_local(),
        None => false,
    }
}

/// Rules of an endpoint.
pub(crate) struct EndpointRules {
    /// When to retry.
    pub(crate) retry: Policy,
    /// Longest wait for an answer.
    pub(crate) timeout: Duration,
    /// Whether the answer must name the requested identity, because an agent that ignores it answers for another one.
    pub(crate) must_echo: bool,
}

impl EndpointRules {
    /// MSAL's table for managed identity endpoints other than IMDS.
    pub(crate) const MSAL: EndpointRules = EndpointRules {
        retry: Policy {
            is_transient: |status| matches!(status, 404 | 408 | 429 | 500 | 503 | 504),
            pauses: Pauses::Fixed(&[Duration::from_secs(1); 3]),
            pauses_after: None,
        },
        timeout: limits::TOKEN,
        must_echo: false,
    };
}

/// A successful answer. Every endpoint uses these names.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<Secret>,
    token_type: Option<TokenType>,
    expires_on: Option<Expiry>,
    expires_in: Option<Expiry>,
    refresh_in: Option<Expiry>,
    // The identity of the token.
    #[serde(default, deserialize_with = "text")]
    client_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    object_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    msi_res_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    mi_res_id: Option<String>,
}

/// A text. Another type does not invalidate the rest of the answer.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Some(printable(&text)),
        _ => None,
    })
}

/// Requests a token from an endpoint.
pub(crate) async fn ask(
    context: &Context,
    host: &'static str,
    selector: &Selector,
    rules: &EndpointRules,
    request: Request,
) -> Result<AccessToken> {
    context.reporter.identity(host, &selector.describe());
    let headers = request.headers.clone();
    let answer = receive_with_retries(context, host, rules, request).await?;
    if answer.status == 200 {
        let token = read(context, host, selector, rules.must_echo, &answer);
        token.map_err(|error| error.masked(&quoter(&headers)))
    } else {
        Err(refusal(context, host, &selector.describe(), &answer, &headers))
    }
}

/// Sends a request with the retries of the endpoint's rules.
pub(crate) async fn receive_with_retries(
    context: &Context,
    host: &'static str,
    rules: &EndpointRules,
    request: Request,
) -> Result<Received> {
    let what = format!("the {host} identity endpoint");
    context.retry(&what, &rules.retry, TokenAttempt { context, host, rules, request }).await
}

struct TokenAttempt<'a> {
    context: &'a Context,
    host: &'static str,
    rules: &'a EndpointRules,
    request: Request,
}

impl Attempt for TokenAttempt<'_> {
    type Answer = Received;

    const IS_TOKEN: bool = true;

    /// Returns error answers too, when no attempt is left: the caller interprets them.
    async fn attempt(&mut self) -> Result<Outcome<Received>> {
        let host = self.host;
        let (result, status, retry_after) =
            match self.context.receive(self.request.clone(), self.rules.timeout).await {
                Ok(answer) if !(self.rules.retry.is_transient)(answer.status) => {
                    return Ok(Outcome::Done(answer));
                }
                Ok(answer) => {
                    // Without one, the pauses of the endpoint's documentation apply.
                    let wait = retry_after(answer.header("retry-after"), self.context.clock.now())
                        .or_else(|| quota_window(&ErrorBody::read(&answer.body).message));
                    let status = answer.status;
                    (Ok(answer), status, wait)
                }
                Err(e) if e.kind == TransportErrorKind::WrongCertificate => {
                    return Err(FABRIC_CERTIFICATE.error(FABRIC_CERTIFICATE.cause));
                }
                Err(e) => {
                    let message = format!("the {host} identity endpoint cannot be reached");
                    let error = e.cause_of(IDENTITY_UNREACHABLE.error(message));
                    if !e.kind.may_pass() {
                        return Err(error);
                    }
                    (Err(error), 0, None)
                }
            };
        Ok(Outcome::Transient(Transient { result, status, retry_after, progressed: false }))
    }
}

fn read(
    context: &Context,
    host: &str,
    selector: &Selector,
    must_echo: bool,
    received: &Received,
) -> Result<AccessToken> {
    let invalid = |why: &str| IDENTITY_ANSWER.error(format!("the {host} identity endpoint returned {why}"));
    // The answer contains a token, so no error quotes it.
    let answer: Answer =
        serde_json::from_slice(received.json()).map_err(|_| invalid("an invalid token response"))?;
    let secret = answer
        .access_token
        .clone()
        .filter(|token| !token.is_empty())
        .ok_or_else(|| invalid("a response without a token"))?;
    check_token(&secret, answer.token_type.as_ref()).map_err(invalid)?;
    let now = seconds(context.clock.as_ref());
    let from_duration = || {
        let lifetime = answer.expires_in.as_ref().and_then(Expiry::seconds)?;
        in_range(now.saturating_add(lifetime)).filter(|ends| *ends >= now)
    };
    let said = answer.expires_on.as_ref().and_then(Expiry::timestamp).or_else(from_duration);
    // No token lives longer than it says itself.
    let own = Claims::of(secret.expose()).and_then(|claims| claims.exp);
    let expires_on = [said, own].into_iter().flatten().min();
    let expires_on = expires_on.ok_or_else(|| invalid("a response without the token's expiry"))?;
    let token =
        AccessToken::new(secret, now, expires_on, answer.refresh_in.as_ref().and_then(Expiry::seconds));
    if !selector.check(&token.claims(), &answer, must_echo)? {
        context.reporter.warning(format!(
            "The {host} identity endpoint does not name the identity of its token. The requested identity has {}.",
            selector.describe()
        ));
    }
    context.reporter.assertion(&token, context.settings.cloud);
    Ok(token)
}
