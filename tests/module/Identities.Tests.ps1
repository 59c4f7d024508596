Describe 'Identities outside a function app' {
    BeforeAll {
        . $PSScriptRoot/Fixture.ps1
        Start-FakeTenant
    }

    AfterAll { Stop-FakeTenant }

    BeforeEach {
        Reset-Tenant
        $place = @{ IDENTITY_ENDPOINT = $Fake.identityEndpoint; IDENTITY_HEADER = $Fake.identityHeader }
        $connect = @{ TenantId = $Tenant; ClientId = $Fake.clientId; Endpoint = Get-Endpoint; MaximumRetryCount = 1 }
    }

    AfterEach {
        (Get-Report).violations | Should -BeNullOrEmpty
    }

    It 'reads with the token file of a pod, and reads a changed file again' {
        Add-FederatedCredential https://oidc.example.net/cluster/ system:serviceaccount:security:collector
        $file = Join-Path $TestDrive token
        Set-Content $file (New-ForeignToken system:serviceaccount:security:collector 3600)
        Connect-Fdx @connect -FederatedTokenFile $file
        (Get-FdxConnection).Identity | Should -Match 'token file'
        @(Get-FdxVulnerability -First 10).Count | Should -Be 10

        Disconnect-Fdx -ClearTokenCache
        Set-Content $file (New-ForeignToken system:serviceaccount:security:other 3600)
        Connect-Fdx @connect -FederatedTokenFile $file
        $failure = Get-Failure { Get-FdxToken }
        Get-ErrorId $failure | Should -Be 'Fdx.Auth.SubjectMismatch'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'system:serviceaccount:security:other'
    }

    It 'takes a path that is relative to PowerShell''s current location' {
        Add-FederatedCredential https://oidc.example.net/cluster/ pod
        Set-Content (Join-Path $TestDrive relative) (New-ForeignToken pod 3600)
        Push-Location $TestDrive
        try {
            Connect-Fdx @connect -FederatedTokenFile ./relative
        }
        finally {
            Pop-Location
        }
        (Get-FdxToken).AppId | Should -Be $Fake.clientId
    }

    It 'says what is wrong with a token file: <id>' -ForEach @(
        @{ id = 'Fdx.Workload.FileUnreadable'; make = { } }
        @{ id = 'Fdx.Workload.FileNotToken'; make = { Set-Content $args[0] 'apiVersion: v1' } }
        @{ id = 'Fdx.Workload.FileExpired'; make = { Set-Content $args[0] (New-ForeignToken pod -60) } }
    ) {
        $file = Join-Path $TestDrive "bad-$id"
        . $make $file
        Connect-Fdx @connect -FederatedTokenFile $file
        $failure = Get-Failure { Get-FdxToken }
        Get-ErrorId $failure | Should -Be $id
        $failure.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        "$failure" | Should -Match ([regex]::Escape($file))
    }

    It 'reads in a GitHub Actions job' {
        Add-FederatedCredential https://token.actions.githubusercontent.com 'repo:org@1/collector@2:ref:refs/heads/main'
        Connect-Fdx @connect -GitHubActions
        Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.GitHub.PermissionMissing'
        $env:ACTIONS_ID_TOKEN_REQUEST_URL = $Fake.builds.ACTIONS_ID_TOKEN_REQUEST_URL
        $env:ACTIONS_ID_TOKEN_REQUEST_TOKEN = 'fake-wrong-token'
        $failure = Get-Failure { Get-FdxToken }
        Get-ErrorId $failure | Should -Be 'Fdx.Oidc.Refused'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'id-token: write'
        $env:ACTIONS_ID_TOKEN_REQUEST_TOKEN = $Fake.builds.ACTIONS_ID_TOKEN_REQUEST_TOKEN
        @(Get-FdxVulnerability -First 10).Count | Should -Be 10
    }

    It 'reads in an Azure Pipelines job, and says what a refused job must change' {
        $issuer = 'https://vstoken.dev.azure.com/0de00000-0000-4000-8000-000000000001'
        Add-FederatedCredential $issuer sc://org/project/collector
        Connect-Fdx @connect -ServiceConnectionId $Fake.serviceConnectionId
        $env:SYSTEM_OIDCREQUESTURI = $Fake.builds.SYSTEM_OIDCREQUESTURI
        $failure = Get-Failure { Get-FdxToken }
        Get-ErrorId $failure | Should -Be 'Fdx.Pipelines.VariableMissing'
        $failure.ErrorDetails.RecommendedAction | Should -Match 'SYSTEM_ACCESSTOKEN: \$\(System\.AccessToken\)'
        $env:SYSTEM_ACCESSTOKEN = 'fake-wrong-token'
        $failure = Get-Failure { Get-FdxToken }
        Get-ErrorId $failure | Should -Be 'Fdx.Oidc.Refused'
        $failure.Exception.HttpStatus | Should -Be 401
        $env:SYSTEM_ACCESSTOKEN = $Fake.builds.SYSTEM_ACCESSTOKEN
        @(Get-FdxVulnerability -First 10).Count | Should -Be 10
        $failure = Get-Failure { Connect-Fdx @connect -ServiceConnectionId 'my connection' }
        Get-ErrorId $failure | Should -Be 'Fdx.Settings.InvalidId'
        Connect-Fdx @connect -ServiceConnectionId 99999999-9999-4999-8999-999999999999
        Get-ErrorId (Get-Failure { Get-FdxToken }) | Should -Be 'Fdx.Oidc.Refused'
    }

    It 'reads on a virtual machine' {
        $env:IDENTITY_ENDPOINT = $null
        $env:IDENTITY_HEADER = $null
        Connect-Fdx @connect -ManagedIdentityResourceId $Fake.managedIdentity.resourceId
        @(Get-FdxVulnerability -First 10).Count | Should -Be 10
        # One probe and one token request. A service that has given a token is not probed again.
        Get-Count imds | Should -Be 2
        (Get-FdxToken -TenantId $Fake.tenants[1].tenantId).AppId | Should -Be $Fake.clientId
        Get-Count imds | Should -Be 2
    }

    It 'retries while a virtual machine''s endpoint updates itself' {
        $env:IDENTITY_ENDPOINT = $null
        $env:IDENTITY_HEADER = $null
        # The first request is the probe.
        $body = @{ error = 'not_found'; error_description = 'Identity not found' }
        Add-Fault @{ service = 'imds'; name = 'status'; code = 404; skip = 1; body = $body }
        Connect-Fdx @connect -ManagedIdentityClientId $Fake.managedIdentity.clientId
        (Get-FdxToken).AppId | Should -Be $Fake.clientId
        Get-Count imds | Should -Be 3
    }

    It 'requires an app for a token that only works for an exchange' {
        $connect.Remove('ClientId')
        { Connect-Fdx @connect -FederatedTokenFile x -ErrorAction Stop } | Should -Throw
    }

    It 'keeps the connections of two identities apart' {
        Add-FederatedCredential https://token.actions.githubusercontent.com 'repo:org@1/collector@2:ref:refs/heads/main'
        foreach ($name in 'ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN') {
            Set-Item "env:$name" $Fake.builds.$name
        }
        $one = Connect-Fdx @connect -GitHubActions -PassThru
        $two = Connect-Fdx @connect -ManagedIdentityClientId $Fake.managedIdentity.clientId -PassThru
        (Get-FdxToken -Connection $one).FromCache | Should -BeFalse
        (Get-FdxToken -Connection $two).FromCache | Should -BeFalse
        (Get-FdxToken -Connection $one).FromCache | Should -BeTrue
        (Get-Report).counts.exchanges | Should -Be 2
    }
}
