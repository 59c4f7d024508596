//! The lists of Defender for Endpoint with one row per machine.

use std::sync::Arc;

use serde_json::Value;

use crate::data;
use crate::defender::{Refusal, filter, no, only, parameter};
use crate::filter::{Field, Kind};
use crate::http::{Answer, Call};
use crate::state::State;
use crate::tables::page_of;
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
        parameter(call, "$top", 10_000)?;
        let filter = filter(call, self.fields)?;
        if customer.machines == 0 && self.not_found_is_empty {
            return Err(no(404, "ResourceNotFound", "No machines were found"));
        }
        let row = |number| (self.row)(&customer.tenant_id, number);
        let fits = |number: &usize| filter.as_ref().is_none_or(|filter| filter.fits(&row(*number)));
        let numbers: Vec<_> = (0..customer.machines).filter(fits).collect();
        let row = |at: usize| row(numbers[at]).to_string();
        let page = (self.page)(&state.world());
        page_of(state, call, customer, self.context, (numbers.len(), &row), (page, 10_000))
    }
}
