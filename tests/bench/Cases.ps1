# The cases of the bench: what each runs, against which server. Bench.ps1 sets $size and $modulePath.

# A case. -Server: arguments of the fake tenant. -Control: requests to it before the case starts.
function New-Case(
    [string] $Name, [string] $Script, [long] $Rows = 0, [string[]] $Arguments = @(), [string[]] $Server = '--no-gzip',
    [int] $Tenants = 1, [hashtable[]] $Control = @(), [switch] $NoBaseline
) {
    # Where the case names no rows, there are some pages of them.
    $each = $Rows ? [long] ($Rows / $Tenants) : 100000
    $case = @{
        Name = $Name; Script = $Script; Rows = $Rows; Pages = 0; ModulePath = $modulePath; Control = $Control
        Server = @('--tenants', "$Tenants", '--rows', "$each") + $Server
        Arguments = $Arguments; Runs = [Collections.Generic.List[object]]::new()
        # Only what uses the module differs with it.
        HasBaseline = -not $NoBaseline -and ($Script -match '^(module-|token)' -or $Arguments -contains 'FedXdr')
    }
    if ($Rows) {
        $case.Arguments = @('-Rows', "$Rows") + $Arguments
        # 50,000 rows per page by default, as in the service.
        if ($Script -notin 'floor', 'module-files') { $case.Pages = $Tenants * [math]::Ceiling($each / 50000) }
    }
    $case
}

# The same case with the module to compare with.
function New-BaselineCase([hashtable] $Case, [string] $Path) {
    $other = $Case.Clone()
    $other.Name = "baseline: $($Case.Name)"
    $other.ModulePath = $Path
    $other.Runs = [Collections.Generic.List[object]]::new()
    $other
}

# Two answers of the same rows: one document, and one list.
function New-DocumentControl {
    $answer = { param($Text) @{ status = 200; body = $Text; rows = $size.DocumentRows } }
    @{
        Method = 'Patch'; Path = '/world'
        Body = @{
            extraResponses = @{
                'GET /api/document' = & $answer '{"report":{"rows":[{rows}]}}'
                'GET /api/list'     = & $answer '{"value":[{rows}]}'
            }
        }
    }
}

# Customers that have not consented: every 50th one.
function New-RefusalControl([int] $Tenants) {
    for ($number = 8; $number -le $Tenants; $number += 50) {
        @{
            Method = 'Post'; Path = '/faults'
            Body = @{
                service = 'authority'; name = 'refusal'; aadsts = 7000229; times = 1000000
                tenant = 'c0000000-0000-4000-8000-{0:d12}' -f $number
            }
        }
    }
}

# A service that takes its time: what each request waits for.
function New-DelayControl {
    foreach ($service in 'authority', 'defender') {
        @{
            Method = 'Post'; Path = '/faults'
            Body = @{ service = $service; name = 'slow'; delayMs = $size.DelayMs; times = 1000000 }
        }
    }
}

function Get-AllCase {
    $bare = 'Microsoft.PowerShell.Security'
    $gzip, $tls = @('--gzip'), @('--gzip', '--tls')
    New-Case 'empty' empty
    New-Case 'import empty' import -Arguments '-Module', 'BenchFloor'
    New-Case 'import module' import -Arguments '-Module', 'FedXdr'
    New-Case 'import empty after' import -Arguments '-Module', 'BenchFloor', '-After', $bare
    New-Case 'import module after' import -Arguments '-Module', 'FedXdr', '-After', $bare
    New-Case 'module job' module-cold $size.JobRows
    New-Case 'plain job' plain-cold $size.JobRows
    New-Case 'module kept' module-collect $size.JobRows
    New-Case 'plain kept' plain-collect $size.JobRows
    New-Case 'module first' module-first $size.JobRows
    New-Case 'plain first' plain-first $size.JobRows
    New-Case 'module cold' module-cold $size.FewRows
    New-Case 'module steady' module-steady $size.Rows
    New-Case 'module gzip' module-steady $size.Rows -Server $gzip
    New-Case 'module tls' module-steady $size.Rows -Server $tls
    New-Case 'module hunting' module-hunting $size.HuntingRows -Server '--no-gzip', '--hunting-rows', '50000'
    New-Case 'module alerts' module-typed $size.Alerts -Server '--no-gzip', '--alerts', "$($size.Alerts)" `
        -Arguments '-Command', 'Get-FdxAlert'
    New-Case 'module inventory' module-typed $size.Machines -Server '--no-gzip', '--machines', "$($size.Machines)" `
        -Arguments '-Command', 'Get-FdxMachine'
    New-Case 'export' module-export $size.Rows
    New-Case 'export gzip' module-export $size.Rows -Arguments '-Compression', 'Gzip'
    New-Case 'export csv' module-export $size.Rows -Arguments '-Format', 'Csv'
    New-Case 'export parquet' module-export $size.Rows `
        -Arguments '-Format', 'Parquet', '-Compression', 'Snappy'
    New-Case 'export long' module-export $size.LongRows -Arguments '-Compression', 'Gzip'
    New-Case 'export tenants' module-export $size.TenantRows -Tenants $size.Tenants
    New-Case 'export files' module-files $size.FileRows -Control @{
        Method = 'Patch'; Path = '/world'; Body = @{ exportFiles = 10 }
    }
    New-Case 'Export-Csv' module-export $size.Rows -Arguments '-Format', 'Export-Csv'
    New-Case 'floor' floor $size.Rows
    New-Case 'token' token -Arguments '-Calls', "$($size.Calls)"

    New-Case 'one tenant' module-tenants $size.TenantRows
    New-Case 'many tenants' module-tenants $size.TenantRows -Tenants $size.Tenants
    $refusals = @(New-RefusalControl $size.Customers)
    New-Case 'customers' module-customers -Tenants $size.Customers -Control $refusals `
        -Server '--no-gzip', '--rows', '400', '--machines', '40' `
        -Arguments '-Failing', "$($refusals.Count)", '-Machines', '40', '-TenantRows', '400'
    foreach ($limit in 0, 8, 16, 32, 64) {
        # 0: the default.
        New-Case "small tenants $limit" module-tenants ($size.SmallTenants * $size.SmallRows) `
            -Tenants $size.SmallTenants -Arguments '-ThrottleLimit', "$limit" -Control (New-DelayControl)
    }
    foreach ($encoding in 'plain', 'gzip') {
        $server = $encoding -eq 'gzip' ? '--gzip' : '--no-gzip'
        foreach ($shape in 'document', 'list') {
            New-Case "$shape $encoding" module-document -Arguments '-Path', "/api/$shape" -Server $server `
                -Control (New-DocumentControl) -NoBaseline
        }
        New-Case "page beside a document $encoding" module-beside -Server $server -Control (New-DocumentControl) `
            -NoBaseline
    }
}
