//! The class of an error and the check it belongs to.

use crate::coded::coded_enum;

coded_enum! {
    /// Coarse classes; the numbers are part of the ABI.
    pub enum ErrorKind: i32 {
        /// A setting or an argument is wrong.
        Configuration = 1,
        /// No token could be obtained, or the token was rejected.
        Authentication = 2,
        /// The token is valid but lacks a permission.
        Authorization = 3,
        /// The requested item does not exist.
        NotFound = 4,
        /// The quota of the service is used up.
        Throttled = 5,
        /// The service could not be reached, or the connection broke.
        Network = 6,
        /// The service failed.
        Service = 7,
        /// The service sent an answer that does not follow its protocol.
        Protocol = 8,
        /// The command was cancelled.
        Cancelled = 9,
        /// A bug in the module.
        Internal = 10,
    }
}

/// The check that an error belongs to. `Test-FdxConnection` runs these checks in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Settings and arguments.
    Connection,
    /// The host or service that issues the identity's token.
    Identity,
    /// The assertion or other credential of the app.
    Assertion,
    /// Entra's token endpoint.
    TokenEndpoint,
    /// The app in the tenant.
    App,
    /// Whether Entra accepts the credential.
    Credential,
    /// The API in the tenant.
    Resource,
    /// The permissions of the app in the tenant.
    Roles,
    /// The API's answer.
    Answer,
    /// The tenant's licence.
    Licence,
    /// The content of the answer.
    Data,
}

/// Result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// It works.
    Passed,
    /// It does not work.
    Failed,
    /// It works, but may not do so for long, or is not documented to.
    Warning,
    /// It could not be checked.
    Skipped,
}

impl CheckResult {
    /// Every result.
    pub const ALL: [CheckResult; 4] =
        [CheckResult::Passed, CheckResult::Failed, CheckResult::Warning, CheckResult::Skipped];

    /// Name of the result.
    pub fn name(self) -> &'static str {
        match self {
            CheckResult::Passed => "Passed",
            CheckResult::Failed => "Failed",
            CheckResult::Warning => "Warning",
            CheckResult::Skipped => "Skipped",
        }
    }
}

impl Check {
    /// Every check.
    pub const ALL: [Check; 11] = [
        Check::Connection,
        Check::Identity,
        Check::Assertion,
        Check::TokenEndpoint,
        Check::App,
        Check::Credential,
        Check::Resource,
        Check::Roles,
        Check::Answer,
        Check::Licence,
        Check::Data,
    ];

    /// Name of the check.
    pub fn name(self) -> &'static str {
        match self {
            Check::Connection => "Connection",
            Check::Identity => "Identity",
            Check::Assertion => "Assertion",
            Check::TokenEndpoint => "TokenEndpoint",
            Check::App => "App",
            Check::Credential => "Credential",
            Check::Resource => "Resource",
            Check::Roles => "Roles",
            Check::Answer => "Answer",
            Check::Licence => "Licence",
            Check::Data => "Data",
        }
    }

    /// Name of the step of a query that the check belongs to.
    pub fn step(self) -> &'static str {
        match self {
            Check::Connection => "settings",
            Check::Identity | Check::Assertion => "identity",
            Check::TokenEndpoint | Check::App | Check::Credential | Check::Resource => "exchange",
            Check::Roles | Check::Answer | Check::Licence => "request",
            Check::Data => "reading",
        }
    }
}
