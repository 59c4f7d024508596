//! A session: settings and environment of a connection.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::auth::AzureArc;
use crate::broker::{Broker, BrokerGuard};
use crate::certificate::Certificate;
use crate::context::{Context, World};
use crate::errors::{DATASET_CONNECTION, Result};
use crate::http::HttpSettings;
use crate::http::waits::Waits;
use crate::progress::Reporter;
use crate::query::Query;
use crate::query::request::QueryRequest;
use crate::settings::{Credential, Environment, Settings, TokenCaching};

/// A session. It is cheap to create: all sessions of the process share connections and tokens.
pub struct Session {
    settings: Arc<Settings>,
    environment: RwLock<Arc<Environment>>,
    world: World,
    handle: Handle,
    certificate: Option<Arc<Certificate>>,
    broker: Arc<BrokerGuard>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("tenants", &self.settings.tenants).finish_non_exhaustive()
    }
}

impl Session {
    /// Opens a session from a settings document. No network.
    pub fn open(document: &str, handle: Handle, world: World) -> Result<Self> {
        let mut settings = Settings::parse(document)?;
        let environment = Arc::new(std::mem::take(&mut settings.environment));
        // Reports a certificate that cannot be used now, not at the first request.
        let certificate = Certificate::of(&settings.credential)?.map(Arc::new);
        let number = world.sessions.fetch_add(1, Ordering::Relaxed);
        let broker = match &settings.credential {
            Credential::CallerCertificate(certificate) => world.brokers.of_key(certificate.key(), number),
            _ => Arc::new(BrokerGuard(Broker::new(number))),
        };
        let session = Session {
            settings: Arc::new(settings),
            environment: RwLock::new(environment),
            world,
            handle,
            certificate,
            broker,
        };
        // Checks the proxy.
        session.context(Duration::ZERO)?;
        Ok(session)
    }

    /// Starts a query from a request document. The managed identity of this machine reaches the storage account that an
    /// export writes to, or an import reads.
    pub fn query(&self, document: &str) -> Result<Query> {
        self.query_to(document, None)
    }

    /// As above, but the identity of another session reaches the storage account, if there is one.
    pub fn query_to(&self, document: &str, destination: Option<&Session>) -> Result<Query> {
        let of_storage = destination.map_or(&self.settings, |destination| &destination.settings);
        let mut request = QueryRequest::parse(document, &self.settings, of_storage)?;
        if let Some(environment) = request.environment.take() {
            let mut current = self.environment.write().unwrap_or_else(PoisonError::into_inner);
            if **current != environment {
                *current = Arc::new(environment);
            }
        }
        let mut context = self.context(request.waited)?;
        if let Some(destination) = destination {
            let asks_its_consumer = matches!(
                destination.settings.credential,
                Credential::ClientAssertion { assertion: None } | Credential::CallerCertificate(_)
            );
            // The consumer of this query answers the questions of this session only.
            if asks_its_consumer && !Arc::ptr_eq(&destination.broker, &self.broker) {
                return Err(DATASET_CONNECTION.error(DATASET_CONNECTION.cause));
            }
            context.destination = Some(Arc::new(destination.context(request.waited)?));
        }
        Ok(Query::start(&self.handle, context, Arc::clone(&self.broker), request))
    }

    /// `waited` is what the command has waited so far.
    fn context(&self, waited: Duration) -> Result<Context> {
        let environment = Arc::clone(&self.environment.read().unwrap_or_else(PoisonError::into_inner));
        let transport = if let Some(transport) = &self.world.transport {
            Arc::clone(transport)
        } else {
            let settings = HttpSettings::new(&self.settings, &environment);
            self.world.connections.transport(&settings)?
        };
        let waits = Arc::new(Waits::new(self.settings.retry.maximum_wait(), waited));
        let reporter = Reporter::new(Arc::clone(&self.world.clock), Arc::clone(&waits));
        Ok(Context {
            settings: Arc::clone(&self.settings),
            has_arc_agent: AzureArc::is_installed(&environment),
            environment,
            transport,
            slots: Arc::clone(&self.world.connections.slots),
            governor: Arc::clone(&self.world.governor),
            caller: self.world.governor.caller(),
            waits,
            clock: Arc::clone(&self.world.clock),
            cache: match self.settings.token_cache {
                TokenCaching::Process => Arc::clone(&self.world.cache),
                // Lives as long as the query, whose pages need the token again.
                TokenCaching::None => Arc::default(),
            },
            files: Arc::clone(&self.world.files),
            certificate: self.certificate.clone(),
            broker: Arc::clone(&self.broker.0),
            destination: None,
            reporter,
        })
    }
}
