//! The environment variables that the library reads, and no others: a caller sends a snapshot of these. The snapshot
//! of the C# module has its names from here.

use std::fmt;

/// The name of an environment variable that the library reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable(&'static str);

impl Variable {
    /// The name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! variables {
    ($($constant:ident = $name:literal;)*) => {
        $(#[allow(missing_docs)] pub const $constant: Variable = Variable($name);)*
        /// Every one of them.
        pub const ALL: &[Variable] = &[$($constant),*];
    };
}

variables! {
    ACTIONS_ID_TOKEN_REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
    ACTIONS_ID_TOKEN_REQUEST_URL = "ACTIONS_ID_TOKEN_REQUEST_URL";
    ALL_PROXY = "ALL_PROXY";
    ALL_PROXY_LOWER = "all_proxy";
    AZURE_AUTHORITY_HOST = "AZURE_AUTHORITY_HOST";
    AZURE_CLIENT_ID = "AZURE_CLIENT_ID";
    AZURE_FEDERATED_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE";
    AZURE_POD_IDENTITY_AUTHORITY_HOST = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
    AZURESUBSCRIPTION_SERVICE_CONNECTION_ID = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID";
    DEFAULT_IDENTITY_CLIENT_ID = "DEFAULT_IDENTITY_CLIENT_ID";
    GITHUB_ACTIONS = "GITHUB_ACTIONS";
    HTTP_PROXY = "HTTP_PROXY";
    HTTP_PROXY_LOWER = "http_proxy";
    HTTPS_PROXY = "HTTPS_PROXY";
    HTTPS_PROXY_LOWER = "https_proxy";
    IDENTITY_ENDPOINT = "IDENTITY_ENDPOINT";
    IDENTITY_HEADER = "IDENTITY_HEADER";
    IDENTITY_SERVER_THUMBPRINT = "IDENTITY_SERVER_THUMBPRINT";
    IMDS_ENDPOINT = "IMDS_ENDPOINT";
    MSI_ENDPOINT = "MSI_ENDPOINT";
    MSI_SECRET = "MSI_SECRET";
    NO_PROXY = "NO_PROXY";
    NO_PROXY_LOWER = "no_proxy";
    PROGRAM_DATA = "ProgramData";
    PROGRAM_FILES = "ProgramFiles";
    SYSTEM_ACCESSTOKEN = "SYSTEM_ACCESSTOKEN";
    SYSTEM_OIDCREQUESTURI = "SYSTEM_OIDCREQUESTURI";
    TF_BUILD = "TF_BUILD";
    WEBSITE_DISABLE_MSI = "WEBSITE_DISABLE_MSI";
}
