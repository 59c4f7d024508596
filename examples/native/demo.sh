#!/usr/bin/env bash
# Runs quickstart.c against the fake tenant: the demo for machines without PowerShell. `./build.sh demo` calls it there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
built=${CARGO_TARGET_DIR:-target}/release
command -v cc >/dev/null 2>&1 || { echo "demo.sh: a C compiler is needed (cc)" >&2; exit 1; }

# As build.ps1 builds it.
cargo rustc --release -p fedxdr-native --lib --crate-type cdylib
cargo build --release -p fedxdr-tenant

work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
cc -std=c11 -O2 -Wall -Wextra -I native/abi/include examples/native/quickstart.c -o "$work/quickstart" \
    -L "$built" -lfedxdr_native -Wl,-rpath,"$(cd "$built" && pwd)"

# The server prints its addresses in one line once it listens. It ends when its input closes, so also if this script is
# killed.
coproc TENANT { exec "$built/fedxdr-tenant" --until-stdin-closes; }
server=$TENANT_PID
read -r -t 20 -u "${TENANT[0]}" addresses || { echo "demo.sh: the fake tenant did not start" >&2; exit 1; }
printf '%s\n' "$addresses" >"$work/tenant.json"
"$work/quickstart" "$work/tenant.json"
