param($Timer)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue' # nobody watches a log; a long wait is a warning in it
Import-Module FedXdr

# App settings of the Function App: ids, no secrets. FEDXDR_TENANTS holds one or more tenants, separated by commas.
$missing = 'FEDXDR_TENANTS', 'FEDXDR_CLIENT_ID', 'FEDXDR_IDENTITY_CLIENT_ID' |
    Where-Object { -not "$([Environment]::GetEnvironmentVariable($_))".Trim(' ,') }
if ($missing) { throw ($missing | ForEach-Object { "The app setting $_ is missing." }) -join ' ' }
$tenants = @($env:FEDXDR_TENANTS -split ',' | ForEach-Object Trim | Where-Object { $_ } | Sort-Object -Unique)
# FEDXDR_ENDPOINTS: JSON, only for private links and tests.
$endpoint = $env:FEDXDR_ENDPOINTS ? ($env:FEDXDR_ENDPOINTS | ConvertFrom-Json -AsHashtable) : @{}
$ids = @{ ClientId = $env:FEDXDR_CLIENT_ID; ManagedIdentityClientId = $env:FEDXDR_IDENTITY_CLIENT_ID }
# Less than functionTimeout in host.json: a tenant whose quota is used up then is one error, and not the end of the run.
$connection = Connect-Fdx -TenantId $tenants @ids -Endpoint $endpoint -MaximumWait (New-TimeSpan -Minutes 5) -PassThru

# In memory, as the binding holds it anyway: a worker that is stopped leaves no file of customers' data behind.
$csv = [IO.MemoryStream]::new()
$writer = [IO.StreamWriter]::new($csv)
$lines = 0
$clock = [Diagnostics.Stopwatch]::StartNew()
# A tenant that fails is an error in the log, and the others are read.
Get-FdxVulnerability -Connection $connection -ErrorAction Continue -ErrorVariable failures |
    Select-Object TenantId, DeviceId, DeviceName, OsPlatform, SoftwareVendor, SoftwareName, SoftwareVersion, CveId,
        VulnerabilitySeverityLevel, CvssScore, ExploitabilityLevel, RecommendedSecurityUpdate,
        FirstSeenTimestamp, LastSeenTimestamp |
    ConvertTo-Csv |
    ForEach-Object { $writer.WriteLine($_); $lines++ }
$writer.Flush()
$rows = [Math]::Max(0, $lines - 1) # without the header

# Without rows there is nothing to store: an empty blob would look like a tenant without vulnerabilities.
if ($rows) { Push-OutputBinding -Name Vulnerabilities -Value $csv.ToArray() }
$failed = @($failures | ForEach-Object TargetObject | Sort-Object -Unique)
$read = $tenants.Count - $failed.Count
$summary = '{0:n0} rows from {1} tenants in {2:n1} s' -f $rows, $read, $clock.Elapsed.TotalSeconds
Write-Information $summary -InformationAction Continue

# Only if nobody could be read: after a throw, the worker discards what Push-OutputBinding was given.
if ($failures -and -not $rows -and $read -le 0) {
    throw "$($failed.Count) of $($tenants.Count) tenants could not be read"
}
