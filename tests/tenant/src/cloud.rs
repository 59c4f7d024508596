//! The clouds: what is called differently in each of them. An identity, an app and an API of different clouds have
//! nothing to say to each other.

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
    /// Any other that is known.
    Other,
}

/// Sign-in hosts of all clouds.
const HOSTS: &[&str] =
    &["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"];
/// The host that v1.0 tokens of the public cloud name.
const V1_HOST: &str = "sts.windows.net";

impl Cloud {
    /// Host of the sign-in service.
    pub(crate) fn host(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => HOSTS[0],
            Cloud::UsGov | Cloud::UsGovDoD => HOSTS[1],
            Cloud::China => HOSTS[2],
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

    /// The audiences that exist here. Defender is not in China.
    fn resources(self) -> &'static [(&'static str, Resource)] {
        match self {
            Cloud::Public => &[
                ("https://api.securitycenter.microsoft.com", Resource::Defender),
                ("https://api.security.microsoft.com", Resource::Xdr),
                ("https://graph.microsoft.com", Resource::Graph),
                ("https://management.azure.com", Resource::Arm),
                ("https://vault.azure.net", Resource::Other),
                ("https://api.loganalytics.io", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
            ],
            Cloud::Gcc => &[
                ("https://api-gcc.securitycenter.microsoft.us", Resource::Defender),
                ("https://api-gcc.security.microsoft.us", Resource::Xdr),
                ("https://graph.microsoft.com", Resource::Graph),
                ("https://management.azure.com", Resource::Arm),
                ("https://vault.azure.net", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
            ],
            Cloud::UsGov => &[
                ("https://api-gov.securitycenter.microsoft.us", Resource::Defender),
                ("https://api-gov.security.microsoft.us", Resource::Xdr),
                ("https://graph.microsoft.us", Resource::Graph),
                ("https://management.usgovcloudapi.net", Resource::Arm),
                ("https://vault.usgovcloudapi.net", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
            ],
            Cloud::UsGovDoD => &[
                ("https://api-gov.securitycenter.microsoft.us", Resource::Defender),
                ("https://api-gov.security.microsoft.us", Resource::Xdr),
                ("https://dod-graph.microsoft.us", Resource::Graph),
                ("https://management.usgovcloudapi.net", Resource::Arm),
                ("https://vault.usgovcloudapi.net", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
            ],
            Cloud::China => &[
                ("https://microsoftgraph.chinacloudapi.cn", Resource::Graph),
                ("https://management.chinacloudapi.cn", Resource::Arm),
                ("https://vault.azure.cn", Resource::Other),
                ("https://storage.azure.com", Resource::Other),
            ],
        }
    }

    /// What an app may ask Entra for under this name.
    pub(crate) fn resource(self, name: &str) -> Option<(&'static str, Resource)> {
        self.resources().iter().find(|(known, _)| *known == name.trim_end_matches('/')).copied()
    }

    /// What an identity may ask its endpoint for under this name; of the resource manager alone both forms are known.
    pub(crate) fn identity_resource(self, name: &str) -> Option<Resource> {
        if name == self.exchange() {
            return Some(Resource::Exchange);
        }
        let (known, kind) = self.resource(name)?;
        (known == name || (kind == Resource::Arm && name.len() == known.len() + 1)).then_some(kind)
    }

    /// Name of a resource.
    pub(crate) fn audience(self, wanted: Resource) -> Option<&'static str> {
        self.resources().iter().find(|(_, kind)| *kind == wanted).map(|(name, _)| *name)
    }

    /// Whether a token's audience is `wanted` of this cloud; the resource manager takes its own with or without a
    /// slash.
    pub(crate) fn is_audience(self, wanted: Resource, audience: &str) -> bool {
        self.identity_resource(audience) == Some(wanted)
    }
}

/// Whether the sign-in service of any cloud issued this.
pub(crate) fn is_entra(issuer: &str) -> bool {
    let host = issuer.strip_prefix("https://").and_then(|rest| rest.split_once('/')).map(|(host, _)| host);
    host.is_some_and(|host| host == V1_HOST || HOSTS.contains(&host))
}
