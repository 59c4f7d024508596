@{
    RootModule           = 'FedXdr.dll'
    ModuleVersion        = '0.1.0'
    GUID                 = '6f0e6b0c-8d3b-4a55-9f0b-3c9a6b1d72e4'
    Author               = 'FedXdr contributors'
    CompanyName          = 'FedXdr contributors'
    Copyright            = '(c) FedXdr contributors. MIT license.'
    Description          = 'Turns an Azure managed identity into tokens for Microsoft Defender in any customer tenant, without a secret, and streams Defender data into the pipeline.'
    PowerShellVersion    = '7.4'
    CompatiblePSEditions = 'Core'
    FormatsToProcess     = 'FedXdr.Format.ps1xml'
    TypesToProcess       = 'FedXdr.Types.ps1xml'
    # Lists have commas in place of @(...): each statement in @(...) is compiled at import.
    CmdletsToExport      =
        # generated: cmdlets
        'Get-FdxAlert',
        'Get-FdxAntivirusHealth',
        'Get-FdxAssessment',
        'Get-FdxBaselineConfiguration',
        'Get-FdxBaselineProfile',
        'Get-FdxBrowserExtensionPermission',
        'Get-FdxCloudAlert',
        'Get-FdxCloudAssessment',
        'Get-FdxCloudPlan',
        'Get-FdxCloudSecureScore',
        'Get-FdxCloudSecureScoreControl',
        'Get-FdxCve',
        'Get-FdxDetectionRule',
        'Get-FdxDomain',
        'Get-FdxFile',
        'Get-FdxFileStatistic',
        'Get-FdxIncident',
        'Get-FdxIndicator',
        'Get-FdxInvestigation',
        'Get-FdxIpAddress',
        'Get-FdxLibraryFile',
        'Get-FdxMachine',
        'Get-FdxMachineAction',
        'Get-FdxMachineCve',
        'Get-FdxMissingKb',
        'Get-FdxRecommendation',
        'Get-FdxRemediationTask',
        'Get-FdxScanAgent',
        'Get-FdxScanDefinition',
        'Get-FdxScanHistory',
        'Get-FdxScore',
        'Get-FdxSecureScore',
        'Get-FdxSecureScoreControl',
        'Get-FdxSoftware',
        'Get-FdxSoftwareVersion',
        'Get-FdxSubscription',
        'Get-FdxTenant',
        'Get-FdxThreatArticle',
        'Get-FdxThreatHost',
        'Get-FdxThreatProfile',
        'Get-FdxThreatVulnerability',
        'Get-FdxUser',
        'Get-FdxVulnerability',
        # end
        'Connect-Fdx',
        'Disconnect-Fdx',
        'Export-FdxDataset',
        'Export-FdxReport',
        'Get-FdxConnection',
        'Get-FdxToken',
        'Import-FdxDataset',
        'Invoke-FdxHunting',
        'Invoke-FdxRequest',
        'New-FdxConsentUrl',
        'Resolve-FdxError',
        'Search-FdxResourceGraph',
        'Send-FdxRow',
        'Test-FdxConnection'
    FunctionsToExport    = @()
    AliasesToExport      = @()
    VariablesToExport    = @()
    PrivateData          = @{
        PSData = @{
            # In a package the build adds the systems of its libraries to the tags, and the release notes: both come
            # from module/package/Write-Manifest.ps1.
            Tags         =
                'PSEdition_Core', 'Defender', 'XDR', 'MDE', 'Security', 'ManagedIdentity', 'WorkloadIdentity', 'Entra',
                'MultiTenant', 'Azure'
            ProjectUri   = 'https://github.com/fedxdr/fedxdr'
            LicenseUri   = 'https://github.com/fedxdr/fedxdr/blob/main/LICENSE'
            IconUri      = 'https://raw.githubusercontent.com/fedxdr/fedxdr/main/module/icon.png'
            Prerelease   = ''
            ReleaseNotes = ''
        }
    }
}
