//! The address of a service that takes rows and keeps no files: a data collection rule of Azure Monitor, or an event
//! hub.

use url::Url;

use super::segments::{below, segments};
use crate::errors::{DATASET_DESTINATION, Error, Result, excerpt};
use crate::settings::Settings;

/// The services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dataset) enum Kind {
    /// The Logs Ingestion API of Azure Monitor, for tables of Log Analytics.
    LogAnalytics,
    /// Event Hubs.
    EventHubs,
}

/// Where rows are sent to.
#[derive(Clone, Debug)]
pub(in crate::dataset) struct StreamAddress {
    pub(in crate::dataset) kind: Kind,
    /// The rule, or the event hub.
    url: Url,
    /// The stream of the rule, if the address names it.
    stream: Option<String>,
}

const RULES: &str = "dataCollectionRules";
const STREAMS: &str = "streams";

impl StreamAddress {
    /// `None` if it is the address of something else.
    pub(in crate::dataset) fn of(given: &str, settings: &Settings) -> Result<Option<Self>> {
        let Ok(url) = Url::parse(given) else { return Ok(None) };
        let Some((kind, base)) = service(&url, settings) else { return Ok(None) };
        let shown = excerpt(given.split('?').next().unwrap_or_default(), 200);
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            let message = "the address of the destination has a password, a signature or a query";
            return Err(refused(message.to_owned()));
        }
        let names = segments(&url)?;
        let names: Vec<&str> = names.iter().skip(segments(&base)?.len()).map(String::as_str).collect();
        let (path, stream) = match (kind, names.as_slice()) {
            (Kind::LogAnalytics, [rules, rule]) if rules.eq_ignore_ascii_case(RULES) => {
                (vec![RULES, rule], None)
            }
            (Kind::LogAnalytics, [rules, rule, streams, stream])
                if rules.eq_ignore_ascii_case(RULES) && streams.eq_ignore_ascii_case(STREAMS) =>
            {
                (vec![RULES, rule], Some((*stream).to_owned()))
            }
            (Kind::EventHubs, [hub]) => (vec![*hub], None),
            (Kind::LogAnalytics, _) => {
                return Err(refused(format!("'{shown}' names no data collection rule")));
            }
            (Kind::EventHubs, _) => return Err(refused(format!("'{shown}' names no event hub"))),
        };
        Ok(Some(StreamAddress { kind, url: below(&base, path), stream }))
    }

    /// Whether all rows go to one stream of a rule.
    pub(in crate::dataset) fn is_one_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// The address of the rule or the hub.
    pub(in crate::dataset) fn url(&self) -> &Url {
        &self.url
    }

    /// What people call it, with the stream if the address names it.
    pub(in crate::dataset) fn name(&self) -> String {
        self.stream
            .as_ref()
            .map_or_else(|| self.url.to_string(), |stream| self.stream_url(stream).to_string())
    }

    /// Where requests with the rows of this stream go to.
    pub(in crate::dataset) fn requests(&self, stream: &str) -> Url {
        let (mut url, query) = match self.kind {
            Kind::LogAnalytics => {
                (self.stream_url(self.stream.as_deref().unwrap_or(stream)), "api-version=2023-01-01")
            }
            Kind::EventHubs => (below(&self.url, ["messages"]), "timeout=60&api-version=2014-01"),
        };
        url.set_query(Some(query));
        url
    }

    fn stream_url(&self, stream: &str) -> Url {
        below(&self.url, [STREAMS, stream])
    }
}

fn refused(message: String) -> Error {
    DATASET_DESTINATION.error(message)
}

/// Which service of this cloud, or of the settings, an address is in.
fn service(url: &Url, settings: &Settings) -> Option<(Kind, Url)> {
    let given = &settings.endpoints;
    for (kind, own) in [(Kind::LogAnalytics, &given.ingestion), (Kind::EventHubs, &given.event_hubs)] {
        let own = own.as_deref().and_then(|own| Url::parse(own).ok());
        if let Some(own) = own.filter(|own| own.origin() == url.origin()) {
            return Some((kind, own));
        }
    }
    let host = url.host_str()?;
    let is_in = |suffix: &str| host.strip_suffix(suffix).is_some_and(|name| !name.is_empty());
    let kind = if is_in(settings.cloud.ingestion().0) {
        Kind::LogAnalytics
    } else if is_in(settings.cloud.event_hubs_suffix()) {
        Kind::EventHubs
    } else {
        return None;
    };
    if url.scheme() != "https" || url.port().is_some() {
        return None;
    }
    Some((kind, Url::parse(&format!("https://{host}")).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(cloud: &str, given: &str) -> Result<Option<String>> {
        let settings = format!(r#"{{"credential":{{"type":"default"}},"cloud":"{cloud}"}}"#);
        let address = StreamAddress::of(given, &Settings::parse(&settings).unwrap())?;
        Ok(address.map(|address| address.requests("Custom-Own").to_string()))
    }

    const RULE: &str = "https://dce-1.westeurope-1.ingest.monitor.azure.com/dataCollectionRules/dcr-1";

    #[test]
    fn an_address_is_a_rule_a_stream_of_it_or_an_event_hub() {
        for (cloud, given, expected) in [
            ("Public", RULE.to_owned(), format!("{RULE}/streams/Custom-Own?api-version=2023-01-01")),
            (
                "GCC",
                format!("{RULE}/streams/Custom-X"),
                format!("{RULE}/streams/Custom-X?api-version=2023-01-01"),
            ),
            (
                "USGov",
                "https://a.ingest.monitor.azure.us/datacollectionrules/dcr-1/".to_owned(),
                "https://a.ingest.monitor.azure.us/dataCollectionRules/dcr-1/streams/Custom-Own\
                 ?api-version=2023-01-01"
                    .to_owned(),
            ),
            (
                "Public",
                "https://ns.servicebus.windows.net/rows".to_owned(),
                "https://ns.servicebus.windows.net/rows/messages?timeout=60&api-version=2014-01".to_owned(),
            ),
        ] {
            assert_eq!(requests(cloud, &given).unwrap().unwrap(), expected);
        }
    }

    #[test]
    fn other_hosts_get_no_token_and_half_addresses_are_refused() {
        for given in [
            "https://acct.blob.core.windows.net/data",
            "https://ingest.monitor.azure.com.example.com/dataCollectionRules/dcr-1",
            "http://a.ingest.monitor.azure.com/dataCollectionRules/dcr-1",
            "https://a.ingest.monitor.azure.com:8443/dataCollectionRules/dcr-1",
            "https://a.ingest.monitor.azure.us/dataCollectionRules/dcr-1",
            "https://.servicebus.windows.net/rows",
        ] {
            assert_eq!(requests("Public", given).unwrap(), None, "{given}");
        }
        for given in [
            "https://a.ingest.monitor.azure.com/",
            "https://a.ingest.monitor.azure.com/dataCollectionRules",
            "https://a.ingest.monitor.azure.com/dataCollectionRules/dcr-1/streams",
            "https://ns.servicebus.windows.net",
            "https://ns.servicebus.windows.net/rows/messages",
            "https://ns.servicebus.windows.net/rows?sig=fake",
        ] {
            let error = requests("Public", given).unwrap_err();
            assert_eq!(error.id, "Fdx.Dataset.InvalidDestination", "{given}");
            assert!(!format!("{error:?}").contains("fake"), "{given}");
        }
    }
}
