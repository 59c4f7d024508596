//! The columns of a resource, and those of its default table.

use crate::batch::ColumnKind;

/// Whether this build has the documentation.
pub(super) const KEPT: bool = cfg!(any(test, feature = "documentation"));

/// A text of the documentation.
const fn text(text: &'static str) -> &'static str {
    if KEPT { text } else { "" }
}

/// One column of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name: that of the property in camelCase.
    pub name: &'static str,
    /// Where the value is in the row: names of members, each inside the one before it. Empty for the member with the
    /// column's own name. Names are matched without regard to case.
    pub path: &'static [&'static str],
    /// Other names of the member, where the service and its documentation differ.
    pub also: &'static [&'static str],
    /// Kind of value.
    pub kind: ColumnKind,
    /// True if the request says the value and the row does not (the machine whose list it is).
    pub from_request: bool,
    /// The order of the values, if they are the levels of a scale.
    pub scale: Option<&'static Scale>,
    /// One line for the docs.
    pub doc: &'static str,
}

impl Column {
    pub(super) const fn or(mut self, names: &'static [&'static str]) -> Self {
        self.also = names;
        self
    }

    pub(super) const fn on(mut self, scale: &'static Scale) -> Self {
        self.scale = Some(scale);
        self
    }

    /// The member of the row that holds the value, with its other names. None if the request says the value, it is
    /// inside another member, or the column holds what no other one does.
    pub(crate) fn members(&self) -> impl Iterator<Item = &'static str> + use<> {
        let member = match self.path {
            _ if self.from_request || self.name == ADDITIONAL => None,
            [] => Some(self.name),
            [member] => Some(*member),
            _ => None,
        };
        member.into_iter().flat_map(|member| std::iter::once(member).chain(self.also.iter().copied()))
    }
}

/// Levels from the lowest to the highest.
#[derive(Debug)]
pub struct Scale {
    /// Name of the C# enumeration.
    pub name: &'static str,
    /// One line for the docs.
    pub doc: &'static str,
    /// The levels, as the service writes them.
    pub levels: &'static [&'static str],
}

/// Every scale.
pub const SCALES: &[&Scale] = &[&SEVERITY, &DEVICE_VALUE, &ALERT_SEVERITY];

pub(super) const SEVERITY: Scale = Scale {
    name: "Severity",
    doc: "Severity of a vulnerability; risk and exposure of a machine",
    levels: &["None", "Informational", "Low", "Medium", "High", "Critical"],
};

pub(super) const DEVICE_VALUE: Scale = Scale {
    name: "DeviceValue",
    doc: "Value of a machine to the organization",
    levels: &["Low", "Normal", "High"],
};

pub(super) const ALERT_SEVERITY: Scale = Scale {
    name: "AlertSeverity",
    doc: "Severity of an alert",
    levels: &["unknown", "informational", "low", "medium", "high"],
};

/// A column of the default table.
#[derive(Clone, Copy, Debug)]
pub struct TableColumn {
    /// Column.
    pub name: &'static str,
    /// Heading.
    pub heading: &'static str,
    /// Width in characters; 0 for what the other columns leave.
    pub width: u32,
}

/// Width of the default tables' first column, which has the tenant: the first label of its domain, or the first block
/// of its id.
pub const TENANT_WIDTH: u32 = 9;

/// Name of the column that holds what no other column does.
pub const ADDITIONAL: &str = "additionalProperties";

/// The last column of every typed resource.
pub(super) const ADDITIONAL_COLUMN: Column =
    col(ADDITIONAL, ColumnKind::Variant, "Members of the answer that have no property of their own");

pub(super) const fn col(name: &'static str, kind: ColumnKind, doc: &'static str) -> Column {
    Column { name, path: &[], also: &[], kind, from_request: false, scale: None, doc: text(doc) }
}

pub(super) const fn col_at(
    name: &'static str,
    path: &'static [&'static str],
    kind: ColumnKind,
    doc: &'static str,
) -> Column {
    Column { name, path, also: &[], kind, from_request: false, scale: None, doc: text(doc) }
}

pub(super) const fn from_request(name: &'static str, doc: &'static str) -> Column {
    Column {
        name,
        path: &[],
        also: &[],
        kind: ColumnKind::Dictionary,
        from_request: true,
        scale: None,
        doc: text(doc),
    }
}

pub(super) const fn shown(name: &'static str, heading: &'static str, width: u32) -> TableColumn {
    TableColumn { name, heading, width }
}

/// Columns of one resource before those that it shares with another.
pub(super) const fn joined<const N: usize>(own: &[Column], shared: &[Column]) -> [Column; N] {
    let mut all = [ADDITIONAL_COLUMN; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < own.len() { own[at] } else { shared[at - own.len()] };
        at += 1;
    }
    all
}
