//! Managed identity of Azure Arc-enabled servers. The agent challenges the caller to read a file that only privileged
//! accounts can read.
//! <https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication>

use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::header::{self, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use super::{EndpointRules, Selector, ask, receive_with_retries, refusal, token_request};
use crate::auth::sources::Source;
use crate::blocking::{self, FileError, FileRules};
use crate::context::Context;
use crate::errors::{ARC_CHALLENGE, ARC_KEY_UNREADABLE};
use crate::errors::{Error, Result, excerpt};
use crate::http::{Received, sensitive};
use crate::settings::{Environment, variables};
use crate::token::AccessToken;

/// Address of the agent if `IDENTITY_ENDPOINT` is not set.
pub(crate) const ENDPOINT: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";
const API_VERSION: &str = "2020-06-01";
const LINUX_AGENT: &str = "/opt/azcmagent/bin/himds";
const LINUX_KEYS: &str = "/var/opt/azcmagent/tokens";
/// A key has a few dozen bytes. A symbolic link could lead to another file.
const KEY_FILE: FileRules = FileRules { size_limit: 4096, symlinks: false };

const RULES: EndpointRules = EndpointRules { must_echo: true, ..EndpointRules::MSAL };

/// The agent's endpoint.
pub(crate) struct AzureArc {
    endpoint: Url,
    selector: Selector,
    keys: PathBuf,
}

impl AzureArc {
    pub(crate) fn new(context: &Context, endpoint: Url, selector: Selector) -> Result<Self> {
        let keys = match &context.settings.endpoints.arc_tokens {
            Some(directory) => PathBuf::from(directory),
            None => keys(context)?,
        };
        Ok(AzureArc { endpoint, selector, keys })
    }

    /// Whether the agent is installed, independent of environment variables. Checks on the caller's thread.
    pub(crate) fn is_installed(environment: &Environment) -> bool {
        if cfg!(windows) {
            let programs = environment.get(variables::PROGRAM_FILES).map(PathBuf::from);
            let agent = programs.map(|p| p.join("AzureConnectedMachineAgent").join("himds.exe"));
            agent.is_some_and(|agent| blocking::exists(&agent))
        } else {
            blocking::exists(Path::new(LINUX_AGENT))
        }
    }
}

/// Directory of the agent's keys.
fn keys(context: &Context) -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from(LINUX_KEYS));
    }
    let data = context.environment.get(variables::PROGRAM_DATA).filter(|_| cfg!(windows));
    data.map(|data| Path::new(data).join("AzureConnectedMachineAgent").join("Tokens"))
        .ok_or_else(|| ARC_CHALLENGE.error("the Azure Arc agent runs only on Linux and Windows"))
}

impl Source for AzureArc {
    fn key(&self) -> String {
        format!("azure-arc {} {}", self.endpoint, self.selector.describe())
    }

    fn token(&self, resource: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let mut request = token_request(&self.endpoint, API_VERSION, &resource, &self.selector, "msi_res_id");
        request.headers.insert("metadata", HeaderValue::from_static("true"));
        let (selector, keys) = (self.selector.clone(), self.keys.clone());
        async move {
            let challenge = receive_with_retries(&context, "Azure Arc", &RULES, request.clone()).await?;
            if challenge.status >= 400 && challenge.status != 401 {
                return Err(refusal(
                    &context,
                    "Azure Arc",
                    &selector.describe(),
                    &challenge,
                    &request.headers,
                ));
            }
            let key = read_key(&context, &keys, &challenge).await?;
            let basic = Zeroizing::new(format!("Basic {}", key.trim_end_matches(['\r', '\n'])));
            let basic =
                sensitive(&basic).ok_or_else(|| wrong("contains a key that is not a valid header value"))?;
            request.headers.insert(header::AUTHORIZATION, basic);
            ask(&context, "Azure Arc", &selector, &RULES, request).await
        }
        .boxed()
    }
}

fn wrong(why: &str) -> Error {
    ARC_CHALLENGE.error(format!("the Azure Arc agent's challenge {why}"))
}

/// Reads the key file of the challenge. It must be in the directory of keys: a program that listens at the agent's
/// address must not make us read another file.
async fn read_key(context: &Context, directory: &Path, challenge: &Received) -> Result<Zeroizing<String>> {
    if challenge.status != 401 {
        return Err(wrong(&format!("is missing: the agent answered HTTP {}", challenge.status)));
    }
    let header =
        challenge.header("www-authenticate").ok_or_else(|| wrong("has no WWW-Authenticate header"))?;
    let path = realm(header).ok_or_else(|| wrong("must have the form Basic realm=<file>"))?;
    let path = Path::new(path);
    let elsewhere = || {
        wrong(&format!(
            "names a file outside of {}: {}",
            directory.display(),
            excerpt(&path.to_string_lossy(), 200)
        ))
    };
    if !path.parent().is_some_and(|parent| is_same(parent, directory)) {
        return Err(elsewhere());
    }
    if path.extension().is_none_or(|extension| extension != "key") {
        return Err(wrong("must name a .key file"));
    }
    // Only the file name comes from the challenge.
    let file = directory.join(path.file_name().ok_or_else(elsewhere)?);
    let unreadable = |e: &FileError| {
        let message = format!("the Azure Arc agent's key file {} cannot be read", file.display());
        ARC_KEY_UNREADABLE.error(message).caused_by(e)
    };
    let bytes = context.files.read(context.clock.as_ref(), &file, KEY_FILE).await.map_err(|e| match e {
        FileError::NotRegular => wrong("names a path that is not a regular file"),
        FileError::TooLarge(size) => {
            wrong(&format!("names a file of {size} bytes, which is too large for a key"))
        }
        e => unreadable(&e),
    })?;
    let key = std::str::from_utf8(&bytes).map_err(|_| wrong("names a file that is not UTF-8 text"))?;
    Ok(Zeroizing::new(key.to_owned()))
}

/// Whether two paths name the same directory. Windows ignores case, and the agent may write `%ProgramData%` in another
/// case.
fn is_same(one: &Path, other: &Path) -> bool {
    let folded = |path: &Path| PathBuf::from(path.as_os_str().to_ascii_lowercase());
    one == other || cfg!(windows) && folded(one) == folded(other)
}

/// The file in `Basic realm=<file>` (RFC 9110 §11.6.1). The agent omits the quotes.
fn realm(header: &str) -> Option<&str> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let (name, path) = rest.trim().split_once('=')?;
    let path = path.trim().trim_matches('"');
    let fits = scheme.eq_ignore_ascii_case("basic")
        && name.trim().eq_ignore_ascii_case("realm")
        && !path.is_empty()
        && !path.contains(['=', ',']);
    fits.then_some(path)
}
