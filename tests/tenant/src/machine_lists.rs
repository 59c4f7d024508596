//! The lists of Defender for Endpoint with one row per machine.

use std::sync::Arc;

use serde_json::Value;

use crate::data;
use crate::defender::{Refusal, filter, no, only, parameter};
use crate::filter::{Field, Kind};
use crate::http::{Answer, Call};
use crate::pages;
use crate::state::State;
use crate::world::{Customer, World};

/// <https://learn.microsoft.com/defender-endpoint/api/get-machines>
const MACHINE_FIELDS: &[Field] = &[
    ("computerDnsName", Kind::Text),
    ("id", Kind::Text),
    ("version", Kind::Text),
    ("deviceValue", Kind::Text),
    ("aadDeviceId", Kind::Guid),
    ("machineTags", Kind::Texts),
    ("lastSeen", Kind::Time),
    ("exposureLevel", Kind::Text),
    ("onboardingStatus", Kind::Text),
    ("lastIpAddress", Kind::Text),
    ("healthStatus", Kind::Text),
    ("osPlatform", Kind::Text),
    ("riskScore", Kind::Text),
    ("rbacGroupId", Kind::Id),
];

/// <https://learn.microsoft.com/defender-endpoint/api/device-health-export-antivirus-health-report-api>
const ANTIVIRUS_FIELDS: &[Field] = &[
    ("machineId", Kind::Text),
    ("computerDnsName", Kind::Text),
    ("osKind", Kind::Text),
    ("osPlatform", Kind::Text),
    ("osVersion", Kind::Text),
    ("avMode", Kind::Text),
    ("avSignatureVersion", Kind::Text),
    ("avEngineVersion", Kind::Text),
    ("avPlatformVersion", Kind::Text),
    ("quickScanResult", Kind::Text),
    ("quickScanError", Kind::Text),
    ("fullScanResult", Kind::Text),
    ("fullScanError", Kind::Text),
    ("avIsSignatureUpToDate", Kind::Text),
    ("avIsEngineUpToDate", Kind::Text),
    ("avIsPlatformUpToDate", Kind::Text),
    ("rbacGroupId", Kind::Id),
];

/// Machines.
pub(crate) const MACHINES: List = List {
    context: "Machines",
    fields: MACHINE_FIELDS,
    page: |world| world.machine_page_size,
    row: data::machine,
    not_found_is_empty: true,
};
/// The state of the antivirus on each machine.
pub(crate) const ANTIVIRUS: List = List {
    context: "DeviceAvInfo",
    fields: ANTIVIRUS_FIELDS,
    page: |_| 20,
    row: data::antivirus,
    not_found_is_empty: false,
};

/// One list.
pub(crate) struct List {
    context: &'static str,
    /// Fields that `$filter` takes.
    fields: &'static [Field],
    /// Rows of a page without `$top`.
    page: fn(&World) -> usize,
    /// The row of a tenant's machine.
    row: fn(&str, usize) -> Value,
    /// Whether the answer of a tenant without machines is 404.
    not_found_is_empty: bool,
}

impl List {
    /// One page.
    pub(crate) fn page(
        &self,
        state: &Arc<State>,
        call: &Call,
        customer: &Customer,
    ) -> Result<Answer, Refusal> {
        only(state, call, &["$filter", "$top", "$skip"])?;
        let (top, skip) =
            (parameter(call, "$top", 10_000)?, parameter(call, "$skip", u64::MAX)?.unwrap_or(0));
        let filter = filter(call, self.fields)?;
        if customer.machines == 0 && self.not_found_is_empty {
            return Err(no(404, "ResourceNotFound", "No machines were found"));
        }
        let row = |number: usize| (self.row)(&customer.tenant_id, number);
        let fits = |number: &usize| filter.as_ref().is_none_or(|filter| filter.fits(&row(*number)));
        let all: Vec<usize> = (0..customer.machines).filter(fits).collect();
        let size = top.and_then(|top| usize::try_from(top).ok()).unwrap_or((self.page)(&state.world()));
        let from = usize::try_from(skip).unwrap_or(usize::MAX).min(all.len());
        let to = from.saturating_add(size).min(all.len());
        // The documented trap: with $top there is no link, however much is left.
        let linked = top.is_none() && !state.is_without_links(&call.path);
        let next = (linked && to < all.len()).then(|| {
            let filter = call.query.get("$filter").map(|text| {
                let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
                format!("&$filter={text}")
            });
            format!("{}{}?$skip={to}{}", state.address("defender"), call.path, filter.unwrap_or_default())
        });
        let rows = all[from..to].iter().map(|number| row(*number).to_string().into_bytes()).collect();
        Ok(pages::list(state, call, customer, self.context, rows, next))
    }
}
