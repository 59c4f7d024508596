//! The class of an error and the check it belongs to.

/// Coarse classes; the numbers are part of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum ErrorKind {
    /// A setting or argument is wrong.
    Configuration = 1,
    /// No token was issued, or the token was rejected.
    Authentication = 2,
    /// The token is valid but does not allow this.
    Authorization = 3,
    /// The requested item does not exist.
    NotFound = 4,
    /// The service's quota is used up.
    Throttled = 5,
    /// The service could not be reached, or the connection broke.
    Network = 6,
    /// The service failed.
    Service = 7,
    /// The answer of the service does not follow its protocol.
    Protocol = 8,
    /// The caller cancelled the query.
    Cancelled = 9,
    /// A defect in this library.
    Internal = 10,
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
