#Requires -Version 7.4
<#
.SYNOPSIS
Makes the help that ships (MAML and about_*.help.txt) from the pages in docs/en-US, laid out as docs/README.md says.
.DESCRIPTION
What a parameter is (type, sets, position, pipeline, aliases) is read from the compiled module, so no page can be wrong about it; what it
means is read from the page. A page, a parameter or a description too few or too many ends it with a list and exit code 1. Loads the
module, so it belongs in a process of its own: build.ps1 sees to that.
#>
param(
    [Parameter(Mandatory)] [string] $Module,
    [Parameter(Mandatory)] [string] $Docs,
    [Parameter(Mandatory)] [string] $Destination
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$problems = [Collections.Generic.List[string]]::new()
$ownParameters = [Management.Automation.PSCmdlet]::CommonParameters + [Management.Automation.PSCmdlet]::OptionalCommonParameters
# The same for every cmdlet that has them.
$shared = @{
    WhatIf  = 'Shows what would happen if the command runs. The command is not run.'
    Confirm = 'Prompts you for confirmation before running the command.'
}

# -- reading pages ---------------------------------------------------------------------------------------------------

# Splits lines at headings of one level: an ordered map from heading to its lines; what comes before the first is under ''.
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

# The paragraphs of a text: running lines are joined; list items, tables and code keep their lines.
function Get-Paragraph([string[]] $Lines) {
    $paragraph = [Collections.Generic.List[string]]::new()
    $fenced = $false
    foreach ($line in $Lines + '') {
        if ($line.StartsWith('```')) { $fenced = -not $fenced; continue }
        if ($fenced) { $paragraph.Add("    $line"); continue }
        if ($line.Trim()) {
            if ($paragraph.Count -and $line -notmatch '^\s*([-*|]|\d+\.) ?' -and $paragraph[-1] -notmatch '^    ') {
                $paragraph[$paragraph.Count - 1] += ' ' + (ConvertFrom-Inline $line.Trim())
            }
            else { $paragraph.Add((ConvertFrom-Inline $line.TrimEnd())) }
        }
        elseif ($paragraph.Count) {
            $paragraph -join "`n"
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
    $sections.Keys | Where-Object { $_ -notin $known } | ForEach-Object { $problems.Add("$name`: unknown section '$_'") }

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
        Parameters = Get-Entry $sections 'Parameters'; Inputs = Get-Entry $sections 'Inputs'; Outputs = Get-Entry $sections 'Outputs'
        Notes = @(Get-Paragraph (Get-Section $sections 'Notes'))
        Links = @(Get-Section $sections 'Related links' | Select-String '\[([^\]]+)\]\(([^)]+)\)' | ForEach-Object {
                @{ Text = $_.Matches[0].Groups[1].Value; Uri = $_.Matches[0].Groups[2].Value }
            })
    }
}

# -- checking --------------------------------------------------------------------------------------------------------

# The parameters of a cmdlet's own, by name.
function Get-OwnParameter($Command) {
    $Command.Parameters.Values | Where-Object { $_.Name -notin $ownParameters -or $shared.ContainsKey($_.Name) } | Sort-Object Name
}

function Test-Page($Page, $Command) {
    $described = @($Page.Parameters.Keys | ForEach-Object { $_.TrimStart('-') })
    $own = @(Get-OwnParameter $Command | ForEach-Object Name)
    $own | Where-Object { $_ -notin $described -and -not $shared.ContainsKey($_) } |
        ForEach-Object { $problems.Add("$($Page.Name): -$_ has no description") }
    $described | Where-Object { $_ -notin $own } | ForEach-Object { $problems.Add("$($Page.Name): there is no -$_") }
    foreach ($parameter in $Page.Parameters.Keys) {
        if (-not $Page.Parameters[$parameter]) { $problems.Add("$($Page.Name): the description of $parameter is empty") }
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
    if ($Content -is [scriptblock]) { & $Content } elseif ($null -ne $Content) { $writer.WriteString([string] $Content) }
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
    $text = if ($Page.Parameters.Contains("-$($Parameter.Name)")) { $Page.Parameters["-$($Parameter.Name)"] } else { @($shared[$Parameter.Name]) }
    $default = @($text | Where-Object { $_ -match '^Default: ' }) -replace '^Default: ' -replace '\.$' -join ''
    $text = @($text | Where-Object { $_ -notmatch '^Default: ' })
    if ($Sets) { $text += "Parameter sets: $($Sets -join ', ')." }
    $type = Get-TypeText $Parameter.ParameterType
    Write-Element 'command:parameter' @{
        required = "$required".ToLowerInvariant(); variableLength = 'true'; globbing = 'false'; pipelineInput = Get-PipelineText $Facts
        position = $positions.Count ? "$($positions[0])" : 'named'; aliases = $aliases.Count ? $aliases -join ', ' : 'none'
    } {
        Write-Element 'maml:name' @{} $Parameter.Name
        Write-Text 'maml:description' $text
        $values = $Parameter.Attributes | Where-Object { $_ -is [ValidateSet] } | ForEach-Object ValidValues
        if ($Syntax -and $values) {
            Write-Element 'command:parameterValueGroup' @{} {
                foreach ($value in $values) { Write-Element 'command:parameterValue' @{ required = 'false'; variableLength = 'false' } $value }
            }
        }
        if (-not $Syntax -or -not $isSwitch) {
            Write-Element 'command:parameterValue' @{ required = "$(-not $isSwitch)".ToLowerInvariant(); variableLength = 'false' } $type
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
                    # As Get-Command shows them: by position, then what has to be given, then by name.
                    foreach ($facts in $inSet | Sort-Object { $_.Position -lt 0 }, Position, { -not $_.IsMandatory }, Name) {
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

# Breaks a paragraph at 80 columns; lines that start with white space (code) stay as they are.
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
        foreach ($paragraph in Get-Paragraph ($section.Value -replace '^### +')) { $text += @(Format-Wrapped $paragraph) + '' }
    }
    $text -join "`n"
}

# -- all of it -------------------------------------------------------------------------------------------------------

$loaded = Import-Module (Convert-Path $Module) -Force -PassThru
$commands = @($loaded.ExportedCmdlets.Values | Sort-Object Name)
$pages = @{}
Get-ChildItem $Docs -Filter '*.md' | Where-Object Name -notlike 'about_*' | ForEach-Object { $pages[$_.BaseName] = Read-Page $_.FullName }
$commands | Where-Object { -not $pages.ContainsKey($_.Name) } | ForEach-Object { $problems.Add("$($_.Name): no page in $Docs") }
$pages.Keys | Where-Object { $_ -notin $commands.Name } | ForEach-Object { $problems.Add("$_`: a page, but no such cmdlet") }
$commands = @($commands | Where-Object { $pages.ContainsKey($_.Name) })
$commands | ForEach-Object { Test-Page $pages[$_.Name] $_ }
$abouts = @{}
Get-ChildItem $Docs -Filter 'about_*.md' | ForEach-Object { $abouts[$_.BaseName] = ConvertTo-About $_.FullName }

if ($problems.Count) {
    Write-Host "The help pages do not fit the module ($Docs):"
    $problems | ForEach-Object { Write-Host "  $_" }
    exit 1
}

Remove-Item $Destination -Recurse -Force -ErrorAction Ignore # no page that is gone may stay
$null = New-Item $Destination -ItemType Directory -Force
foreach ($about in $abouts.Keys) {
    [IO.File]::WriteAllText((Join-Path $Destination "$about.help.txt"), $abouts[$about])
}
$memory = [IO.MemoryStream]::new()
$writer = [Xml.XmlWriter]::Create($memory, [Xml.XmlWriterSettings]@{ Indent = $true; Encoding = [Text.UTF8Encoding]::new($false) })
$writer.WriteStartElement('helpItems', 'http://msh')
$writer.WriteAttributeString('schema', 'maml')
foreach ($command in $commands) { Write-Command $pages[$command.Name] $command }
$writer.WriteEndElement()
$writer.Dispose()
# Last, and whole: build.ps1 goes by this file's time.
[IO.File]::WriteAllBytes((Join-Path $Destination "$($loaded.Name).dll-Help.xml"), $memory.ToArray())
Write-Host "help: $($commands.Count) cmdlets, $($abouts.Count) about topics"
