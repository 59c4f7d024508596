//! The token of an Azure Pipelines job for a service connection.
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Method;
use reqwest::header;
use serde::Deserialize;
use url::Url;

use super::Source;
use super::oidc::{self, Provider};
use crate::context::Context;
use crate::errors::PIPELINES_VARIABLE;
use crate::errors::Result;
use crate::http::{Request, sensitive};
use crate::secret::Secret;
use crate::settings::{
    Environment,
    variables::{self, Variable},
};
use crate::token::AccessToken;

const API_VERSION: &str = "7.1";
const PROVIDER: Provider = Provider {
    name: "Azure Pipelines",
    advice: "Check the id of the service connection, and that the pipeline may use it. Map the job's token: \
        env: SYSTEM_ACCESSTOKEN: $(System.AccessToken).",
};

/// The token endpoint of a job for one service connection.
pub(crate) struct AzurePipelines {
    address: Url,
    token: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    oidc_token: Option<Secret>,
}

impl AzurePipelines {
    pub(crate) fn new(environment: &Environment, service_connection: &str) -> Result<Self> {
        let variable = |name: Variable| {
            environment.get(name).ok_or_else(|| PIPELINES_VARIABLE.error(format!("{name} is not set")))
        };
        let address = variable(variables::SYSTEM_OIDCREQUESTURI)?;
        let mut address = oidc::address(variables::SYSTEM_OIDCREQUESTURI, address)?;
        address
            .query_pairs_mut()
            .append_pair("api-version", API_VERSION)
            .append_pair("serviceConnectionId", service_connection);
        let token = Secret::new(variable(variables::SYSTEM_ACCESSTOKEN)?.to_owned());
        Ok(AzurePipelines { address, token })
    }
}

impl Source for AzurePipelines {
    fn key(&self) -> String {
        format!("azure-pipelines {}", self.address)
    }

    fn token(&self, _audience: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let mut request = Request::new(Method::POST, self.address.clone());
        request.body = Some(Bytes::new());
        let headers = &mut request.headers;
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, header::HeaderValue::from_static("0"));
        // Without this header, an error is a redirect to a sign-in page.
        headers.insert("x-tfs-fedauthredirect", header::HeaderValue::from_static("Suppress"));
        let bearer = zeroize::Zeroizing::new(format!("Bearer {}", self.token.expose()));
        if let Some(bearer) = sensitive(&bearer) {
            headers.insert(header::AUTHORIZATION, bearer);
        }
        async move {
            oidc::token(&context, &PROVIDER, request, |body| {
                serde_json::from_slice::<Answer>(body).ok().and_then(|answer| answer.oidc_token)
            })
            .await
        }
        .boxed()
    }
}
