//! The quotas of the services. The governor keeps to these numbers, and the documentation has its texts from them.

use crate::http::Limit;

/// What a service counts together, per app and tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Most requests of Defender for Endpoint.
    Defender,
    /// The export assessments of Defender for Endpoint.
    DefenderExport,
    /// The lists of files of the export assessments.
    DefenderFiles,
    /// The vulnerabilities of single machines.
    DefenderMachine,
    /// Defender XDR.
    Xdr,
    /// Hunting queries, of any API.
    Hunting,
    /// The secure score of Microsoft Graph.
    SecureScore,
    /// Azure Resource Manager.
    Arm,
    /// Azure Resource Graph.
    ResourceGraph,
    /// The service documents no limit.
    Unpublished,
}

impl Quota {
    /// The limits that the service documents.
    pub fn limits(self) -> &'static [Limit] {
        const fn both(minute: u32, hour: u32) -> [Limit; 2] {
            [Limit::per_minute(minute), Limit::per_hour(hour)]
        }
        match self {
            Quota::Defender => const { &both(100, 1500) },
            Quota::DefenderExport => const { &both(30, 1000) },
            Quota::DefenderFiles => const { &both(5, 20) },
            Quota::DefenderMachine | Quota::Xdr => const { &both(50, 1500) },
            Quota::Hunting => const { &both(45, 1500) },
            // <https://learn.microsoft.com/graph/api/security-list-securescores>
            Quota::SecureScore => const { &[Limit { requests: 10_000, seconds: 600 }] },
            // A bucket of 250 requests, to which 25 per second are added: it takes this much at any time.
            // <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>
            Quota::Arm => const { &[Limit { requests: 250, seconds: 10 }] },
            // <https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests>
            Quota::ResourceGraph => const { &[Limit { requests: 15, seconds: 5 }] },
            Quota::Unpublished => &[],
        }
    }

    /// How many requests the service answers at a time.
    pub fn at_once(self) -> Option<usize> {
        // <https://learn.microsoft.com/graph/api/security-list-securescores>
        (self == Quota::SecureScore).then_some(4)
    }

    /// The limits for the docs; `None` if the service documents no number.
    pub fn text(self) -> Option<String> {
        let (first, others) = self.limits().split_first()?;
        let others = others.iter().map(|limit| {
            let (number, window) = limit.parts();
            format!(" and {number} per {window}")
        });
        let at_once = self.at_once().map(|requests| format!(", {requests} at a time"));
        Some(first.to_string() + &others.collect::<String>() + &at_once.unwrap_or_default())
    }
}
