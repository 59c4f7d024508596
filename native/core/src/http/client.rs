//! The production transport: reqwest with rustls and the platform's certificate store.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use url::Url;

use super::{
    Request, Response, SharedTransport, Thumbprint, Transport, TransportError, TransportErrorKind, pinned,
};
use crate::clock::{Clock, within};
use crate::errors::INVALID_PROXY;
use crate::errors::{Error, Result};
use crate::settings::{Environment, Settings, variables};

/// Connections to one host at a time, for the whole process. A tenant that is read uses one; a small one spends most of
/// its time waiting for answers. A Functions instance has about 128 outbound ports for everything it does.
pub(crate) const CONNECTIONS_PER_HOST: usize = 32;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence before or during an answer. The services themselves end a request after 200 s.
const READ_TIMEOUT: Duration = Duration::from_secs(210);

/// Settings of a client. Sessions with equal settings share a client and its connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HttpSettings {
    proxy: ProxySettings,
    user_agent: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ProxySettings {
    https: Option<String>,
    http: Option<String>,
    except: Option<String>,
}

impl HttpSettings {
    /// From a session's settings and environment. The explicit proxy takes precedence.
    pub(crate) fn new(settings: &Settings, environment: &Environment) -> Self {
        let either =
            |name, lower| environment.get(name).or_else(|| environment.get(lower)).map(str::to_owned);
        let all = || either(variables::ALL_PROXY, variables::ALL_PROXY_LOWER);
        let proxy = match &settings.proxy {
            Some(proxy) => {
                ProxySettings { https: Some(proxy.clone()), http: Some(proxy.clone()), except: None }
            }
            None => ProxySettings {
                https: either(variables::HTTPS_PROXY, variables::HTTPS_PROXY_LOWER).or_else(all),
                http: either(variables::HTTP_PROXY, variables::HTTP_PROXY_LOWER).or_else(all),
                except: either(variables::NO_PROXY, variables::NO_PROXY_LOWER),
            },
        };
        let ours = concat!("FedXdr/", env!("CARGO_PKG_VERSION"));
        let user_agent = match &settings.user_agent {
            Some(host) => format!("{ours} {host}"),
            None => ours.to_owned(),
        };
        HttpSettings { proxy, user_agent }
    }
}

/// The clients by their settings and the slots of each host, shared by all sessions of a process.
#[derive(Default)]
pub(crate) struct Connections {
    clients: Mutex<HashMap<HttpSettings, SharedTransport>>,
    slots: Arc<Slots>,
}

impl Connections {
    /// The transport with these settings.
    pub(crate) fn transport(
        &self,
        settings: &HttpSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<SharedTransport> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(settings) {
            return Ok(Arc::clone(client));
        }
        let transport = ReqwestTransport::new(settings, Arc::clone(&self.slots), Arc::clone(clock))?;
        let transport: SharedTransport = Arc::new(transport);
        clients.insert(settings.clone(), Arc::clone(&transport));
        Ok(transport)
    }
}

/// Limits the concurrent requests to each host.
#[derive(Default)]
struct Slots(Mutex<HashMap<String, Arc<Semaphore>>>);

impl Slots {
    fn of(&self, url: &Url) -> Arc<Semaphore> {
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(format!("{host}:{port}"));
        Arc::clone(slot.or_insert_with(|| Arc::new(Semaphore::new(CONNECTIONS_PER_HOST))))
    }
}

/// The transport over reqwest.
struct ReqwestTransport {
    slots: Arc<Slots>,
    clock: Arc<dyn Clock>,
    proxied: reqwest::Client,
    direct: reqwest::Client,
    /// Clients that accept only one server certificate, by its thumbprint.
    pinned: Mutex<HashMap<Thumbprint, reqwest::Client>>,
    user_agent: String,
}

impl ReqwestTransport {
    fn new(settings: &HttpSettings, slots: Arc<Slots>, clock: Arc<dyn Clock>) -> Result<Self> {
        // Fails only if a provider is already installed, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut proxied = builder(&settings.user_agent);
        for proxy in settings.proxy.proxies()? {
            proxied = proxied.proxy(proxy);
        }
        let build = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|e| Error::internal("the HTTP client could not be created").caused_by(&e))
        };
        Ok(ReqwestTransport {
            slots,
            clock,
            proxied: build(proxied)?,
            direct: build(builder(&settings.user_agent))?,
            pinned: Mutex::default(),
            user_agent: settings.user_agent.clone(),
        })
    }

    fn pinned(&self, thumbprint: Thumbprint) -> Result<reqwest::Client, TransportError> {
        let mut clients = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&thumbprint) {
            return Ok(client.clone());
        }
        let client = pinned::config(thumbprint)
            .and_then(|config| {
                let client = builder(&self.user_agent).https_only(true).tls_backend_preconfigured(config);
                client.build().map_err(|e| e.to_string())
            })
            .map_err(|cause| TransportError { kind: TransportErrorKind::Connect, causes: vec![cause] })?;
        clients.insert(thumbprint, client.clone());
        Ok(client)
    }
}

fn builder(user_agent: &str) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(user_agent)
        // The snapshot has the environment's proxy. reqwest would read the real environment.
        .no_proxy()
        // A redirect would send the token to a host that was not checked.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(CONNECTIONS_PER_HOST)
        .tcp_nodelay(true)
}

impl ProxySettings {
    fn proxies(&self) -> Result<Vec<reqwest::Proxy>> {
        let except = self.except.as_deref().and_then(reqwest::NoProxy::from_string);
        let https = self.https.as_deref().map(|address| proxy(address, reqwest::Proxy::https));
        let http = self.http.as_deref().map(|address| proxy(address, reqwest::Proxy::http));
        https.into_iter().chain(http).map(|proxy| Ok(proxy?.no_proxy(except.clone()))).collect()
    }
}

fn proxy(address: &str, make: impl Fn(Url) -> reqwest::Result<reqwest::Proxy>) -> Result<reqwest::Proxy> {
    let with_scheme = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url = Url::parse(&with_scheme).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    // The address may contain a password, so the message does not quote it.
    url.and_then(|url| make(url).ok()).ok_or_else(|| INVALID_PROXY.error(INVALID_PROXY.cause))
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let pinned = match request.pin.map(|thumbprint| self.pinned(thumbprint)).transpose() {
            Ok(pinned) => pinned,
            Err(e) => return std::future::ready(Err(e)).boxed(),
        };
        let client = pinned.as_ref().unwrap_or(if request.direct { &self.direct } else { &self.proxied });
        let (slots, clock) = (self.slots.of(&request.url), Arc::clone(&self.clock));
        let mut builder = client.request(request.method, request.url).headers(request.headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        async move {
            let slot = slots.acquire_owned().await.ok();
            let answer = within(clock.as_ref(), READ_TIMEOUT, builder.send()).await.ok_or_else(timed_out)?;
            let answer = answer.map_err(transport_error)?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let body = answer.bytes_stream().map_err(transport_error).boxed();
            Ok(Response { status, headers, body: with_read_timeout(body, clock), slot })
        }
        .boxed()
    }
}

type Body = futures_util::stream::BoxStream<'static, Result<bytes::Bytes, TransportError>>;

fn with_read_timeout(body: Body, clock: Arc<dyn Clock>) -> Body {
    futures_util::stream::unfold(Some((body, clock)), |state| async move {
        let (mut body, clock) = state?;
        match within(clock.as_ref(), READ_TIMEOUT, body.next()).await {
            Some(Some(Ok(chunk))) => Some((Ok(chunk), Some((body, clock)))),
            Some(Some(Err(e))) => Some((Err(e), None)),
            Some(None) => None,
            None => Some((Err(timed_out()), None)),
        }
    })
    .boxed()
}

fn timed_out() -> TransportError {
    TransportError { kind: TransportErrorKind::Timeout, causes: Vec::new() }
}

fn transport_error(error: reqwest::Error) -> TransportError {
    let kind = if pinned::refused(&error) {
        TransportErrorKind::WrongCertificate
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_decode() {
        TransportErrorKind::Decode
    } else {
        TransportErrorKind::Broken
    };
    let error = error.without_url();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    TransportError { kind, causes }
}
