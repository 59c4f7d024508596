#!/usr/bin/env bash
# The layers that need no PowerShell, for machines that cannot get it: ./build.sh test calls this. Otherwise build.ps1
# runs, which tests the same layers first. Under CI this script always fails.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export CARGO_TERM_COLOR=never
passed=0 failed=0

# check NAME COMMAND...: one command, one test.
check() {
    local name=$1
    shift
    echo "== $name"
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $name"; fi
}

check "formatting" cargo fmt --all --check
check "lints" cargo clippy --workspace --all-targets -- -D warnings
check "compilation" cargo build --workspace --all-targets
# As cargo would run it: 'cargo run' would compile its dependencies again for another set of features.
check "generated files" env CARGO_MANIFEST_DIR="$PWD/native/gen" CARGO_PKG_NAME=fedxdr-gen \
    "${CARGO_TARGET_DIR:-target}/debug/gen" --check

echo "== Rust and C tests"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo test --workspace --no-fail-fast 2>&1 | tee "$log"
code=${PIPESTATUS[0]}
sums='/^test result:/ { well += $4; badly += $6 } END { print well + 0, badly + 0 }'
read -r ran_well ran_badly < <(awk "$sums" "$log")
# What did not compile, or crashed, has no count of its own.
if [ "$code" -ne 0 ] && [ "$ran_badly" -eq 0 ]; then ran_badly=1; fi
if [ "$code" -eq 0 ] && [ "$ran_well" -eq 0 ]; then echo "FAILED: no test was run" && ran_badly=1; fi
passed=$((passed + ran_well)) failed=$((failed + ran_badly))

if [ -x out/python/bin/python ]; then
    check "workflows" out/python/bin/python tests/workflows/test_workflows.py
    check "real clients" env FEDXDR_TENANT="${CARGO_TARGET_DIR:-target}/debug/fedxdr-tenant" \
        out/python/bin/python tests/clients/test_clients.py
else
    echo
    echo "NOT TESTED: the fake tenant with MSAL and azure-identity, and GitHub's workflows:"
    echo "out/python is missing (see .ci/run)."
fi

echo
echo "NOT TESTED: the PowerShell module (its build, cmdlets, help and package), because PowerShell or .NET is missing."
if [ -n "${CI:-}" ]; then
    echo "FAILED: under CI every layer must run."
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
