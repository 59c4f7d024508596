# The whole job of a collector: every row in a file. The connection is open.
param([string] $Addresses, [int] $Rows, [string] $Format = 'JsonLines', [string] $Compression = 'None')
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
$connect.TenantId = $fake.tenantIds
Connect-Fdx @connect
$folder = Join-Path ([IO.Path]::GetTempPath()) "fedxdr-bench-$([guid]::NewGuid())"
try {
    $null = Get-FdxVulnerability -First 1
    $measured = Measure-Job {
        $script:result = if ($Format -eq 'Export-Csv') {
            $null = New-Item -ItemType Directory $folder
            Get-FdxVulnerability | Export-Csv "$folder/rows.csv"
        }
        else {
            Export-FdxDataset vulnerabilities $folder -Format $Format -Compression $Compression
        }
    }
    # Not Get-ChildItem: its objects are the memory of this script.
    $bytes = 0L
    foreach ($file in [IO.Directory]::EnumerateFiles($folder, '*', 'AllDirectories')) {
        $bytes += [IO.FileInfo]::new($file).Length
    }
    $exported = $Format -eq 'Export-Csv' ? $Rows : ($result | Measure-Object Rows -Sum).Sum
    Complete-Case ($measured + @{ rows = $exported; fileBytes = $bytes })
}
finally {
    Remove-Item $folder -Recurse -ErrorAction Ignore
}
