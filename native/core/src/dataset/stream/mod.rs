//! Services that take rows and keep no files: Log Analytics and Event Hubs. The rows of a dataset are written to files
//! first, whole as ever, and sent from there. So a run that dies while it reads has sent nothing, and one that dies
//! while it sends goes on after the last request that was answered.

mod batch;
mod row;
mod rows;
mod service;
#[cfg(test)]
pub(super) mod tests;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use self::batch::Batch;
use self::row::Style;
pub(crate) use self::rows::{RowsSent, SendDocument, SendRequest, send};
use self::service::Service;
use super::destination::remote::{Remote, Waiter};
use super::destination::{Destination, Kind, StreamAddress};
use super::manifest::Manifest;
use super::stored::part::Files;
use crate::catalog::{ROW_KEY, TIME_GENERATED, log_column, log_stream};
use crate::cloud::Family;
use crate::context::Context;
use crate::errors::{Error, INGESTION_FAILED, Result};
use crate::http::Key;

/// Statuses that leave open whether a request was taken.
const DOUBTFUL: [u16; 2] = [408, 429];

/// How far the rows of a run were sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sent {
    /// Id of the run.
    run: String,
    /// Files that were sent whole.
    files: usize,
    /// Rows of the next one that were sent.
    rows: u64,
    /// Whether the next request was refused: then it has sent nothing.
    #[serde(default)]
    refused: bool,
}

/// A service that the rows of a tenant's dataset are sent to.
pub(super) struct Outlet {
    remote: Remote,
    service: Service,
    address: StreamAddress,
    waiter: Waiter,
}

/// The rows of a dataset that are sent.
pub(super) struct Sending<'a> {
    pub(super) destination: &'a dyn Destination,
    pub(super) manifest: &'a Manifest,
    /// Name of the file that says how far it has come.
    pub(super) progress: String,
}

/// A service, as the identity of a destination reaches it.
fn remote(context: &Context, address: &StreamAddress) -> (Remote, Service) {
    let context = context.of_destination();
    // The quota of a rule is that of all senders together.
    let key =
        Key { app: String::new(), tenant: address.url().to_string(), family: Family::Arm, quota: u8::MAX };
    let class = context.governor.class(key, address.kind.limits(), None, context.clock.now());
    let scope = address.kind.scope(context.settings.cloud);
    let service = Service { kind: address.kind, url: address.url().clone() };
    (Remote::new(context, scope, Some(class)), service)
}

impl Outlet {
    pub(super) fn new(context: &Context, address: &StreamAddress, stop: &CancellationToken) -> Result<Self> {
        let (remote, service) = remote(context, address);
        Ok(Outlet { remote, service, address: address.clone(), waiter: Waiter::new(stop)? })
    }

    /// Sends all rows that were not sent yet.
    pub(super) fn send(&self, sending: &Sending<'_>) -> Result<()> {
        let Sending { destination, manifest, progress } = sending;
        let known: Option<Sent> =
            destination.read(progress)?.and_then(|content| serde_json::from_slice(&content).ok());
        let known = known.filter(|known| known.run == manifest.run);
        if let Some(known) =
            known.as_ref().filter(|known| known.files < manifest.parts.len() && !known.refused)
        {
            self.remote.context.reporter.warning(format!(
                "Tenant {}, dataset {}: the last run ended while rows were sent to {}. One request at most is sent \
                 again, from row {} of file {} on; its rows have the keys that they had before.",
                manifest.shape.tenant_id,
                manifest.shape.dataset,
                self.address.name(),
                known.rows + 1,
                known.files + 1,
            ));
        }
        let none = Sent { run: manifest.run.clone(), files: 0, rows: 0, refused: false };
        let mut sent = known.unwrap_or(none);
        sent.refused = false;
        let result = self.send_files(sending, &mut sent);
        if let Err(error) = &result
            && error
                .http_status
                .is_some_and(|status| (400..500).contains(&status) && !DOUBTFUL.contains(&status))
        {
            sent.refused = true;
            note(*destination, progress, &sent)?;
        }
        result
    }

    fn send_files(&self, sending: &Sending<'_>, sent: &mut Sent) -> Result<()> {
        let Sending { destination, manifest, progress } = sending;
        let mut files = Files::of(*destination, manifest);
        files.skip(sent.files);
        let stream = log_stream(&manifest.shape.dataset);
        let time = manifest.snapshot_time.as_ref().unwrap_or(&manifest.read_from);
        while let Some(file) = files.next_file()? {
            // Before the first request: if this process dies in it, the next one knows that there was one.
            note(*destination, progress, sent)?;
            let key = format!("{}-{:05}", manifest.run, sent.files);
            let mut properties = Vec::new();
            for (name, value) in [
                (r#"{"dataset":"#, manifest.shape.dataset.as_str()),
                (r#","tenantId":"#, manifest.shape.tenant_id.as_str()),
                (r#","timeGenerated":"#, time.as_str()),
                (r#","fileKey":"#, key.as_str()),
            ] {
                properties.extend_from_slice(name.as_bytes());
                row::put(value, &mut properties);
            }
            properties.push(b'}');
            let properties = String::from_utf8_lossy(&properties);
            let mut batch = Batch::new(self.address.kind, self.address.requests(&stream), &properties);
            let (mut number, before, mut line) = (0, sent.rows, Vec::new());
            let mut failed = None;
            let was_read = file.read(|json| {
                number += 1;
                if number <= before {
                    return true;
                }
                let added = self.line(json, (time, &key, number), batch.room(), &mut line).and_then(|()| {
                    while !batch.add(&line) {
                        self.flush(&mut batch, sending, sent)?;
                    }
                    Ok(())
                });
                failed = added.err();
                failed.is_none()
            });
            if let Some(failed) = failed {
                return Err(failed);
            }
            was_read?;
            self.flush(&mut batch, sending, sent)?;
            (sent.files, sent.rows) = (sent.files + 1, 0);
        }
        note(*destination, progress, sent)
    }

    /// A row of a file as the service takes it.
    fn line(
        &self,
        json: &str,
        (time, key, number): (&str, &str, u64),
        room: usize,
        line: &mut Vec<u8>,
    ) -> Result<()> {
        let members = || row::members(json).ok_or_else(|| Error::internal("a row of a file is no object"));
        match self.address.kind {
            Kind::LogAnalytics => {
                let before = format!(r#""{TIME_GENERATED}":"{time}","{ROW_KEY}":"{key}-{number}""#);
                // A column without a value is null.
                let style = Style { before: &before, name: log_column, without_null: true };
                row::write(&members()?, &style, room, line);
            }
            Kind::EventHubs if json.len() > room / 2 => {
                // Its quotes are escaped once more.
                let style = Style { before: "", name: str::to_owned, without_null: false };
                row::write(&members()?, &style, room / 2, line);
            }
            Kind::EventHubs => {
                line.clear();
                line.extend_from_slice(json.as_bytes());
            }
        }
        Ok(())
    }

    /// Sends the rows of a batch, and notes how far that has come.
    fn flush(&self, batch: &mut Batch, sending: &Sending<'_>, sent: &mut Sent) -> Result<()> {
        while let Some(rows) = self.waiter.wait(&INGESTION_FAILED, batch.next(&self.remote, &self.service))? {
            sent.rows += rows;
            note(sending.destination, &sending.progress, sent)?;
        }
        Ok(())
    }
}

fn note(destination: &dyn Destination, name: &str, sent: &Sent) -> Result<()> {
    let content = serde_json::to_vec(sent).map_err(|e| Error::internal(&e.to_string()))?;
    destination.write(name, &content)
}
