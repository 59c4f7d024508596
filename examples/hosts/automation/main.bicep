// The collector as an Automation runbook: account, user-assigned identity, a runtime environment with FedXdr, the
// runbook and its schedule. The runbook's text comes afterwards, see README.md.
//   az deployment group create -g rg-collector -f main.bicep -p tenants='["contoso.onmicrosoft.com"]' clientId=…

@description('Of the Automation account.')
param name string = 'aa-collector'
@description('Customers: domains or ids of their tenants.')
param tenants array
@description('Application (client) id of the multi-tenant app.')
param clientId string
param location string = resourceGroup().location
@allowed(['7.4', '7.6'])
param powerShellVersion string = '7.4'
@description('The package: that of the gallery, or the address of FedXdr.<version>.automation.zip, with its SAS.')
@secure()
param packageUri string = 'https://www.powershellgallery.com/api/v2/package/FedXdr/0.1.0'
@description('When the schedule begins: at least five minutes from now.')
param firstRun string = dateTimeAdd(utcNow(), 'PT1H')

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}'
  location: location
}

resource account 'Microsoft.Automation/automationAccounts@2024-10-23' = {
  name: name
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    sku: { name: 'Basic' }
    // Keys and webhooks of the account: nothing here uses them.
    disableLocalAuth: true
  }
}

// Automation has no ready environment with PowerShell 7.4 or later.
resource runtime 'Microsoft.Automation/automationAccounts/runtimeEnvironments@2024-10-23' = {
  parent: account
  name: 'PowerShell-FedXdr'
  location: location
  properties: {
    runtime: { language: 'PowerShell', version: powerShellVersion }
    // Without the Az packages a sandbox starts sooner.
    defaultPackages: {}
  }
}

resource package 'Microsoft.Automation/automationAccounts/runtimeEnvironments/packages@2024-10-23' = {
  parent: runtime
  name: 'FedXdr'
  properties: {
    contentLink: { uri: packageUri }
  }
}

resource runbook 'Microsoft.Automation/automationAccounts/runbooks@2024-10-23' = {
  parent: account
  name: 'collector'
  location: location
  properties: {
    runbookType: 'PowerShell'
    runtimeEnvironment: runtime.name
    // Its text comes by replace-content.
    draft: {}
    logVerbose: false
    logProgress: false
  }
}

resource schedule 'Microsoft.Automation/automationAccounts/schedules@2024-10-23' = {
  parent: account
  name: 'every-six-hours'
  properties: {
    startTime: firstRun
    frequency: 'Hour'
    interval: 6
    timeZone: 'UTC'
  }
}

// An array parameter of a runbook is given as JSON.
output parameters object = {
  TenantId: string(tenants)
  ClientId: clientId
  ManagedIdentityClientId: identity.properties.clientId
}
output identityPrincipalId string = identity.properties.principalId
