// The collector on a Windows plan, 64-bit: plan, app, identity, storage, logs, and the app in Entra. The plan is a
// dedicated one (B1): Consumption and Premium keep the app's content in Azure Files, which needs a storage key.
//   az deployment group create -g rg-collector -f windows.bicep -p name=func-collector tenants=contoso.onmicrosoft.com

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
  sku: { name: 'B1', tier: 'Basic' }
}

resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'id-${name}')}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      alwaysOn: true
      minTlsVersion: '1.2'
      powerShellVersion: '7.6'
      // FedXdr has no 32-bit library.
      use32BitWorkerProcess: false
      appSettings: concat(shared.outputs.settings, [
        { name: 'FUNCTIONS_EXTENSION_VERSION', value: '~4' }
        { name: 'FUNCTIONS_WORKER_RUNTIME', value: 'powershell' }
        { name: 'FUNCTIONS_WORKER_RUNTIME_VERSION', value: '7.6' }
        { name: 'WEBSITE_RUN_FROM_PACKAGE', value: '1' }
        { name: 'FEDXDR_TENANTS', value: tenants }
        { name: 'FEDXDR_CLIENT_ID', value: empty(clientId) ? app!.outputs.clientId : clientId }
      ])
    }
  }
}

output clientId string = empty(clientId) ? app!.outputs.clientId : clientId
output identityPrincipalId string = shared.outputs.identityPrincipalId
