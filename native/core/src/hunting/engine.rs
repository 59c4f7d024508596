//! The services that run hunting queries.

use serde::Deserialize;

use crate::cloud::Family;

/// A service that runs hunting queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Engine {
    /// Microsoft Graph.
    #[default]
    Graph,
    /// Defender for Endpoint.
    Defender,
    /// Defender XDR.
    Xdr,
}

impl Engine {
    pub(crate) const fn family(self) -> Family {
        match self {
            Engine::Graph => Family::Graph,
            Engine::Defender => Family::Defender,
            Engine::Xdr => Family::Xdr,
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Engine::Graph => "/v1.0/security/runHuntingQuery",
            Engine::Defender => "/api/advancedqueries/run",
            Engine::Xdr => "/api/advancedhunting/run",
        }
    }

    pub(super) const fn permissions(self) -> &'static [&'static str] {
        match self {
            Engine::Graph => &["ThreatHunting.Read.All"],
            Engine::Defender => &["AdvancedQuery.Read.All"],
            Engine::Xdr => &["AdvancedHunting.Read.All"],
        }
    }

    /// What users must know of it, if anything.
    pub(crate) fn notice(self) -> Option<String> {
        // <https://learn.microsoft.com/defender-xdr/api-advanced-hunting>
        (self != Engine::Graph).then(|| {
            format!(
                "Microsoft ends the hunting API of {} on 1 February 2027. Use the engine Graph, which needs the \
                 application permission ThreatHunting.Read.All.",
                if self == Engine::Xdr { "Defender XDR" } else { "Defender for Endpoint" }
            )
        })
    }
}
