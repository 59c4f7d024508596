//! Runs contract.c, which holds the library to native/abi/README.md: alone, and under valgrind.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use fedxdr_abi_tests::{compile, has_tool, library, run};

/// Compiles contract.c for one test, so that tests that run at the same time do not write one file.
fn program(test: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("contract-{test}"));
    compile("tests/abi/contract.c", &library(), &program);
    program
}

/// The checks are counted by the program; that it ran them is ours to see.
fn check(command: &mut Command) {
    let output = run(command);
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let checks = last.split(" checks, ").next().and_then(|n| n.parse::<u32>().ok());
    assert!(
        checks.is_some_and(|n| n > 400) && last.ends_with(" 0 failed"),
        "the program ended early: {text}"
    );
}

#[test]
fn contract_holds() {
    check(&mut Command::new(program("plain")));
}

#[test]
fn contract_holds_under_valgrind() {
    if has_tool("valgrind", "the ABI under valgrind") {
        let mut valgrind = Command::new("valgrind");
        valgrind.args([
            "--quiet",
            "--error-exitcode=9",
            "--child-silent-after-fork=yes",
            "--leak-check=full",
        ]);
        // Statics of the runtime are "possibly lost" by design; what is definitely lost is a leak.
        valgrind.args(["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"]);
        check(valgrind.arg(program("valgrind")));
    }
}
