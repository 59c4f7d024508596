//! The address of a container of a storage account.

use url::Url;

use crate::cloud::Cloud;
use crate::dataset::destination::segments::{below, segments};
use crate::errors::{DATASET_DESTINATION, Error, Result, excerpt};
use crate::settings::Settings;

/// A container, and what the names of its blobs begin with.
#[derive(Clone, Debug)]
pub(in crate::dataset) struct BlobAddress {
    /// The storage account.
    service: Url,
    container: String,
    /// Names of folders.
    prefix: Vec<String>,
}

/// The host of `OneLake`, which has the API of Blob Storage, and the one of its other API.
const ONE_LAKE: &str = "onelake.blob.fabric.microsoft.com";
const ONE_LAKE_DFS: &str = "onelake.dfs.fabric.microsoft.com";

impl BlobAddress {
    pub(in crate::dataset::destination) fn of(given: &str, settings: &Settings) -> Result<Self> {
        // What follows a question mark may be a signature.
        let shown = excerpt(given.split('?').next().unwrap_or_default(), 200);
        let url = Url::parse(given).map_err(|e| refused(format!("'{shown}' is not an address: {e}")))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(refused("the address of the container has a password or a signature".to_owned()));
        }
        let service = own_service(&url, settings).or_else(|| service_of_cloud(&url, settings.cloud));
        let service = service.ok_or_else(|| {
            refused(format!(
                "'{shown}' is not the address of a container in the cloud {}",
                settings.cloud.name()
            ))
        })?;
        let base = segments(&service)?.len();
        let mut names = segments(&url)?.into_iter().skip(base);
        let container = names.next().ok_or_else(|| refused(format!("'{shown}' names no container")))?;
        Ok(BlobAddress { service, container, prefix: names.collect() })
    }

    /// The address of the container.
    pub(in crate::dataset::destination) fn container(&self) -> Url {
        self.with([self.container.as_str()])
    }

    /// The address of a blob.
    pub(in crate::dataset::destination) fn blob(&self, name: &str) -> Url {
        let prefix = self.prefix.iter().map(String::as_str);
        self.with([self.container.as_str()].into_iter().chain(prefix).chain(name.split('/')))
    }

    /// The name of a blob within the container.
    pub(in crate::dataset::destination) fn full_name(&self, name: &str) -> String {
        self.prefix.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("/")
    }

    fn with<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Url {
        below(&self.service, names)
    }
}

fn refused(message: String) -> Error {
    DATASET_DESTINATION.error(message)
}

/// The storage account that the settings name, if the address is in it.
fn own_service(url: &Url, settings: &Settings) -> Option<Url> {
    let own = Url::parse(settings.endpoints.blob.as_deref()?).ok()?;
    let (path, base) = (segments(url).ok()?, segments(&own).ok()?);
    (own.origin() == url.origin() && path.starts_with(&base)).then_some(own)
}

/// The storage account of this cloud that an address is in. An address of its API for folders means the same.
fn service_of_cloud(url: &Url, cloud: Cloud) -> Option<Url> {
    let host = url.host_str()?;
    let is_known = if [ONE_LAKE, ONE_LAKE_DFS].contains(&host) {
        cloud == Cloud::Public
    } else {
        let (account, rest) = host.split_once('.')?;
        let (api, suffix) = rest.split_once('.')?;
        let is_account = (3..=24).contains(&account.len())
            && account.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        is_account && ["blob", "dfs"].contains(&api) && suffix == cloud.storage_suffix()
    };
    if !is_known || url.scheme() != "https" || url.port().is_some() {
        return None;
    }
    Url::parse(&format!("https://{}", host.replacen(".dfs.", ".blob.", 1))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(members: &str) -> Settings {
        Settings::parse(&format!(r#"{{"credential":{{"type":"default"}},{members}}}"#)).unwrap()
    }

    fn blob(given: &str, settings: &Settings) -> Result<String> {
        Ok(BlobAddress::of(given, settings)?.blob("a b/tenant=1/part.json").to_string())
    }

    #[test]
    fn an_address_names_a_container_of_the_cloud_and_what_its_blobs_begin_with() {
        for (cloud, given, expected) in [
            ("Public", "https://acct.blob.core.windows.net/data", "https://acct.blob.core.windows.net/data"),
            ("GCC", "https://acct.blob.core.windows.net/data/", "https://acct.blob.core.windows.net/data"),
            (
                "Public",
                "https://ACCT.dfs.core.windows.net/d/x//y",
                "https://acct.blob.core.windows.net/d/x/y",
            ),
            (
                "USGov",
                "https://acct.blob.core.usgovcloudapi.net/d/%C3%A9",
                "https://acct.blob.core.usgovcloudapi.net/d/%C3%A9",
            ),
            (
                "China",
                "https://acct.blob.core.chinacloudapi.cn/d",
                "https://acct.blob.core.chinacloudapi.cn/d",
            ),
            (
                "Public",
                "https://onelake.dfs.fabric.microsoft.com/Work/Data.Lakehouse/Files",
                "https://onelake.blob.fabric.microsoft.com/Work/Data.Lakehouse/Files",
            ),
        ] {
            let found = blob(given, &settings(&format!(r#""cloud":"{cloud}""#))).unwrap();
            assert_eq!(found, format!("{expected}/a%20b/tenant=1/part.json"));
        }
    }

    #[test]
    fn other_hosts_get_no_token() {
        let public = settings(r#""endpoints":{"blob":"https://127.0.0.1:10000/devstoreaccount1"}"#);
        for given in [
            "https://example.com/data",
            "https://acct.blob.core.windows.net",
            "https://acct.blob.core.windows.net.example.com/data",
            "https://a.b.blob.core.windows.net/data",
            "https://acct.queue.core.windows.net/data",
            "https://acct.blob.core.chinacloudapi.cn/data",
            "https://acct.blob.core.windows.net:8443/data",
            "http://acct.blob.core.windows.net/data",
            "https://user:fake@acct.blob.core.windows.net/data",
            "https://acct.blob.core.windows.net/data?sv=1&sig=fake-signature",
            "https://127.0.0.1:10000/devstoreaccount1",
            "https://127.0.0.1:10000/devstoreaccount12/data",
            "https://127.0.0.1:10001/devstoreaccount1/data",
            "abfss://data@acct.dfs.core.windows.net/",
            "https://",
        ] {
            let error = blob(given, &public).unwrap_err();
            assert_eq!(error.id, "Fdx.Dataset.InvalidDestination", "{given}");
            assert!(!format!("{error:?}").contains("fake"), "{given}");
        }
        let found = blob("https://127.0.0.1:10000/devstoreaccount1/data/x", &public).unwrap();
        assert_eq!(found, "https://127.0.0.1:10000/devstoreaccount1/data/x/a%20b/tenant=1/part.json");
    }
}
