//! The error type: a class and a stable id for scripts, a message and advice for people.

use std::fmt::{self, Display};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use super::entry::{KnownError, fill_placeholders};
use super::kind::{Check, ErrorKind};
use super::quote::Quoter;
use super::symptoms::{DEFECT, INVALID_ARGUMENT};

/// An error. Its texts never contain a token or a secret. The facts are boxed to keep results small.
#[derive(Clone, Debug)]
pub struct Error(Box<Facts>);

/// The facts about an error.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its entry in the table of known errors.
    pub entry: &'static KnownError,
    /// Class. It differs from the entry's where the same error has several causes.
    pub kind: ErrorKind,
    /// Stable id, `Fdx.<Area>.<Name>`.
    pub id: &'static str,
    /// What happened.
    pub message: String,
    /// What to do, with all placeholders filled in: see [`Error::fill`].
    pub advice: String,
    values: Vec<(&'static str, String)>,
    /// The check that it belongs to.
    pub check: Check,
    /// HTTP status of the answer, if there was one.
    pub http_status: Option<u16>,
    /// Entra's code, if it returned one.
    pub aadsts: Option<u32>,
    /// Delay that the service requested.
    pub retry_after: Option<Duration>,
    /// Tenant.
    pub tenant: Option<String>,
    /// What people call it, if the request says so.
    pub tenant_name: Option<String>,
    /// Item of the tenant, such as a machine id.
    pub item: Option<String>,
    /// Correlation id for the service's support.
    pub correlation_id: Option<String>,
    /// Rows of the tenant that were delivered before the error.
    pub rows: u64,
    /// Causes, outermost first.
    pub causes: Vec<String>,
}

impl Deref for Error {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

impl KnownError {
    /// An error with this entry. Its advice is the entry's fix.
    pub(crate) fn error(&'static self, message: impl Into<String>) -> Error {
        Error(Box::new(Facts {
            entry: self,
            kind: self.kind,
            id: self.id,
            message: message.into(),
            advice: self.general_fix(),
            values: Vec::new(),
            check: self.check,
            http_status: None,
            aadsts: None,
            retry_after: None,
            tenant: None,
            tenant_name: None,
            item: None,
            correlation_id: None,
            rows: 0,
            causes: Vec::new(),
        }))
    }
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A call that breaks the contract of the ABI.
    pub fn invalid_argument(message: &str) -> Self {
        INVALID_ARGUMENT.error(message)
    }

    /// The runtime could not start.
    pub fn runtime(cause: &dyn Display) -> Self {
        Error::internal(&format!("the worker threads could not be started: {cause}"))
    }

    /// A defect in this library.
    pub fn internal(message: &str) -> Self {
        DEFECT.error(message)
    }

    /// Sets the value of the placeholder `{name}` in the advice. A placeholder without a value reads `<name>`. Nothing
    /// else fills placeholders.
    #[must_use]
    pub(crate) fn fill(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, value.into()));
        self.advice = fill_placeholders(self.entry.fix, &self.values);
        self
    }

    /// Replaces the advice of the entry with more specific advice.
    #[must_use]
    pub(crate) fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Whether the error has this entry.
    pub(crate) fn is(&self, entry: &KnownError) -> bool {
        self.entry.is(entry)
    }

    /// Replaces the class, where the same error has several causes.
    #[must_use]
    pub(crate) fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the tenant, unless the error has one.
    #[must_use]
    pub fn in_tenant(mut self, tenant: &str) -> Self {
        self.tenant.get_or_insert_with(|| tenant.to_owned());
        self
    }

    /// Sets the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }

    /// With a cause and the causes behind it.
    #[must_use]
    pub fn caused_by(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Many error types repeat their cause in their own text.
            if self.causes.last().is_none_or(|last| !last.contains(&text)) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Masks these secrets in the texts of the error.
    #[must_use]
    pub(crate) fn masked(mut self, quoter: &Quoter) -> Self {
        self.message = quoter.mask(&self.message);
        for cause in &mut self.causes {
            *cause = quoter.mask(cause);
        }
        self
    }

    /// The causes, one per line.
    pub fn detail(&self) -> String {
        self.causes.join("\n")
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(cause) = self.causes.last()
            && !self.message.contains(cause)
        {
            write!(f, ": {cause}")?;
        }
        if let Some(code) = self.aadsts
            && !self.message.contains("AADSTS")
        {
            write!(f, " (AADSTS{code})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_reported_once() {
        let inner = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused");
        let e = Error::internal("could not connect").caused_by(&inner);
        assert_eq!(e.to_string(), "could not connect: refused");
        assert_eq!(e.detail(), "refused");
    }
}
