//! Managed identity of Azure VMs: the instance metadata service.
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use url::Url;

use super::{EndpointRules, Selector, ask, endpoint_url, refusal, token_request};
use crate::auth::sources::Source;
use crate::context::Context;
use crate::errors::{Error, GITHUB_PERMISSION, IDENTITY_NOT_FOUND, PIPELINES_VARIABLE, Result};
use crate::http::retry::{Pauses, Policy};
use crate::http::{Request, TransportError, TransportErrorKind, limits};
use crate::settings::{Environment, Settings, variables};
use crate::token::AccessToken;

/// The same on every machine. Other services can use it too, which `probe` handles.
const ADDRESS: &str = "169.254.169.254";
const HOST: &str = "http://169.254.169.254";
const PATH: &str = "/metadata/identity/oauth2/token";
const API_VERSION: &str = "2018-02-01";

/// The documented rules: retry after 404 (an identity is being assigned), 410 (the service is being updated, for up to
/// 70 s), 429 and 5xx.
const RULES: EndpointRules = EndpointRules {
    retry: Policy {
        is_transient: |status| matches!(status, 404 | 408 | 410 | 429 | 500..=599),
        pauses: Pauses::Fixed(&[Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)]),
        // During an update, other statuses can occur too.
        pauses_after: Some((410, Pauses::Fixed(&[Duration::from_secs(10); 7]))),
    },
    // The probe has found the service, so it gets more time.
    timeout: limits::TOKEN,
    must_echo: false,
};

/// Timeouts of the probes. Outside Azure nothing answers at the address, and the error must not take a minute. Half a
/// second is too short for busy machines.
const PROBE_TIMEOUTS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// The instance metadata service.
pub(crate) struct Imds {
    endpoint: Url,
    selector: Selector,
}

impl Imds {
    pub(crate) fn new(context: &Context, selector: Selector) -> Result<Self> {
        let (variable, host) = match &context.settings.endpoints.imds {
            Some(host) => ("-Endpoint imds", host.as_str()),
            None => (
                variables::AZURE_POD_IDENTITY_AUTHORITY_HOST.name(),
                context.environment.get(variables::AZURE_POD_IDENTITY_AUTHORITY_HOST).unwrap_or(HOST),
            ),
        };
        let mut endpoint = endpoint_url(variable, host)?;
        endpoint.set_path(PATH);
        Ok(Imds { endpoint, selector })
    }

    fn request(&self, resource: &str) -> Request {
        let mut request = token_request(&self.endpoint, API_VERSION, resource, &self.selector, "msi_res_id");
        request.headers.insert("metadata", HeaderValue::from_static("true"));
        request
    }
}

/// Checks whether the service answers. Without the header that a token requires, it returns an error, which is enough.
async fn probe(context: &Context, mut request: Request) -> Result<()> {
    request.headers.clear();
    let shared = request.url.host_str() == Some(ADDRESS);
    let absent = no_identity(&context.environment, &context.settings);
    let mut failure = TransportError::new(TransportErrorKind::Timeout);
    for timeout in PROBE_TIMEOUTS {
        match context.receive(request.clone(), timeout).await {
            // Other clouds have their own service at this address, and containers a proxy. Azure's service returns 400
            // if it is healthy.
            Ok(answer) if matches!(answer.status, 401 | 403 | 404) && shared => return Err(absent),
            Ok(_) => return Ok(()),
            Err(e) => failure = e,
        }
    }
    Err(absent.caused_by(&failure))
}

impl Source for Imds {
    fn key(&self) -> String {
        format!("imds {} {}", self.endpoint, self.selector.describe())
    }

    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let (request, selector, key) = (self.request(&resource), self.selector.clone(), self.key());
        async move {
            // A service that has returned a token exists.
            if !context.cache.worked(|kind, _| kind.source == key) {
                probe(&context, request.clone()).await?;
            }
            ask(&context, refusal::IMDS, &selector, &RULES, request).await
        }
        .boxed()
    }
}

/// The error on a host without any identity. The most likely case is a build that lacks the permission for its token.
fn no_identity(environment: &Environment, settings: &Settings) -> Error {
    const ABSENT: &str = "the instance metadata service does not answer";
    let exchanges = settings.client_id.is_some();
    if exchanges && environment.is_true(variables::GITHUB_ACTIONS) {
        return GITHUB_PERMISSION.error(format!(
            "this is a GitHub Actions job, ACTIONS_ID_TOKEN_REQUEST_URL is not set, and {ABSENT}"
        ));
    }
    if exchanges && environment.is_true(variables::TF_BUILD) {
        return PIPELINES_VARIABLE.error(format!(
            "this is an Azure Pipelines job, no service connection was specified, and {ABSENT}"
        ));
    }
    IDENTITY_NOT_FOUND.error(format!(
        "no managed identity endpoint was found: IDENTITY_ENDPOINT and IDENTITY_HEADER are not set, and {ABSENT}"
    ))
}
