//! Clouds and API families: which host, which scope, which hosts a token may go to.

use serde::Deserialize;

/// A national cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Cloud {
    /// The worldwide cloud.
    #[default]
    Public,
}

/// An API family. It decides the scope; the host never does, for two families share one.
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
    /// Hosts that its token may go to; a leading dot stands for every host below.
    pub hosts: &'static [&'static str],
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
};
const PUBLIC_GRAPH: Api = Api {
    base: "https://graph.microsoft.com",
    scope: "https://graph.microsoft.com/.default",
    hosts: &["graph.microsoft.com"],
};
const PUBLIC_ARM: Api = Api {
    base: "https://management.azure.com",
    scope: "https://management.azure.com/.default",
    hosts: &["management.azure.com"],
};

impl Cloud {
    /// Address of the token endpoints.
    pub fn authority(self) -> &'static str {
        match self {
            Cloud::Public => "https://login.microsoftonline.com",
        }
    }

    /// Audience of a token that is to be exchanged.
    pub fn exchange_audience(self) -> &'static str {
        match self {
            Cloud::Public => "api://AzureADTokenExchange",
        }
    }

    /// A family's API in this cloud.
    pub fn api(self, family: Family) -> &'static Api {
        match (self, family) {
            (Cloud::Public, Family::Defender) => &PUBLIC_DEFENDER,
            (Cloud::Public, Family::Xdr) => &PUBLIC_XDR,
            (Cloud::Public, Family::Graph) => &PUBLIC_GRAPH,
            (Cloud::Public, Family::Arm) => &PUBLIC_ARM,
        }
    }
}

impl Api {
    /// Whether the family's token may go to `host`.
    pub fn allows(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|allowed| if allowed.starts_with('.') { host.ends_with(allowed) } else { host == *allowed })
    }
}

impl Family {
    /// Name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Family::Defender => "Defender",
            Family::Xdr => "Xdr",
            Family::Graph => "Graph",
            Family::Arm => "Arm",
        }
    }

    /// The family with this name, without regard to case.
    pub fn from_name(name: &str) -> Option<Family> {
        [Family::Defender, Family::Xdr, Family::Graph, Family::Arm]
            .into_iter()
            .find(|family| family.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_named_hosts_alone() {
        let defender = Cloud::Public.api(Family::Defender);
        for good in [
            "api.security.microsoft.com",
            "eu.api.security.microsoft.com",
            "api.securitycenter.microsoft.com",
        ] {
            assert!(defender.allows(good), "{good}");
        }
        for bad in [
            "security.microsoft.com",
            "api.security.microsoft.com.evil.example",
            "evilapi.security.microsoft.com",
        ] {
            assert!(!defender.allows(bad), "{bad}");
        }
    }
}
