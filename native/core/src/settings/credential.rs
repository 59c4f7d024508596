//! How to get the first token, or what proves an app without one.

use serde::Deserialize;

use super::ids::check_id;
use crate::errors::{Error, Result, excerpt};
use crate::errors::{IDENTITY_AMBIGUOUS, INVALID_RESOURCE_ID};
use crate::secret::Secret;

/// How to get the first token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Credential {
    /// Whatever the place this runs in offers.
    Default {},
    /// The managed identity of the place this runs in.
    ManagedIdentity {
        /// Client id of a user-assigned identity.
        client_id: Option<String>,
        /// Object (principal) id of a user-assigned identity.
        object_id: Option<String>,
        /// Azure resource id of a user-assigned identity.
        resource_id: Option<String>,
    },
    /// A token file that the platform keeps fresh, as Kubernetes does.
    WorkloadIdentity {
        /// Full path; the one in `AZURE_FEDERATED_TOKEN_FILE` if there is none.
        token_file: Option<String>,
    },
    /// The job's token of GitHub Actions.
    GitHubActions {},
    /// The job's token of Azure Pipelines.
    AzurePipelines {
        /// Service connection that the token is for.
        service_connection_id: String,
    },
    /// A certificate of the app, with its private key.
    Certificate {
        /// Full path of a PEM or PFX file, read again for each token.
        path: Option<String>,
        /// The certificate itself: PKCS #12, base64.
        pkcs12: Option<Secret>,
        /// Password of either.
        password: Option<Secret>,
    },
    /// A client secret of the app.
    ClientSecret {
        /// The secret's value.
        secret: Secret,
    },
    /// A token of another issuer that the app trusts.
    ClientAssertion {
        /// The token; without it the consumer of a query is asked for one whenever one is needed.
        assertion: Option<Secret>,
    },
    /// A token that is ready for the API.
    AccessToken {
        /// The token.
        token: Secret,
    },
}

impl Credential {
    /// Whether it is of use without an app that trusts it.
    pub(super) fn stands_alone(&self) -> bool {
        matches!(
            self,
            Credential::ManagedIdentity { .. } | Credential::Default {} | Credential::AccessToken { .. }
        )
    }

    /// The credential after the checks of its ids.
    pub(super) fn checked(self) -> Result<Self> {
        match self {
            Credential::ManagedIdentity { client_id, object_id, resource_id } => {
                managed_identity(client_id, object_id, resource_id)
            }
            Credential::AzurePipelines { service_connection_id } => Ok(Credential::AzurePipelines {
                service_connection_id: check_id(
                    &service_connection_id,
                    "ServiceConnectionId",
                    "the service connection's id (the last part of its address in the project settings)",
                )?,
            }),
            Credential::Certificate { path: Some(_), pkcs12: Some(_), .. } => Err(Error::invalid_argument(
                "the member 'pkcs12' of the credential does not apply with a 'path'",
            )),
            other => Ok(other),
        }
    }
}

fn managed_identity(
    client_id: Option<String>,
    object_id: Option<String>,
    resource_id: Option<String>,
) -> Result<Credential> {
    if [&client_id, &object_id, &resource_id].into_iter().flatten().count() > 1 {
        return Err(IDENTITY_AMBIGUOUS.error(IDENTITY_AMBIGUOUS.cause));
    }
    if let Some(id) = &resource_id
        && !id.to_ascii_lowercase().starts_with("/subscriptions/")
    {
        return Err(INVALID_RESOURCE_ID.error(format!("'{}' is not an Azure resource id", excerpt(id, 120))));
    }
    let checked = |id: Option<String>, parameter: &str, what: &str| {
        id.map(|id| check_id(&id, parameter, what)).transpose()
    };
    Ok(Credential::ManagedIdentity {
        client_id: checked(client_id, "ManagedIdentityClientId", "the managed identity's Client ID")?,
        object_id: checked(
            object_id,
            "ManagedIdentityObjectId",
            "the managed identity's Object (principal) ID",
        )?,
        resource_id,
    })
}
