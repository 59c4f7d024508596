//! The AADSTS codes that a client credentials request can get.
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

/// A refusal of the token endpoint.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// AADSTS code.
    pub code: u32,
    /// OAuth error.
    pub error: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Text after the code.
    pub text: String,
}

/// A refusal with a text of its own.
pub(crate) fn no(code: u32, text: impl Into<String>) -> Refusal {
    let error = entry(code).map_or("invalid_request", |(_, error, _)| error);
    let status = match (code, error) {
        (THROTTLED, _) => 429,
        (_, "temporarily_unavailable") => 503,
        (_, "invalid_client" | "unauthorized_client") => 401,
        _ => 400,
    };
    Refusal { code, error, status, text: text.into() }
}

/// A refusal with the text of the table.
pub(crate) fn plain(code: u32) -> Refusal {
    no(code, entry(code).map_or("The request was refused.", |(_, _, text)| text))
}

/// The tenant sent too many requests: this refusal has a Retry-After.
pub(crate) const THROTTLED: u32 = 90055;

fn entry(code: u32) -> Option<(u32, &'static str, &'static str)> {
    CODES.iter().find(|(known, _, _)| *known == code).copied()
}

/// Code, OAuth error, text.
pub(crate) const CODES: &[(u32, &str, &str)] = &[
    // The shape of the request.
    (90023, "invalid_request", "Invalid STS request."),
    (900_144, "invalid_request", "The request body must contain the following parameter: 'grant_type'."),
    (9_002_313, "invalid_request", "Invalid request. Request is malformed or invalid."),
    (
        7_000_218,
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    (70003, "unsupported_grant_type", "The app requested an unsupported grant type."),
    (7_000_113, "invalid_request", "Application is not authorized to make application on-behalf-of calls."),
    (7_000_114, "invalid_request", "Application is not allowed to make application on-behalf-of calls."),
    (
        240_002,
        "invalid_request",
        "Input id_token cannot be used as 'urn:ietf:params:oauth:grant-type:jwt-bearer' grant.",
    ),
    (
        700_025,
        "invalid_client",
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    (70011, "invalid_scope", "The provided value for the input parameter 'scope' is not valid."),
    (28002, "invalid_scope", "The provided value for the input parameter scope is not valid for the token."),
    (1_002_012, "invalid_scope", "Client credential flows must have a scope value with /.default."),
    (700_022, "invalid_request", "Multiple resources are not supported in a single request."),
    (901_002, "invalid_request", "The 'resource' request parameter is not supported."),
    (9_001_023, "invalid_request", "The grant type is not supported over the /common endpoint."),
    (90130, "invalid_request", "The application is not supported over the /common endpoint."),
    // Federated credentials and assertions.
    (70021, "invalid_client", "No matching federated identity record found for presented assertion."),
    (70025, "invalid_client", "The client has no configured federated identity credentials."),
    (
        700_211,
        "invalid_client",
        "No matching federated identity record found for presented assertion issuer.",
    ),
    (
        700_212,
        "invalid_client",
        "No matching federated identity record found for presented assertion audience.",
    ),
    (
        7_002_121,
        "invalid_client",
        "No matching federated identity record found for presented assertion audience.",
    ),
    (
        700_213,
        "invalid_client",
        "No matching federated identity record found for presented assertion subject.",
    ),
    (7_002_138, "invalid_client", "The presented assertion subject differs from the record only by case."),
    (
        700_214,
        "invalid_client",
        "The audience of the federated identity credential must be 'api://AzureADTokenExchange'.",
    ),
    (700_222, "invalid_client", "Tokens issued by Entra ID may not be used for federated identity flows."),
    (700_223, "invalid_client", "Workload identity federation is disabled for the tenant."),
    (700_226, "invalid_client", "Only managed identities can be used as Federated Identity Credentials."),
    (700_227, "invalid_client", "The audience is not allowed in federated identity flows."),
    (
        700_229,
        "invalid_client",
        "Only app-only tokens can be used as Federated Identity Credentials for a Microsoft Entra issuer.",
    ),
    (
        700_231,
        "invalid_client",
        "The token was obtained through a federated identity credential. Chains are not supported.",
    ),
    (
        700_236,
        "invalid_client",
        "Entra ID tokens issued by another tenant may not be used for federated identity credentials.",
    ),
    (700_238, "invalid_client", "Workload identity federation is restricted by a policy of the tenant."),
    (7_002_381, "invalid_client", "The policy of the tenant requires an 'enterprise' claim."),
    (70052, "invalid_client", "A token of an Entra issuer cannot be used with a multi-tenant application."),
    (700_024, "invalid_client", "Client assertion is not within its valid time range."),
    (50013, "invalid_grant", "Assertion failed signature validation."),
    (500_133, "invalid_grant", "Assertion is not within its valid time range."),
    (50027, "invalid_request", "JWT token is invalid or malformed."),
    (900_384, "invalid_request", "JWT token failed signature validation."),
    (700_021, "invalid_client", "Client assertion subject does not match the application identifier."),
    (700_023, "invalid_client", "Client assertion audience claim does not match Realm issuer."),
    (700_027, "invalid_client", "The certificate used to sign the client assertion is not registered."),
    (700_030, "invalid_client", "Invalid certificate: the subject name is not authorized."),
    (50012, "invalid_client", "Authentication failed."),
    (392_196, "invalid_request", "The resource does not accept certificate-bound access tokens."),
    (
        100_007,
        "invalid_client",
        "Only managed identities and Microsoft's own apps may use regional endpoints.",
    ),
    // App, tenant and consent.
    (700_016, "unauthorized_client", "Application was not found in the directory."),
    (7_000_229, "invalid_client", "The client application is missing service principal in the tenant."),
    (700_011, "unauthorized_client", "Application with the identifier was not found in the tenant."),
    (50194, "invalid_request", "Application is not configured as a multi-tenant application."),
    (650_059, "invalid_request", "Application is not configured as a multi-tenant application."),
    (7_000_112, "unauthorized_client", "Application is disabled."),
    (70001, "unauthorized_client", "Application was not found or is disabled."),
    (7_000_215, "invalid_client", "Invalid client secret provided."),
    (7_000_222, "invalid_client", "The provided client secret keys are expired."),
    (90002, "invalid_request", "Tenant not found."),
    (
        900_023,
        "invalid_request",
        "Specified tenant identifier is neither a valid DNS name, nor a valid domain.",
    ),
    (90038, "invalid_request", "Confidential Client is not supported in Cross Cloud request."),
    (900_382, "invalid_request", "Confidential Client is not supported in Cross Cloud request."),
    (900_432, "invalid_request", "Confidential Client is not supported in Cross Cloud request."),
    (900_439, "invalid_request", "The application is restricted to its own cloud."),
    (500_011, "invalid_resource", "The resource principal was not found in the tenant."),
    (500_014, "invalid_resource", "The service principal for the resource is disabled."),
    (
        650_052,
        "invalid_request",
        "The organization lacks a subscription or service principal for the service.",
    ),
    (650_054, "invalid_request", "The application asks for a resource that was removed or is not available."),
    (65001, "invalid_grant", "An administrator has not consented to use the application."),
    (650_056, "invalid_client", "Misconfigured application. The permissions need consent again."),
    (650_057, "invalid_resource", "The resource is not listed in the requested permissions of the app."),
    (501_051, "invalid_grant", "Application is not assigned to a role for the application."),
    (53003, "access_denied", "Access has been blocked by Conditional Access policies."),
    (530_032, "access_denied", "Access has been blocked by security policies of the tenant."),
    (500_021, "access_denied", "Access to the tenant is denied by its administrator."),
    (500_022, "access_denied", "Access to the tenant is denied by a missing policy header."),
    (500_212, "access_denied", "The user's administrator blocks outbound access to the tenant."),
    (500_213, "access_denied", "The resource tenant's cross-tenant access policy blocks the access."),
    (90072, "invalid_grant", "User account does not exist in tenant."),
    (500_341, "invalid_grant", "The user account has been deleted from the directory."),
    (50001, "invalid_resource", "The resource is not registered in the tenant."),
    (50049, "invalid_instance", "The authority is an unknown or invalid instance."),
    (50050, "invalid_request", "The request is malformed."),
    (50196, "invalid_grant", "The server found a request loop: the client sent the same request too often."),
    // Worth another attempt.
    (THROTTLED, "temporarily_unavailable", "The request was throttled due to too many requests."),
    (50033, "temporarily_unavailable", "A transient error has occurred. Please try again."),
    (50087, "temporarily_unavailable", "A transient error has occurred during sign-out. Please try again."),
    (90006, "temporarily_unavailable", "The service is temporarily unavailable. Please try again."),
    (90012, "temporarily_unavailable", "The request to the service timed out."),
    (90024, "temporarily_unavailable", "The request was cancelled or a transient error has occurred."),
    (90033, "temporarily_unavailable", "A transient error has occurred. Please try again."),
    (90090, "temporarily_unavailable", "The service is temporarily unavailable. Please try again."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_has_the_status_of_its_error() {
        for (number, (code, error, text)) in CODES.iter().enumerate() {
            assert!(!CODES[..number].iter().any(|(other, _, _)| other == code), "{code} is there twice");
            let made = plain(*code);
            assert_eq!((made.code, made.error, made.text.as_str()), (*code, *error, *text));
            let wanted: &[u16] = match *error {
                "invalid_client" | "unauthorized_client" => &[401],
                "temporarily_unavailable" => &[429, 503],
                _ => &[400],
            };
            assert!(wanted.contains(&made.status), "{code}: {}", made.status);
        }
        assert_eq!(plain(THROTTLED).status, 429);
    }
}
