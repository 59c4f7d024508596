//! The managed identity endpoint of 2017, which Azure Machine Learning and some hybrid workers still use.
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity> (api-version 2017-09-01)

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Method;
use url::Url;

use super::{EndpointRules, Selector, ask};
use crate::auth::sources::Source;
use crate::context::Context;
use crate::errors::Result;
use crate::errors::SELECTOR_UNSUPPORTED;
use crate::http::{Request, sensitive};
use crate::secret::Secret;
use crate::token::AccessToken;

const API_VERSION: &str = "2017-09-01";

/// The endpoint in `MSI_ENDPOINT`.
pub(crate) struct LegacyMsi {
    endpoint: Url,
    secret: Secret,
    selector: Selector,
}

impl LegacyMsi {
    pub(crate) fn new(endpoint: Url, secret: Secret, selector: Selector) -> Result<Self> {
        if matches!(selector, Selector::ObjectId(_) | Selector::ResourceId(_)) {
            return Err(SELECTOR_UNSUPPORTED
                .error("this identity endpoint (MSI_ENDPOINT, 2017-09-01) accepts only a client id"));
        }
        Ok(LegacyMsi { endpoint, secret, selector })
    }
}

impl Source for LegacyMsi {
    fn key(&self) -> String {
        format!("msi-2017 {} {}", self.endpoint, self.selector.describe())
    }

    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().append_pair("api-version", API_VERSION).append_pair("resource", &resource);
        if let Selector::ClientId(id) = &self.selector {
            // The name client_id came with the next version.
            url.query_pairs_mut().append_pair("clientid", id);
        }
        let mut request = Request::new(Method::GET, url);
        request.direct = true;
        if let Some(value) = sensitive(self.secret.expose()) {
            request.headers.insert("secret", value);
        }
        let selector = self.selector.clone();
        async move { ask(&context, "MSI", &selector, &EndpointRules::MSAL, request).await }.boxed()
    }
}
