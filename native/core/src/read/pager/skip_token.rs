//! The answer holds a token, and the body of the next request carries it: Azure Resource Graph.
//! <https://learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data#paging-results>

use bytes::Bytes;
use serde_json::{Map, Value};

use super::page::PageEnd;
use super::target::Target;
use crate::errors::{Error, RESULT_TRUNCATED, Result};

pub(super) fn next(current: &Target, end: &PageEnd) -> Result<Option<Target>> {
    let Some(token) = &end.continuation.link else {
        if end.continuation.truncated {
            return Err(RESULT_TRUNCATED.error(RESULT_TRUNCATED.cause));
        }
        return Ok(None);
    };
    let body = current.body.as_deref().unwrap_or(b"{}");
    let mut body: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| Error::invalid_argument("the body of a Resource Graph query must be a JSON object"))?;
    let options = body.entry("options").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(options) = options else {
        return Err(Error::invalid_argument(
            "the member 'options' of a Resource Graph query must be an object",
        ));
    };
    options.insert("$skipToken".to_owned(), Value::from(token.as_str()));
    // The token stands for the position.
    options.remove("$skip");
    Ok(Some(Target {
        url: current.url.clone(),
        body: Some(Bytes::from(Value::Object(body).to_string())),
        round: 0,
    }))
}
