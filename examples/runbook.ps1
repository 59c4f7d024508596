#Requires -Version 7.4
#Requires -Modules FedXdr
<#
.SYNOPSIS
Azure Automation runbook: a short summary per customer of critical vulnerabilities with a public exploit.
.DESCRIPTION
Needs a runtime environment with PowerShell 7.4 and the FedXdr package, and a user-assigned managed identity of the
Automation account.
A job's output holds 1 MiB, so the rows themselves go to a file, and the output gets one line per customer. Without
-Path the files are in a temporary folder that is removed at the end: a hybrid worker keeps its disk.
#>
param(
    # Customers' tenants.
    [Parameter(Mandatory)] [string[]] $TenantId,
    # Application (client) id of the multi-tenant app.
    [Parameter(Mandatory)] [string] $ClientId,
    # Client id of the user-assigned managed identity.
    [Parameter(Mandatory)] [string] $ManagedIdentityClientId,
    # Folder for the rows, one CSV file per customer, which then stay there.
    [string] $Path,
    # Addresses to use instead of Microsoft's own, for tests and private links.
    [hashtable] $Endpoint = @{}
)
$ErrorActionPreference = 'Continue' # a customer that fails must not stop the others

$ids = @{ ClientId = $ClientId; ManagedIdentityClientId = $ManagedIdentityClientId }
$connection = Connect-Fdx -TenantId $TenantId @ids -Endpoint $Endpoint -PassThru

$folder = $Path ? $Path : (Join-Path ([IO.Path]::GetTempPath()) "critical-$([guid]::NewGuid())")
if (-not $Path) { $null = New-Item $folder -ItemType Directory }
try {
    foreach ($tenant in $TenantId) {
        $file = Join-Path $folder "critical-$tenant.csv"
        $problem = $null
        $count = 0
        $read = @{ Connection = $connection; TenantId = $tenant; ErrorAction = 'SilentlyContinue' }
        Get-FdxVulnerability @read -ErrorVariable problem |
            Where-Object { $_.VulnerabilitySeverityLevel -eq 'Critical' -and $_.ExploitabilityLevel -ne 'NoExploit' } |
            ForEach-Object { $count++; $_ } |
            Select-Object TenantId, DeviceName, SoftwareVendor, SoftwareName, SoftwareVersion, CveId, CvssScore,
                LastSeenTimestamp |
            Export-Csv $file
        # Export-Csv creates the file before the first row, so also without any.
        if (-not $count) { Remove-Item $file -ErrorAction Ignore }

        # Store the file here, for example with Set-AzStorageBlobContent.
        [pscustomobject]@{
            Tenant   = $tenant
            Critical = $count
            File     = $count -and $Path ? $file : $null
            Error    = $problem ? $problem[0].FullyQualifiedErrorId.Split(',')[0] : $null
            Fix      = $problem ? $problem[0].ErrorDetails.RecommendedAction : $null
        }
    }
}
finally {
    if (-not $Path) { Remove-Item $folder -Recurse }
}
