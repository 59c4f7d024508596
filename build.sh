#!/usr/bin/env bash
# The entry point on Linux and macOS: finds PowerShell and the .NET SDK, then calls build.ps1.
#   ./build.sh [build|test|demo|bench|package|libraries|generate|clean] [further arguments of build.ps1]
# If they can be neither found nor fetched, `demo` and `test` run what needs neither, and report what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

task=${1:-build}
case $task in
    build | test | demo | bench | package | libraries | generate | clean) ;;
    *) sed -n '3s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
shift || true

have() { command -v "$1" >/dev/null 2>&1; }
have_tools() { have pwsh && have dotnet; }

# source_if FILE: sources a helper without strict mode, because a failure in it is an answer and must not end the build.
source_if() {
    [ -r "$1" ] || return 0
    set +euo pipefail
    # shellcheck disable=SC1090
    . "$1"
    set -euo pipefail
}

if ! have cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then PATH=$HOME/.cargo/bin:$PATH; fi
have cargo || { echo "build.sh: cargo is needed and not on PATH: https://rustup.rs" >&2; exit 1; }

have_tools || source_if ../shared/tools/activate.sh
have_tools || source_if module/get-tools.sh
if have_tools; then
    # No build server may outlive the build: it would keep the caller's output open.
    export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_NOLOGO=1
    export DOTNET_CLI_TELEMETRY_OPTOUT=1 POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off
    exec pwsh -NoProfile -NonInteractive -File build.ps1 -Task "$task" "$@"
fi

missing=
have pwsh || missing="PowerShell 7.4 or later (pwsh)"
have dotnet || missing="$missing${missing:+ and }the .NET SDK (dotnet)"
warn_missing() {
    local line=######################################################################
    printf '%s\n' '' "$line" "#  MISSING: $missing" "#  $1" "$line" '' >&2
}

case $task in
    demo) warn_missing "The demo runs only the native library, through a C program: it shows no cmdlet."
        exec examples/native/demo.sh ;;
    test) warn_missing "Only the native layers are tested: NO cmdlet, help page or package."
        exec tests/abi/native-layers.sh ;;
    generate) exec cargo run --quiet -p fedxdr-gen --bin gen ;;
    clean) rm -rf out && exec cargo clean ;;
    *) warn_missing "The task '$task' needs this."; exit 1 ;;
esac
