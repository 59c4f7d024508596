// The multi-tenant app in Entra, and the federated credential by which it trusts the identity. There is no secret.
// Whoever deploys this needs Application.ReadWrite.All of Microsoft Graph. Without it, use ../../setup instead.
extension microsoftGraphV1

@description('Customers see this name.')
param displayName string = 'Defender collector'
@description('Key of the app: never change it.')
param uniqueName string = 'defender-collector'
@description('Object (principal) id of the identity, not its client id.')
param identityPrincipalId string
@description('Application permissions of WindowsDefenderATP.')
param permissions array = ['Machine.Read.All', 'Vulnerability.Read.All']

// WindowsDefenderATP. It is in the home tenant if anybody has used Defender for Endpoint there.
resource defender 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: 'fc780465-2017-40d4-a0c5-307022471b92'
}

resource app 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMultipleOrgs'
  web: {
    // Where the browser goes after a customer's consent.
    redirectUris: ['https://localhost']
  }
  requiredResourceAccess: [
    {
      resourceAppId: defender.appId
      resourceAccess: map(permissions, permission => {
        id: filter(defender.appRoles, role => role.value == permission)[0].id
        type: 'Role'
      })
    }
  ]

  resource trust 'federatedIdentityCredentials@v1.0' = {
    name: '${app.uniqueName}/collector-identity'
    issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
    subject: identityPrincipalId
    audiences: ['api://AzureADTokenExchange']
  }
}

output clientId string = app.appId
