param($Timer)
$ErrorActionPreference = 'Stop'
Import-Module FedXdr

# App settings of the Function App. FEDXDR_TENANTS: one or more tenants, separated by commas.
$tenants = @($env:FEDXDR_TENANTS -split ',' | ForEach-Object Trim | Where-Object { $_ })
if (-not $tenants) {
    throw 'The app setting FEDXDR_TENANTS is missing. Set it to the customers'' tenant ids, separated by commas.'
}
# FEDXDR_ENDPOINTS: JSON, only for private links and tests.
$endpoint = $env:FEDXDR_ENDPOINTS ? ($env:FEDXDR_ENDPOINTS | ConvertFrom-Json -AsHashtable) : @{}
$ids = @{ ClientId = $env:FEDXDR_CLIENT_ID; ManagedIdentityClientId = $env:FEDXDR_IDENTITY_CLIENT_ID }
Connect-Fdx -TenantId $tenants @ids -Endpoint $endpoint

$rows = 0
$clock = [Diagnostics.Stopwatch]::StartNew()
$file = Join-Path ([IO.Path]::GetTempPath()) "vulnerabilities-$([guid]::NewGuid()).csv"
try {
    # Rows stream from the service into the file, so memory does not grow with their number. A tenant that fails is
    # reported below, and the others are read.
    Get-FdxVulnerability -ErrorAction SilentlyContinue -ErrorVariable failures |
        Select-Object TenantId, DeviceId, DeviceName, OsPlatform, SoftwareVendor, SoftwareName, SoftwareVersion, CveId,
            VulnerabilitySeverityLevel, CvssScore, ExploitabilityLevel, RecommendedSecurityUpdate,
            FirstSeenTimestamp, LastSeenTimestamp |
        ForEach-Object { $rows++; $_ } |
        Export-Csv $file

    # The binding holds the whole file in memory: for very large tenants write to the storage yourself.
    # Export-Csv creates the file before the first row, so also without any: then there is nothing to store.
    if ($rows) { Push-OutputBinding -Name Vulnerabilities -Value ([IO.File]::ReadAllBytes($file)) }
    $summary = "{0:n0} rows from {1} tenants in {2:n1} s" -f $rows, $tenants.Count, $clock.Elapsed.TotalSeconds
    Write-Information $summary -InformationAction Continue
}
finally {
    Remove-Item $file -ErrorAction Ignore
}

foreach ($failure in $failures) {
    Write-Warning "$($failure.TargetObject): $($failure.Exception.Message) $($failure.ErrorDetails.RecommendedAction)"
}
if ($failures) { throw "$($failures.Count) of $($tenants.Count) tenants could not be read" }
