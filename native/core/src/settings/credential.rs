//! The credential of a connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::ids::check_id;
use crate::digest::{hex, sha256};
use crate::errors::{IDENTITY_AMBIGUOUS, INVALID_RESOURCE_ID};
use crate::errors::{Result, excerpt};
use crate::secret::Secret;

/// The credential of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Credential {
    /// The identity that the host provides, found by detection.
    Default {},
    /// The managed identity of the host.
    ManagedIdentity {
        /// Client id of a user-assigned identity.
        client_id: Option<String>,
        /// Object (principal) id of a user-assigned identity.
        object_id: Option<String>,
        /// Azure resource id of a user-assigned identity.
        resource_id: Option<String>,
    },
    /// A token file that the platform renews, as Kubernetes does.
    WorkloadIdentity {
        /// Full path. The default is `AZURE_FEDERATED_TOKEN_FILE`.
        token_file: Option<String>,
    },
    /// The token of a GitHub Actions job.
    GitHubActions {},
    /// The token of an Azure Pipelines job.
    AzurePipelines {
        /// Service connection that the token is for.
        service_connection_id: String,
    },
    /// A certificate of the app, with its private key.
    Certificate {
        /// Full path of a PEM or PFX file. The file is read again for each token.
        path: String,
        /// Password of the file.
        password: Option<Secret>,
    },
    /// A certificate of the app whose key the consumer of a query holds and signs with.
    CallerCertificate(CallerCertificate),
    /// A client secret of the app.
    ClientSecret {
        /// The secret's value.
        secret: Secret,
    },
    /// A token of another issuer that the app trusts.
    ClientAssertion {
        /// The token. Without it, the consumer of a query provides one whenever one is needed.
        assertion: Option<Secret>,
    },
    /// An access token for the API.
    AccessToken {
        /// The token.
        token: Secret,
    },
}

/// A certificate of the app, without its key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CallerCertificate {
    /// The certificate, as DER in base64.
    #[serde(deserialize_with = "from_base64")]
    pub(crate) certificate: Vec<u8>,
    /// How the consumer signs.
    pub(crate) algorithm: SigningAlgorithm,
}

impl CallerCertificate {
    /// Identifies the certificate, and how its key signs.
    pub(crate) fn key(&self) -> String {
        format!("{:?} {}", self.algorithm, hex(&sha256(&self.certificate)))
    }
}

fn from_base64<'de, D: Deserializer<'de>>(document: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(document)?).map_err(D::Error::custom)
}

/// A signature algorithm of RFC 7518 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum SigningAlgorithm {
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for the keys of older providers of Windows.
    RS256,
}

impl Credential {
    /// Whether the credential works without an app that trusts it.
    pub(super) fn works_without_app(&self) -> bool {
        matches!(
            self,
            Credential::ManagedIdentity { .. } | Credential::Default {} | Credential::AccessToken { .. }
        )
    }

    /// Checks the ids of the credential.
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
