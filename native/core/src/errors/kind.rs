//! The class of an error and the step it belongs to.

/// Coarse classes; the numbers are part of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum ErrorKind {
    /// A setting or argument is wrong.
    Configuration = 1,
    /// No token could be had, or the token was refused.
    Authentication = 2,
    /// The token is good but may not do this.
    Authorization = 3,
    /// The thing asked for is not there.
    NotFound = 4,
    /// The service's quota is used up.
    Throttled = 5,
    /// The service could not be reached, or the connection broke.
    Network = 6,
    /// The service failed.
    Service = 7,
    /// The service answered something that is not its protocol.
    Protocol = 8,
    /// The caller cancelled.
    Cancelled = 9,
    /// A defect of this library.
    Internal = 10,
}

/// The part of the way from a connection to its rows that an error belongs to. The same parts are what a connection is checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Settings and arguments.
    Connection,
    /// The place that gives the identity's token.
    Identity,
    /// What the app proves itself with.
    Assertion,
    /// Entra's token endpoint.
    TokenEndpoint,
    /// The app in the tenant.
    App,
    /// Whether Entra accepts the proof.
    Credential,
    /// The API in the tenant.
    Resource,
    /// The permissions of the app in the tenant.
    Roles,
    /// The API's answer.
    Answer,
    /// The tenant's licence.
    Licence,
    /// What the answer holds.
    Data,
}

impl Check {
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

    /// Name of the step of a query that it happens in.
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
