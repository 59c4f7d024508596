//! The real transport against a server on this machine that sends prepared bytes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use url::Url;

use super::client::ReqwestTransport;
use super::{
    HttpSettings, Method, Request, Transport, TransportError, TransportErrorKind, header, quoter, sensitive,
};
use crate::errors::Error;
use crate::settings::{Environment, Settings};

/// `{"value":[` as one member of gzip, `1,2]}` as the next.
fn gzip_members() -> [Vec<u8>; 2] {
    [stored(b"{\"value\":["), stored(b"1,2]}")]
}

/// A member with one stored block (RFC 1951 §3.2.4): the tests need no compressor.
fn stored(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    member.extend(length.to_le_bytes());
    member.extend((!length).to_le_bytes());
    member.extend(text);
    member.extend(crc32(text).to_le_bytes());
    member.extend(u32::from(length).to_le_bytes());
    member
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

/// A server that answers each connection with these bytes and closes it. It counts the connections.
fn serve(answer: Vec<u8>) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/x", listener.local_addr().unwrap())).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = respond(stream.unwrap(), &answer);
        }
    });
    (url, connections)
}

fn respond(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let mut read = 0;
    while !request[..read].windows(4).any(|end| end == b"\r\n\r\n") {
        read += stream.read(&mut request[read..])?;
    }
    stream.write_all(answer)
}

fn transport(environment: &[(&str, &str)], proxy: Option<&str>) -> ReqwestTransport {
    let mut settings = Settings::parse(r#"{"credential":{"type":"managedIdentity"}}"#).unwrap();
    settings.proxy = proxy.map(str::to_owned);
    let environment = Environment::from_pairs(environment.iter().copied());
    ReqwestTransport::new(&HttpSettings::new(&settings, &environment)).unwrap()
}

async fn get(transport: &ReqwestTransport, url: Url) -> Result<Vec<u8>, TransportError> {
    transport.send(Request::new(Method::GET, url)).await?.bytes(1 << 20).await
}

fn answer(headers: &str, body: &[u8], length: usize) -> Vec<u8> {
    let mut all = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes();
    all.extend(body);
    all
}

#[tokio::test]
async fn gzip_of_several_members_is_read_to_its_end() {
    let [first, second] = gzip_members();
    let both = [first.clone(), second].concat();
    let (url, _) = serve(answer("Content-Encoding: gzip\r\n", &both, both.len()));
    assert_eq!(get(&transport(&[], None), url).await.unwrap(), b"{\"value\":[1,2]}");
    let (url, _) = serve(answer("Content-Encoding: gzip\r\n", &first, first.len()));
    assert_eq!(get(&transport(&[], None), url).await.unwrap(), b"{\"value\":[");
    let (url, _) = serve(answer("Content-Encoding: gzip\r\n", b"", 0));
    assert_eq!(get(&transport(&[], None), url).await.unwrap(), b"");
}

#[tokio::test]
async fn a_lost_connection_and_damage_are_told_apart() {
    let [member, _] = gzip_members();
    let mut damaged = member.clone();
    let last = damaged.len() - 9;
    damaged[last] ^= 1;
    let gzip = "Content-Encoding: gzip\r\n";
    for (what, answer, kind) in [
        ("plain body", answer("", b"{\"value\":[", 100), TransportErrorKind::Broken),
        ("compressed body", answer(gzip, &member[..15], 100), TransportErrorKind::Broken),
        ("compressed body after its data", answer(gzip, &member, 100), TransportErrorKind::Broken),
        ("damaged data", answer(gzip, &damaged, damaged.len()), TransportErrorKind::Decode),
        ("truncated data", answer(gzip, &member[..15], 15), TransportErrorKind::Decode),
        ("no gzip", answer(gzip, b"{\"value\":[]}", 12), TransportErrorKind::Decode),
        ("no answer", Vec::new(), TransportErrorKind::Broken),
    ] {
        let (url, _) = serve(answer);
        let error = get(&transport(&[], None), url).await.unwrap_err();
        assert_eq!(error.kind, kind, "{what}: {error}");
    }
}

#[tokio::test]
async fn a_proxy_never_sees_a_request_to_this_machine() {
    let (url, direct) = serve(answer("", b"direct", 6));
    let (proxy, proxied) = serve(answer("", b"proxied", 7));
    let proxy = proxy.origin().ascii_serialization();
    for (environment, explicit) in [
        (vec![("HTTP_PROXY", proxy.as_str()), ("HTTPS_PROXY", &proxy)], None),
        (vec![("ALL_PROXY", proxy.as_str())], None),
        (vec![], Some(proxy.as_str())),
    ] {
        let transport = transport(&environment, explicit);
        assert_eq!(get(&transport, url.clone()).await.unwrap(), b"direct");
        let mut by_name = url.clone();
        by_name.set_host(Some("localhost")).unwrap();
        let _ = get(&transport, by_name).await;
    }
    assert!(direct.load(Ordering::SeqCst) >= 3);
    assert_eq!(proxied.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_asterisk_in_no_proxy_means_no_proxy_for_addresses_too() {
    // An address of documentation (RFC 5737): only a proxy can answer for it.
    let far = Url::parse("http://192.0.2.1/x").unwrap();
    for (except, through_proxy) in
        [("*", false), ("example.com, *", false), ("", true), ("example.com", true)]
    {
        let (proxy, proxied) = serve(answer("", b"proxied", 7));
        let proxy = proxy.origin().ascii_serialization();
        let transport = transport(&[("HTTP_PROXY", &proxy), ("NO_PROXY", except)], None);
        let attempt = get(&transport, far.clone());
        let _ = tokio::time::timeout(std::time::Duration::from_millis(500), attempt).await;
        assert_eq!(proxied.load(Ordering::SeqCst) > 0, through_proxy, "{except}");
    }
}

#[tokio::test]
async fn the_systems_proxies_go_by_the_host_and_after_the_environments() {
    // Addresses of documentation (RFC 5737): only a proxy can answer for them.
    for (environment, host, system, through_proxy) in [
        (&[][..], "192.0.2.1", &[("192.0.2.1", true), ("*", false)][..], true),
        (&[], "192.0.2.2", &[("192.0.2.1", false), ("*", true)], true),
        (&[], "192.0.2.1", &[("192.0.2.1", false), ("*", true)], false),
        (&[], "192.0.2.2", &[("192.0.2.1", true)], false),
        // As in .NET, exceptions of the environment are those of its own proxies.
        (&[("NO_PROXY", "192.0.2.1")], "192.0.2.1", &[("*", true)], true),
        (&[("NO_PROXY", "*")], "192.0.2.1", &[("*", true)], false),
        (&[("HTTPS_PROXY", "http://127.0.0.1:9")], "192.0.2.1", &[("*", true)], false),
    ] {
        let (proxy, proxied) = serve(answer("", b"proxied", 7));
        let address = proxy.origin().ascii_serialization();
        let mut settings = Settings::parse(r#"{"credential":{"type":"managedIdentity"}}"#).unwrap();
        settings.system_proxies = system
            .iter()
            .map(|(host, is_set)| ((*host).to_owned(), if *is_set { address.clone() } else { String::new() }))
            .collect();
        let environment = Environment::from_pairs(environment.iter().copied());
        let transport = ReqwestTransport::new(&HttpSettings::new(&settings, &environment)).unwrap();
        let attempt = get(&transport, Url::parse(&format!("http://{host}/x")).unwrap());
        let _ = tokio::time::timeout(std::time::Duration::from_millis(500), attempt).await;
        assert_eq!(proxied.load(Ordering::SeqCst) > 0, through_proxy, "{host} {system:?}");
    }
}

#[tokio::test]
async fn an_address_that_no_host_can_have_is_final() {
    for address in ["https://a..b/x", "https://-a-.example.invalid/x", "http://127.0.0.1:0/x"] {
        let error = get(&transport(&[], None), Url::parse(address).unwrap()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.kind.may_pass()),
            (TransportErrorKind::Address, false),
            "{address}: {error}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    for (status, kind, may_pass) in [
        ("407 Proxy Authentication Required", TransportErrorKind::Proxy, false),
        ("403 Forbidden", TransportErrorKind::Tunnel, true),
        ("502 Bad Gateway", TransportErrorKind::Tunnel, true),
    ] {
        let (proxy, _) = serve(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes());
        let transport = transport(&[], Some(&proxy.origin().ascii_serialization()));
        let error = get(&transport, Url::parse("https://api.example/x").unwrap()).await.unwrap_err();
        assert_eq!((error.kind, error.kind.may_pass()), (kind, may_pass), "{error}");
        assert!(error.cause_of(Error::internal("x")).advice.contains("proxy"));
    }
}

#[test]
fn what_a_service_quotes_of_a_secret_header_is_masked_with_and_without_its_scheme() {
    for (value, quoted) in [
        ("fake-plain-secret", "fake-plain-secret"),
        ("fake secret with spaces", "fake secret with spaces"),
        ("Bearer fake-token", "fake-token"),
        ("Basic fake-key", "fake-key"),
    ] {
        let mut headers = header::HeaderMap::new();
        headers.insert("secret", sensitive(value).unwrap());
        headers.insert("accept", header::HeaderValue::from_static("valid"));
        let text = quoter(&headers).text(&format!("'{quoted}' is not valid"), 100);
        assert_eq!(text, "'***' is not valid", "{value}");
    }
}
