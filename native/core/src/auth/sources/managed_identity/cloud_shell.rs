//! Cloud Shell's endpoint, which returns the token of the signed-in user.
//! <https://learn.microsoft.com/azure/cloud-shell/msi-authorization>

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Method;
use reqwest::header::{self, HeaderValue};
use url::{Url, form_urlencoded};

use super::{EndpointRules, Selector, ask};
use crate::auth::sources::Source;
use crate::context::Context;
use crate::errors::Result;
use crate::errors::{CLOUD_SHELL, SELECTOR_UNSUPPORTED};
use crate::http::Request;
use crate::token::AccessToken;

/// The endpoint in `MSI_ENDPOINT` if `MSI_SECRET` is not set.
pub(crate) struct CloudShell {
    endpoint: Url,
}

impl CloudShell {
    /// Only for the user's own access: Entra does not accept a user's token as an app's credential.
    pub(crate) fn new(context: &Context, endpoint: Url, selector: &Selector) -> Result<Self> {
        if context.settings.client_id.is_some() {
            return Err(CLOUD_SHELL.error(CLOUD_SHELL.cause));
        }
        if *selector != Selector::System {
            return Err(SELECTOR_UNSUPPORTED.error("Cloud Shell has no managed identity to select"));
        }
        Ok(CloudShell { endpoint })
    }
}

impl Source for CloudShell {
    fn key(&self) -> String {
        format!("cloud-shell {}", self.endpoint)
    }

    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let form =
            form_urlencoded::Serializer::new(String::new()).append_pair("resource", &resource).finish();
        let mut request = Request::new(Method::POST, self.endpoint.clone());
        request.direct = true;
        request.body = Some(Bytes::from(form));
        request.headers.insert("metadata", HeaderValue::from_static("true"));
        request
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        async move { ask(&context, "Cloud Shell", &Selector::System, &EndpointRules::MSAL, request).await }
            .boxed()
    }
}
