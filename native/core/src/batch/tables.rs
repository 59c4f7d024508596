//! The tables whose columns are fixed, apart from the resources of the catalog. The readers of the C# module have
//! their columns from here.

use super::{BatchBuilder, ColumnBuilder, ColumnKind};

/// A table whose columns are fixed.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Name, for the generated code.
    pub name: &'static str,
    /// Columns, in the order of the batches.
    pub columns: &'static [(&'static str, ColumnKind)],
}

impl Table {
    /// A builder of batches of this table.
    pub(crate) fn builder(&self, stream: u32, tenant: &str) -> BatchBuilder {
        let columns = self.columns.iter().map(|(name, kind)| ColumnBuilder::new(name, *kind)).collect();
        BatchBuilder::new(stream, tenant, columns)
    }
}

use ColumnKind::{Bool, Dictionary, Float, Int, Text, TextList, Time};

/// Every table.
pub const ALL: &[&Table] =
    &[&TOKEN, &TOKEN_STATE, &MESSAGE, &SUMMARY, &CHECK, &KNOWN_ERROR, &CONSENT_URL, &EXPORT, &ROWS_SENT];

/// A token that was asked for.
pub(crate) const TOKEN: Table = Table {
    name: "Token",
    columns: &[
        ("token", Text),
        ("expiresOn", Time),
        ("refreshOn", Time),
        ("audience", Text),
        ("appId", Text),
        ("objectId", Text),
        ("roles", TextList),
        ("tokenTenantId", Text),
        ("scope", Text),
        ("fromCache", Bool),
    ],
};

/// What is known of a cached token.
pub(crate) const TOKEN_STATE: Table = Table {
    name: "TokenState",
    columns: &[("tenant", Text), ("scope", Text), ("expiresOn", Time), ("roles", TextList)],
};

/// A line for people.
pub(crate) const MESSAGE: Table =
    Table { name: "Message", columns: &[("level", Dictionary), ("text", Text)] };

/// What became of one tenant of a query.
pub(crate) const SUMMARY: Table = Table {
    name: "Summary",
    columns: &[
        ("tenantId", Text),
        ("tenantName", Text),
        ("resource", Dictionary),
        ("result", Dictionary),
        ("rows", Int),
        ("pages", Int),
        ("requests", Int),
        ("retries", Int),
        ("waitedMs", Int),
        ("durationMs", Int),
        ("errors", Int),
        ("errorId", Text),
        ("message", Text),
        ("advice", Text),
    ],
};

/// One check of a connection.
pub(crate) const CHECK: Table = Table {
    name: "Check",
    columns: &[
        ("check", Text),
        ("resource", Text),
        ("result", Text),
        ("detail", Text),
        ("fix", Text),
        ("id", Text),
    ],
};

/// What an error means.
pub(crate) const KNOWN_ERROR: Table = Table {
    name: "KnownError",
    columns: &[("code", Int), ("id", Text), ("check", Text), ("cause", Text), ("fix", Text)],
};

/// Where an administrator of a tenant consents.
pub(crate) const CONSENT_URL: Table =
    Table { name: "ConsentUrl", columns: &[("tenant", Text), ("url", Text)] };

/// Rows that were sent.
pub(crate) const ROWS_SENT: Table =
    Table { name: "RowsSent", columns: &[("rows", Int), ("requests", Int), ("bytes", Int)] };

/// What became of one dataset of a tenant.
pub(crate) const EXPORT: Table = Table {
    name: "Export",
    columns: &[
        ("dataset", Text),
        ("result", Text),
        ("mode", Text),
        ("rows", Int),
        ("files", Int),
        ("bytes", Int),
        ("snapshotTime", Time),
        ("seconds", Float),
        ("path", Text),
        ("id", Text),
        ("advice", Text),
    ],
};
