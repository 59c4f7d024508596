param($Timer)
$ErrorActionPreference = 'Stop'
Import-Module FedXdr

# Application settings of the Function App. FEDXDR_TENANTS: one or more tenants, separated by commas.
$tenants = @($env:FEDXDR_TENANTS -split ',' | ForEach-Object Trim | Where-Object { $_ })
if (-not $tenants) { throw 'The app setting FEDXDR_TENANTS is missing: the customers'' tenant ids, with commas between them.' }
# FEDXDR_ENDPOINTS: JSON, for private links and tests alone.
$endpoint = $env:FEDXDR_ENDPOINTS ? ($env:FEDXDR_ENDPOINTS | ConvertFrom-Json -AsHashtable) : @{}
Connect-Fdx -TenantId $tenants -ClientId $env:FEDXDR_CLIENT_ID -ManagedIdentityClientId $env:FEDXDR_IDENTITY_CLIENT_ID -Endpoint $endpoint

$rows = 0
$clock = [Diagnostics.Stopwatch]::StartNew()
$file = Join-Path ([IO.Path]::GetTempPath()) "vulnerabilities-$([guid]::NewGuid()).csv"
try {
    # Rows stream from the service into the file, and memory does not grow with them. A tenant that fails is told below, and the others are read
    # all the same.
    Get-FdxVulnerability -ErrorAction SilentlyContinue -ErrorVariable failures |
        Select-Object TenantId, DeviceId, DeviceName, OsPlatform, SoftwareVendor, SoftwareName, SoftwareVersion, CveId,
            VulnerabilitySeverityLevel, CvssScore, ExploitabilityLevel, RecommendedSecurityUpdate, FirstSeenTimestamp, LastSeenTimestamp |
        ForEach-Object { $rows++; $_ } |
        Export-Csv $file

    # The binding takes the file whole: for very large tenants write to the storage yourself. Without a row Export-Csv makes none.
    if (Test-Path $file) { Push-OutputBinding -Name Vulnerabilities -Value ([IO.File]::ReadAllBytes($file)) }
    Write-Information ("{0:n0} rows from {1} tenants in {2:n1} s" -f $rows, $tenants.Count, $clock.Elapsed.TotalSeconds) -InformationAction Continue
}
finally {
    Remove-Item $file -ErrorAction Ignore
}

foreach ($failure in $failures) {
    Write-Warning "$($failure.TargetObject): $($failure.Exception.Message) $($failure.ErrorDetails.RecommendedAction)"
}
if ($failures) { throw "$($failures.Count) of $($tenants.Count) tenants could not be read" }
