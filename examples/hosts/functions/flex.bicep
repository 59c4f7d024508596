// The collector on Flex Consumption (Linux): plan, app, identity, storage, logs, and the app in Entra.
//   az deployment group create -g rg-collector -f flex.bicep -p name=func-collector tenants=contoso.onmicrosoft.com

@description('Of the function app: unique in Azure.')
param name string
@description('Customers, separated by commas: domains or ids of their tenants.')
param tenants string
param location string = resourceGroup().location
@description('Of an existing app in Entra that trusts the identity. If it is empty, app.bicep creates the app.')
param clientId string = ''

module shared 'shared.bicep' = {
  name: 'shared'
  params: { name: name, location: location }
}

module app 'app.bicep' = if (empty(clientId)) {
  name: 'app'
  params: { identityPrincipalId: shared.outputs.identityPrincipalId }
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'id-${name}')}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    functionAppConfig: {
      runtime: { name: 'powershell', version: '7.6' }
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: 40 }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: shared.outputs.packageContainer
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: shared.outputs.identityId
          }
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: concat(shared.outputs.settings, [
        { name: 'FEDXDR_TENANTS', value: tenants }
        { name: 'FEDXDR_CLIENT_ID', value: empty(clientId) ? app!.outputs.clientId : clientId }
      ])
    }
  }
}

output clientId string = empty(clientId) ? app!.outputs.clientId : clientId
output identityPrincipalId string = shared.outputs.identityPrincipalId
