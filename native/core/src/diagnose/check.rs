//! Checks a connection step by step: what works, what fails, why, and how to fix it. If a step fails, the checks that
//! do not depend on it still run.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::mpsc;

use super::findings;
use crate::auth::{
    self, detection,
    flow::{ClientCredential, TokenFlow},
};
use crate::batch::{Batch, BatchBuilder, tables};
use crate::catalog::{RESOURCES, Resource};
use crate::cloud::Family;
use crate::context::Context;
use crate::errors::{Check, CheckResult, Error, Result, excerpt};
use crate::errors::{INVALID_RESOURCE, KnownError};
use crate::hunting;
use crate::read::decode::row::RowDecoder;
use crate::read::pager;
use crate::read::plan::Plan;
use crate::read::refusal::{client, role_missing};
use crate::read::sink::{Item, Sink};
use crate::token::AccessToken;

/// What to check in a tenant: an API family or a resource of the catalog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckTarget {
    name: &'static str,
    family: Family,
    resource: Option<&'static Resource>,
}

impl CheckTarget {
    /// The target with this name: an API family or the noun of a cmdlet.
    pub(crate) fn parse(name: &str) -> Result<CheckTarget> {
        if let Some(family) = Family::from_name(name) {
            return Ok(CheckTarget { name: family.name(), family, resource: None });
        }
        if name.eq_ignore_ascii_case(hunting::CHECK) {
            let resource = &hunting::PROBE;
            return Ok(CheckTarget {
                name: hunting::CHECK,
                family: resource.family,
                resource: Some(resource),
            });
        }
        let named = |resource: &'static Resource| {
            let noun = resource.cmdlet.map(|cmdlet| cmdlet.noun)?;
            let target = CheckTarget { name: noun, family: resource.family, resource: Some(resource) };
            noun.eq_ignore_ascii_case(name).then_some(target)
        };
        RESOURCES.iter().find_map(named).ok_or_else(|| {
            INVALID_RESOURCE
                .error(format!("'{}' is not a resource that Test-FdxConnection can check", excerpt(name, 80)))
        })
    }

    /// The resource to request: for a family, the first one that the token's roles allow.
    fn resource(&self, token: &AccessToken) -> Option<&'static Resource> {
        if self.resource.is_some() {
            return self.resource;
        }
        let known = || RESOURCES.iter().filter(|r| r.family == self.family && r.probe.is_some());
        // If there is only one, there is nothing to choose.
        let only = || known().next().filter(|_| known().count() == 1);
        let hunting = Some(&hunting::PROBE).filter(|probe| probe.family == self.family);
        known().chain(hunting).find(|resource| has_any(token, resource.permissions)).or_else(only)
    }
}

fn has_any(token: &AccessToken, permissions: &[&str]) -> bool {
    permissions.iter().any(|permission| token.claims().roles.iter().any(|role| role == permission))
}

/// Collects the rows of one tenant, or of the checks before all tenants.
struct CheckRows {
    builder: BatchBuilder,
    target: &'static str,
}

impl CheckRows {
    fn new(stream: u32, tenant: &str) -> Self {
        CheckRows { builder: tables::CHECK.builder(stream, tenant), target: "" }
    }

    fn put(&mut self, check: Check, result: CheckResult, detail: &str, fix: Option<&str>, id: Option<&str>) {
        let texts = [
            Some(check.name()),
            Some(self.target).filter(|target| !target.is_empty()),
            Some(result.name()),
            Some(detail),
            fix,
            id,
        ];
        for (column, text) in self.builder.columns().iter_mut().zip(texts) {
            match text {
                Some(text) => column.text(text),
                None => column.null(),
            }
        }
        self.builder.end_row();
    }

    fn passed(&mut self, check: Check, detail: &str) {
        self.put(check, CheckResult::Passed, detail, None, None);
    }

    fn failed(&mut self, check: Check, error: &Error) {
        self.put(check, CheckResult::Failed, &error.to_string(), Some(&error.advice), Some(error.id));
    }

    fn warning(&mut self, check: Check, entry: &KnownError, detail: &str) {
        self.put(check, CheckResult::Warning, detail, Some(&entry.general_fix()), Some(entry.id));
    }

    fn skipped(&mut self, check: Check, why: &str) {
        self.put(check, CheckResult::Skipped, why, None, None);
    }

    fn take(&mut self) -> Option<Batch> {
        self.builder.take()
    }
}

/// The checks before all tenants: settings, host and assertion. `only_identity` is true if no checks of tenants follow.
/// Then a directly used identity shows the values that a federated credential would need.
pub(crate) async fn connection(context: &Context, only_identity: bool) -> Option<Batch> {
    let mut rows = CheckRows::new(0, "");
    let settings = &context.settings;
    if !only_identity {
        let app = settings.client_id.as_deref().map_or_else(|| "no app".to_owned(), |id| format!("app {id}"));
        rows.passed(
            Check::Connection,
            &format!("{app}, cloud {}, token endpoint {}", settings.cloud.name(), settings.authority()),
        );
    }
    for finding in findings::environment(&context.environment, settings.cloud) {
        rows.warning(finding.entry.check, finding.entry, &finding.what);
    }
    match auth::flow(context, "") {
        Err(error) => {
            rows.failed(error.check, &error);
            if error.check < Check::Assertion {
                rows.skipped(Check::Assertion, "there is no identity to request one from");
            }
        }
        Ok(TokenFlow::ClientCredentials(
            ClientCredential::Certificate | ClientCredential::CallerCertificate(_),
        )) => {
            rows.passed(Check::Assertion, "a certificate with a usable private key");
        }
        Ok(TokenFlow::ClientCredentials(ClientCredential::Secret(_))) => {
            rows.passed(Check::Assertion, "a client secret");
        }
        Ok(TokenFlow::IdentityToken(_)) if !only_identity => {
            rows.passed(Check::Identity, &detection::describe(context));
            rows.skipped(Check::Assertion, "the token is used directly, without an exchange");
        }
        Ok(
            TokenFlow::ClientCredentials(ClientCredential::Federated(source))
            | TokenFlow::IdentityToken(source),
        ) => {
            rows.passed(Check::Identity, &detection::describe(context));
            if findings::is_ready_token(settings) {
                rows.skipped(Check::Assertion, "the token is used directly, without an exchange");
            } else {
                assertion(
                    &mut rows,
                    context,
                    auth::assertion(&source, context).await.map(|cached| cached.token),
                );
            }
        }
    }
    rows.take()
}

fn assertion(rows: &mut CheckRows, context: &Context, minted: Result<Arc<AccessToken>>) {
    let token = match minted {
        Ok(token) => token,
        Err(error) => {
            rows.failed(error.check, &error);
            if error.check < Check::Assertion {
                rows.skipped(Check::Assertion, "the identity returned no token");
            }
            return;
        }
    };
    let claims = &token.claims();
    let text = |claim: &Option<String>| claim.clone().unwrap_or_else(|| "?".to_owned());
    let audience = claims.audience().unwrap_or("?");
    let detail = format!(
        "issuer {}, subject {}, audience {}",
        text(&claims.iss),
        text(&claims.sub),
        context.settings.cloud.credential_audience(audience)
    );
    rows.passed(Check::Assertion, &detail);
    for finding in findings::assertion(&context.settings, claims) {
        rows.warning(Check::Assertion, finding.entry, &finding.what);
    }
}

/// The checks of one tenant: the token for each family, then roles, answer and licence of each target.
pub(crate) async fn tenant(
    context: &Context,
    tenant: &str,
    stream: u32,
    targets: &[CheckTarget],
) -> Option<Batch> {
    let mut rows = CheckRows::new(stream, tenant);
    rows.builder.label(tenant, context.reporter.tenant_name());
    for family in Family::ALL {
        let targets: Vec<_> = targets.iter().filter(|target| target.family == family).collect();
        if targets.is_empty() {
            continue;
        }
        rows.target = family.name();
        let token = token(&mut rows, context, tenant, family).await;
        for target in targets {
            rows.target = target.name;
            match &token {
                Some(token) => answer(&mut rows, context, tenant, target, token).await,
                None => {
                    for check in [Check::Roles, Check::Answer, Check::Licence] {
                        rows.skipped(check, "there is no token for the request");
                    }
                }
            }
        }
    }
    rows.take()
}

/// Requests a token and reports the checks that its success or failure decides.
async fn token(
    rows: &mut CheckRows,
    context: &Context,
    tenant: &str,
    family: Family,
) -> Option<Arc<AccessToken>> {
    const STEPS: [Check; 4] = [Check::TokenEndpoint, Check::App, Check::Credential, Check::Resource];
    let direct = matches!(auth::flow(context, tenant), Ok(TokenFlow::IdentityToken(_)));
    let got = match context.settings.target(family) {
        // A cached token can lack roles that were granted since.
        Ok(target) => auth::access_token(context, tenant, &target.scope, true).await,
        Err(error) => Err(error),
    };
    match got {
        Ok(cached) if direct => {
            rows.passed(Check::Credential, "the identity's own token is valid for this API");
            Some(cached.token)
        }
        Ok(cached) => {
            let claims = &cached.token.claims();
            let tid = claims.tid.clone().unwrap_or_else(|| tenant.to_owned());
            rows.passed(Check::TokenEndpoint, context.settings.authority());
            rows.passed(Check::App, &format!("the app is in tenant {tid}"));
            rows.passed(Check::Credential, "Entra accepted the credential");
            let audience = claims.audience().unwrap_or("?");
            rows.passed(
                Check::Resource,
                &format!(
                    "a token for {audience}, valid for {} s",
                    cached.token.expires_on - cached.token.fetched_on
                ),
            );
            Some(cached.token)
        }
        Err(error) => {
            if !STEPS.contains(&error.check) {
                rows.failed(error.check, &error);
            }
            for step in STEPS {
                match step {
                    step if step == error.check => rows.failed(step, &error),
                    // If Entra rejected the request at another step, its endpoint works.
                    Check::TokenEndpoint if STEPS.contains(&error.check) => {
                        rows.passed(step, context.settings.authority());
                    }
                    step if !direct => {
                        rows.skipped(step, &format!("unknown, because {} failed", error.check.name()));
                    }
                    _ => {}
                }
            }
            None
        }
    }
}

/// The checks of roles, answer and licence for one target.
async fn answer(
    rows: &mut CheckRows,
    context: &Context,
    tenant: &str,
    target: &CheckTarget,
    token: &Arc<AccessToken>,
) {
    let roles = token.claims().roles.join(", ");
    let resource = target.resource(token);
    let permissions = resource.map_or(&[][..], |resource| resource.permissions);
    let unknown =
        token.claims().aud.is_empty() || !token.claims().scp.is_empty() || !target.family.takes_roles();
    if unknown {
        rows.skipped(
            Check::Roles,
            "the token does not contain the permissions; the API's answer shows \
            whether they suffice",
        );
    } else if token.claims().roles.is_empty() || (!permissions.is_empty() && !has_any(token, permissions)) {
        let (entry, what) = role_missing(context, tenant, permissions, token);
        let error = entry
            .error(what)
            .fill("tenant", tenant)
            .fill("client", client(context, token))
            .fill("authority", context.settings.authority());
        rows.failed(Check::Roles, &error);
    } else {
        rows.passed(Check::Roles, &roles);
    }
    let Some(plan) = resource.and_then(|resource| Plan::probe(&context.settings, resource)) else {
        let why = if resource.is_some() {
            "the rows belong to single items, so nothing can be requested without an id"
        } else {
            "none of the app's roles allows anything that FedXdr reads"
        };
        rows.skipped(Check::Answer, why);
        rows.skipped(Check::Licence, "no request could be sent");
        return;
    };
    let (outcome, request) = match plan {
        Ok(plan) => (request_one(context, tenant, &plan).await, plan.request_line()),
        Err(error) => (Err(error), String::new()),
    };
    match outcome {
        Ok(()) => {
            rows.passed(Check::Answer, &format!("{request} succeeded"));
            rows.passed(Check::Licence, "the data is available");
        }
        Err(error) if error.check == Check::Licence => {
            rows.passed(Check::Answer, &format!("the API answered {request}"));
            rows.failed(Check::Licence, &error);
        }
        Err(error) => {
            rows.failed(Check::Answer, &error);
            rows.skipped(Check::Licence, "unknown, because Answer failed");
        }
    }
}

/// Requests one row and discards it.
async fn request_one(context: &Context, tenant: &str, plan: &Plan) -> Result<()> {
    let (sender, _unread) = mpsc::channel::<Item>(4);
    let (decoder, columns) = RowDecoder::raw();
    let builder = BatchBuilder::new(0, tenant, columns);
    let mut sink = Sink::new(context.clone(), builder, decoder, sender, Arc::new(AtomicU64::new(1)));
    pager::read(context, tenant, plan, &mut sink).await
}
