//! Files in a storage container give the rows that those in a folder give.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::{ImportDocument, ImportRequest, Stored, import};
use crate::context::Context;
use crate::dataset::destination::blob_tests::{self as blob, ADDRESS, Store};
use crate::dataset::destination::{Destination, Folder};
use crate::dataset::tests::{run, run_changes};
use crate::errors::Error;
use crate::http::Method;
use crate::testing::{TENANT, TestFolder};

/// What is read back: rows, and the errors of tenants.
async fn read(context: &Context, path: &str, dataset: &str, tenants: &[&str]) -> (String, Vec<Error>) {
    let document: ImportDocument =
        serde_json::from_value(json!({ "dataset": dataset, "path": path })).unwrap();
    let request = ImportRequest::of(&document, &context.settings).unwrap();
    let tenants = tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
    let mut stored = import(context, Arc::new(request), tenants).unwrap();
    let (mut rows, mut errors) = (String::new(), Vec::new());
    while let Some(told) = stored.next().await {
        match told {
            Stored::Rows(text) => rows.push_str(&text),
            Stored::Failed(error) => errors.push(error),
            _ => {}
        }
    }
    (rows, errors)
}

async fn write(destination: impl Fn() -> Box<dyn Destination>) {
    let path = PathBuf::from("/");
    assert!(run(destination(), &path, "JsonLines").await);
    assert!(run_changes(destination(), &path).await);
}

#[tokio::test]
async fn the_rows_of_a_container_are_those_of_a_folder() {
    let (folder, store) = (TestFolder::new(), Store::new());
    let context = store.timed();
    write(|| Box::new(Folder::new(folder.0.clone()))).await;
    write(|| blob::open(&context)).await;
    for dataset in ["vulnerabilities", "vulnerabilityChanges"] {
        for tenants in [&[][..], &[TENANT.to_uppercase().as_str()]] {
            let (expected, errors) = read(&context, folder.0.to_str().unwrap(), dataset, tenants).await;
            assert!(expected.lines().count() > 1000 && errors.is_empty(), "{errors:?}");
            let (rows, errors) = read(&context, ADDRESS, dataset, tenants).await;
            assert!(rows == expected && errors.is_empty(), "{errors:?}");
        }
    }
}

#[tokio::test]
async fn what_is_not_in_a_container_is_named_and_so_is_what_is() {
    let store = Store::new();
    let context = store.timed();
    let (_, errors) = read(&context, ADDRESS, "machines", &[]).await;
    assert_eq!(errors[0].id, "Fdx.Dataset.NotFound");
    write(|| blob::open(&context)).await;
    let (_, errors) = read(&context, ADDRESS, "machines", &[]).await;
    assert!(errors[0].advice.contains("the datasets vulnerabilities, vulnerabilityChanges"), "{errors:?}");
    let (_, errors) = read(&context, ADDRESS, "vulnerabilities", &["other"]).await;
    assert!(errors[0].advice.contains(&format!("the tenants {TENANT}")), "{errors:?}");
    let (_, errors) = read(&context, "https://acct.blob.core.windows.net/none", "machines", &[]).await;
    assert_eq!(errors[0].id, "Fdx.Dataset.ContainerNotFound");

    let document: ImportDocument =
        serde_json::from_value(json!({"dataset": "machines", "path": format!("{ADDRESS}?sig=fake")}))
            .unwrap();
    let error = ImportRequest::of(&document, &context.settings).unwrap_err();
    assert_eq!(error.id, "Fdx.Dataset.InvalidPath");
    assert!(!format!("{error:?}").contains("fake"), "{error:?}");
}

#[tokio::test]
async fn nobody_waits_for_a_container_that_nobody_reads_any_more() {
    let store = Store::new();
    let context = store.timed();
    write(|| blob::open(&context)).await;
    store.decide(|request, _| match request.method {
        Method::GET => blob::Fate::Refused(blob::error(503, "ServerBusy")),
        _ => blob::Fate::Answered,
    });
    let document: ImportDocument =
        serde_json::from_value(json!({"dataset": "vulnerabilities", "path": ADDRESS})).unwrap();
    let request = Arc::new(ImportRequest::of(&document, &context.settings).unwrap());
    let stored = import(&context, Arc::clone(&request), Vec::new()).unwrap();
    while store.count() == 0 {
        tokio::task::yield_now().await;
    }
    drop(stored);
    // The thread has the request too, as long as it works.
    while Arc::strong_count(&request) > 1 {
        tokio::task::yield_now().await;
    }
}
