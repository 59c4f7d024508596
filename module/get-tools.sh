# Downloads the official PowerShell, .NET SDK and Pester releases if they are missing, and puts them on PATH. Sourced by
# build.sh; only for Linux x64. If anything fails, the caller sees that the tool is still missing and reports it.
#
# An archive is used only if its checksum is the one pinned here. Sources of the checksums (looked up in November 2026):
#   PowerShell 7.6.6   "SHA256 Hashes of the release artifacts" of release v7.6.6 on github.com/PowerShell/PowerShell;
#                      four unrelated public build scripts pin the same
#   .NET SDK 10.0.401  sha512 of dotnet/core release-notes/10.0/releases.json; eight unrelated public build scripts pin
#                      the same
#   Pester 5.7.1       sha256 of the package on powershellgallery.com; four unrelated public build scripts pin the same
# shellcheck shell=bash
_fdx_cache=${XDG_CACHE_HOME:-$HOME/.cache}/fedxdr

# _fdx_fetch NAME URL SUM: downloads URL, checks it, and prints the path of the file. The length of SUM tells its type.
_fdx_fetch() {
    local file=$_fdx_cache/$1 check=sha256sum
    [ ${#3} -eq 128 ] && check=sha512sum
    mkdir -p "$_fdx_cache" || return 1
    if ! echo "$3  $file" | $check --check --status 2>/dev/null; then
        echo "fetching $2" >&2
        curl --fail --silent --show-error --location --retry 2 --connect-timeout 15 --proto =https --tlsv1.2 \
            --output "$file.$$" "$2" >&2 ||
            wget --quiet --tries=2 --timeout=15 --output-document="$file.$$" "$2" >&2 ||
            { rm -f "$file.$$"; return 1; }
        if ! echo "$3  $file.$$" | $check --check --status; then
            echo "checksum of $2 is not the pinned one: not used" >&2
            rm -f "$file.$$"
            return 1
        fi
        mv "$file.$$" "$file"
    fi
    printf '%s\n' "$file"
}

# _fdx_unpack FOLDER ARCHIVE COMMAND...: runs COMMAND ARCHIVE in a new folder, which becomes FOLDER only on success.
_fdx_unpack() {
    local folder=$1 archive=$2 part=$1.$$
    shift 2
    [ -d "$folder" ] && return 0
    mkdir -p "$part" && (cd "$part" && "$@" "$archive") || { rm -rf "$part"; return 1; }
    mv -T "$part" "$folder" 2>/dev/null || rm -rf "$part" # another process may have been first
}

# There may be no unzip, but .NET can do it.
# shellcheck disable=SC2016
_fdx_unzip() {
    ARCHIVE=$1 pwsh -NoProfile -NonInteractive -Command \
        '[IO.Compression.ZipFile]::ExtractToDirectory($env:ARCHIVE, "$PWD/5.7.1")'
}

if [ "$(uname -sm)" = "Linux x86_64" ]; then
    # A minimal machine has no ICU, and .NET does not start without it unless this variable is set.
    ldconfig -p 2>/dev/null | grep -q libicuuc || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
    _fdx_sdk_sum=51c8b999af9e8dd9998c9edc5944e19a90788862068acd38694e098889054ce8
    _fdx_sdk_sum+=c23d4f0c5cccfa16bf187d044562359e5ee69a9f8ad0bbe913ba90311fbce25b
    if ! command -v dotnet >/dev/null 2>&1 && _fdx_archive=$(_fdx_fetch dotnet-sdk-10.0.401-linux-x64.tar.gz \
        https://builds.dotnet.microsoft.com/dotnet/Sdk/10.0.401/dotnet-sdk-10.0.401-linux-x64.tar.gz \
        "$_fdx_sdk_sum") &&
        _fdx_unpack "$_fdx_cache/dotnet-10.0.401" "$_fdx_archive" tar -xzf; then
        export DOTNET_ROOT=$_fdx_cache/dotnet-10.0.401 PATH=$_fdx_cache/dotnet-10.0.401:$PATH
    fi
    if ! command -v pwsh >/dev/null 2>&1 && _fdx_archive=$(_fdx_fetch powershell-7.6.6-linux-x64.tar.gz \
        https://github.com/PowerShell/PowerShell/releases/download/v7.6.6/powershell-7.6.6-linux-x64.tar.gz \
        ddbc4a2d113bbd46d283cfedcbcd117a70caefd7673f41f2b4e0000badf103bc) &&
        _fdx_unpack "$_fdx_cache/powershell-7.6.6" "$_fdx_archive" tar -xzf; then
        chmod +x "$_fdx_cache/powershell-7.6.6/pwsh" # the archive does not store the permission
        export PATH=$_fdx_cache/powershell-7.6.6:$PATH
        # PowerShell for Linux comes without Pester. The tests need it, the build does not.
        if _fdx_archive=$(_fdx_fetch pester-5.7.1.nupkg https://www.powershellgallery.com/api/v2/package/Pester/5.7.1 \
            4a27904c6814a5fbe4758f8e49861f6a1994aee77b71165a5c43c0371ba6c580); then
            _fdx_unpack "$_fdx_cache/modules/Pester" "$_fdx_archive" _fdx_unzip &&
                export PSModulePath=$_fdx_cache/modules${PSModulePath:+:$PSModulePath}
        fi
    fi
fi
unset -f _fdx_fetch _fdx_unpack _fdx_unzip
unset _fdx_cache _fdx_archive _fdx_sdk_sum
