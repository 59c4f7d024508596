#Requires -Version 7.4
#Requires -Modules FedXdr
<#
.SYNOPSIS
Azure Automation runbook: critical vulnerabilities with a public exploit, per customer, as a short summary in the job's output.
.DESCRIPTION
Runtime environment: PowerShell 7.4 with the FedXdr package. Identity: a user-assigned managed identity of the Automation account.
A job's output holds 1 MiB, so the rows themselves go to a file, and the output gets one line per customer.
#>
param(
    # Customers' tenants.
    [Parameter(Mandatory)] [string[]] $TenantId,
    # Application (client) id of the multi-tenant app.
    [Parameter(Mandatory)] [string] $ClientId,
    # Client id of the user-assigned managed identity.
    [Parameter(Mandatory)] [string] $ManagedIdentityClientId,
    # Folder for the rows, one CSV file a customer.
    [string] $Path = [IO.Path]::GetTempPath(),
    # Addresses in place of Microsoft's own, for tests and private links.
    [hashtable] $Endpoint = @{}
)
$ErrorActionPreference = 'Continue' # one customer that fails must not keep the others from being read

$connection = Connect-Fdx -TenantId $TenantId -ClientId $ClientId -ManagedIdentityClientId $ManagedIdentityClientId -Endpoint $Endpoint -PassThru

foreach ($tenant in $TenantId) {
    $file = Join-Path $Path "critical-$tenant.csv"
    Remove-Item $file -ErrorAction Ignore # without a row Export-Csv makes none, and yesterday's is not today's
    $problem = $null
    $count = 0
    Get-FdxVulnerability -Connection $connection -TenantId $tenant -ErrorVariable problem -ErrorAction SilentlyContinue |
        Where-Object { $_.VulnerabilitySeverityLevel -eq 'Critical' -and $_.ExploitabilityLevel -ne 'NoExploit' } |
        ForEach-Object { $count++; $_ } |
        Select-Object TenantId, DeviceName, SoftwareVendor, SoftwareName, SoftwareVersion, CveId, CvssScore, LastSeenTimestamp |
        Export-Csv $file

    # Store the file here: the disk of a cloud job is gone with it.
    [pscustomobject]@{
        Tenant   = $tenant
        Critical = $count
        File     = $count ? $file : $null
        Error    = $problem ? $problem[0].FullyQualifiedErrorId.Split(',')[0] : $null
        Fix      = $problem ? $problem[0].ErrorDetails.RecommendedAction : $null
    }
}
