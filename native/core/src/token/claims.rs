//! The claims of a token that FedXdr uses. It does not verify them: that is up to the receiver. A claim of an
//! unexpected type counts as absent, and the others stay.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::expiry::Expiry;
use crate::errors::printable;

/// Claims of an access token (<https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// Audiences.
    #[serde(deserialize_with = "texts")]
    pub aud: Vec<String>,
    /// Issuer.
    #[serde(deserialize_with = "text")]
    pub iss: Option<String>,
    /// Subject.
    #[serde(deserialize_with = "text")]
    pub sub: Option<String>,
    /// Object id of the service principal.
    #[serde(deserialize_with = "text")]
    pub oid: Option<String>,
    /// Tenant.
    #[serde(deserialize_with = "text")]
    pub tid: Option<String>,
    /// Client id, in a v1 token.
    #[serde(deserialize_with = "text")]
    pub appid: Option<String>,
    /// Client id, in a v2 token.
    #[serde(deserialize_with = "text")]
    pub azp: Option<String>,
    /// Application permissions.
    #[serde(deserialize_with = "texts")]
    pub roles: Vec<String>,
    /// Delegated permissions. Only a user's token has them.
    #[serde(deserialize_with = "texts")]
    pub scp: Vec<String>,
    /// Azure resource id of the managed identity.
    #[serde(deserialize_with = "text")]
    pub xms_mirid: Option<String>,
    /// Expiry, seconds since 1970.
    #[serde(deserialize_with = "time")]
    pub exp: Option<i64>,
}

impl Claims {
    /// The claims of a JSON web token, or `None` for an opaque token.
    pub fn of(token: &str) -> Option<Claims> {
        let payload = token.split('.').nth(1)?.trim_end_matches('=');
        let bytes = URL_SAFE_NO_PAD.decode(payload).or_else(|_| STANDARD_NO_PAD.decode(payload)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Client id of the app or identity that the token was issued to.
    pub fn client_id(&self) -> Option<&str> {
        self.appid.as_deref().or(self.azp.as_deref())
    }

    /// The audience, or the first of several.
    pub fn audience(&self) -> Option<&str> {
        self.aud.first().map(String::as_str)
    }
}

/// A text for messages: claims come from outside.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(printable(&text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// One text or a list of texts.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = |values: Vec<Value>| {
        values.into_iter().filter_map(|value| value.as_str().map(printable)).collect::<Vec<_>>()
    };
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(values) => texts(values),
        value => texts(vec![value]),
    })
}

/// A time as a number, with or without a fraction, or as text.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Expiry::deserialize(deserializer)?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn claims_are_read_from_a_token_and_none_from_an_opaque_one() {
        let claims =
            Claims::of(&token(r#"{"aud":["a","b"],"azp":"client","roles":["R"],"exp":5,"new":{}}"#)).unwrap();
        assert_eq!(claims.audience(), Some("a"));
        assert_eq!(claims.client_id(), Some("client"));
        assert_eq!(claims.roles, ["R"]);
        assert!(Claims::of("opaque").is_none());
        assert!(Claims::of("a.!!.c").is_none());
    }

    #[test]
    fn a_claim_of_an_odd_type_does_not_hide_the_others() {
        for (payload, exp) in [
            (r#"{"aud":"a","exp":1700000000.75}"#, Some(1_700_000_000)),
            (r#"{"aud":["a"],"exp":"1700000000"}"#, Some(1_700_000_000)),
            (r#"{"aud":"a","exp":1700000000000}"#, Some(1_700_000_000)),
            (r#"{"aud":"a","exp":1e300,"scp":["x","y"],"roles":"R","oid":7,"sub":null}"#, None),
            (r#"{"aud":["a",7],"exp":null,"roles":null,"scp":null,"tid":{},"iss":[]}"#, None),
            (r#"{"aud":"a","exp":[],"roles":[{"x":1},null]}"#, None),
        ] {
            let claims = Claims::of(&token(payload)).unwrap();
            assert_eq!((claims.audience(), claims.exp), (Some("a"), exp), "{payload}");
        }
        let odd =
            Claims::of(&token(r#"{"scp":["x","y"],"roles":"R","oid":7,"sub":"a\u001b[31m\nb"}"#)).unwrap();
        assert_eq!((odd.roles, odd.scp.len(), odd.oid.as_deref()), (vec!["R".to_owned()], 2, Some("7")));
        assert_eq!(odd.sub.as_deref(), Some("a [31m b"));
    }
}
