#!/usr/bin/env bash
# Runs the module's tests in the Windows PowerShell under wine, against the fake tenant of this machine. Each file has a
# process of its own, as on the other systems.
#   tests/module/windows-under-wine.sh PACKAGE [NAME...]
# PACKAGE is the module's folder (FedXdr/<version>) with win-x64/fedxdr_native.dll, NAME a test file without .Tests.ps1.
# Ends with "N passed, N failed, N skipped". PWSH_WINE is the program that takes pwsh's arguments.
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

compiler=x86_64-w64-mingw32-gcc
command -v $compiler >/dev/null || fail "$compiler is missing: apt-get install --no-install-recommends mingw-w64"
command -v python3 >/dev/null || fail 'python3 is missing'
cargo build --quiet --manifest-path "$root/Cargo.toml" --workspace --all-targets || fail 'the fake tenant was not built'

results=$root/out/windows-results
rm -rf "$results" && mkdir -p "$results"
here=$root/tests/module/wine
$compiler -O1 -Wall -Wextra -Werror -o "$results/fedxdr-tenant.exe" "$here/starter.c" -lws2_32 ||
    fail 'starter.c was not compiled'
python3 "$here/test_starter.py" || fail 'starter.py does not end what it starts'
exec 3< <(exec python3 "$here/starter.py" "$root/target/debug/fedxdr-tenant")
starter=$!
trap 'kill $starter 2>/dev/null' EXIT
read -r FEDXDR_STARTER <&3 || fail 'starter.py did not start'

# Wine shows the root of this machine as drive Z:.
windows() { printf 'Z:%s' "${1//\//\\}"; }

export FEDXDR_MODULE FEDXDR_TENANT FEDXDR_STARTER PSModulePath FEDXDR_ON_WINE=1
FEDXDR_MODULE=$(windows "$package/FedXdr.psd1")
FEDXDR_TENANT=$(windows "$results/fedxdr-tenant.exe")
PSModulePath=$(windows "$(dirname "$(dirname "$package")")")
# The Windows PowerShell of the tools knows no cultures unless it is told to.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=0
unset FEDXDR_LIBRARY

names=("$@")
if [ $# -eq 0 ]; then
    for file in "$root"/tests/module/*.Tests.ps1; do names+=("$(basename "$file" .Tests.ps1)"); done
fi

count() { sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "$1"; }

# Prints its lines at once, because another file runs at the same time. Its counts are in a file.
run_file() {
    local name=$1 started=$SECONDS json=$results/$1.json log=$results/$1.log code passed=0 failed=1 skipped=0
    timeout 600 "$pwsh" -NoProfile -NonInteractive -File "$(windows "$root/tests/module/Invoke-Tests.ps1")" \
        -Path "$(windows "$root/tests/module/$name.Tests.ps1")" -ResultPath "$(windows "$json")" \
        </dev/null >"$log" 2>&1
    code=$?
    if [ -f "$json" ]; then
        passed=$(count "$json" Passed) failed=$(count "$json" Failed) skipped=$(count "$json" Skipped)
        # A block that failed outside any test has no count of its own.
        [ "$code" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
    fi
    echo "$passed $failed $skipped" >"$results/$name.counts"
    {
        if [ "$failed" -gt 0 ]; then
            tr -d '\r' <"$log"
            echo "$name ended with exit code $code"
        fi
        printf '%-18s%5d passed%5d failed%5d skipped%6d s\n' \
            "$name" "$passed" "$failed" "$skipped" $((SECONDS - started))
    } >"$results/$name.said"
    cat "$results/$name.said"
}

# The first start makes the wine prefix, which two processes would do at once.
timeout 600 "$pwsh" -NoProfile -NonInteractive -Command exit </dev/null >/dev/null 2>&1

# Two at a time: most files wait for something more often than they use a core.
running=()
for name in "${names[@]}"; do
    if [ ${#running[@]} -ge 2 ]; then
        wait -n -p ended "${running[@]}"
        for i in "${!running[@]}"; do [ "${running[i]}" != "$ended" ] || unset "running[i]"; done
    fi
    run_file "$name" &
    running+=($!)
done
wait "${running[@]}"

all_passed=0 all_failed=0 all_skipped=0
printf '\nSkipped:\n'
for name in "${names[@]}"; do
    read -r passed failed skipped <"$results/$name.counts" || passed=0 failed=1 skipped=0
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed)) all_skipped=$((all_skipped + skipped))
    tr -d '\r' <"$results/$name.log" | sed -n "s/^ *\[!\] /  $name: /p; s/^NOT FOR WINDOWS/  $name: &/p"
done
echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
[ "$all_failed" -eq 0 ]
