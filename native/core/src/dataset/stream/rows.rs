//! Rows of anybody's own, sent to a stream of a rule or to an event hub.

use serde::Deserialize;

use super::batch::Batch;
use super::row::Style;
use super::{remote, row};
use crate::context::Context;
use crate::dataset::destination::{Kind, StreamAddress};
use crate::errors::{DATASET_DESTINATION, INGESTION_OBJECT, Result, excerpt};
use crate::settings::Settings;

/// The request document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SendDocument {
    destination: String,
    /// JSON objects, one per line.
    rows: String,
    /// Rows that were sent before these, for messages.
    #[serde(default)]
    before: u64,
}

/// What is sent, and where to.
#[derive(Debug)]
pub(crate) struct SendRequest {
    address: StreamAddress,
    rows: String,
    before: u64,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowsSent {
    pub(crate) rows: u64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

impl SendRequest {
    pub(crate) fn of(document: SendDocument, settings: &Settings) -> Result<Self> {
        let SendDocument { destination, rows, before } = document;
        let address = StreamAddress::of(&destination, settings)?;
        let shown = || excerpt(destination.split('?').next().unwrap_or_default(), 200);
        let Some(address) = address else {
            return Err(DATASET_DESTINATION.error(format!("'{}' is no stream and no event hub", shown())));
        };
        if address.kind == Kind::LogAnalytics && !address.is_one_stream() {
            let message = format!("'{}' names no stream: /streams/Custom-<name> is missing", shown());
            return Err(DATASET_DESTINATION.error(message));
        }
        Ok(SendRequest { address, rows, before })
    }
}

/// Sends rows.
pub(crate) async fn send(context: &Context, request: &SendRequest) -> Result<RowsSent> {
    let SendRequest { address, rows, before } = request;
    let (remote, service) = remote(context, address);
    let mut batch = Batch::new(address.kind, address.requests(""), "{}");
    let mut sent = RowsSent::default();
    let mut line = Vec::new();
    let style = Style { before: "", name: str::to_owned, without_null: false };
    for (index, json) in (1..).zip(rows.lines()) {
        let members = row::members(json).ok_or_else(|| {
            let number = before + index;
            INGESTION_OBJECT.error(format!("row {number} is not an object: {}", excerpt(json, 80)))
        })?;
        // What is inside of a text is escaped once more.
        let room = if address.kind == Kind::EventHubs { batch.room() / 2 } else { batch.room() };
        row::write(&members, &style, room, &mut line);
        while !batch.add(&line) {
            while let Some(count) = batch.next(&remote, &service).await? {
                sent.rows += count;
            }
        }
    }
    while let Some(count) = batch.next(&remote, &service).await? {
        sent.rows += count;
    }
    Ok(RowsSent { requests: batch.requests, bytes: batch.bytes, ..sent })
}
