//! Links to the next page: followed only to the API's own hosts.

use super::{End, Fixture};
use crate::testing::{Answer, ok};

const HOST: &str = "https://api.security.microsoft.com";
const DOCUMENTS: [&str; 3] = [
    r#"{"kind":"rows","resource":"machines"}"#,
    r#"{"kind":"request","path":"/api/machines"}"#,
    r#"{"kind":"request","path":"/api/machines","method":"POST","body":"{}"}"#,
];

fn page(id: usize, link: &str) -> Answer {
    ok(format!(r#"{{"value":[{{"id":"{id}"}}],"@odata.nextLink":{}}}"#, serde_json::json!(link)))
}

#[tokio::test(start_paused = true)]
async fn a_link_to_another_host_is_an_error_on_any_page() {
    for (link, id) in [
        ("http://api.security.microsoft.com/api/machines?$skiptoken=x", "Fdx.Protocol.InsecureNextLink"),
        ("https://evil.example/api/machines", "Fdx.Protocol.ForeignNextLink"),
        ("//evil.example/api/machines", "Fdx.Protocol.ForeignNextLink"),
        ("\\\\evil.example\\api", "Fdx.Protocol.ForeignNextLink"),
        ("https://api.security.microsoft.com.evil.example/", "Fdx.Protocol.ForeignNextLink"),
        ("https://api.security.microsoft.com@evil.example/", "Fdx.Protocol.ForeignNextLink"),
        ("https://api.security.microsoft.com:8443/api/machines", "Fdx.Protocol.ForeignNextLink"),
        ("https://", "Fdx.Protocol.InvalidNextLink"),
        ("https://[::1/", "Fdx.Protocol.InvalidNextLink"),
    ] {
        for document in DOCUMENTS {
            for bad in [1, 2] {
                let fixture = Fixture::new(move |request, _| match request.url.path() {
                    "/api/page2" if bad == 2 => page(2, link),
                    "/api/page2" => panic!("{link} was followed"),
                    _ if bad == 1 => page(1, link),
                    _ => page(1, &format!("{HOST}/api/page2")),
                });
                let outcome = fixture.run(document).await;
                assert_eq!(outcome.error_ids(), [id], "{link} {document}");
                assert_eq!(outcome.ids(), ["1", "2"][..bad], "{link} {document}");
                assert_eq!(fixture.api_requests().len(), bad, "{link} {document}");
                assert_eq!(outcome.errors[0].rows, bad as u64, "{link} {document}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_to_an_earlier_page_is_an_error() {
    for document in DOCUMENTS {
        let fixture = Fixture::new(|request, _| match request.url.path() {
            "/api/page2" => page(2, "page3"),
            // Back to the one before, not to the first.
            "/api/page3" => page(3, "/api/page2"),
            _ => page(1, "/api/page2"),
        });
        let outcome = fixture.run(document).await;
        assert_eq!(outcome.error_ids(), ["Fdx.Protocol.RepeatedNextLink"], "{document}");
        assert_eq!(outcome.ids(), ["1", "2", "3"], "{document}");
        assert_eq!(fixture.api_requests().len(), 3, "{document}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_form_of_link_to_the_api_is_followed() {
    for link in [
        "https://api.security.microsoft.com/api/page2?$skiptoken=a%2Bb",
        "https://api.security.microsoft.com:443/api/page2",
        "HTTPS://API.security.microsoft.com/api/page2",
        "https://eu.api.security.microsoft.com/api/page2",
        "/api/page2?x=1",
        "page2",
        "?page=2",
    ] {
        for document in DOCUMENTS {
            let fixture = Fixture::new(move |request, _| {
                let is_second = request.url.path() == "/api/page2" || request.url.query() == Some("page=2");
                if is_second { ok(r#"{"value":[{"id":"2"}]}"#) } else { page(1, link) }
            });
            let outcome = fixture.run(document).await;
            assert_eq!(outcome.ids(), ["1", "2"], "{link} {document}: {:?}", outcome.error_ids());
            assert_eq!(outcome.end, End::Complete);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unneeded_link_is_not_followed() {
    // Paging is off, there are enough rows, or the link is null or empty.
    for (document, link) in [
        (r#"{"kind":"request","path":"/api/machines","paging":false}"#, r#""/api/page2""#),
        (r#"{"kind":"rows","resource":"machines","first":1}"#, r#""/api/page2""#),
        (r#"{"kind":"request","path":"/api/machines","first":1}"#, r#""/api/page2""#),
        (r#"{"kind":"rows","resource":"machines"}"#, "null"),
        (r#"{"kind":"rows","resource":"machines"}"#, r#""""#),
    ] {
        let fixture =
            Fixture::new(move |_, _| ok(format!(r#"{{"value":[{{"id":"1"}}],"@odata.nextLink":{link}}}"#)));
        let outcome = fixture.run(document).await;
        assert_eq!(outcome.ids(), ["1"], "{document}");
        assert!(outcome.errors.is_empty(), "{document}");
        assert_eq!(fixture.api_requests().len(), 1, "{document}");
    }
}
