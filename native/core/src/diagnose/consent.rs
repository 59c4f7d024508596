//! The admin consent address of the app for a tenant.
//! <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>

use url::form_urlencoded;

use crate::batch::{Batch, tables};
use crate::context::Context;
use crate::errors::CLIENT_MISSING;
use crate::errors::Result;

/// Optional parameters of the address.
#[derive(Debug, Clone)]
pub(crate) struct Consent {
    pub(crate) redirect_uri: Option<String>,
    pub(crate) state: Option<String>,
}

/// One row per tenant.
pub(crate) fn rows(context: &Context, tenants: &[String], consent: &Consent) -> Result<Option<Batch>> {
    let settings = &context.settings;
    let client =
        settings.client_id.as_deref().ok_or_else(|| CLIENT_MISSING.error("no client id was specified"))?;
    let mut builder = tables::CONSENT_URL.builder(0, "");
    for tenant in tenants {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("client_id", client);
        for (name, value) in [("redirect_uri", &consent.redirect_uri), ("state", &consent.state)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let authority = settings.authority().trim_end_matches('/');
        let c = builder.columns();
        c[0].text(tenant);
        c[1].text(&format!("{authority}/{tenant}/adminconsent?{}", query.finish()));
        builder.end_row();
    }
    Ok(builder.take())
}
