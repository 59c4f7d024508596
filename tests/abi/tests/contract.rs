//! Runs contract.c, which holds the library to native/abi/README.md, against a fake tenant, also under valgrind.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fedxdr_abi_tests::{compile, has_tool, library, root, run};
use fedxdr_tenant::{FakeTenant, World};
use serde_json::json;

const TENANTS: usize = 2;
const ROWS_PER_TENANT: u64 = 3_000;

/// A folder of one test's own, so that tests that run at the same time do not write one file.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).expect("a folder below the target folder");
    folder
}

/// Compiles contract.c, has it pull from a fake tenant of several pages, and sees to it that it came to its end.
fn check(test: &str, run_by: &[&str]) {
    let folder = folder(test);
    let program = folder.join("contract");
    compile("tests/abi/contract.c", &library(), &program);

    let mut world = World::new(TENANTS, ROWS_PER_TENANT, 20);
    world.vulnerability_page_size = 700;
    let tenant = FakeTenant::start_blocking(world).expect("a fake tenant");
    let addresses = tenant.addresses();
    let settings = json!({
        "environment": {
            "IDENTITY_ENDPOINT": addresses.identity_endpoint,
            "IDENTITY_HEADER": addresses.identity_header,
        },
        "tenants": addresses.tenants.iter().map(|customer| &customer.tenant_id).collect::<Vec<_>>(),
        "clientId": addresses.client_id,
        "credential": { "type": "managedIdentity", "clientId": addresses.managed_identity.client_id },
        "endpoints": { "authority": addresses.authority, "defender": addresses.defender },
    });
    let request = json!({ "kind": "rows", "resource": "softwareVulnerabilitiesByMachine" });
    let (settings_file, request_file) = (folder.join("settings.json"), folder.join("request.json"));
    fs::write(&settings_file, settings.to_string()).expect("settings");
    fs::write(&request_file, request.to_string()).expect("request");

    let rows = ROWS_PER_TENANT * TENANTS as u64;
    let words =
        run_by.iter().map(|word| (*word).into()).chain([program.into_os_string()]).collect::<Vec<_>>();
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .arg(settings_file)
        .arg(request_file)
        .arg(rows.to_string())
        .arg(&addresses.identity_header);
    let output = run(&mut command);

    let printed = String::from_utf8_lossy(&output.stdout);
    let last = printed.lines().last().unwrap_or_default();
    let checks = last.split(" checks, ").next().and_then(|number| number.parse::<u32>().ok());
    assert!(
        checks.is_some_and(|number| number > 500) && last.ends_with(" 0 failed"),
        "it ended early: {printed}"
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "rule 8: nothing is printed");
    let violations = tenant.report().violations;
    assert!(violations.is_empty(), "the services would have refused: {violations:?}");
}

#[test]
fn contract_holds() {
    check("alone", &[]);
}

#[test]
fn contract_holds_under_valgrind() {
    if has_tool("valgrind", "the ABI under valgrind") {
        let valgrind = [
            "valgrind",
            "--quiet",
            "--error-exitcode=9",
            "--child-silent-after-fork=yes",
            "--leak-check=full",
        ];
        // Statics of the runtime are "possibly lost" by design; what is definitely lost is a leak.
        let leaks = ["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"];
        check("under-valgrind", &[&valgrind[..], &leaks[..]].concat());
    }
}

/// The demo for machines without PowerShell.
#[test]
fn native_quickstart_counts_every_row() {
    let folder = folder("quickstart");
    let program = folder.join("quickstart");
    compile("examples/native/quickstart.c", &library(), &program);
    let tenant = FakeTenant::start_blocking(World::new(1, 2_500, 20)).expect("a fake tenant");
    let addresses = folder.join("tenant.json");
    fs::write(&addresses, serde_json::to_string(tenant.addresses()).expect("addresses")).expect("a file");

    let output = run(Command::new(program).arg(addresses).current_dir(root()));
    let text = String::from_utf8_lossy(&output.stdout);
    let number_of = |name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    let severities = ["Critical", "High", "Medium", "Low", "(none)"].map(number_of);
    assert_eq!(severities.iter().sum::<u64>(), 2_500, "{text}");
    assert!(text.contains("Vulnerability.Read.All") && text.contains("\n2500 rows in "), "{text}");
}
