#Requires -Version 7.4
<#
.SYNOPSIS
Makes the shipped help (MAML and about_*.help.txt) from the pages in docs/en-US. docs/README.md describes their layout.
.DESCRIPTION
The facts about a parameter (type, sets, position, pipeline, aliases) are read from the compiled module, so no page can
be wrong about them. Its meaning is read from the page. If a page, parameter or description is missing or superfluous,
the script prints a list and ends with exit code 1. It loads the module, so it needs a process of its own; build.ps1
starts one.
#>
param(
    [Parameter(Mandatory)] [string] $Module,
    [Parameter(Mandatory)] [string] $Docs,
    [Parameter(Mandatory)] [string] $Destination
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$problems = [Collections.Generic.List[string]]::new()
$commonParameters = [Management.Automation.PSCmdlet]::CommonParameters +
    [Management.Automation.PSCmdlet]::OptionalCommonParameters
# Descriptions that are the same for every cmdlet.
$shared = @{
    WhatIf  = 'Shows what would happen if the command runs. The command is not run.'
    Confirm = 'Prompts you for confirmation before running the command.'
}

# -- reading pages ---------------------------------------------------------------------------------------------------

# Splits lines at headings of one level: an ordered map from heading to its lines. Lines before the first are under ''.
function Split-Heading([string[]] $Lines, [int] $Level) {
    $parts = [ordered]@{ '' = [Collections.Generic.List[string]]::new() }
    $current = ''
    $fenced = $false
    foreach ($line in $Lines) {
        if ($line.StartsWith('```')) { $fenced = -not $fenced }
        if (-not $fenced -and $line -match "^#{$Level} +(.+?)\s*$") {
            $current = $Matches[1]
            $parts[$current] = [Collections.Generic.List[string]]::new()
        }
        else { $parts[$current].Add($line) }
    }
    $parts
}

function ConvertFrom-Inline([string] $Text) {
    $Text -replace '\[([^\]]+)\]\((https?://[^)]+)\)', '$1 ($2)' -replace '\[([^\]]+)\]\([^)]+\)', '$1' -replace
        '\*\*([^*]+)\*\*', '$1' -replace '`([^`]+)`', '$1'
}

# The paragraphs of a text: continued lines are joined; list items, tables and code keep their lines.
function Get-Paragraph([string[]] $Lines) {
    $paragraph = [Collections.Generic.List[string]]::new()
    $fenced = $false
    foreach ($line in $Lines + '') {
        if ($line.StartsWith('```')) { $fenced = -not $fenced; continue }
        if ($fenced) { $paragraph.Add("    $line"); continue }
        # The markers of generated parts.
        if ($line -match '^<!-- .* -->$') { continue }
        if ($line.Trim()) {
            if ($paragraph.Count -and $line -notmatch '^\s*([-*] |\||\d+\. )' -and $paragraph[-1] -notmatch '^    ') {
                $paragraph[$paragraph.Count - 1] += ' ' + $line.Trim()
            }
            else { $paragraph.Add($line.TrimEnd()) }
        }
        elseif ($paragraph.Count) {
            # Only now: a code span or link may continue on the next line.
            @($paragraph | ForEach-Object { $_ -match '^    ' ? $_ : (ConvertFrom-Inline $_) }) -join "`n"
            $paragraph.Clear()
        }
    }
}

function Get-Section($Sections, [string] $Heading) {
    if ($Sections.Contains($Heading)) { $Sections[$Heading] } else { @() }
}

# "### -Name" or "### System.Type" sections below a heading: name to paragraphs.
function Get-Entry($Sections, [string] $Heading) {
    $entries = [ordered]@{}
    $parts = Split-Heading (Get-Section $Sections $Heading) 3
    foreach ($key in $parts.Keys) { if ($key) { $entries[$key] = @(Get-Paragraph $parts[$key]) } }
    $entries
}

function Read-Page([string] $Path) {
    $name = Split-Path $Path -LeafBase
    $lines = Get-Content $Path
    if ($lines[0] -ne "# $name") { $problems.Add("$name`: the first line is not '# $name'") }
    $sections = Split-Heading ($lines | Select-Object -Skip 1) 2
    $known = '', 'Description', 'Examples', 'Parameters', 'Inputs', 'Outputs', 'Notes', 'Related links'
    foreach ($section in $sections.Keys | Where-Object { $_ -notin $known }) {
        $problems.Add("$name`: unknown section '$section'")
    }

    $examples = foreach ($example in (Split-Heading (Get-Section $sections 'Examples') 3).GetEnumerator()) {
        if (-not $example.Key) { continue }
        $fences = @(0..($example.Value.Count - 1) | Where-Object { $example.Value[$_].StartsWith('```') })
        if ($fences.Count -lt 2) { $problems.Add("$name`: '$($example.Key)' has no code"); continue }
        $before = $example.Value.GetRange(0, $fences[0])
        $after = $example.Value.GetRange($fences[1] + 1, $example.Value.Count - $fences[1] - 1)
        @{
            Title  = $example.Key
            Code   = $example.Value.GetRange($fences[0] + 1, $fences[1] - $fences[0] - 1) -join "`n"
            Remark = @(Get-Paragraph ($before + $after))
        }
    }
    @{
        Name = $name; Synopsis = @(Get-Paragraph $sections['']) -join ' '
        Description = @(Get-Paragraph (Get-Section $sections 'Description')); Examples = @($examples)
        Parameters = Get-Entry $sections 'Parameters'
        Inputs = Get-Entry $sections 'Inputs'; Outputs = Get-Entry $sections 'Outputs'
        Notes = @(Get-Paragraph (Get-Section $sections 'Notes'))
        Links = @(Get-Section $sections 'Related links' | Select-String '\[([^\]]+)\]\(([^)]+)\)' | ForEach-Object {
                @{ Text = $_.Matches[0].Groups[1].Value; Uri = $_.Matches[0].Groups[2].Value }
            })
    }
}

# -- checking --------------------------------------------------------------------------------------------------------

# The cmdlet's own parameters, by name.
function Get-OwnParameter($Command) {
    $Command.Parameters.Values |
        Where-Object { $_.Name -notin $commonParameters -or $shared.ContainsKey($_.Name) } | Sort-Object Name
}

function Test-Page($Page, $Command) {
    $described = @($Page.Parameters.Keys | ForEach-Object { $_.TrimStart('-') })
    $own = @(Get-OwnParameter $Command | ForEach-Object Name)
    $own | Where-Object { $_ -notin $described -and -not $shared.ContainsKey($_) } |
        ForEach-Object { $problems.Add("$($Page.Name): -$_ has no description") }
    $described | Where-Object { $_ -notin $own } | ForEach-Object { $problems.Add("$($Page.Name): there is no -$_") }
    foreach ($parameter in $Page.Parameters.Keys | Where-Object { -not $Page.Parameters[$_] }) {
        $problems.Add("$($Page.Name): the description of $parameter is empty")
    }
    if (-not $Page.Synopsis) { $problems.Add("$($Page.Name): no synopsis") }
    if (-not $Page.Description) { $problems.Add("$($Page.Name): no description") }
    if ($Page.Examples.Count -lt 2) { $problems.Add("$($Page.Name): fewer than two examples") }
    if (-not $Page.Outputs.Count) { $problems.Add("$($Page.Name): no outputs") }
}

# -- writing MAML ----------------------------------------------------------------------------------------------------

$namespaces = @{
    maml    = 'http://schemas.microsoft.com/maml/2004/10'
    command = 'http://schemas.microsoft.com/maml/dev/command/2004/10'
    dev     = 'http://schemas.microsoft.com/maml/dev/2004/10'
}

# Writes <prefix:name attributes>, what the block writes, and the end tag.
function Write-Element([string] $Name, [hashtable] $Attributes = @{}, $Content = $null) {
    $prefix, $local = $Name -split ':'
    $writer.WriteStartElement($prefix, $local, $namespaces[$prefix])
    foreach ($key in $Attributes.Keys | Sort-Object) { $writer.WriteAttributeString($key, $Attributes[$key]) }
    if ($Content -is [scriptblock]) { & $Content }
    elseif ($null -ne $Content) { $writer.WriteString([string] $Content) }
    $writer.WriteEndElement()
}

function Write-Text([string] $Name, [string[]] $Paragraphs) {
    Write-Element $Name @{} { foreach ($paragraph in $Paragraphs) { Write-Element 'maml:para' @{} $paragraph } }
}

function Get-TypeText([type] $Type) {
    $inner = [Nullable]::GetUnderlyingType($Type)
    if ($inner) { $inner.Name } else { $Type.Name }
}

function Get-PipelineText($Facts) {
    $ways = @(
        if ($Facts.ValueFromPipeline -contains $true) { 'ByValue' }
        if ($Facts.ValueFromPipelineByPropertyName -contains $true) { 'ByPropertyName' }
    )
    $ways ? "True ($($ways -join ', '))" : 'False'
}

# $Facts: the parameter in one set (syntax), or in all of them (the list of parameters).
function Write-Parameter($Page, $Parameter, $Facts, [switch] $Syntax, [string[]] $Sets = @()) {
    $isSwitch = $Parameter.ParameterType -eq [switch]
    $positions = @($Facts.Position | Where-Object { $_ -ge 0 } | Sort-Object -Unique)
    $required = @($Facts.IsMandatory) -notcontains $false
    $aliases = @($Parameter.Aliases)
    $key = "-$($Parameter.Name)"
    $text = $Page.Parameters.Contains($key) ? $Page.Parameters[$key] : @($shared[$Parameter.Name])
    $default = @($text | Where-Object { $_ -match '^Default: ' }) -replace '^Default: ' -replace '\.$' -join ''
    $text = @($text | Where-Object { $_ -notmatch '^Default: ' })
    if ($Sets) { $text += "Parameter sets: $($Sets -join ', ')." }
    $type = Get-TypeText $Parameter.ParameterType
    Write-Element 'command:parameter' @{
        required       = "$required".ToLowerInvariant()
        variableLength = 'true'
        globbing       = 'false'
        pipelineInput  = Get-PipelineText $Facts
        position       = $positions.Count ? "$($positions[0])" : 'named'
        aliases        = $aliases.Count ? $aliases -join ', ' : 'none'
    } {
        Write-Element 'maml:name' @{} $Parameter.Name
        Write-Text 'maml:description' $text
        $values = $Parameter.Attributes |
            Where-Object { $_.PSObject.Properties['ValidValues'] } | ForEach-Object ValidValues
        if ($Syntax -and $values) {
            Write-Element 'command:parameterValueGroup' @{} {
                foreach ($value in $values) {
                    Write-Element 'command:parameterValue' @{ required = 'false'; variableLength = 'false' } $value
                }
            }
        }
        if (-not $Syntax -or -not $isSwitch) {
            $attributes = @{ required = "$(-not $isSwitch)".ToLowerInvariant(); variableLength = 'false' }
            Write-Element 'command:parameterValue' $attributes $type
        }
        Write-Element 'dev:type' @{} { Write-Element 'maml:name' @{} $type }
        Write-Element 'dev:defaultValue' @{} ($default ? $default : $isSwitch ? 'False' : 'None')
    }
}

function Write-TypeList([string] $List, [string] $Item, $Entries) {
    Write-Element $List @{} {
        foreach ($entry in $Entries.GetEnumerator()) {
            Write-Element $Item @{} {
                Write-Element 'dev:type' @{} { Write-Element 'maml:name' @{} $entry.Key }
                Write-Text 'maml:description' $entry.Value
            }
        }
    }
}

function Write-Command($Page, $Command) {
    Write-Element 'command:command' @{} {
        Write-Element 'command:details' @{} {
            Write-Element 'command:name' @{} $Page.Name
            Write-Element 'command:verb' @{} $Command.Verb
            Write-Element 'command:noun' @{} $Command.Noun
            Write-Text 'maml:description' $Page.Synopsis
        }
        Write-Text 'maml:description' $Page.Description
        $own = @(Get-OwnParameter $Command)
        Write-Element 'command:syntax' @{} {
            foreach ($set in $Command.ParameterSets | Sort-Object { -not $_.IsDefault }) {
                Write-Element 'command:syntaxItem' @{} {
                    Write-Element 'maml:name' @{} $Page.Name
                    $inSet = $set.Parameters | Where-Object Name -in $own.Name
                    # As Get-Command shows them: by position, then the mandatory ones, then by name.
                    $order = { $_.Position -lt 0 }, 'Position', { -not $_.IsMandatory }, 'Name'
                    foreach ($facts in $inSet | Sort-Object $order) {
                        Write-Parameter $Page $Command.Parameters[$facts.Name] $facts -Syntax
                    }
                }
            }
        }
        Write-Element 'command:parameters' @{} {
            foreach ($parameter in $own) {
                $in = @($Command.ParameterSets | Where-Object { $_.Parameters.Name -contains $parameter.Name })
                $facts = @($in | ForEach-Object { $_.Parameters | Where-Object Name -eq $parameter.Name })
                $sets = $in.Count -lt $Command.ParameterSets.Count ? @($in.Name) : @()
                Write-Parameter $Page $parameter $facts -Sets $sets
            }
        }
        Write-TypeList 'command:inputTypes' 'command:inputType' $Page.Inputs
        Write-TypeList 'command:returnValues' 'command:returnValue' $Page.Outputs
        Write-Element 'maml:alertSet' @{} { Write-Text 'maml:alert' $Page.Notes }
        Write-Element 'command:examples' @{} {
            foreach ($example in $Page.Examples) {
                Write-Element 'command:example' @{} {
                    Write-Element 'maml:title' @{} $example.Title
                    Write-Element 'dev:code' @{} $example.Code
                    Write-Text 'dev:remarks' $example.Remark
                }
            }
        }
        Write-Element 'command:relatedLinks' @{} {
            # The first address is the one that `Get-Help -Online` opens.
            Write-Element 'maml:navigationLink' @{} {
                Write-Element 'maml:linkText' @{} 'Online version:'
                Write-Element 'maml:uri' @{} "$online/$($Page.Name).md"
            }
            foreach ($link in $Page.Links) {
                Write-Element 'maml:navigationLink' @{} {
                    Write-Element 'maml:linkText' @{} $link.Text
                    Write-Element 'maml:uri' @{} ($link.Uri -match '^https?:' ? $link.Uri : '')
                }
            }
        }
    }
}

# -- writing about topics --------------------------------------------------------------------------------------------

# Breaks a paragraph at 80 columns. Lines that start with white space (code) are not changed.
function Format-Wrapped([string] $Paragraph) {
    foreach ($line in $Paragraph -split "`n") {
        if ($line -match '^(    |\|)') { "    $line"; continue }
        $hang = $line -match '^\s*([-*]|\d+\.) ' ? ' ' * $Matches[0].Length : ''
        $row = ''
        foreach ($word in $line.TrimEnd() -split ' ') {
            if ($row -and $row.Length + $word.Length -ge 76) { "    $row"; $row = $hang + $word }
            else { $row = $row ? "$row $word" : $word }
        }
        "    $row"
    }
}

function ConvertTo-About([string] $Path) {
    $name = Split-Path $Path -LeafBase
    $lines = Get-Content $Path
    if ($lines[0] -ne "# $name") { $problems.Add("$name`: the first line is not '# $name'") }
    $sections = Split-Heading ($lines | Select-Object -Skip 1) 2
    $text = @('TOPIC', "    $name", '', 'SHORT DESCRIPTION')
    foreach ($section in $sections.GetEnumerator()) {
        if ($section.Key) { $text += $section.Key.ToUpperInvariant() }
        foreach ($paragraph in Get-Paragraph ($section.Value -replace '^### +')) {
            $text += @(Format-Wrapped $paragraph) + ''
        }
    }
    $text -join "`n"
}

# -- the run ---------------------------------------------------------------------------------------------------------

$loaded = Import-Module (Convert-Path $Module) -Force -PassThru
$online = "$($loaded.ProjectUri.ToString().TrimEnd('/'))/blob/main/module/docs/en-US"
$commands = @($loaded.ExportedCmdlets.Values | Sort-Object Name)
$pages = @{}
foreach ($file in Get-ChildItem $Docs -Filter '*.md' | Where-Object Name -notlike 'about_*') {
    $pages[$file.BaseName] = Read-Page $file.FullName
}
foreach ($name in $commands.Name | Where-Object { -not $pages.ContainsKey($_) }) {
    $problems.Add("$name`: no page in $Docs")
}
foreach ($name in $pages.Keys | Where-Object { $_ -notin $commands.Name }) {
    $problems.Add("$name`: there is no such cmdlet")
}
$commands = @($commands | Where-Object { $pages.ContainsKey($_.Name) })
$commands | ForEach-Object { Test-Page $pages[$_.Name] $_ }
$abouts = @{}
Get-ChildItem $Docs -Filter 'about_*.md' | ForEach-Object { $abouts[$_.BaseName] = ConvertTo-About $_.FullName }

if ($problems.Count) {
    Write-Host "The help pages do not fit the module ($Docs):"
    $problems | ForEach-Object { Write-Host "  $_" }
    exit 1
}

Remove-Item $Destination -Recurse -Force -ErrorAction Ignore # removes the help of pages that no longer exist
$null = New-Item $Destination -ItemType Directory -Force
foreach ($about in $abouts.Keys) {
    [IO.File]::WriteAllText((Join-Path $Destination "$about.help.txt"), $abouts[$about])
}
$memory = [IO.MemoryStream]::new()
$writing = [Xml.XmlWriterSettings]@{ Indent = $true; Encoding = [Text.UTF8Encoding]::new($false) }
$writer = [Xml.XmlWriter]::Create($memory, $writing)
$writer.WriteStartElement('helpItems', 'http://msh')
$writer.WriteAttributeString('schema', 'maml')
foreach ($command in $commands) { Write-Command $pages[$command.Name] $command }
$writer.WriteEndElement()
$writer.Dispose()
# Last, and in one write: build.ps1 checks this file's time.
[IO.File]::WriteAllBytes((Join-Path $Destination "$($loaded.Name).dll-Help.xml"), $memory.ToArray())
Write-Host "help: $($commands.Count) cmdlets, $($abouts.Count) about topics"
