# Stands in for the Microsoft Graph and Az cmdlets that the set-up scripts use: a tenant where everything is set up.
# $global:GraphCredentials are the federated credentials of the app; changes are written into $global:GraphCalls.

$identity = '44444444-0000-4000-8000-000000000001'

function Write-Call([string] $Name, $Values) {
    $global:GraphCalls.Add([pscustomobject]@{ Name = $Name; Values = $Values })
}

function Get-MgContext { }
function Connect-MgGraph {
    param($TenantId, $Environment, $Scopes, $ContextScope, [switch] $UseDeviceCode, [switch] $NoWelcome)
}

function Get-AzContext {
    $tenant = [pscustomobject]@{ Id = '11111111-1111-1111-1111-111111111111' }
    [pscustomobject]@{ Tenant = $tenant }
}

function Get-AzUserAssignedIdentity($ResourceGroupName) {
    $ids = @{ PrincipalId = $identity; ClientId = '1d000000-0000-4000-8000-c00000000001'; Id = '/subscriptions/x' }
    [pscustomobject](@{ Name = 'id-defender-collector' } + $ids)
}

function Get-MgApplication($Filter, [switch] $All) {
    $resource = [pscustomobject]@{ ResourceAppId = 'fc780465-2017-40d4-a0c5-307022471b92'; ResourceAccess = @() }
    [pscustomobject]@{
        Id = 'app-1'; AppId = 'a9900000-0000-4000-8000-000000000001'; DisplayName = 'Defender collector'
        SignInAudience = 'AzureADMultipleOrgs'; Web = [pscustomobject]@{ RedirectUris = @('https://localhost') }
        RequiredResourceAccess = @($resource)
    }
}

function Update-MgApplication($ApplicationId, $BodyParameter) { Write-Call $MyInvocation.MyCommand.Name $BodyParameter }

function Get-MgServicePrincipal($Filter, $ServicePrincipalId) {
    $roles = foreach ($name in 'Machine.Read.All', 'Vulnerability.Read.All') {
        [pscustomobject]@{ Id = "role-$name"; Value = $name; AllowedMemberTypes = @('Application') }
    }
    [pscustomobject]@{
        Id = 'principal-1'; AppId = 'x'; AppRoles = @($roles); AccountEnabled = $true
        ServicePrincipalType = 'ManagedIdentity'; AlternativeNames = @()
    }
}

function Get-MgServicePrincipalAppRoleAssignment($ServicePrincipalId, [switch] $All) {
    foreach ($name in 'Machine.Read.All', 'Vulnerability.Read.All') {
        [pscustomobject]@{ AppRoleId = "role-$name"; ResourceId = 'principal-1'; Id = $name }
    }
}

function Get-MgApplicationFederatedIdentityCredential($ApplicationId, [switch] $All) { $global:GraphCredentials }

function New-MgApplicationFederatedIdentityCredential($ApplicationId, $BodyParameter) {
    Write-Call $MyInvocation.MyCommand.Name $BodyParameter
}

function Update-MgApplicationFederatedIdentityCredential {
    param($ApplicationId, $FederatedIdentityCredentialId, $BodyParameter)
    Write-Call $MyInvocation.MyCommand.Name ($BodyParameter + @{ id = $FederatedIdentityCredentialId })
}
