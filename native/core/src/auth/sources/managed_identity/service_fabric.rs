//! Managed identity of Service Fabric applications, over https with a pinned certificate.
//! <https://learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code>

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use url::Url;

use super::{EndpointRules, Selector, ask, token_request};
use crate::auth::sources::Source;
use crate::context::Context;
use crate::errors::Result;
use crate::errors::{FABRIC_THUMBPRINT, IDENTITY_ENDPOINT, SELECTOR_UNSUPPORTED};
use crate::http::retry::{Pauses, Policy, is_transient};
use crate::http::{Thumbprint, sensitive};
use crate::secret::Secret;
use crate::token::AccessToken;

const API_VERSION: &str = "2019-07-01-preview";
const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
/// The documented rules. Unlike elsewhere, 404 is final.
const RULES: EndpointRules = EndpointRules {
    retry: Policy {
        is_transient,
        pauses: Pauses::Fixed(&[seconds(1), seconds(2), seconds(4), seconds(8), seconds(16)]),
        pauses_after: None,
    },
    // The endpoint is on this machine.
    timeout: Duration::from_secs(10),
    must_echo: false,
};

/// The endpoint in `IDENTITY_ENDPOINT` if `IDENTITY_SERVER_THUMBPRINT` is also set.
pub(crate) struct ServiceFabric {
    endpoint: Url,
    secret: Secret,
    pin: Thumbprint,
}

impl ServiceFabric {
    pub(crate) fn new(endpoint: Url, secret: Secret, thumbprint: &str, selector: &Selector) -> Result<Self> {
        if *selector != Selector::System {
            return Err(SELECTOR_UNSUPPORTED.error(
                "Service Fabric selects the identity in the application's manifest, so an id cannot be specified",
            ));
        }
        if endpoint.scheme() != "https" {
            let message = "the environment variable IDENTITY_ENDPOINT must be https for Service Fabric; \
                nothing was sent";
            return Err(IDENTITY_ENDPOINT.error(message).fill("variable", "IDENTITY_ENDPOINT"));
        }
        let pin = parse(thumbprint).ok_or_else(|| FABRIC_THUMBPRINT.error(FABRIC_THUMBPRINT.cause))?;
        Ok(ServiceFabric { endpoint, secret, pin })
    }
}

/// Parses 40 hexadecimal digits, optionally separated by colons or spaces.
fn parse(text: &str) -> Option<Thumbprint> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut pin = Thumbprint::default();
    for (byte, pair) in pin.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(pin)
}

impl Source for ServiceFabric {
    fn key(&self) -> String {
        format!("service-fabric {}", self.endpoint)
    }

    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let mut request = token_request(&self.endpoint, API_VERSION, &resource, &Selector::System, "");
        request.pin = Some(self.pin);
        if let Some(value) = sensitive(self.secret.expose()) {
            request.headers.insert("secret", value);
        }
        async move { ask(&context, "Service Fabric", &Selector::System, &RULES, request).await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_thumbprint_is_forty_digits_in_any_notation() {
        let plain = parse("00112233445566778899aabbccddeeff00112233").unwrap();
        assert_eq!((plain[0], plain[1], plain[19]), (0, 0x11, 0x33));
        assert_eq!(parse("00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33"), Some(plain));
        for bad in ["", "00", &"g".repeat(40), &"é".repeat(20), &"+1".repeat(20)] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
