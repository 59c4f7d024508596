# Text, because the worker would make a hashtable of JSON.
param([string] $Job, $TriggerMetadata)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Import-Module FedXdr

$missing = 'FEDXDR_CLIENT_ID', 'FEDXDR_IDENTITY_CLIENT_ID', 'FEDXDR_DESTINATION' |
    Where-Object { -not "$([Environment]::GetEnvironmentVariable($_))".Trim() }
if ($missing) { throw ($missing | ForEach-Object { "The app setting $_ is missing." }) -join ' ' }
$work = $Job | ConvertFrom-Json
$endpoint = $env:FEDXDR_ENDPOINTS ? ($env:FEDXDR_ENDPOINTS | ConvertFrom-Json -AsHashtable) : @{}
$ids = @{ ClientId = $env:FEDXDR_CLIENT_ID; ManagedIdentityClientId = $env:FEDXDR_IDENTITY_CLIENT_ID }
$connection = Connect-Fdx -TenantId $work @ids -Endpoint $endpoint -PassThru

# Less than functionTimeout in host.json: then the host would kill the worker, and with it its other messages.
$limit = New-TimeSpan -Minutes ($env:FEDXDR_MINUTES ? $env:FEDXDR_MINUTES : 8)
$options = @{ Connection = $connection; TimeLimit = $limit; ErrorAction = 'Continue' }
$export = Export-FdxDataset $work.Dataset $env:FEDXDR_DESTINATION @options
$said = '{0} of {1}: {2}, {3:n0} rows, {4} files' -f $work.Dataset, ($work.Name ?? $work.TenantId), $export.Result,
    $export.Rows, $export.Files
Write-Information $said -InformationAction Continue

if ($export.Result -eq 'Unfinished') {
    # The next message goes on after the last file that is complete. The number ends what never gets further.
    if ($work.Round -ge 20) { throw "$said after $($work.Round) messages. $($export.Advice)" }
    $work.Round++
    Push-OutputBinding -Name Rest -Value ($work | ConvertTo-Json -Compress)
}
elseif (-not $export -or $export.Result -eq 'Failed') {
    # The host tries again later, five times in all, and then moves the message to the queue exports-poison.
    throw "$said. $($export.ErrorId): $($export.Advice)"
}
