# The plain script, as a person would write it: the token by hand, then page after page with Invoke-RestMethod.
function Get-PlainHeader {
    $query = "api-version=2019-08-01&resource=api://AzureADTokenExchange&client_id=$($connect.ManagedIdentityClientId)"
    $header = @{ 'X-IDENTITY-HEADER' = $env:IDENTITY_HEADER }
    $identity = Invoke-RestMethod "${env:IDENTITY_ENDPOINT}?$query" -Headers $header
    $endpoint = "$($connect.Endpoint.authority)/$($connect.TenantId)/oauth2/v2.0/token"
    $token = Invoke-RestMethod $endpoint -Method Post -Body @{
        client_id             = $connect.ClientId
        scope                 = 'https://api.securitycenter.microsoft.com/.default'
        grant_type            = 'client_credentials'
        client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
        client_assertion      = $identity.access_token
    }
    @{ Authorization = "Bearer $($token.access_token)" }
}

function Get-PlainRow($Headers) {
    $u = "$($connect.Endpoint.defender)/api/machines/SoftwareVulnerabilitiesByMachine"
    while ($u) {
        $r = Invoke-RestMethod $u -Headers $Headers
        $r.value
        $u = $r.PSObject.Properties['@odata.nextLink'] ? $r.'@odata.nextLink' : $null
    }
}
