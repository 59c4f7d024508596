//! Managed identity of App Service, Functions, Container Apps and Azure Automation.
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderValue;
use url::Url;

use super::{EndpointRules, Selector, ask, token_request};
use crate::auth::sources::Source;
use crate::context::Context;
use crate::errors::Result;
use crate::http::retry::Policy;
use crate::http::{Request, sensitive};
use crate::secret::Secret;
use crate::token::AccessToken;

const API_VERSION: &str = "2019-08-01";

/// MSAL's rules, and retries after 502, which the platform's front end returns.
const RULES: EndpointRules = EndpointRules {
    retry: Policy {
        is_transient: |status| status == 502 || (EndpointRules::MSAL.retry.is_transient)(status),
        ..EndpointRules::MSAL.retry
    },
    ..EndpointRules::MSAL
};

/// The endpoint in `IDENTITY_ENDPOINT`.
pub(crate) struct AppService {
    endpoint: Url,
    /// The platform changes the header, so it is read from the environment for each request.
    header: Secret,
    selector: Selector,
}

impl AppService {
    pub(crate) fn new(endpoint: Url, header: Secret, selector: Selector) -> Self {
        AppService { endpoint, header, selector }
    }

    fn request(&self, resource: &str) -> Request {
        let mut request = token_request(&self.endpoint, API_VERSION, resource, &self.selector, "mi_res_id");
        // Azure Automation requires this header too. The other hosts ignore it.
        request.headers.insert("metadata", HeaderValue::from_static("True"));
        if let Some(value) = sensitive(self.header.expose()) {
            request.headers.insert("x-identity-header", value);
        }
        request
    }
}

impl Source for AppService {
    fn key(&self) -> String {
        format!("app-service {} {}", self.endpoint, self.selector.describe())
    }

    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let (request, selector) = (self.request(&resource), self.selector.clone());
        async move { ask(&context, "App Service", &selector, &RULES, request).await }.boxed()
    }
}
