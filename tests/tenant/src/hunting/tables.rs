//! The tables of a tenant, with rows that the same tenant and number always give.

use serde_json::{Value, json};

use super::value::{Cell, Type};
use crate::data::{machine_id, mix, seed};

/// Ticks of 100 ns in a second.
pub(super) const SECOND: i64 = 10_000_000;
/// Seconds that the events are spread over: the time that the service keeps them.
const KEPT: i64 = 30 * 86_400;

/// A table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Type)],
    /// Whether its first column is the time of the row.
    pub(super) has_time: bool,
}

pub(super) const TABLES: &[Table] = &[
    Table {
        name: "DeviceProcessEvents",
        columns: &[
            ("Timestamp", Type::Time),
            ("DeviceId", Type::Text),
            ("DeviceName", Type::Text),
            ("ActionType", Type::Text),
            ("FileName", Type::Text),
            ("ProcessId", Type::Long),
            ("IsInitiatingProcessRemoteSession", Type::Bool),
            ("ProcessCreationTime", Type::Time),
            ("LogonId", Type::Long),
            ("AdditionalFields", Type::Dynamic),
        ],
        has_time: true,
    },
    Table {
        name: "DeviceTvmSoftwareInventory",
        columns: &[
            ("DeviceId", Type::Text),
            ("DeviceName", Type::Text),
            ("SoftwareVendor", Type::Text),
            ("SoftwareName", Type::Text),
            ("SoftwareVersion", Type::Text),
            ("EndOfSupportDate", Type::Time),
        ],
        has_time: false,
    },
];

/// One tenant's rows.
pub(super) struct Rows {
    seed: u64,
    count: u64,
    machines: u64,
    /// The newest time, in ticks.
    newest: i64,
}

impl Rows {
    pub(super) fn new(tenant: &str, count: usize, machines: usize, newest_second: i64) -> Self {
        Rows {
            seed: seed(tenant),
            count: count as u64,
            machines: machines.max(1) as u64,
            newest: newest_second * SECOND,
        }
    }

    /// The time of a row: newest first, with seven digits of which some are zero.
    fn time(&self, number: u64) -> i64 {
        let number_i = i64::try_from(number).unwrap_or(0);
        let step = KEPT * SECOND / i64::try_from(self.count.max(1)).unwrap_or(1);
        let free = i64::try_from(mix(self.seed ^ number) % 3).unwrap_or(0);
        let at = self.newest - number_i * step;
        match free {
            0 => at / SECOND * SECOND,
            1 => at / 10_000 * 10_000,
            _ => at,
        }
    }

    /// The rows of a table within a window of ticks.
    pub(super) fn of(&self, table: Table, window: (i64, i64)) -> impl Iterator<Item = Vec<Cell>> {
        (0..self.count).filter_map(move |number| {
            let time = self.time(number);
            let is_inside = !table.has_time || (window.0..=window.1).contains(&time);
            is_inside.then(|| if table.has_time { self.event(number, time) } else { self.software(number) })
        })
    }

    fn machine(&self, number: u64) -> (Cell, Cell) {
        let machine = number % self.machines;
        let id = String::from_utf8_lossy(&machine_id(self.seed, machine)).into_owned();
        (Cell::Text(id), Cell::Text(format!("host-{machine:06}.corp.net")))
    }

    fn event(&self, number: u64, time: i64) -> Vec<Cell> {
        const FILES: [&str; 4] = ["cmd.exe", "powershell.exe", "Überweisung.exe", "svchost.exe"];
        let chance = mix(self.seed ^ number.wrapping_mul(31));
        let (id, name) = self.machine(number);
        let whole = i64::try_from(number).unwrap_or(0);
        let fields: Value = match chance % 3 {
            0 => json!({"Score": whole, "Tags": ["a", "b"], "Inner": {"Path": "C:\\x"}}),
            1 => json!(["x", {"y": 1}]),
            _ => Value::Null,
        };
        vec![
            Cell::Time(time),
            id,
            name,
            Cell::Text("ProcessCreated".to_owned()),
            Cell::Text(FILES[usize::try_from(chance % 4).unwrap_or(0)].to_owned()),
            Cell::Long(whole),
            Cell::Bool(chance & 16 != 0),
            if chance & 32 == 0 { Cell::Null } else { Cell::Time(time - SECOND) },
            Cell::Long(1 << 40 | whole),
            if fields.is_null() { Cell::Null } else { Cell::Dynamic(fields) },
        ]
    }

    fn software(&self, number: u64) -> Vec<Cell> {
        let (id, name) = self.machine(number);
        vec![
            id,
            name,
            Cell::Text("contoso".to_owned()),
            Cell::Text(format!("product_{}", number / self.machines)),
            Cell::Text(format!("{}.0", number % 9)),
            Cell::Null,
        ]
    }
}
