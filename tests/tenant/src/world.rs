//! The fake world, as JSON that a test may change while it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cloud::{Cloud, Resource};

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct World {
    /// The cloud. The initial federated credential follows it.
    pub cloud: Cloud,
    /// Tenant of the identities and of the app.
    pub home_tenant_id: String,
    /// Managed identities of the host that the client runs on.
    pub identities: Vec<Identity>,
    /// The app registration.
    pub app: App,
    /// Customers.
    pub tenants: Vec<Customer>,
    /// Form of `expires_on` at the identity endpoints: `unix`, `number`, `iso`, `us`, `us24`, `us24-without-zone`,
    /// `hybrid`, `hybrid-without-zone`.
    pub expires_on_format: String,
    /// `refresh_in` of a token answer, in seconds.
    pub refresh_in: Option<u64>,
    /// Whether `expires_in` is text.
    pub expires_in_as_text: bool,
    /// Whether the token endpoint and the Defender APIs are behind TLS. Read at the start.
    pub tls: bool,
    /// `auto`: gzip for clients that ask for it, up to 1 MB; `on`: always when asked; `off`.
    pub gzip: String,
    /// Paths whose pages have no link to the next page, however much is left.
    #[serde(default)]
    pub paths_without_links: Vec<String>,
    /// Rows of a page of machines at most.
    pub machine_page_size: usize,
    /// Rows of a page of vulnerabilities unless the client says otherwise.
    pub vulnerability_page_size: usize,
    /// Rows of a page of the other export assessments, and of the changes of vulnerabilities, at most.
    pub export_page_size: u64,
    /// When the newest snapshot of the export assessments was made.
    pub snapshot: String,
    /// Files of a snapshot.
    pub export_files: u64,
    /// How long the address of a file is valid, if the client is not to say it.
    pub signature_seconds: Option<u64>,
    /// Rows of a page of Azure Resource Manager.
    #[serde(default = "arm_page_size")]
    pub arm_page_size: usize,
    /// Quota of the Defender APIs for each tenant. Absent: none.
    pub quota: Option<Quota>,
    /// Queries of Resource Graph that one principal may send in a window.
    #[serde(default = "resource_graph_quota")]
    pub resource_graph_quota: QueryQuota,
    /// Advanced hunting.
    #[serde(default)]
    pub hunting: Hunting,
    /// Answers of further paths: `METHOD /path` to the answer.
    pub extra_responses: std::collections::HashMap<String, ExtraResponse>,
    /// The agent of Azure Arc.
    pub arc: ArcAgent,
    /// Which user-assigned identity the Service Fabric application has, from 0.
    pub fabric_identity: usize,
    /// Data collection rules, by their immutable ids: the columns of each stream, with their types.
    #[serde(default)]
    pub rules: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    /// Event hubs, and the bytes of a publication that each takes.
    #[serde(default)]
    pub event_hubs: BTreeMap<String, usize>,
    /// Object ids of identities that may not send to rules and hubs.
    #[serde(default)]
    pub without_sender_role: Vec<String>,
}

/// Limits and habits of advanced hunting.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hunting {
    /// Rows of an answer at most. Those beyond it are left out without a word.
    pub row_limit: usize,
    /// Bytes of an answer at most. More is an error.
    pub byte_limit: usize,
    /// Whether the end of a time window is not a part of it.
    pub open_end: bool,
    /// Whether the schema's members have capitals.
    pub schema_in_pascal: bool,
    /// Whether the tenants' quota of processor time is used up.
    pub cpu_exhausted: bool,
}

impl Default for Hunting {
    fn default() -> Self {
        Hunting {
            row_limit: 100_000,
            byte_limit: 50 << 20,
            open_end: false,
            schema_in_pascal: false,
            cpu_exhausted: false,
        }
    }
}

/// What the agent of Azure Arc does with the id of a user-assigned identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArcAgent {
    /// Whether it looks at the id. An old agent answers for the system-assigned identity.
    pub honours_selector: bool,
    /// Whether it repeats the id in its answer. Clients refuse an answer without it.
    pub echo: bool,
}

/// A managed identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Display name.
    pub name: String,
    /// Client id.
    pub client_id: String,
    /// Object (principal) id.
    pub object_id: String,
    /// Azure resource id. Empty for the system-assigned identity.
    pub resource_id: String,
    /// The identity that answers when no id is given.
    pub system_assigned: bool,
}

/// The app registration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// Application (client) id.
    pub client_id: String,
    /// Tenant where it is registered.
    pub home_tenant_id: String,
    /// Whether other tenants may use it.
    pub multi_tenant: bool,
    /// The issuers that it trusts.
    pub federated_credentials: Vec<FederatedCredential>,
    /// Its client secrets.
    pub secrets: Vec<Secret>,
    /// Its certificates, DER as base64.
    pub certificates: Vec<String>,
}

/// A client secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Its id, which people mistake for the secret.
    pub id: String,
    /// The secret.
    pub value: String,
    /// Whether it has expired.
    pub expired: bool,
}

/// A federated identity credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FederatedCredential {
    /// Issuer of the assertion.
    pub issuer: String,
    /// Subject of the assertion.
    pub subject: String,
    /// Audience that was asked for.
    pub audience: String,
}

impl FederatedCredential {
    /// The initial one, which trusts the first identity.
    fn initial(cloud: Cloud, home: &str) -> Self {
        FederatedCredential {
            issuer: cloud.issuer(home),
            subject: "1d000000-0000-4000-8000-b00000000001".to_owned(),
            audience: cloud.exchange().to_owned(),
        }
    }
}

/// A customer's tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Tenant id.
    pub tenant_id: String,
    /// A domain of it.
    pub domain: String,
    /// Display name.
    pub name: String,
    /// Whether the app's service principal is there.
    pub consented: bool,
    /// Application permissions of Defender for Endpoint that were granted.
    pub roles: Vec<String>,
    /// Those of Defender XDR.
    #[serde(default = "xdr_roles")]
    pub xdr_roles: Vec<String>,
    /// Those of Microsoft Graph.
    #[serde(default = "graph_roles")]
    pub graph_roles: Vec<String>,
    /// AADSTS code of the refusal that every token request gets after its credential was accepted, such as 53003.
    #[serde(default)]
    pub refusal: Option<u32>,
    /// Whether the API's service principal is in the tenant.
    pub defender_provisioned: bool,
    /// Whether the tenant has the licence for vulnerability data.
    pub licensed: bool,
    /// Machines.
    pub machines: usize,
    /// Vulnerability rows.
    pub vulnerability_rows: u64,
    /// Alerts of Microsoft Graph.
    #[serde(default = "alerts")]
    pub alerts: usize,
    /// Rows of each table of advanced hunting.
    #[serde(default = "hunting_rows")]
    pub hunting_rows: usize,
    /// Rows of each list that has no number of its own.
    #[serde(default = "list_rows")]
    pub list_rows: usize,
    /// Subscriptions that Azure Resource Manager lists.
    #[serde(default)]
    pub subscriptions: usize,
    /// Subscriptions of other tenants that it lists too: those that they delegate with Azure Lighthouse.
    #[serde(default)]
    pub delegated_subscriptions: usize,
    /// Rows of each table of Resource Graph.
    #[serde(default = "resources")]
    pub resources: usize,
    /// Life of a token, in seconds.
    pub token_lifetime: u64,
    /// How long the token endpoint takes, in milliseconds.
    pub slow_ms: u64,
}

impl Customer {
    /// The roles in a token for `resource`.
    pub(crate) fn roles_for(&self, resource: Resource) -> &[String] {
        match resource {
            Resource::Defender => &self.roles,
            Resource::Xdr => &self.xdr_roles,
            Resource::Graph => &self.graph_roles,
            Resource::Exchange
            | Resource::Arm
            | Resource::Ingestion
            | Resource::EventHubs
            | Resource::Other => &[],
        }
    }
}

fn xdr_roles() -> Vec<String> {
    vec!["Incident.Read.All".to_owned()]
}

fn graph_roles() -> Vec<String> {
    vec!["SecurityAlert.Read.All".to_owned(), "ThreatHunting.Read.All".to_owned()]
}

fn alerts() -> usize {
    25
}

fn hunting_rows() -> usize {
    500
}

fn list_rows() -> usize {
    7
}

fn resources() -> usize {
    250
}

fn arm_page_size() -> usize {
    100
}

fn resource_graph_quota() -> QueryQuota {
    QueryQuota { limit: 15, window_seconds: 5 }
}

/// A number of queries in a window.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryQuota {
    /// Queries of a window.
    pub limit: u64,
    /// Length of the window, in seconds.
    pub window_seconds: u64,
}

/// The window of a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Window {
    /// The first request opens it, and the first one after its end the next.
    #[default]
    Fixed,
    /// The time before each request.
    Sliding,
}

/// A quota: a number of requests, then 429 until the window ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// Requests of a window.
    pub limit: u64,
    /// Length of the window, in seconds.
    pub window_seconds: u64,
    /// Which window is counted in.
    #[serde(default)]
    pub window: Window,
    /// Retry-After of a refusal, in seconds.
    pub retry_after_seconds: u64,
    /// Retry-After as an HTTP date.
    #[serde(default)]
    pub retry_after_as_date: bool,
    /// Whether the refusal has no Retry-After. Its text then says how long the window is.
    #[serde(default)]
    pub without_retry_after: bool,
    /// Whether the text names the key that is counted and the seconds that are left, as it did in 2022.
    #[serde(default)]
    pub text_with_seconds: bool,
}

/// An answer to serve.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtraResponse {
    /// Status.
    pub status: u16,
    /// Body. Text is sent as it is, anything else as JSON.
    pub body: serde_json::Value,
    /// Headers.
    #[serde(default)]
    pub headers: std::collections::HashMap<String, String>,
    /// Number of vulnerability rows that replace `{rows}` in the body's text. Status 200.
    #[serde(default)]
    pub rows: Option<u64>,
}

/// Rows of a machine, in the generated data.
pub(crate) const ROWS_PER_MACHINE: u64 = 150;

impl World {
    /// A world with `tenants` customers, each with so many vulnerability rows and machines.
    pub fn new(tenants: usize, rows: u64, machines: usize) -> Self {
        let home = "0a0a0a0a-0000-4000-8000-000000000001".to_owned();
        let identity = |name: &str, number: u32, system: bool| Identity {
            name: name.to_owned(),
            client_id: format!("1d000000-0000-4000-8000-c{number:011}"),
            object_id: format!("1d000000-0000-4000-8000-b{number:011}"),
            resource_id: if system {
                String::new()
            } else {
                let group = "5ab00000-0000-4000-8000-000000000001/resourcegroups/rg-collector";
                let provider = "providers/Microsoft.ManagedIdentity/userAssignedIdentities";
                format!("/subscriptions/{group}/{provider}/{name}")
            },
            system_assigned: system,
        };
        let identities = vec![
            identity("uami-collector", 1, false),
            identity("uami-other", 2, false),
            identity("func-collector", 3, true),
        ];
        let app = App {
            client_id: "a9900000-0000-4000-8000-000000000001".to_owned(),
            home_tenant_id: home.clone(),
            multi_tenant: true,
            federated_credentials: vec![FederatedCredential::initial(Cloud::default(), &home)],
            secrets: vec![Secret {
                id: "5ec00000-0000-4000-8000-000000000001".to_owned(),
                value: "fake-client-secret~0123456789".to_owned(),
                expired: false,
            }],
            certificates: Vec::new(),
        };
        World {
            cloud: Cloud::default(),
            home_tenant_id: home,
            identities,
            app,
            tenants: (0..tenants).map(|number| customer(number, rows, machines)).collect(),
            expires_on_format: "unix".to_owned(),
            refresh_in: None,
            expires_in_as_text: false,
            tls: false,
            gzip: "auto".to_owned(),
            paths_without_links: Vec::new(),
            machine_page_size: 10_000,
            vulnerability_page_size: 50_000,
            export_page_size: 200_000,
            snapshot: "2026-11-24T11:01:00Z".to_owned(),
            export_files: 3,
            rules: BTreeMap::new(),
            event_hubs: BTreeMap::new(),
            without_sender_role: Vec::new(),
            signature_seconds: None,
            arm_page_size: arm_page_size(),
            quota: None,
            resource_graph_quota: resource_graph_quota(),
            hunting: Hunting::default(),
            extra_responses: std::collections::HashMap::new(),
            arc: ArcAgent { honours_selector: true, echo: true },
            fabric_identity: 0,
        }
    }

    /// Moves the initial federated credential to the world's new cloud, unless a test has set others.
    pub(crate) fn follow_cloud(&mut self, before: &World) {
        let initial = |cloud| vec![FederatedCredential::initial(cloud, &before.home_tenant_id)];
        let untouched = before.app.federated_credentials == initial(before.cloud)
            && self.app.federated_credentials == before.app.federated_credentials;
        if untouched && self.cloud != before.cloud {
            self.app.federated_credentials = initial(self.cloud);
        }
    }

    /// The customer with this id or domain, in any case.
    pub fn tenant(&self, name: &str) -> Option<&Customer> {
        self.tenants
            .iter()
            .find(|t| t.tenant_id.eq_ignore_ascii_case(name) || t.domain.eq_ignore_ascii_case(name))
    }
}

impl Default for World {
    fn default() -> Self {
        World::new(3, 6_000, 40)
    }
}

fn customer(number: usize, rows: u64, machines: usize) -> Customer {
    const NAMES: [&str; 6] = ["contoso", "fabrikam", "adatum", "litware", "proseware", "tailspin"];
    let name = match NAMES.get(number) {
        Some(name) => (*name).to_owned(),
        None => format!("customer{number}"),
    };
    Customer {
        tenant_id: format!("c0000000-0000-4000-8000-{:012}", number + 1),
        domain: format!("{name}.onmicrosoft.com"),
        name,
        consented: true,
        roles: vec!["Machine.Read.All".to_owned(), "Vulnerability.Read.All".to_owned()],
        xdr_roles: xdr_roles(),
        graph_roles: graph_roles(),
        refusal: None,
        defender_provisioned: true,
        licensed: true,
        machines,
        vulnerability_rows: rows,
        alerts: alerts(),
        hunting_rows: hunting_rows(),
        list_rows: list_rows(),
        subscriptions: 0,
        delegated_subscriptions: 0,
        resources: resources(),
        token_lifetime: 3599,
        slow_ms: 0,
    }
}
