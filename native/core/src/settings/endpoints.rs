//! Addresses that replace those of the cloud.

use serde::Deserialize;
use url::Url;

use super::ids::is_secure;
use crate::cloud::Family;
use crate::errors::INVALID_ENDPOINT_SETTING;
use crate::errors::{Result, excerpt};

/// The members of [`Endpoints`]: the keys of `-Endpoint`.
pub const ENDPOINT_NAMES: &[&str] = &[
    "authority",
    "defender",
    "defenderScope",
    "xdr",
    "xdrScope",
    "graph",
    "arm",
    "blob",
    "ingestion",
    "eventHubs",
    "imds",
    "arcTokens",
];

/// Addresses that replace those of the cloud, for tests and private links.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Endpoints {
    /// Token endpoints.
    pub authority: Option<String>,
    /// Defender for Endpoint.
    pub defender: Option<String>,
    /// Scope of a token for Defender for Endpoint.
    pub defender_scope: Option<String>,
    /// Defender XDR.
    pub xdr: Option<String>,
    /// Scope of a token for Defender XDR.
    pub xdr_scope: Option<String>,
    /// Microsoft Graph.
    pub graph: Option<String>,
    /// Azure Resource Manager.
    pub arm: Option<String>,
    /// Azure Blob Storage: a storage account under a name of one's own.
    pub blob: Option<String>,
    /// The Logs Ingestion API of Azure Monitor: an endpoint under a name of one's own.
    pub ingestion: Option<String>,
    /// Event Hubs: a namespace under a name of one's own.
    pub event_hubs: Option<String>,
    /// Instance metadata service, and the address of Azure Arc's agent.
    pub imds: Option<String>,
    /// Directory that replaces the agent's own for Azure Arc's key files.
    pub arc_tokens: Option<String>,
}

impl Endpoints {
    /// The address given for a family.
    pub(crate) fn of(&self, family: Family) -> Option<&str> {
        match family {
            Family::Defender => self.defender.as_deref(),
            Family::Xdr => self.xdr.as_deref(),
            Family::Graph => self.graph.as_deref(),
            Family::Arm => self.arm.as_deref(),
        }
    }

    /// The scope given for a family.
    pub(crate) fn scope_of(&self, family: Family) -> Option<&str> {
        match family {
            Family::Defender => self.defender_scope.as_deref(),
            Family::Xdr => self.xdr_scope.as_deref(),
            Family::Graph | Family::Arm => None,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let addresses = [
            ("authority", &self.authority),
            ("defender", &self.defender),
            ("xdr", &self.xdr),
            ("graph", &self.graph),
            ("arm", &self.arm),
            ("blob", &self.blob),
            ("ingestion", &self.ingestion),
            ("eventHubs", &self.event_hubs),
            ("imds", &self.imds),
        ];
        let given = addresses.into_iter().filter_map(|(name, address)| Some((name, address.as_deref()?)));
        for (name, address) in given {
            check(name, address)?;
        }
        Ok(())
    }
}

/// Tokens are sent to these addresses, so they must be https, or http on this machine.
fn check(name: &str, address: &str) -> Result<()> {
    let invalid = |why: String| Err(INVALID_ENDPOINT_SETTING.error(format!("the endpoint {name} {why}")));
    let url = match Url::parse(address) {
        Ok(url) => url,
        Err(e) => return invalid(format!("is not a URL: {e}")),
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        // The address may contain a password, so the message does not quote it.
        return invalid("must contain only a host and a path".to_owned());
    }
    if !is_secure(&url) {
        return invalid(format!("must be https: {}", excerpt(address, 120)));
    }
    Ok(())
}
