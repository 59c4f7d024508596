#Requires -Version 5.1
<#
.SYNOPSIS
Customer's tenant: consents to the collector's app by address or by command, checks the consent, and removes it.
.DESCRIPTION
Url     returns the address at which an administrator consents. Needs no module and no sign-in. The usual way.
Grant   does the same by command: creates the service principal and assigns the permissions.
Check   returns one row per permission, with Granted true or false.
Revoke  removes the permissions and keeps the service principal.
Remove  deletes the service principal, and with it the permissions.
All except Url need Microsoft.Graph.Applications, and an administrator of the customer's tenant.
.EXAMPLE
./customer-tenant.ps1 -TenantId contoso.onmicrosoft.com -ClientId a9900000-0000-4000-8000-000000000001
.EXAMPLE
./customer-tenant.ps1 -TenantId contoso.onmicrosoft.com -ClientId $app -Action Grant -WhatIf
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    # The customer's tenant: id or domain.
    [Parameter(Mandatory)] [ValidatePattern('^[A-Za-z0-9][A-Za-z0-9.-]*$')] [string] $TenantId,
    # Application (client) id of the collector's app.
    [Parameter(Mandatory)] [guid] $ClientId,
    [ValidateSet('Url', 'Grant', 'Check', 'Revoke', 'Remove')] [string] $Action = 'Url',
    # Exactly as in the app registration.
    [uri] $RedirectUri = 'https://localhost',
    # Comes back with the browser.
    [string] $State,
    # <API>/<application permission>; APIs: Defender, Xdr, Graph.
    [ValidatePattern('^(Defender|Xdr|Graph)/.')]
    [string[]] $Permission = @('Defender/Machine.Read.All', 'Defender/Vulnerability.Read.All'),
    # Use Public for GCC.
    [ValidateSet('Public', 'USGov', 'USGovDoD', 'China')] [string] $Cloud = 'Public',
    # Signs in with a code in another browser: in Azure Cloud Shell, over SSH.
    [switch] $UseDeviceCode,
    # Removes without asking.
    [switch] $Force
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$clouds = @{
    Public   = @{ Graph = 'Global'; Authority = 'login.microsoftonline.com' }
    USGov    = @{ Graph = 'USGov'; Authority = 'login.microsoftonline.us' }
    USGovDoD = @{ Graph = 'USGovDoD'; Authority = 'login.microsoftonline.us' }
    China    = @{ Graph = 'China'; Authority = 'login.partner.microsoftonline.cn' }
}
$apis = @{
    Defender = 'fc780465-2017-40d4-a0c5-307022471b92' # WindowsDefenderATP
    Xdr      = '8ee8fdad-f234-4243-8f3b-15c294843740' # Microsoft Threat Protection
    Graph    = '00000003-0000-0000-c000-000000000000' # Microsoft Graph
}

if ($Action -eq 'Url') {
    $query = "client_id=$ClientId&redirect_uri=$([uri]::EscapeDataString($RedirectUri.OriginalString))"
    if ($State) { $query += "&state=$([uri]::EscapeDataString($State))" }
    "https://$($clouds[$Cloud].Authority)/$TenantId/adminconsent?$query"
    return
}

# Objects that were just created take a moment to spread.
function Invoke-Patiently([scriptblock] $Script) {
    foreach ($pause in 5, 10, 20, 30) {
        try { return & $Script }
        catch {
            Write-Verbose "Retrying in $pause s: $($_.Exception.Message)"
            Start-Sleep -Seconds $pause
        }
    }
    & $Script
}

# For each wanted permission: the API's service principal, and the id that belongs to the permission's name there.
function Resolve-Permission {
    foreach ($entry in $Permission) {
        $api, $name = $entry -split '/', 2
        $principal = Get-MgServicePrincipal -Filter "appId eq '$($apis[$api])'"
        $role = @()
        if ($principal) {
            $role = @($principal.AppRoles |
                    Where-Object { $_.Value -ceq $name -and $_.AllowedMemberTypes -contains 'Application' })
            if (-not $role) { throw "The API $api has no application permission '$name'. Check the spelling." }
        }
        [pscustomobject]@{
            Permission = $entry
            ResourceId = $(if ($principal) { $principal.Id })
            RoleId     = $(if ($role) { "$($role[0].Id)" })
        }
    }
}

function Get-Assignment($Principal) {
    @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $Principal.Id -All)
}

function Test-Assigned($Wanted, $Assignments) {
    $same = { $_ -and "$($_.AppRoleId)" -eq $Wanted.RoleId -and "$($_.ResourceId)" -eq $Wanted.ResourceId }
    [bool] @($Assignments | Where-Object $same)
}

Import-Module Microsoft.Graph.Authentication, Microsoft.Graph.Applications
$scopes = @('Application.Read.All')
if ($Action -ne 'Check') { $scopes = @('Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All') }
# Signs in every time, so that nothing happens in a tenant of an earlier sign-in.
$signIn = @{ TenantId = $TenantId; Environment = $clouds[$Cloud].Graph; Scopes = $scopes; ContextScope = 'Process' }
Connect-MgGraph @signIn -UseDeviceCode:$UseDeviceCode -NoWelcome

$collector = Get-MgServicePrincipal -Filter "appId eq '$ClientId'"
$target = "$ClientId in $TenantId"
if (-not $collector -and $Action -notin 'Grant', 'Check') { throw "The app $ClientId is not in this tenant." }

switch ($Action) {
    'Grant' {
        $wanted = @(Resolve-Permission)
        $absent = @($wanted | Where-Object { -not $_.ResourceId })
        if ($absent) {
            throw "The API of $($absent[0].Permission) is not in this tenant. " +
            'Set up Defender at security.microsoft.com first, then try again.'
        }
        if (-not $collector) {
            if (-not $PSCmdlet.ShouldProcess($target, 'Create the service principal')) { return }
            $collector = New-MgServicePrincipal -BodyParameter @{ appId = "$ClientId" }
        }
        $assignments = Invoke-Patiently { Get-Assignment $collector }
        foreach ($role in $wanted) {
            if (Test-Assigned $role $assignments) { continue }
            if (-not $PSCmdlet.ShouldProcess($target, "Grant $($role.Permission)")) { continue }
            $body = @{ principalId = $collector.Id; resourceId = $role.ResourceId; appRoleId = $role.RoleId }
            $null = Invoke-Patiently {
                New-MgServicePrincipalAppRoleAssignedTo -ServicePrincipalId $role.ResourceId -BodyParameter $body
            }
        }
    }
    'Check' {
        if (-not $collector) { Write-Warning "The app $ClientId is not in this tenant: nobody has consented yet." }
        elseif ($collector.AccountEnabled -eq $false) { Write-Warning 'The app is disabled in this tenant.' }
        $assignments = @()
        if ($collector) { $assignments = Get-Assignment $collector }
        foreach ($role in Resolve-Permission) {
            [pscustomobject]@{
                TenantId    = $TenantId
                Permission  = $role.Permission
                ApiInTenant = [bool] $role.ResourceId
                Granted     = [bool] $role.ResourceId -and (Test-Assigned $role $assignments)
            }
        }
    }
    'Revoke' {
        if (-not $PSCmdlet.ShouldProcess($target, 'Remove every application permission')) { return }
        $question = "Remove every application permission of ${target}?"
        if (-not $Force -and -not $PSCmdlet.ShouldContinue($question, 'Revoke')) { return }
        foreach ($assignment in Get-Assignment $collector) {
            $ids = @{ ServicePrincipalId = $collector.Id; AppRoleAssignmentId = $assignment.Id }
            Remove-MgServicePrincipalAppRoleAssignment @ids -Confirm:$false
        }
    }
    'Remove' {
        if (-not $PSCmdlet.ShouldProcess($target, 'Delete the service principal and its permissions')) { return }
        $question = "Delete the service principal of $target, with its permissions?"
        if (-not $Force -and -not $PSCmdlet.ShouldContinue($question, 'Remove')) { return }
        Remove-MgServicePrincipal -ServicePrincipalId $collector.Id -Confirm:$false
    }
}
