//! Detects the identity that the host provides, in the order of the Azure SDKs.

use std::sync::Arc;

use super::sources::Source;
use super::sources::azure_pipelines::AzurePipelines;
use super::sources::github_actions::GitHubActions;
use super::sources::managed_identity::app_service::AppService;
use super::sources::managed_identity::azure_arc::{self, AzureArc};
use super::sources::managed_identity::cloud_shell::CloudShell;
use super::sources::managed_identity::imds::Imds;
use super::sources::managed_identity::legacy_msi::LegacyMsi;
use super::sources::managed_identity::service_fabric::ServiceFabric;
use super::sources::managed_identity::{Selector, endpoint_url};
use super::sources::workload_identity::WorkloadIdentity;
use crate::context::Context;
use crate::errors::IDENTITY_VARIABLES;
use crate::errors::Result;
use crate::secret::Secret;
use crate::settings::{Credential, variables};

/// A detected identity source and the variable that revealed it.
pub(crate) struct Found {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) what: &'static str,
    pub(crate) by: &'static str,
}

fn found(source: impl Source + 'static, what: &'static str, by: &'static str) -> Found {
    Found { source: Arc::new(source), what, by }
}

/// The first of: a Kubernetes token file, a GitHub Actions job, an Azure Pipelines job, the managed identity. The
/// tokens of the first three can only be exchanged, so without an app only the managed identity applies.
pub(crate) fn any(context: &Context) -> Result<Found> {
    let environment = &context.environment;
    let set = |name| environment.get(name).is_some();
    if context.settings.client_id.is_some() {
        if set(variables::AZURE_FEDERATED_TOKEN_FILE) {
            let source = WorkloadIdentity::new(context, None)?;
            return Ok(found(
                source,
                "a Kubernetes token file",
                variables::AZURE_FEDERATED_TOKEN_FILE.name(),
            ));
        }
        if set(variables::ACTIONS_ID_TOKEN_REQUEST_URL) {
            let source = GitHubActions::new(environment)?;
            return Ok(found(source, "a GitHub Actions job", variables::ACTIONS_ID_TOKEN_REQUEST_URL.name()));
        }
        let connection = environment.get(variables::AZURESUBSCRIPTION_SERVICE_CONNECTION_ID);
        if let Some(connection) = connection.filter(|_| set(variables::SYSTEM_OIDCREQUESTURI)) {
            let source = AzurePipelines::new(environment, connection)?;
            return Ok(found(source, "an Azure Pipelines job", variables::SYSTEM_OIDCREQUESTURI.name()));
        }
    }
    // As in the Azure SDKs. In a pod, the variable holds the id of the app, which is not a managed identity.
    let chosen = environment.get(variables::AZURE_CLIENT_ID).map(str::to_ascii_lowercase);
    let chosen = chosen.filter(|id| context.settings.client_id.as_ref() != Some(id));
    managed_identity(context, chosen.map_or(Selector::System, Selector::ClientId))
}

/// A description of the identity for messages.
pub(crate) fn describe(context: &Context) -> String {
    let found = match &context.settings.credential {
        Credential::Default {} => any(context),
        Credential::ManagedIdentity { .. } => {
            managed_identity(context, Selector::of(&context.settings.credential))
        }
        Credential::WorkloadIdentity { .. } => return "a token file".to_owned(),
        Credential::GitHubActions {} => return "a GitHub Actions job".to_owned(),
        Credential::AzurePipelines { .. } => return "an Azure Pipelines job".to_owned(),
        Credential::ClientAssertion { assertion: None } => return "the connection's script block".to_owned(),
        _ => return "passed in by the caller".to_owned(),
    };
    found.map_or_else(|e| e.to_string(), |found| format!("found {} ({})", found.what, found.by))
}

/// Reports the detected identity.
pub(crate) fn report(context: &Context) {
    if let Ok(found) = any(context) {
        context.reporter.verbose(format!("Identity: found {} ({}).", found.what, found.by));
    }
}

/// The endpoint of the managed identity. `IDENTITY_*` takes precedence over `MSI_*`: App Service sets both.
pub(crate) fn managed_identity(context: &Context, selector: Selector) -> Result<Found> {
    let variable = |name| context.environment.get(name);
    if let (Some(endpoint), Some(header)) =
        (variable(variables::IDENTITY_ENDPOINT), variable(variables::IDENTITY_HEADER))
    {
        let endpoint = endpoint_url(variables::IDENTITY_ENDPOINT.name(), endpoint)?;
        let header = Secret::new(header.to_owned());
        return Ok(match variable(variables::IDENTITY_SERVER_THUMBPRINT) {
            Some(thumbprint) => {
                let source = ServiceFabric::new(endpoint, header, thumbprint, &selector)?;
                found(source, "Service Fabric", variables::IDENTITY_SERVER_THUMBPRINT.name())
            }
            None => found(
                AppService::new(endpoint, header, selector),
                "App Service or Automation",
                variables::IDENTITY_ENDPOINT.name(),
            ),
        });
    }
    if let Some(endpoint) = variable(variables::MSI_ENDPOINT) {
        let endpoint = endpoint_url(variables::MSI_ENDPOINT.name(), endpoint)?;
        return Ok(match variable(variables::MSI_SECRET) {
            Some(secret) => {
                // Azure Machine Learning sets its default identity in this variable and requires it in the request.
                let default =
                    variable(variables::DEFAULT_IDENTITY_CLIENT_ID).filter(|_| selector == Selector::System);
                let selector = default.map_or(selector, |id| Selector::ClientId(id.to_owned()));
                let source = LegacyMsi::new(endpoint, Secret::new(secret.to_owned()), selector)?;
                found(source, "the 2017 endpoint", variables::MSI_ENDPOINT.name())
            }
            None => found(
                CloudShell::new(context, endpoint, &selector)?,
                "Cloud Shell",
                variables::MSI_ENDPOINT.name(),
            ),
        });
    }
    if let Some(endpoint) = variable(variables::IDENTITY_ENDPOINT) {
        if variable(variables::IMDS_ENDPOINT).is_none() {
            return Err(IDENTITY_VARIABLES.error("IDENTITY_ENDPOINT is set, but IDENTITY_HEADER is not"));
        }
        let endpoint = endpoint_url(variables::IDENTITY_ENDPOINT.name(), endpoint)?;
        return Ok(found(
            AzureArc::new(context, endpoint, selector)?,
            "Azure Arc",
            "IDENTITY_ENDPOINT and IMDS_ENDPOINT",
        ));
    }
    if context.has_arc_agent {
        let endpoint = endpoint_url("Azure Arc's agent", azure_arc::ENDPOINT)?;
        return Ok(found(AzureArc::new(context, endpoint, selector)?, "Azure Arc", "the installed agent"));
    }
    Ok(found(Imds::new(context, selector)?, "the instance metadata service", "no other source was found"))
}
