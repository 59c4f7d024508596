// The collector on Flex Consumption (Linux): plan, app, identity, storage, the queue, the container of the datasets,
// logs, and the app in Entra.
//   az deployment group create -g rg-collector -f main.bicep -p name=func-collector tenants=contoso.onmicrosoft.com

@description('Of the function app: unique in Azure.')
param name string
@description('Customers, separated by commas. Empty: all that granted delegated administration to partnerTenant.')
param tenants string = ''
@description('The tenant of the partner, if tenants is empty.')
param partnerTenant string = tenant().tenantId
@description('Names of datasets, separated by commas.')
param datasets string = 'vulnerabilities, machines'
param location string = resourceGroup().location
@description('Of an existing app in Entra that trusts the identity. If it is empty, app.bicep creates the app.')
param clientId string = ''
@description('Instances at most; each works on four messages at a time.')
param maximumInstances int = 40

module shared '../hosts/functions/shared.bicep' = {
  name: 'shared'
  params: { name: name, location: location }
}

module app '../hosts/functions/app.bicep' = if (empty(clientId)) {
  name: 'app'
  params: { identityPrincipalId: shared.outputs.identityPrincipalId }
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: 'st${uniqueString(resourceGroup().id, name)}'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: storage
  name: 'default'
  dependsOn: [shared]
}

resource exports 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'exports'
}

resource data 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  name: '${storage.name}/default/defender'
  dependsOn: [shared]
}

// Storage Queue Data Contributor: the host reads, hides, writes and moves messages.
resource queueContributor 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, name, 'queueContributor')
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
    )
    principalId: shared.outputs.identityPrincipalId
    principalType: 'ServicePrincipal'
  }
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
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: maximumInstances }
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
        { name: 'FEDXDR_PARTNER_TENANT', value: partnerTenant }
        { name: 'FEDXDR_DATASETS', value: datasets }
        { name: 'FEDXDR_DESTINATION', value: '${storage.properties.primaryEndpoints.blob}defender' }
        { name: 'FEDXDR_CLIENT_ID', value: empty(clientId) ? app!.outputs.clientId : clientId }
      ])
    }
  }
}

output clientId string = empty(clientId) ? app!.outputs.clientId : clientId
output identityPrincipalId string = shared.outputs.identityPrincipalId
output datasets string = '${storage.properties.primaryEndpoints.blob}defender'
