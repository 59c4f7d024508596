//! Why there is no complete answer.

use std::fmt;

use crate::errors::Error;

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    /// What failed.
    pub kind: TransportErrorKind,
    /// Causes, outermost first. They contain no addresses and no headers.
    pub causes: Vec<String>,
}

/// Kind of a transport error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No connection. The request was not sent, so a retry is always safe.
    Connect,
    /// No host has this name or address.
    Address,
    /// The proxy wants a user name and a password.
    Proxy,
    /// The proxy did not connect to the host. It does not say whether it must not or could not.
    Tunnel,
    /// The server's certificate is not trusted. Nothing was sent.
    Certificate,
    /// The server's certificate is not the pinned one. Nothing was sent.
    WrongCertificate,
    /// No answer in time.
    Timeout,
    /// The body stopped or came too slowly.
    TooSlow,
    /// The connection was lost during the request or the answer.
    Broken,
    /// The compressed body could not be decompressed.
    Decode,
}

impl TransportErrorKind {
    /// Whether the request was not sent.
    pub(crate) fn is_unsent(self) -> bool {
        matches!(
            self,
            TransportErrorKind::Connect
                | TransportErrorKind::Address
                | TransportErrorKind::Proxy
                | TransportErrorKind::Tunnel
                | TransportErrorKind::Certificate
                | TransportErrorKind::WrongCertificate
        )
    }

    /// Whether the same request may succeed a moment later.
    pub(crate) fn may_pass(self) -> bool {
        !self.is_unsent() || matches!(self, TransportErrorKind::Connect | TransportErrorKind::Tunnel)
    }
}

impl TransportError {
    /// An error without a cause.
    pub(crate) fn new(kind: TransportErrorKind) -> Self {
        TransportError { kind, causes: Vec::new() }
    }

    /// What to do, where the kind says more than the place.
    fn advice(&self) -> Option<&'static str> {
        match self.kind {
            TransportErrorKind::Address => Some(
                "No host has this name or address. Check -Endpoint and -Environment, and the DNS of this network: a \
                 private link needs its private DNS zone.",
            ),
            TransportErrorKind::Proxy => Some(
                "The proxy wants a user name and a password: -Proxy http://user:password@host:port, or the same in \
                 HTTPS_PROXY. NO_PROXY lists the hosts that need no proxy.",
            ),
            TransportErrorKind::Tunnel => Some(
                "The proxy refused to connect to this host, or could not: ask who runs it to allow the host. Or reach \
                 the host without the proxy (NO_PROXY).",
            ),
            TransportErrorKind::Certificate => Some(self.certificate_advice()),
            _ => None,
        }
    }

    /// By what the platform's verifier says. Its words differ between rustls and Windows, which adds a number.
    fn certificate_advice(&self) -> &'static str {
        let says =
            |words: &[&str]| self.causes.iter().any(|cause| words.iter().any(|word| cause.contains(word)));
        if says(&["Revoked"]) {
            "The server's certificate was revoked. If a proxy inspects TLS, tell who runs it. Otherwise do not trust \
             this network."
        } else if says(REVOCATION_UNKNOWN) {
            "This machine could not check whether the server's certificate was revoked. Let it reach the addresses of \
             the certificate's revocation lists (certutil -urlcache shows them; they are http), directly or through \
             the system's proxy (netsh winhttp show proxy)."
        } else if says(&["xpired", "NotValidYet", "not valid yet"]) {
            "The server's certificate is outside its period of validity. Check the clock and the date of this machine \
             first. If a proxy inspects TLS, its certificate may have expired."
        } else if says(&["NotValidForName", "not valid for name"]) {
            "The server's certificate is for another host. Check -Endpoint and -Environment. A proxy or a captive \
             portal may answer in place of the host."
        } else {
            "This machine does not trust the server's certificate. If a proxy inspects TLS, add its root certificate \
             to the certificate store of this machine or container (Windows: Trusted Root Certification Authorities \
             of the computer). Also check the host's name (-Endpoint) and the clock of this machine."
        }
    }

    /// The error of a request that failed because of this.
    pub(crate) fn cause_of(&self, error: Error) -> Error {
        let error = error.caused_by(self);
        match self.advice() {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }
}

/// What Windows says if it has no revocation list: `CERT_E_REVOCATION_FAILURE`, `CRYPT_E_NO_REVOCATION_CHECK` and
/// `CRYPT_E_REVOCATION_OFFLINE`.
const REVOCATION_UNKNOWN: &[&str] =
    &["UnknownRevocationStatus", "os error -2146762482", "os error -2146885614", "os error -2146885613"];

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Connect => "no connection could be established",
            TransportErrorKind::Address => "no host has this name or address",
            TransportErrorKind::Proxy => "the proxy requires authentication",
            TransportErrorKind::Tunnel => "the proxy made no connection",
            TransportErrorKind::Certificate => "the server's certificate is not trusted",
            TransportErrorKind::WrongCertificate => "the server's certificate is not the expected one",
            TransportErrorKind::Timeout => "no answer came in time",
            TransportErrorKind::TooSlow => "the answer stopped or came too slowly",
            TransportErrorKind::Broken => "the connection was lost",
            TransportErrorKind::Decode => "the compressed body is damaged",
        })?;
        match self.causes.last() {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TransportError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::NETWORK_UNREACHABLE;

    #[test]
    fn the_advice_about_a_certificate_depends_on_what_is_wrong_with_it() {
        for (cause, advice) in [
            ("invalid peer certificate: Revoked", "was revoked"),
            ("invalid peer certificate: certificate expired: verification time 1 (UNIX)", "clock"),
            ("invalid peer certificate: Expired", "clock"),
            ("invalid peer certificate: certificate not valid yet: verification time 1", "clock"),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is",
                "for another host",
            ),
            ("invalid peer certificate: NotValidForName", "for another host"),
            ("invalid peer certificate: UnknownIssuer", "root certificate"),
            ("the revocation process could not continue (os error -2146762482)", "revocation lists"),
            ("a certificate chain could not be built (os error -2146762486)", "root certificate"),
        ] {
            let kind = TransportErrorKind::Certificate;
            let error = TransportError { kind, causes: vec!["connect".to_owned(), cause.to_owned()] };
            let told = error.cause_of(NETWORK_UNREACHABLE.error("x"));
            assert!(told.advice.contains(advice), "{cause}: {}", told.advice);
        }
    }
}
