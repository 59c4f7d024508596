#Requires -Version 5.1
#Requires -Modules Microsoft.Graph.Authentication, Microsoft.Graph.Applications
<#
.SYNOPSIS
Home tenant: the user-assigned identity, the multi-tenant app, its permissions, and the federated credential.
.DESCRIPTION
You can run it as often as you like: it changes nothing that is already right. -WhatIf shows what it would do.
With -IdentityName it looks up the identity in Azure and creates it if it does not exist. That needs Az.Accounts and
Az.ManagedServiceIdentity. With -IdentityObjectId the identity must exist, and no Az module is needed.
.EXAMPLE
./home-tenant.ps1 -TenantId $homeTenant -IdentityName $name -ResourceGroupName rg-collector -Location westeurope
.EXAMPLE
./home-tenant.ps1 -TenantId $homeTenant -IdentityObjectId $objectId -Permission Xdr/Incident.Read.All -WhatIf
.EXAMPLE
./home-tenant.ps1 -TenantId $homeTenant -ClientId $app -Remove
#>
[CmdletBinding(SupportsShouldProcess, DefaultParameterSetName = 'ByName')]
param(
    # Id of the home tenant, where identity and app are.
    [Parameter(Mandatory)] [guid] $TenantId,

    # The user-assigned identity, by name.
    [Parameter(Mandatory, ParameterSetName = 'ByName')] [string] $IdentityName,
    [Parameter(Mandatory, ParameterSetName = 'ByName')] [string] $ResourceGroupName,
    # Location of a new identity.
    [Parameter(ParameterSetName = 'ByName')] [string] $Location,

    # The user-assigned identity, by its object (principal) id.
    [Parameter(Mandatory, ParameterSetName = 'ById')] [guid] $IdentityObjectId,

    # Removes the app with its federated credentials, and keeps the identity.
    [Parameter(Mandatory, ParameterSetName = 'Remove')] [switch] $Remove,
    # Removes without asking.
    [Parameter(ParameterSetName = 'Remove')] [switch] $Force,

    # Customers see this name.
    [string] $AppName = 'Defender collector',
    # Id of an existing app. Without it, the app is found or created by its name.
    [guid] $ClientId,
    # Name of a new federated credential: letters, digits, hyphens.
    [ValidatePattern('^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$')] [string] $CredentialName = 'collector-identity',
    # Signs in with a code in another browser: in Azure Cloud Shell, over SSH.
    [switch] $UseDeviceCode,
    # Where the browser goes after a customer's consent.
    [uri] $RedirectUri = 'https://localhost',
    # <API>/<application permission>; APIs: Defender, Xdr, Graph.
    [ValidatePattern('^(Defender|Xdr|Graph)/.')]
    [string[]] $Permission = @('Defender/Machine.Read.All', 'Defender/Vulnerability.Read.All'),
    # Use Public for GCC.
    [ValidateSet('Public', 'USGov', 'China')] [string] $Cloud = 'Public'
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$clouds = @{
    Public = @{
        Graph     = 'Global'
        Azure     = 'AzureCloud'
        Authority = 'login.microsoftonline.com'
        Audience  = 'api://AzureADTokenExchange'
    }
    USGov  = @{
        Graph     = 'USGov'
        Azure     = 'AzureUSGovernment'
        Authority = 'login.microsoftonline.us'
        Audience  = 'api://AzureADTokenExchangeUSGov'
    }
    China  = @{
        Graph     = 'China'
        Azure     = 'AzureChinaCloud'
        Authority = 'login.partner.microsoftonline.cn'
        Audience  = 'api://AzureADTokenExchangeChina'
    }
}
$apis = @{
    Defender = 'fc780465-2017-40d4-a0c5-307022471b92' # WindowsDefenderATP
    Xdr      = '8ee8fdad-f234-4243-8f3b-15c294843740' # Microsoft Threat Protection
    Graph    = '00000003-0000-0000-c000-000000000000' # Microsoft Graph
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

function Find-App {
    if ($ClientId) { $filter = "appId eq '$ClientId'" }
    else { $filter = "displayName eq '$($AppName.Replace("'", "''"))'" }
    $found = @(Get-MgApplication -Filter $filter -All)
    if ($found.Count -gt 1) { throw "More than one app is called '$AppName'. Name one with -ClientId." }
    if ($ClientId -and -not $found) { throw "There is no app $ClientId in this tenant." }
    if ($found) { $found[0] }
}

# The user-assigned identity: ObjectId, ClientId, ResourceId. Nothing if it does not exist and -WhatIf is given.
function Resolve-Identity {
    if ($PSCmdlet.ParameterSetName -eq 'ById') {
        $principal = Get-MgServicePrincipal -ServicePrincipalId $IdentityObjectId
        if ($principal.ServicePrincipalType -ne 'ManagedIdentity') {
            throw "$IdentityObjectId is of type $($principal.ServicePrincipalType), not a managed identity."
        }
        $resource = @($principal.AlternativeNames | Where-Object { $_ -like '/subscriptions/*' })
        if (-not ($resource -like '*/userAssignedIdentities/*')) {
            Write-Warning ('This identity is system-assigned. ' +
                'Microsoft documents only user-assigned identities as federated subjects.')
        }
        return [pscustomobject]@{
            ObjectId   = $principal.Id
            ClientId   = $principal.AppId
            ResourceId = $resource -join ''
        }
    }
    Import-Module Az.Accounts, Az.ManagedServiceIdentity
    $azure = Get-AzContext
    if (-not $azure -or -not $azure.Tenant -or "$($azure.Tenant.Id)" -ne "$TenantId") {
        $signIn = @{ Tenant = $TenantId; Environment = $clouds[$Cloud].Azure; WhatIf = $false }
        $null = Connect-AzAccount @signIn -UseDeviceAuthentication:$UseDeviceCode
    }
    $group = @{ ResourceGroupName = $ResourceGroupName }
    $identity = Get-AzUserAssignedIdentity @group | Where-Object Name -EQ $IdentityName
    if (-not $identity) {
        $name = "$ResourceGroupName/$IdentityName"
        if (-not $PSCmdlet.ShouldProcess($name, 'Create the user-assigned identity')) { return }
        if (-not $Location) { throw "There is no identity $name. To create it, give -Location." }
        $identity = New-AzUserAssignedIdentity @group -Name $IdentityName -Location $Location
    }
    [pscustomobject]@{ ObjectId = $identity.PrincipalId; ClientId = $identity.ClientId; ResourceId = $identity.Id }
}

# What the app must request: API id to the ids of its application permissions, found by name in the API's service
# principal.
function Resolve-Permission {
    $wanted = @{}
    foreach ($entry in $Permission) {
        $api, $name = $entry -split '/', 2
        $id = $apis[$api]
        $principal = Get-MgServicePrincipal -Filter "appId eq '$id'"
        if (-not $principal) {
            # An API that nobody has used in this tenant has no service principal, and so no list of permissions.
            if (-not $PSCmdlet.ShouldProcess("$api ($id)", "Create the API's service principal")) { continue }
            $principal = New-MgServicePrincipal -BodyParameter @{ appId = $id }
        }
        $role = @($principal.AppRoles |
                Where-Object { $_.Value -ceq $name -and $_.AllowedMemberTypes -contains 'Application' })
        if (-not $role) { throw "The API $api has no application permission '$name'. Check the spelling." }
        if (-not $wanted.ContainsKey($id)) { $wanted[$id] = @() }
        $wanted[$id] += "$($role[0].Id)"
    }
    $wanted
}

# What the app already requests and what it must request, together. Nothing if there is nothing to add.
function Join-Permission($App, [hashtable] $Wanted) {
    $access = @{}
    foreach ($resource in @($App.RequiredResourceAccess | Where-Object { $_ })) {
        $roles = @($resource.ResourceAccess | ForEach-Object { @{ id = "$($_.Id)"; type = $_.Type } })
        $access["$($resource.ResourceAppId)"] = $roles
    }
    $added = $false
    foreach ($api in $Wanted.Keys) {
        if (-not $access.ContainsKey($api)) { $access[$api] = @() }
        foreach ($role in $Wanted[$api]) {
            if (@($access[$api] | ForEach-Object { $_.id }) -notcontains $role) {
                $access[$api] += @{ id = $role; type = 'Role' }
                $added = $true
            }
        }
    }
    if ($added) { $access.Keys | ForEach-Object { @{ resourceAppId = $_; resourceAccess = @($access[$_]) } } }
}

function Remove-Collector {
    $app = Find-App
    if (-not $app) { throw "There is no app '$AppName'." }
    $what = "app $($app.DisplayName) ($($app.AppId)) with its federated credentials"
    if (-not $PSCmdlet.ShouldProcess($what, 'Remove')) { return }
    $question = "Remove ${what}? The collector stops for EVERY customer."
    if (-not $Force -and -not $PSCmdlet.ShouldContinue($question, 'Remove')) { return }
    # The credentials first: without them there are no new tokens.
    foreach ($credential in @(Get-MgApplicationFederatedIdentityCredential -ApplicationId $app.Id -All)) {
        $ids = @{ ApplicationId = $app.Id; FederatedIdentityCredentialId = $credential.Id }
        Remove-MgApplicationFederatedIdentityCredential @ids -Confirm:$false
    }
    Remove-MgApplication -ApplicationId $app.Id -Confirm:$false
    Write-Warning 'The app can be restored for 30 days. Existing tokens work until they end, about an hour.'
    Write-Warning 'The identity still exists.'
}

$context = Get-MgContext
$scopes = @('Application.ReadWrite.All')
if (-not $context -or "$($context.TenantId)" -ne "$TenantId" -or -not ($context.Scopes -contains $scopes[0])) {
    $signIn = @{ TenantId = $TenantId; Environment = $clouds[$Cloud].Graph; Scopes = $scopes; ContextScope = 'Process' }
    Connect-MgGraph @signIn -UseDeviceCode:$UseDeviceCode -NoWelcome
}
if ($Remove) {
    Remove-Collector
    return
}

$identity = Resolve-Identity
$wanted = Resolve-Permission
$app = Find-App
if (-not $app) {
    if (-not $PSCmdlet.ShouldProcess($AppName, 'Create the multi-tenant app')) { return }
    $app = New-MgApplication -BodyParameter @{
        displayName            = $AppName
        signInAudience         = 'AzureADMultipleOrgs'
        web                    = @{ redirectUris = @($RedirectUri.OriginalString) }
        requiredResourceAccess = @(Join-Permission ([pscustomobject]@{ RequiredResourceAccess = @() }) $wanted)
    }
}
else {
    $change = @{}
    if ($app.SignInAudience -eq 'AzureADMyOrg') { $change.signInAudience = 'AzureADMultipleOrgs' }
    $uris = @($app.Web.RedirectUris | Where-Object { $_ })
    if ($uris -cnotcontains $RedirectUri.OriginalString) {
        $change.web = @{ redirectUris = $uris + $RedirectUri.OriginalString }
    }
    $access = @(Join-Permission $app $wanted)
    if ($access) {
        $change.requiredResourceAccess = $access
        Write-Warning 'The permissions change: customers must consent again.'
    }
    $name = "$($app.DisplayName) ($($app.AppId))"
    if ($change.Count -and $PSCmdlet.ShouldProcess($name, "Change $($change.Keys -join ', ')")) {
        Update-MgApplication -ApplicationId $app.Id -BodyParameter $change
    }
}
if (-not $identity) { return }

$credential = @{
    name      = $CredentialName
    issuer    = "https://$($clouds[$Cloud].Authority)/$TenantId/v2.0"
    subject   = "$($identity.ObjectId)"
    audiences = @($clouds[$Cloud].Audience)
}
# The one with this issuer and subject, whatever its name is.
$all = @(Invoke-Patiently { Get-MgApplicationFederatedIdentityCredential -ApplicationId $app.Id -All })
$present = $all | Where-Object { $_.Issuer -ceq $credential.issuer -and $_.Subject -ceq $credential.subject }
$namesake = $all | Where-Object Name -EQ $CredentialName
if (-not $present -and $namesake) {
    # Another identity may still need it, so it is not overwritten.
    throw "The federated credential $CredentialName is of another subject, $($namesake.Subject). " +
    'Choose another name with -CredentialName, or delete it.'
}
$name = if ($present) { $present.Name } else { $CredentialName }
$target = "$name of $($app.AppId)"
if (-not $present) {
    if ($PSCmdlet.ShouldProcess($target, "Create the federated credential for subject $($credential.subject)")) {
        $null = Invoke-Patiently {
            New-MgApplicationFederatedIdentityCredential -ApplicationId $app.Id -BodyParameter $credential
        }
    }
}
elseif ("$($present.Audiences)" -cne $credential.audiences[0]) {
    if ($PSCmdlet.ShouldProcess($target, "Correct the federated credential: audience $($credential.audiences[0])")) {
        $credential.Remove('name') # cannot be changed
        $ids = @{ ApplicationId = $app.Id; FederatedIdentityCredentialId = $present.Id }
        $null = Update-MgApplicationFederatedIdentityCredential @ids -BodyParameter $credential
    }
}

[pscustomobject]@{
    TenantId           = "$TenantId"
    ClientId           = $app.AppId
    IdentityClientId   = "$($identity.ClientId)"
    IdentityObjectId   = "$($identity.ObjectId)"
    IdentityResourceId = $identity.ResourceId
    Issuer             = $credential.issuer
    Subject            = $credential.subject
    Audience           = $credential.audiences[0]
}
