//! What a cached token costs, and what many of them take. Run by hand, in a release build (CONTRIBUTING.md says how);
//! nothing here is timed in a test run.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "measures with the real clock, and prints"
)]

use std::time::Instant;

use serde_json::json;

use super::table::*;
use crate::auth::access_token;
use crate::testing::{Network, START, TENANT, jwt, ok};

/// A token of the usual size: about 1.6 KB, with four roles.
fn token(number: usize) -> String {
    jwt(&json!({
        "aud": "https://api.securitycenter.microsoft.com", "iss": "https://sts.windows.net/x/", "exp": START + 3599,
              "tid": TENANT, "n": number,
        "roles": ["Machine.Read.All", "Vulnerability.Read.All", "Software.Read.All", "Alert.Read.All"],
              "filler": "x".repeat(900),
    }))
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let resident = pages.and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    resident.unwrap_or(0) * 4096
}

#[test]
#[ignore = "a measurement"]
fn cached_token_and_ten_thousand_keys() {
    const CALLS: u32 = 100_000;
    const KEYS: usize = 10_000;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let network = Network::new(|request, n| {
            if is_entra(request) {
                ok(json!({"expires_in": 3599, "access_token": token(n)}).to_string())
            } else {
                assertion_answer(request)
            }
        });
        let context = context_of(&IDENTITIES[0], &network);
        access_token(&context, TENANT, SCOPE, false).await.unwrap();
        let mut rounds: Vec<f64> = Vec::new();
        for _ in 0..9 {
            let begun = Instant::now();
            for _ in 0..CALLS {
                access_token(&context, TENANT, SCOPE, false).await.unwrap();
            }
            rounds.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
        }
        rounds.sort_by(f64::total_cmp);
        println!("cached token: {:.2} us a call ({:.2}-{:.2})", rounds[4], rounds[0], rounds[8]);

        network.sent.lock().unwrap().clear();
        let before = resident_bytes();
        for number in 0..KEYS {
            let tenant = format!("{number:08x}-1111-1111-1111-111111111111");
            access_token(&context, &tenant, SCOPE, false).await.unwrap();
            // The script keeps what was sent; that is no part of the cache.
            network.sent.lock().unwrap().clear();
        }
        let grown = resident_bytes().saturating_sub(before);
        println!(
            "{KEYS} keys: {} KB, {} bytes a key with a token of {}",
            grown / 1000,
            grown / KEYS as u64,
            token(KEYS).len()
        );
    });
}
