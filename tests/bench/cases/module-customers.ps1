# Two resources of every tenant that the server has, of which some fail: each row once, and each failure by name.
param([string] $Addresses, [int] $Failing, [int] $Machines, [int] $TenantRows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
Import-Module BenchFloor
$connect.TenantId = for ($i = 0; $i -lt $fake.tenantIds.Count; $i++) {
    [pscustomobject]@{ CustomerId = $fake.tenantIds[$i]; CustomerName = $fake.domains[$i] }
}
$quiet = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = '+failed'; TenantSummary = '+report' }
$script:rows, $script:errors, $script:summary = 0L, 0, @()
$measured = Measure-Job {
    Connect-Fdx @connect
    $script:rows += (Get-FdxMachine @quiet | Measure-BenchRow ([Diagnostics.Stopwatch]::GetTimestamp())).Rows
    $script:rows += (Get-FdxVulnerability @quiet | Measure-BenchRow ([Diagnostics.Stopwatch]::GetTimestamp())).Rows
    # The variables are those of the scope that the job runs in.
    $script:errors, $script:summary = $failed.Count, $report
}
$tenants = $connect.TenantId.Count
$expected = ($tenants - $Failing) * ($Machines + $TenantRows)
if ($rows -ne $expected) { throw "$rows rows, not $expected" }
if ($errors -ne 2 * $Failing) { throw "$errors errors, not $(2 * $Failing)" }
if ($summary.Count -ne 2 * $tenants) { throw "$($summary.Count) lines of the summary, not $(2 * $tenants)" }
$bad = @($summary | Where-Object Result -eq Failed)
if ($bad.Count -ne 2 * $Failing) { throw "$($bad.Count) tenants that failed, not $(2 * $Failing)" }
Complete-Case ($measured + @{ rows = $rows; tenants = $tenants })
