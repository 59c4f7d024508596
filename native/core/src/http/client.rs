//! The production transport: reqwest with rustls and the platform's certificate store.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use url::Url;

use super::error::{TransportError, TransportErrorKind};
use super::slots::{CONNECTIONS_PER_HOST, Slots};
use super::{Request, Response, SharedTransport, Thumbprint, Transport, gzip, limits, pinned};
use crate::errors::INVALID_PROXY;
use crate::errors::{Error, Result};
use crate::settings::{Environment, Settings, is_loopback, variables};

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
    /// By host, if neither of the others is set.
    system: BTreeMap<String, String>,
}

/// The name of all hosts that the system's proxies do not name.
const OTHER_HOSTS: &str = "*";

impl HttpSettings {
    /// From a session's settings and environment. The explicit proxy takes precedence.
    pub(crate) fn new(settings: &Settings, environment: &Environment) -> Self {
        let proxy = ProxySettings::new(settings, environment);
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
    pub(crate) slots: Arc<Slots>,
}

impl Connections {
    /// The transport with these settings.
    pub(crate) fn transport(&self, settings: &HttpSettings) -> Result<SharedTransport> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(settings) {
            return Ok(Arc::clone(client));
        }
        let transport: SharedTransport = Arc::new(ReqwestTransport::new(settings)?);
        clients.insert(settings.clone(), Arc::clone(&transport));
        Ok(transport)
    }
}

/// The transport over reqwest.
pub(super) struct ReqwestTransport {
    proxied: reqwest::Client,
    direct: reqwest::Client,
    /// Clients that accept only one server certificate, by its thumbprint.
    pinned: Mutex<HashMap<Thumbprint, reqwest::Client>>,
    user_agent: String,
}

impl ReqwestTransport {
    pub(super) fn new(settings: &HttpSettings) -> Result<Self> {
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
        .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]))
        .connect_timeout(limits::CONNECT)
        .pool_idle_timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(CONNECTIONS_PER_HOST)
        .tcp_nodelay(true)
}

impl ProxySettings {
    fn new(settings: &Settings, environment: &Environment) -> Self {
        if let Some(proxy) = &settings.proxy {
            let proxy = || Some(proxy.clone());
            return ProxySettings { https: proxy(), http: proxy(), except: None, system: BTreeMap::new() };
        }
        let either =
            |name, lower| environment.get(name).or_else(|| environment.get(lower)).map(str::to_owned);
        let all = || either(variables::ALL_PROXY, variables::ALL_PROXY_LOWER);
        let https = either(variables::HTTPS_PROXY, variables::HTTPS_PROXY_LOWER).or_else(all);
        let http = either(variables::HTTP_PROXY, variables::HTTP_PROXY_LOWER).or_else(all);
        let is_named = https.is_some() || http.is_some();
        ProxySettings {
            https,
            http,
            except: either(variables::NO_PROXY, variables::NO_PROXY_LOWER),
            system: if is_named { BTreeMap::new() } else { settings.system_proxies.clone() },
        }
    }

    fn proxies(&self) -> Result<Vec<reqwest::Proxy>> {
        // reqwest applies the asterisk only to names, not to addresses.
        if self.except.as_deref().is_some_and(|except| except.split(',').any(|entry| entry.trim() == "*")) {
            return Ok(Vec::new());
        }
        let except = self.except.as_deref().and_then(reqwest::NoProxy::from_string);
        let https = self.https.as_deref().map(|address| proxy(address, reqwest::Proxy::https));
        let http = self.http.as_deref().map(|address| proxy(address, reqwest::Proxy::http));
        let named = https.into_iter().chain(http).map(|proxy| Ok(proxy?.no_proxy(except.clone())));
        let system = (!self.system.is_empty()).then(|| self.system_proxy());
        named.chain(system).collect()
    }

    /// One that goes by the host, as the system's proxies do.
    fn system_proxy(&self) -> Result<reqwest::Proxy> {
        let parsed = |(host, address): (&String, &String)| Ok((host.clone(), proxy_url(address)?));
        let proxies = self.system.iter().map(parsed).collect::<Result<HashMap<_, _>>>()?;
        Ok(reqwest::Proxy::custom(move |url| {
            let of_host = url.host_str().and_then(|host| proxies.get(host));
            // An empty address of a host means none.
            of_host.or_else(|| proxies.get(OTHER_HOSTS)).cloned().flatten()
        }))
    }
}

fn proxy(address: &str, make: impl Fn(Url) -> reqwest::Result<reqwest::Proxy>) -> Result<reqwest::Proxy> {
    // The address may contain a password, so the message does not quote it.
    let invalid = || INVALID_PROXY.error(INVALID_PROXY.cause);
    make(proxy_url(address)?.ok_or_else(invalid)?).map_err(|_| invalid())
}

/// The address of a proxy. `None` if it is empty.
fn proxy_url(address: &str) -> Result<Option<Url>> {
    if address.is_empty() {
        return Ok(None);
    }
    let with_scheme = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let url = Url::parse(&with_scheme).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    url.map(Some).ok_or_else(|| INVALID_PROXY.error(INVALID_PROXY.cause))
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let pinned = match request.pin.map(|thumbprint| self.pinned(thumbprint)).transpose() {
            Ok(pinned) => pinned,
            Err(e) => return std::future::ready(Err(e)).boxed(),
        };
        if request.url.port() == Some(0) {
            return std::future::ready(Err(TransportError::new(TransportErrorKind::Address))).boxed();
        }
        // A proxy would see what never has to leave this machine.
        let direct = request.direct || is_loopback(&request.url);
        let client = pinned.as_ref().unwrap_or(if direct { &self.direct } else { &self.proxied });
        let is_pinned = pinned.is_some();
        let mut builder = client.request(request.method, request.url).headers(request.headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        async move {
            let answer = builder.send().await.map_err(|e| transport_error(e, is_pinned))?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let body = answer.bytes_stream().map_err(move |e| transport_error(e, is_pinned)).boxed();
            let body = if gzip::is_gzip(&headers) { gzip::decompress(body) } else { body };
            Ok(Response::new(status, headers, body))
        }
        .boxed()
    }
}

fn transport_error(error: reqwest::Error, is_pinned: bool) -> TransportError {
    let certificate = pinned::is_certificate_error(&error);
    let is_connect = error.is_connect();
    let is_timeout = error.is_timeout();
    let is_address = error.is_builder();
    let error = error.without_url();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let says = |words: &[&str]| causes.iter().any(|cause| words.iter().any(|word| cause.contains(word)));
    let kind = if certificate && is_pinned {
        TransportErrorKind::WrongCertificate
    } else if certificate {
        TransportErrorKind::Certificate
    } else if is_address || is_connect && says(NO_SUCH_HOST) {
        TransportErrorKind::Address
    } else if is_connect && says(&["proxy authorization required"]) {
        TransportErrorKind::Proxy
    } else if is_connect && says(&["tunnel error: unsuccessful"]) {
        TransportErrorKind::Tunnel
    } else if is_connect {
        TransportErrorKind::Connect
    } else if is_timeout {
        TransportErrorKind::Timeout
    } else {
        TransportErrorKind::Broken
    };
    TransportError { kind, causes }
}

/// What resolvers and systems say of a name or address that no host can have. A resolver that does not answer is
/// something else.
const NO_SUCH_HOST: &[&str] = &[
    // glibc, musl, Windows.
    "Name or service not known",
    "Name does not resolve",
    "os error 11001",
    "os error 11004",
    // A name that DNS does not allow.
    "invalid dns name",
    // An address that the system does not allow: EINVAL, WSAEADDRNOTAVAIL.
    "Invalid argument",
    "os error 10049",
];
