# A whole dataset from the service's files. The second time counts: the server has made its files, the code is compiled.
param([string] $Addresses, [int] $Rows)
. $PSScriptRoot/common.ps1 $Addresses
Import-Module FedXdr
Connect-Fdx @connect
$folder = Join-Path ([IO.Path]::GetTempPath()) "fedxdr-bench-$([guid]::NewGuid())"

# Bytes of JSON that the files have.
function Measure-PlainByte {
    $listed = Invoke-FdxRequest -Path /api/machines/SoftwareVulnerabilitiesExport
    $client = [Net.Http.HttpClient]::new()
    $bytes = 0L
    foreach ($file in $listed.exportFiles) {
        $content = $client.GetStreamAsync($file).GetAwaiter().GetResult()
        $plain = [IO.Compression.GZipStream]::new($content, [IO.Compression.CompressionMode]::Decompress)
        $buffer = [byte[]]::new(1MB)
        while ($count = $plain.Read($buffer, 0, $buffer.Length)) { $bytes += $count }
    }
    $bytes
}

try {
    $null = Export-FdxDataset vulnerabilities "$folder/first" -Mode Full -Compression None
    $measured = Measure-Job {
        $script:result = Export-FdxDataset vulnerabilities "$folder/second" -Mode Full -Compression None
    }
    $megabytes = (Measure-PlainByte) / 1e6
    Complete-Case ($measured + @{
            rows = $result.Rows; megabytes = $megabytes; megabytesPerSecond = $megabytes / $measured.wallMs * 1000
        })
}
finally {
    Remove-Item $folder -Recurse -ErrorAction Ignore
}
