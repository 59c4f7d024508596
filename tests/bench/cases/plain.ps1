# The plain script, as a person writes it: the token by hand, then page after page with Invoke-RestMethod.
function Get-PlainHeader {
    $identity = Invoke-RestMethod ("${env:IDENTITY_ENDPOINT}?api-version=2019-08-01&resource=api://AzureADTokenExchange" +
        "&client_id=$($connect.ManagedIdentityClientId)") -Headers @{ 'X-IDENTITY-HEADER' = $env:IDENTITY_HEADER }
    $token = Invoke-RestMethod "$($connect.Endpoint.authority)/$($connect.TenantId)/oauth2/v2.0/token" -Method Post -Body @{
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
