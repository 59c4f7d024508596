#!/usr/bin/env bash
# Runs the module's tests in the Windows PowerShell under wine, against a fake tenant that is built for Windows. Each
# file has a process of its own, as on the other systems.
#   tests/module/windows-under-wine.sh PACKAGE [NAME...]
# PACKAGE is the module's folder (FedXdr/<version>) with win-x64/fedxdr_native.dll, NAME a test file without .Tests.ps1.
# Ends with "N passed, N failed, N skipped". FEDXDR_TENANT_EXE is a fake tenant that exists, PWSH_WINE the program that
# takes pwsh's arguments.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ $# -ge 1 ] || { sed -n '4,7s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
package=$(cd "$1" && pwd)
shift
fail() { echo "$*"; echo '0 passed, 1 failed, 0 skipped'; exit 1; }

[ -f "$package/win-x64/fedxdr_native.dll" ] || fail "there is no win-x64/fedxdr_native.dll in $package"
pwsh=${PWSH_WINE:-pwsh-wine}
if ! command -v "$pwsh" >/dev/null; then
    pwsh=$root/../shared/tools/pwsh-wine
    [ -x "$pwsh" ] || fail 'pwsh-wine, which runs the Windows PowerShell under wine, is not on PATH'
fi
command -v wine >/dev/null || fail 'wine is missing: apt-get install --no-install-recommends wine wine64'

# A distribution's compiler with the sources of its standard library, or one of rustup with the target.
build_tenant() {
    local triple=x86_64-pc-windows-gnu folder=$root/target/package/windows-tenant
    local -a cargo=(cargo) std=()
    if [ -d /usr/lib/rustlib/src/rust ] && [ ! -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$triple/lib" ]; then
        cargo=(env PATH=/usr/bin:/bin RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 /usr/bin/cargo)
        std=(-Z build-std=std,panic_unwind)
    fi
    # Not optimized: that would take longer to build than it saves.
    (cd "$root" && CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 "${cargo[@]}" build --locked --quiet \
        -p fedxdr-tenant --bins --target "$triple" --target-dir "$folder" "${std[@]}") || return 1
    tenant=$folder/$triple/debug/fedxdr-tenant.exe
}
tenant=${FEDXDR_TENANT_EXE:-}
[ -n "$tenant" ] || build_tenant || fail 'the fake tenant could not be built for Windows'

# Wine shows the root of this machine as drive Z:.
windows() { printf 'Z:%s' "${1//\//\\}"; }

results=$root/out/windows-results
rm -rf "$results" && mkdir -p "$results"
export FEDXDR_MODULE FEDXDR_TENANT PSModulePath FEDXDR_ON_WINE=1
FEDXDR_MODULE=$(windows "$package/FedXdr.psd1")
FEDXDR_TENANT=$(windows "$(realpath "$tenant")")
PSModulePath=$(windows "$(dirname "$(dirname "$package")")")
# The Windows PowerShell of the tools knows no cultures unless it is told to.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=0
unset FEDXDR_LIBRARY

names=("$@")
if [ $# -eq 0 ]; then
    for file in "$root"/tests/module/*.Tests.ps1; do names+=("$(basename "$file" .Tests.ps1)"); done
fi

count() { sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "$1"; }

all_passed=0 all_failed=0 all_skipped=0 reasons=
for name in "${names[@]}"; do
    json=$results/$name.json log=$results/$name.log
    started=$SECONDS
    timeout 600 "$pwsh" -NoProfile -NonInteractive -File "$(windows "$root/tests/module/Invoke-Tests.ps1")" \
        -Path "$(windows "$root/tests/module/$name.Tests.ps1")" -ResultPath "$(windows "$json")" \
        </dev/null >"$log" 2>&1
    code=$?
    passed=0 failed=1 skipped=0
    if [ -f "$json" ]; then
        passed=$(count "$json" Passed) failed=$(count "$json" Failed) skipped=$(count "$json" Skipped)
        # A block that failed outside any test has no count of its own.
        [ "$code" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
    fi
    if [ "$failed" -gt 0 ]; then
        tr -d '\r' <"$log"
        echo "$name ended with exit code $code"
    fi
    printf '%-18s%5d passed%5d failed%5d skipped%6d s\n' \
        "$name" "$passed" "$failed" "$skipped" $((SECONDS - started))
    reasons+=$(tr -d '\r' <"$log" | sed -n "s/^ *\[!\] /  $name: /p")$'\n'
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed)) all_skipped=$((all_skipped + skipped))
done

printf '\nSkipped:\n'
sed '/^$/d' <<<"$reasons"
echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
[ "$all_failed" -eq 0 ]
