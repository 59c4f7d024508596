//! The token of a GitHub Actions job.
//! <https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/about-security-hardening-with-openid-connect>

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::Method;
use reqwest::header;
use serde::Deserialize;
use url::Url;

use super::Source;
use super::oidc::{self, Provider};
use crate::context::Context;
use crate::errors::GITHUB_PERMISSION;
use crate::errors::Result;
use crate::http::{Request, sensitive};
use crate::secret::Secret;
use crate::settings::{
    Environment,
    variables::{self, Variable},
};
use crate::token::AccessToken;

const PROVIDER: Provider = Provider {
    name: "GitHub Actions",
    advice: "Add `permissions: id-token: write` to the job, and run it in the repository of the federated credential.",
};

/// The token endpoint of a job.
pub(crate) struct GitHubActions {
    address: Url,
    token: Secret,
}

#[derive(Deserialize)]
struct Answer {
    value: Option<Secret>,
}

impl GitHubActions {
    pub(crate) fn new(environment: &Environment) -> Result<Self> {
        let variable = |name: Variable| {
            environment.get(name).ok_or_else(|| {
                GITHUB_PERMISSION.error(format!(
                    "{name} is not set: this is not a GitHub Actions job, or it lacks the permission to request tokens"
                ))
            })
        };
        let address = oidc::address(
            variables::ACTIONS_ID_TOKEN_REQUEST_URL,
            variable(variables::ACTIONS_ID_TOKEN_REQUEST_URL)?,
        )?;
        let token = Secret::new(variable(variables::ACTIONS_ID_TOKEN_REQUEST_TOKEN)?.to_owned());
        Ok(GitHubActions { address, token })
    }
}

impl Source for GitHubActions {
    fn key(&self) -> String {
        format!("github-actions {}", self.address)
    }

    fn token(&self, audience: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let mut url = self.address.clone();
        // The address already has an api-version.
        url.query_pairs_mut().append_pair("audience", &audience);
        let mut request = Request::new(Method::GET, url);
        request.headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
        let bearer = zeroize::Zeroizing::new(format!("Bearer {}", self.token.expose()));
        if let Some(bearer) = sensitive(&bearer) {
            request.headers.insert(header::AUTHORIZATION, bearer);
        }
        async move {
            oidc::token(&context, &PROVIDER, request, |body| {
                serde_json::from_slice::<Answer>(body).ok().and_then(|answer| answer.value)
            })
            .await
        }
        .boxed()
    }
}
