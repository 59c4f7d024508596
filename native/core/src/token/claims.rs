//! The claims of a token that FedXdr uses. It does not verify them: that is up to the receiver.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};

/// Claims of an access token (<https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// Audience, or the first of several.
    #[serde(deserialize_with = "first")]
    pub aud: Option<String>,
    /// Issuer.
    pub iss: Option<String>,
    /// Subject.
    pub sub: Option<String>,
    /// Object id of the service principal.
    pub oid: Option<String>,
    /// Tenant.
    pub tid: Option<String>,
    /// Client id, in a v1 token.
    pub appid: Option<String>,
    /// Client id, in a v2 token.
    pub azp: Option<String>,
    /// Application permissions.
    pub roles: Vec<String>,
    /// Delegated permissions. Only a user's token has them.
    pub scp: Option<String>,
    /// Azure resource id of the managed identity.
    pub xms_mirid: Option<String>,
    /// Expiry, seconds since 1970.
    pub exp: Option<i64>,
}

impl Claims {
    /// The claims of a JSON web token, or `None` for an opaque token.
    pub fn of(token: &str) -> Option<Claims> {
        let payload = token.split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Client id of the app or identity that the token was issued to.
    pub fn client_id(&self) -> Option<&str> {
        self.appid.as_deref().or(self.azp.as_deref())
    }
}

fn first<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::<OneOrMany>::deserialize(deserializer)? {
        Some(OneOrMany::One(one)) => Some(one),
        Some(OneOrMany::Many(many)) => many.into_iter().next(),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_from_a_token_and_none_from_an_opaque_one() {
        let payload =
            URL_SAFE_NO_PAD.encode(r#"{"aud":["a","b"],"azp":"client","roles":["R"],"exp":5,"new":{}}"#);
        let claims = Claims::of(&format!("e30.{payload}.sig")).unwrap();
        assert_eq!(claims.aud.as_deref(), Some("a"));
        assert_eq!(claims.client_id(), Some("client"));
        assert_eq!(claims.roles, ["R"]);
        assert!(Claims::of("opaque").is_none());
        assert!(Claims::of("a.!!.c").is_none());
    }
}
