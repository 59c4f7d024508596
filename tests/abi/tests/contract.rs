//! Runs contract.c, which holds the library to native/abi/README.md, against a fake tenant, also under valgrind.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::process::Command;

use fedxdr_abi_tests::{Contract, compile, folder, has_tool, library, root, run};
use fedxdr_tenant::{FakeTenant, World};

#[test]
fn contract_holds() {
    Contract::native(library(), &[]).check(&folder("native"));
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
        let run_by = [&valgrind[..], &leaks[..]].concat();
        Contract::native(library(), &run_by).check(&folder("under-valgrind"));
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
