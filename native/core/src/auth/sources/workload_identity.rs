//! Workload identity of Kubernetes: a token file that the platform renews.
//! <https://learn.microsoft.com/azure/aks/workload-identity-overview>

use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Source;
use crate::blocking::{FileError, FileRules};
use crate::context::Context;
use crate::errors::{Error, Result};
use crate::errors::{FILE_EXPIRED, FILE_NOT_NAMED, FILE_NOT_TOKEN, FILE_UNREADABLE, KnownError};
use crate::secret::Secret;
use crate::settings::variables;
use crate::token::cache::seconds;
use crate::token::{AccessToken, Claims};

/// A token file has a few KB, so a larger file is not one. In Kubernetes, the file is a symbolic link.
const FILE: FileRules = FileRules { size_limit: 64 * 1024, symlinks: true };
/// Seconds after which the file is read again, even if its token is still valid. The Azure SDKs do the same.
const READ_AGAIN_AFTER: i64 = 600;
/// Assumed lifetime of a token without an expiry.
const UNKNOWN_LIFETIME: i64 = 600;

/// The token file of the connection or of `AZURE_FEDERATED_TOKEN_FILE`.
pub(crate) struct WorkloadIdentity {
    path: PathBuf,
}

impl WorkloadIdentity {
    pub(crate) fn new(context: &Context, path: Option<&str>) -> Result<Self> {
        let path = path
            .or_else(|| context.environment.get(variables::AZURE_FEDERATED_TOKEN_FILE))
            .ok_or_else(|| FILE_NOT_NAMED.error(FILE_NOT_NAMED.cause))?;
        Ok(WorkloadIdentity { path: PathBuf::from(path) })
    }
}

impl Source for WorkloadIdentity {
    fn key(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn token(&self, _audience: String, context: Context) -> BoxFuture<'static, Result<AccessToken>> {
        let (path, key) = (self.path.clone(), self.key());
        async move {
            context.reporter.identity("the token file", &path.display().to_string());
            let now = seconds(context.clock.as_ref());
            let token = match read(&context, &path).await {
                Ok(token) => {
                    context.cache.keep(&key, &token);
                    token
                }
                // A read can fail while the file is being replaced. That must not end a job.
                Err(error) => still_good(&context, &key, now).ok_or(error)?,
            };
            let expires_on = expiry(&token).unwrap_or(now + UNKNOWN_LIFETIME);
            if expires_on <= now {
                return Err(expired(&path, now - expires_on));
            }
            let token = AccessToken::new(token, now, expires_on, Some(READ_AGAIN_AFTER));
            context.reporter.assertion(&token, context.settings.cloud);
            Ok(token)
        }
        .boxed()
    }
}

fn expiry(token: &Secret) -> Option<i64> {
    Claims::of(token.expose()).and_then(|claims| claims.exp)
}

fn still_good(context: &Context, key: &str, now: i64) -> Option<Secret> {
    context.cache.kept(key).filter(|token| expiry(token).is_some_and(|ends| ends > now))
}

async fn read(context: &Context, path: &Path) -> Result<Secret> {
    let wrong = |entry: &'static KnownError, why: &str| {
        entry.error(format!("the token file {} {why}", path.display()))
    };
    let read = context.files.read(context.clock.as_ref(), path, FILE).await;
    let bytes = read.map_err(|e| match e {
        FileError::TooLarge(size) => wrong(
            &FILE_NOT_TOKEN,
            &format!(
                "has {size} bytes, which is too large \
            for a token"
            ),
        ),
        e => wrong(&FILE_UNREADABLE, "cannot be read").caused_by(&e),
    })?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| wrong(&FILE_NOT_TOKEN, "does not contain UTF-8 text"))?;
    // Editors can add a line break or a byte order mark.
    let token = text.trim_start_matches('\u{feff}').trim();
    if token.is_empty() || token.contains(char::is_whitespace) || token.split('.').count() != 3 {
        return Err(wrong(&FILE_NOT_TOKEN, "does not contain a JSON web token"));
    }
    Ok(Secret::new(token.to_owned()))
}

fn expired(path: &Path, ago: i64) -> Error {
    FILE_EXPIRED.error(format!("the token in the file {} expired {ago} seconds ago", path.display()))
}
