//! The clouds, and the names that differ between them. An identity, an app and an API must be in the same cloud.

use serde::{Deserialize, Serialize};

/// A cloud that this world can stand in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cloud {
    /// The public one.
    #[default]
    Public,
    /// The public one's sign-in with the US government's Defender.
    #[serde(rename = "GCC")]
    Gcc,
    /// US government, GCC High.
    #[serde(rename = "USGov")]
    UsGov,
    /// US government, Department of Defense.
    #[serde(rename = "USGovDoD")]
    UsGovDoD,
    /// 21Vianet.
    China,
}

/// What a resource is, whatever the cloud calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// What a managed identity asks for to be trusted as an app.
    Exchange,
    /// Defender for Endpoint.
    Defender,
    /// Defender XDR.
    Xdr,
    /// Microsoft Graph.
    Graph,
    /// Azure Resource Manager.
    Arm,
    /// The Logs Ingestion API of Azure Monitor.
    Ingestion,
    /// Event Hubs.
    EventHubs,
    /// Any other that is known.
    Other,
}

/// Sign-in hosts of each cloud, the preferred one first.
const HOSTS: [&[&str]; 3] = [
    &["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", V1_HOST],
    &["login.microsoftonline.us", "login.usgovcloudapi.net"],
    &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
];
/// The host that v1.0 tokens of the public cloud name.
const V1_HOST: &str = "sts.windows.net";
/// Ids of the resources' applications, which are names of theirs in every cloud that has them.
const APP_IDS: &[(&str, Resource)] = &[
    ("fc780465-2017-40d4-a0c5-307022471b92", Resource::Defender),
    ("8ee8fdad-f234-4243-8f3b-15c294843740", Resource::Xdr),
    ("00000003-0000-0000-c000-000000000000", Resource::Graph),
];

impl Cloud {
    /// Host of the sign-in service.
    pub(crate) fn host(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => HOSTS[0][0],
            Cloud::UsGov | Cloud::UsGovDoD => HOSTS[1][0],
            Cloud::China => HOSTS[2][0],
        }
    }

    /// Issuer of a v2.0 token, which the token for the exchange is.
    pub(crate) fn issuer(self, tenant: &str) -> String {
        format!("https://{}/{tenant}/v2.0", self.host())
    }

    /// Issuer of a v1.0 token.
    pub(crate) fn v1_issuer(self, tenant: &str) -> String {
        let host = if matches!(self, Cloud::Public | Cloud::Gcc) { V1_HOST } else { self.host() };
        format!("https://{host}/{tenant}/")
    }

    /// What a managed identity asks for, and what a federated credential names.
    pub(crate) fn exchange(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "api://AzureADTokenExchange",
            Cloud::UsGov | Cloud::UsGovDoD => "api://AzureADTokenExchangeUSGov",
            Cloud::China => "api://AzureADTokenExchangeChina",
        }
    }

    /// The audiences that exist here; the first one of a kind is the usual one. China has no Defender.
    fn resources(self) -> &'static [(&'static str, Resource)] {
        match self {
            Cloud::Public => &[
                ("https://api.securitycenter.microsoft.com", Resource::Defender),
                ("https://api.securitycenter.windows.com", Resource::Defender),
                ("https://securitycenter.onmicrosoft.com/windowsatpservice", Resource::Defender),
                ("https://api.security.microsoft.com", Resource::Xdr),
                ("https://security.microsoft.com/mtp/", Resource::Xdr),
                ("https://graph.microsoft.com", Resource::Graph),
                ("https://management.azure.com", Resource::Arm),
                ("https://management.azure.com/", Resource::Arm),
                ("https://vault.azure.net", Resource::Other),
                ("https://api.loganalytics.io", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
                ("https://monitor.azure.com", Resource::Ingestion),
                ("https://eventhubs.azure.net", Resource::EventHubs),
            ],
            Cloud::Gcc => &[
                ("https://api-gcc.securitycenter.microsoft.us", Resource::Defender),
                ("https://api-gcc.security.microsoft.us", Resource::Xdr),
                ("https://graph.microsoft.com", Resource::Graph),
                ("https://management.azure.com", Resource::Arm),
                ("https://management.azure.com/", Resource::Arm),
                ("https://vault.azure.net", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
                ("https://monitor.azure.com", Resource::Ingestion),
                ("https://eventhubs.azure.net", Resource::EventHubs),
            ],
            Cloud::UsGov => &[
                ("https://api-gov.securitycenter.microsoft.us", Resource::Defender),
                ("https://api-gov.security.microsoft.us", Resource::Xdr),
                ("https://graph.microsoft.us", Resource::Graph),
                ("https://management.usgovcloudapi.net", Resource::Arm),
                ("https://management.usgovcloudapi.net/", Resource::Arm),
                ("https://vault.usgovcloudapi.net", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
                ("https://monitor.azure.us", Resource::Ingestion),
                ("https://eventhubs.azure.net", Resource::EventHubs),
            ],
            Cloud::UsGovDoD => &[
                ("https://api-gov.securitycenter.microsoft.us", Resource::Defender),
                ("https://api-gov.security.microsoft.us", Resource::Xdr),
                ("https://dod-graph.microsoft.us", Resource::Graph),
                ("https://management.usgovcloudapi.net", Resource::Arm),
                ("https://management.usgovcloudapi.net/", Resource::Arm),
                ("https://vault.usgovcloudapi.net", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
                ("https://monitor.azure.us", Resource::Ingestion),
                ("https://eventhubs.azure.net", Resource::EventHubs),
            ],
            Cloud::China => &[
                ("https://microsoftgraph.chinacloudapi.cn", Resource::Graph),
                ("https://management.chinacloudapi.cn", Resource::Arm),
                ("https://management.chinacloudapi.cn/", Resource::Arm),
                ("https://vault.azure.cn", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
                ("https://monitor.azure.cn", Resource::Ingestion),
                ("https://eventhubs.azure.net", Resource::EventHubs),
            ],
        }
    }

    /// What an app may ask Entra for under this name, and the audience of the token.
    pub(crate) fn resource(self, name: &str) -> Option<(&'static str, Resource)> {
        if name == self.exchange() {
            return Some((self.exchange(), Resource::Exchange));
        }
        let find = |name: &str| self.resources().iter().find(|(known, _)| *known == name).copied();
        let by_id =
            || APP_IDS.iter().find(|(id, kind)| *id == name && self.audience(*kind).is_some()).copied();
        find(name).or_else(|| find(name.trim_end_matches('/'))).or_else(by_id)
    }

    /// What an identity may ask its endpoint for under this name.
    pub(crate) fn identity_resource(self, name: &str) -> Option<Resource> {
        self.resource(name).filter(|(known, _)| *known == name).map(|(_, kind)| kind)
    }

    /// Name of a resource.
    pub(crate) fn audience(self, wanted: Resource) -> Option<&'static str> {
        self.resources().iter().find(|(_, kind)| *kind == wanted).map(|(name, _)| *name)
    }

    /// Whether a token's audience is `wanted` of this cloud.
    pub(crate) fn is_audience(self, wanted: Resource, audience: &str) -> bool {
        self.identity_resource(audience) == Some(wanted)
    }
}

/// The sign-in hosts of the cloud that this host belongs to.
pub(crate) fn authority_hosts(host: &str) -> Option<&'static [&'static str]> {
    HOSTS.into_iter().find(|hosts| hosts.contains(&host))
}

/// Whether the sign-in service of any cloud issued this.
pub(crate) fn is_entra(issuer: &str) -> bool {
    let host = issuer.strip_prefix("https://").and_then(|rest| rest.split_once('/')).map(|(host, _)| host);
    host.is_some_and(|host| authority_hosts(host).is_some())
}
