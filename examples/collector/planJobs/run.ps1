param($Timer)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Import-Module FedXdr

$datasets = @("$env:FEDXDR_DATASETS" -split ',' | ForEach-Object Trim | Where-Object { $_ })
if (-not $datasets) { throw 'The app setting FEDXDR_DATASETS is missing: names of datasets, separated by commas.' }
$customers = @("$env:FEDXDR_TENANTS" -split ',' | ForEach-Object Trim | Where-Object { $_ } | Sort-Object -Unique |
        ForEach-Object { @{ TenantId = $_; Name = $null } })
if (-not $customers) {
    # Every customer that has granted delegated administration to this partner.
    $endpoint = $env:FEDXDR_ENDPOINTS ? ($env:FEDXDR_ENDPOINTS | ConvertFrom-Json -AsHashtable) : @{}
    $ids = @{ ClientId = $env:FEDXDR_CLIENT_ID; ManagedIdentityClientId = $env:FEDXDR_IDENTITY_CLIENT_ID }
    $partner = Connect-Fdx -TenantId $env:FEDXDR_PARTNER_TENANT @ids -Endpoint $endpoint -PassThru
    $customers = @(Get-FdxTenant -Connection $partner | ForEach-Object {
            @{ TenantId = $_.CustomerId; Name = $_.CustomerName }
        })
}

# One message per customer and dataset. A message that comes twice does no harm: the export finds what is there already.
$jobs = foreach ($customer in $customers) {
    foreach ($dataset in $datasets) { $customer + @{ Dataset = $dataset; Round = 1 } | ConvertTo-Json -Compress }
}
Push-OutputBinding -Name Jobs -Value @($jobs)
Write-Information "$(@($jobs).Count) exports of $($customers.Count) customers" -InformationAction Continue
