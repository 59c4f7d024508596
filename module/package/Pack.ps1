# Makes what users install from the module's folder: the .nupkg of the PowerShell Gallery and the .zip of Azure
# Automation. Used by build.ps1.

# The commit that the package is made from, and its time. A source archive has none.
function Get-SourceCommit {
    $line = git log -1 --format='%H %cI' 2>$null
    if (-not $line) { return @{ Commit = ''; Time = [datetimeoffset]::new(1980, 1, 1, 0, 0, 0, [timespan]::Zero) } }
    $commit, $time = "$line" -split ' '
    # Uncommitted changes are not what the commit says.
    if (git status --porcelain --untracked-files=no) { $commit += '.dirty' }
    @{ Commit = $commit; Time = [datetimeoffset]::Parse($time, [cultureinfo]::InvariantCulture) }
}

# As Publish-PSResource makes it (PublishHelper.cs of PSResourceGet): the same nuspec, packed by NuGet itself.
function New-Nupkg([string] $Package, [string] $Destination) {
    $manifest = Import-PowerShellDataFile (Join-Path $Package FedXdr.psd1)
    $data = $manifest.PrivateData.PSData
    $version = $manifest.ModuleVersion
    if ($data['Prerelease']) { $version += "-$($data.Prerelease)" }
    $values = [ordered]@{
        id = 'FedXdr'; version = $version; authors = $manifest.Author; owners = $manifest.CompanyName
        requireLicenseAcceptance = 'false'; description = $manifest.Description; copyright = $manifest.Copyright
        releaseNotes = $data['ReleaseNotes']; licenseUrl = $data['LicenseUri']; projectUrl = $data['ProjectUri']
        iconUrl = $data['IconUri']; tags = (@('PSModule') + $data.Tags) -join ' '
    }
    $xml = [xml]::new()
    $namespace = 'http://schemas.microsoft.com/packaging/2011/08/nuspec.xsd'
    $top = $xml.AppendChild($xml.CreateElement('package', $namespace))
    $metadata = $top.AppendChild($xml.CreateElement('metadata', $namespace))
    foreach ($name in $values.Keys | Where-Object { $values[$_] }) {
        $metadata.AppendChild($xml.CreateElement($name, $namespace)).InnerText = $values[$name]
    }
    $null = $metadata.AppendChild($xml.CreateElement('dependencies', $namespace))
    $files = $top.AppendChild($xml.CreateElement('files', $namespace))
    $file = $files.AppendChild($xml.CreateElement('file', $namespace))
    $file.SetAttribute('src', '**')
    $file.SetAttribute('target', '')
    $nuspec = Join-Path $out 'FedXdr.nuspec'
    $xml.Save($nuspec)
    try {
        Get-ChildItem $Destination -Filter *.nupkg | Remove-Item
        # The project file only has MSBuild load NuGet; nothing of it goes into the package.
        Invoke-Tool dotnet 'pack', 'module/src/FedXdr.csproj', '--no-build', '-c', 'Release', '-o', $Destination,
            '--nologo', '-v', 'quiet', '-p:NoPackageAnalysis=true', "-p:NuspecFile=$nuspec",
            "-p:NuspecBasePath=$Package"
    }
    finally { Remove-Item $nuspec }
    Join-Path $Destination "FedXdr.$version.nupkg"
}

# Azure Automation takes a .zip with the module's folder at its root.
function New-AutomationZip([string] $Package, [string] $Path, [datetimeoffset] $Time) {
    Remove-Item $Path -ErrorAction Ignore
    $zip = [IO.Compression.ZipFile]::Open($Path, 'Create')
    try {
        foreach ($file in Get-ChildItem $Package -File -Recurse | Sort-Object FullName) {
            $name = [IO.Path]::GetRelativePath($Package, $file.FullName).Replace('\', '/')
            $entry = $zip.CreateEntry("FedXdr/$name", 'SmallestSize')
            $entry.LastWriteTime = $Time
            $to = $entry.Open()
            $from = [IO.File]::OpenRead($file.FullName)
            try { $from.CopyTo($to) }
            finally { $from.Dispose(); $to.Dispose() }
        }
    }
    finally { $zip.Dispose() }
}
