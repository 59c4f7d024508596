//! Clouds and API families: hosts, scopes and the hosts that a token may be sent to.
//!
//! Hosts: <https://learn.microsoft.com/defender-endpoint/gov>, <https://learn.microsoft.com/defender-xdr/usgov>,
//! <https://learn.microsoft.com/graph/deployments>. Defender's audiences in the US government
//! clouds are not documented. They follow the rule of the public cloud: a host is its own resource.

use serde::Deserialize;

/// A national cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Cloud {
    /// The worldwide cloud.
    #[default]
    Public,
    /// US government community cloud: Entra and Graph of the worldwide cloud, separate Defender.
    #[serde(rename = "GCC")]
    Gcc,
    /// US government, level 4 (GCC High).
    USGov,
    /// US government, level 5 (Department of Defense).
    USGovDoD,
    /// China, operated by 21Vianet. It has neither Defender for Endpoint nor Defender XDR.
    China,
}

/// An API family. It determines the scope. The host cannot: two families share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum Family {
    /// Defender for Endpoint.
    Defender,
    /// Defender XDR.
    Xdr,
    /// Microsoft Graph.
    Graph,
    /// Azure Resource Manager.
    Arm,
}

/// One API family in one cloud.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    /// Base address.
    pub base: &'static str,
    /// Scope of a token for it.
    pub scope: &'static str,
    /// Hosts that its token may be sent to. A leading dot includes all subdomains.
    pub hosts: &'static [&'static str],
    /// Older names of the resource. The service accepts tokens with these audiences too.
    pub other_audiences: &'static [&'static str],
}

const fn api(base: &'static str, scope: &'static str, hosts: &'static [&'static str]) -> Api {
    Api { base, scope, hosts, other_audiences: &[] }
}

const PUBLIC_DEFENDER: Api = Api {
    base: "https://api.security.microsoft.com",
    scope: "https://api.securitycenter.microsoft.com/.default",
    hosts: &[
        "api.security.microsoft.com",
        ".api.security.microsoft.com",
        ".securitycenter.microsoft.com",
        ".securitycenter.windows.com",
    ],
    other_audiences: &[
        "https://api.securitycenter.windows.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
    ],
};
const PUBLIC_XDR: Api = Api {
    base: "https://api.security.microsoft.com",
    scope: "https://api.security.microsoft.com/.default",
    hosts: &[
        "api.security.microsoft.com",
        "api-us.security.microsoft.com",
        "api-eu.security.microsoft.com",
        "api-uk.security.microsoft.com",
    ],
    other_audiences: &["https://security.microsoft.com/mtp"],
};
const PUBLIC_GRAPH: Api =
    api("https://graph.microsoft.com", "https://graph.microsoft.com/.default", &["graph.microsoft.com"]);
const PUBLIC_ARM: Api = Api {
    base: "https://management.azure.com",
    scope: "https://management.azure.com/.default",
    hosts: &["management.azure.com"],
    other_audiences: &["https://management.core.windows.net"],
};
const GCC_DEFENDER: Api = api(
    "https://api-gcc.securitycenter.microsoft.us",
    "https://api-gcc.securitycenter.microsoft.us/.default",
    &["api-gcc.securitycenter.microsoft.us"],
);
const GCC_XDR: Api = api(
    "https://api-gcc.security.microsoft.us",
    "https://api-gcc.security.microsoft.us/.default",
    &["api-gcc.security.microsoft.us"],
);
const GOV_DEFENDER: Api = api(
    "https://api-gov.securitycenter.microsoft.us",
    "https://api-gov.securitycenter.microsoft.us/.default",
    &["api-gov.securitycenter.microsoft.us"],
);
const GOV_XDR: Api = api(
    "https://api-gov.security.microsoft.us",
    "https://api-gov.security.microsoft.us/.default",
    &["api-gov.security.microsoft.us"],
);
const GOV_GRAPH: Api =
    api("https://graph.microsoft.us", "https://graph.microsoft.us/.default", &["graph.microsoft.us"]);
const DOD_GRAPH: Api = api(
    "https://dod-graph.microsoft.us",
    "https://dod-graph.microsoft.us/.default",
    &["dod-graph.microsoft.us"],
);
const GOV_ARM: Api = Api {
    base: "https://management.usgovcloudapi.net",
    scope: "https://management.usgovcloudapi.net/.default",
    hosts: &["management.usgovcloudapi.net"],
    other_audiences: &["https://management.core.usgovcloudapi.net"],
};
const CHINA_GRAPH: Api = api(
    "https://microsoftgraph.chinacloudapi.cn",
    "https://microsoftgraph.chinacloudapi.cn/.default",
    &["microsoftgraph.chinacloudapi.cn"],
);
const CHINA_ARM: Api = Api {
    base: "https://management.chinacloudapi.cn",
    scope: "https://management.chinacloudapi.cn/.default",
    hosts: &["management.chinacloudapi.cn"],
    other_audiences: &["https://management.core.chinacloudapi.cn"],
};

/// Regions of Defender for Endpoint's hosts, and the subset that Defender XDR has too.
const GEOS: &[&str] = &["us", "eu", "uk", "au", "swa", "ina", "aea"];
const XDR_GEOS: &[&str] = &["us", "eu", "uk"];

impl Cloud {
    /// Every cloud.
    pub const ALL: [Cloud; 5] = [Cloud::Public, Cloud::Gcc, Cloud::USGov, Cloud::USGovDoD, Cloud::China];

    /// Name in settings and messages.
    pub fn name(self) -> &'static str {
        match self {
            Cloud::Public => "Public",
            Cloud::Gcc => "GCC",
            Cloud::USGov => "USGov",
            Cloud::USGovDoD => "USGovDoD",
            Cloud::China => "China",
        }
    }

    /// Address of the token endpoints.
    pub fn authority(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "https://login.microsoftonline.com",
            Cloud::USGov | Cloud::USGovDoD => "https://login.microsoftonline.us",
            Cloud::China => "https://login.partner.microsoftonline.cn",
        }
    }

    /// Whether this host, or the host it is an alias of, has the token endpoints.
    pub(crate) fn has_authority(self, host: &str) -> bool {
        let aliases: &[&str] = match self {
            Cloud::Public | Cloud::Gcc => {
                &["login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"]
            }
            Cloud::USGov | Cloud::USGovDoD => &["login.microsoftonline.us", "login.usgovcloudapi.net"],
            Cloud::China => &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
        };
        aliases.contains(&host)
    }

    /// Audience of a token for the exchange.
    pub fn exchange_audience(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "api://AzureADTokenExchange",
            Cloud::USGov | Cloud::USGovDoD => "api://AzureADTokenExchangeUSGov",
            Cloud::China => "api://AzureADTokenExchangeChina",
        }
    }

    /// What a federated credential must have as its audience to match a token for this audience. A managed identity's
    /// token has the id of the exchange's application, and the credential has its name.
    pub(crate) fn credential_audience(self, audience: &str) -> &str {
        if audience == EXCHANGE_APP { self.exchange_audience() } else { audience }
    }

    /// A family's API in this cloud, if it exists.
    pub fn api(self, family: Family) -> Option<&'static Api> {
        Some(match (self, family) {
            (Cloud::Public, Family::Defender) => &PUBLIC_DEFENDER,
            (Cloud::Public, Family::Xdr) => &PUBLIC_XDR,
            (Cloud::Public | Cloud::Gcc, Family::Graph) => &PUBLIC_GRAPH,
            (Cloud::Public | Cloud::Gcc, Family::Arm) => &PUBLIC_ARM,
            (Cloud::Gcc, Family::Defender) => &GCC_DEFENDER,
            (Cloud::Gcc, Family::Xdr) => &GCC_XDR,
            (Cloud::USGov | Cloud::USGovDoD, Family::Defender) => &GOV_DEFENDER,
            (Cloud::USGov | Cloud::USGovDoD, Family::Xdr) => &GOV_XDR,
            (Cloud::USGov, Family::Graph) => &GOV_GRAPH,
            (Cloud::USGovDoD, Family::Graph) => &DOD_GRAPH,
            (Cloud::USGov | Cloud::USGovDoD, Family::Arm) => &GOV_ARM,
            (Cloud::China, Family::Graph) => &CHINA_GRAPH,
            (Cloud::China, Family::Arm) => &CHINA_ARM,
            (Cloud::China, Family::Defender | Family::Xdr) => return None,
        })
    }

    /// The end of the names of all storage accounts' hosts.
    pub(crate) fn storage_suffix(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "core.windows.net",
            Cloud::USGov | Cloud::USGovDoD => "core.usgovcloudapi.net",
            Cloud::China => "core.chinacloudapi.cn",
        }
    }

    /// The end of the names of all hosts that take rows for Log Analytics, and the scope of a token for them.
    pub(crate) fn ingestion(self) -> (&'static str, &'static str) {
        match self {
            Cloud::Public | Cloud::Gcc => (".ingest.monitor.azure.com", "https://monitor.azure.com/.default"),
            Cloud::USGov | Cloud::USGovDoD => {
                (".ingest.monitor.azure.us", "https://monitor.azure.us/.default")
            }
            Cloud::China => (".ingest.monitor.azure.cn", "https://monitor.azure.cn/.default"),
        }
    }

    /// The end of the names of all namespaces of Event Hubs.
    pub(crate) fn event_hubs_suffix(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => ".servicebus.windows.net",
            Cloud::USGov | Cloud::USGovDoD => ".servicebus.usgovcloudapi.net",
            Cloud::China => ".servicebus.chinacloudapi.cn",
        }
    }

    /// Regions of Defender's hosts.
    pub fn geos(self) -> &'static [&'static str] {
        if self == Cloud::Public { GEOS } else { &[] }
    }

    /// The base address of a family's host in a region, if it exists.
    pub(crate) fn near(self, family: Family, geo: &str) -> Option<String> {
        match (self, family) {
            (Cloud::Public, Family::Defender) => Some(format!("https://{geo}.api.security.microsoft.com")),
            (Cloud::Public, Family::Xdr) if XDR_GEOS.contains(&geo) => {
                Some(format!("https://api-{geo}.security.microsoft.com"))
            }
            _ => None,
        }
    }
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 4] = [Family::Defender, Family::Xdr, Family::Graph, Family::Arm];

    /// Application id of the API, the same in every cloud. It can be the audience of an access token.
    pub fn app_id(self) -> &'static str {
        match self {
            // WindowsDefenderATP
            Family::Defender => "fc780465-2017-40d4-a0c5-307022471b92",
            // Microsoft Threat Protection
            Family::Xdr => "8ee8fdad-f234-4243-8f3b-15c294843740",
            Family::Graph => "00000003-0000-0000-c000-000000000000",
            // Azure Service Management
            Family::Arm => "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        }
    }

    /// Whether the API authorizes by the app roles in the token. Azure Resource Manager looks up role assignments.
    pub(crate) fn takes_roles(self) -> bool {
        self != Family::Arm
    }

    /// Name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Family::Defender => "Defender",
            Family::Xdr => "Xdr",
            Family::Graph => "Graph",
            Family::Arm => "Arm",
        }
    }

    /// The family with this name in any case.
    pub fn from_name(name: &str) -> Option<Family> {
        Self::ALL.into_iter().find(|family| family.name().eq_ignore_ascii_case(name))
    }
}

/// Scope of a token for Azure Storage, in every cloud.
pub(crate) const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";

/// Scope of a token for Event Hubs, in every cloud.
pub(crate) const EVENT_HUBS_SCOPE: &str = "https://eventhubs.azure.net/.default";

/// Application of the exchange audiences. It is the audience of a managed identity's token.
pub(crate) const EXCHANGE_APP: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// Whether two audiences are equal. Services differ in the trailing slash.
pub(crate) fn is_same_audience(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}

/// The resource of a v2 scope. Identity endpoints use v1.
pub(crate) fn resource_of(scope: &str) -> &str {
    scope.strip_suffix("/.default").unwrap_or(scope)
}

/// The scope of a resource, with `/.default` at its end.
pub(crate) fn scope_of(resource: &str) -> String {
    if resource.ends_with("/.default") { resource.to_owned() } else { format!("{resource}/.default") }
}
