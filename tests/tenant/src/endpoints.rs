//! The single table of the APIs' lists and items: path, permissions, parameters, sample rows.
//! Written from <https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list> and the pages below it, from
//! those of Microsoft Graph, and from those of Defender for Cloud.

use serde::Serialize;

use crate::cloud::Resource;
use crate::filter::{Field, Kind};
use crate::world::Customer;

/// One path of an API.
pub(crate) struct Endpoint {
    /// The API: which audience its tokens have.
    pub api: Resource,
    /// Method.
    pub method: &'static str,
    /// Path; `{id}` is one segment, `{time}` a time.
    pub path: &'static str,
    /// Permissions, any of which is enough.
    pub roles: &'static [&'static str],
    /// What it answers.
    pub shape: Shape,
    /// Name of the sample.
    pub sample: &'static str,
    /// The sample: a list of rows.
    pub rows: &'static str,
    /// Fields that `$filter` takes.
    pub fields: &'static [Field],
    /// Other parameters of the query.
    pub parameters: &'static [Parameter],
    /// Whose id is in the path.
    pub parent: Parent,
}

/// What a path answers.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A list with `$filter`, `$top` and `$skip`: rows of a page without `$top`, and the largest `$top`.
    List { page: usize, max_top: u64 },
    /// All sample rows.
    All,
    /// All sample rows, as a list inside the list.
    Nested,
    /// One object: the sample row with this number.
    Single(usize),
    /// One row of the list at this path.
    Item(&'static str),
    /// As `Item`, but as a list of one row.
    ItemInList(&'static str),
    /// An export assessment: so many rows per machine as there are sample rows.
    Export,
    /// The files with the rows of the list at this path.
    Files(&'static str),
    /// The changes of vulnerabilities, some of them twice.
    Changes,
    /// One that has code of its own.
    Own(Own),
    /// A list of Microsoft Graph.
    Graph(&'static crate::lists::List),
    /// A list of Azure Resource Manager, with these versions.
    Arm(&'static [&'static str]),
}

/// Paths with code of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    Machines,
    Machine,
    MachineVulnerabilities,
    Vulnerabilities,
    Antivirus,
    /// Machines, as whole rows.
    SomeMachines,
    /// Machines that the parent is about, as references.
    MachineReferences,
    ByIp,
    ByTag,
    Subscriptions,
    ResourceGraph,
    /// Customers of a partner.
    Customers,
    /// Answered before this table is asked.
    Hunting,
}

/// A parameter of a query.
pub(crate) enum Parameter {
    /// One of these texts.
    Text(&'static str, &'static [&'static str]),
    /// A number of at most this.
    Number(&'static str, u64),
    /// Any text, which must be there.
    Needed(&'static str),
    /// A time of the last days, which must be there.
    Since(&'static str, i64),
}

impl Parameter {
    /// Name of the parameter.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Parameter::Text(name, _)
            | Parameter::Number(name, _)
            | Parameter::Needed(name)
            | Parameter::Since(name, _) => name,
        }
    }
}

/// Whose id is in a path, or in a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    /// No parent, or any id.
    Any,
    /// A machine of the tenant.
    Machine,
    /// A row of the list at this path.
    Row(&'static str),
    /// A subscription of the tenant.
    Subscription,
    /// A row of the list at this path, named in the body, in a list of this name.
    InBody(&'static str),
}

impl Endpoint {
    /// The ids in a path that fits this endpoint.
    pub(crate) fn matches(&self, path: &str) -> Option<Vec<String>> {
        let (mut ids, mut rest) = (Vec::new(), path);
        let mut pieces = self.path.split(['{', '}']);
        rest = rest.strip_prefix(pieces.next()?)?;
        while let (Some(_), Some(literal)) = (pieces.next(), pieces.next()) {
            let end = match literal {
                "" => rest.len(),
                literal => rest.find(literal)?,
            };
            let (id, after) = rest.split_at(end);
            if id.is_empty() || id.contains('/') {
                return None;
            }
            let decoded = percent_decoded(id);
            ids.push(decoded);
            rest = after.strip_prefix(literal)?;
        }
        rest.is_empty().then_some(ids)
    }

    /// What the control listener says of it.
    fn describe(&self) -> Description {
        let api = match self.api {
            Resource::Xdr => "Xdr",
            Resource::Graph => "Graph",
            Resource::Arm => "Arm",
            _ => "Defender",
        };
        Description { api, method: self.method, path: self.path, roles: self.roles, sample: self.sample }
    }
}

fn percent_decoded(text: &str) -> String {
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// An endpoint, for tests.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// Name of the API's family.
    pub api: &'static str,
    /// Method.
    pub method: &'static str,
    /// Path; `{id}` is one segment, `{time}` a time.
    pub path: &'static str,
    /// Permissions, any of which is enough.
    pub roles: &'static [&'static str],
    /// Name of the sample of its rows.
    pub sample: &'static str,
}

/// Every path of the APIs.
pub fn endpoints() -> Vec<Description> {
    ENDPOINTS.iter().map(Endpoint::describe).collect()
}

/// The endpoint of a request, and the ids in its path.
pub(crate) fn find(api: Resource, method: &str, path: &str) -> Option<(&'static Endpoint, Vec<String>)> {
    let of_api = ENDPOINTS.iter().filter(|endpoint| endpoint.api == api && endpoint.method == method);
    // The path with the most letters of its own: `machines/findbytag` is no machine.
    let found = of_api.filter_map(|endpoint| Some((endpoint, endpoint.matches(path)?)));
    found.max_by_key(|(endpoint, ids)| endpoint.path.len() - "{id}".len() * ids.len())
}

/// The list at a path.
pub(crate) fn list(path: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.path == path && endpoint.method == "GET")
}

/// How many rows a tenant has in each list without a number of its own.
pub(crate) fn count(customer: &Customer, samples: usize) -> usize {
    if samples == 0 { 0 } else { customer.list_rows }
}

const MACHINES: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
const ALERTS: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All"];
const VULNERABILITIES: &[&str] = &["Vulnerability.Read.All"];
const SOFTWARE: &[&str] = &["Software.Read.All"];
const RECOMMENDATIONS: &[&str] = &["SecurityRecommendation.Read.All"];
const SCORE: &[&str] = &["Score.Read.All"];
const TASKS: &[&str] = &["RemediationTasks.Read.All"];
const BASELINES: &[&str] = &["SecurityBaselinesAssessment.Read.All"];
const FILES: &[&str] = &["File.Read.All"];
const URLS: &[&str] = &["URL.Read.All"];
const IPS: &[&str] = &["Ip.Read.All"];
const USERS: &[&str] = &["User.Read.All"];
const INDICATORS: &[&str] = &["Ti.ReadWrite", "Ti.ReadWrite.All"];
const LIBRARY: &[&str] = &["Library.Manage"];
const INCIDENTS: &[&str] = &["Incident.Read.All", "Incident.ReadWrite.All"];
const SECURE_SCORE: &[&str] = &["SecurityEvents.Read.All", "SecurityEvents.ReadWrite.All"];
const DETECTIONS: &[&str] = &["CustomDetection.Read.All", "CustomDetection.ReadWrite.All"];
const INTELLIGENCE: &[&str] = &["ThreatIntelligence.Read.All"];

/// Documented for statistics.
const LOOK_BACK: &[Parameter] = &[Parameter::Number("lookBackHours", 720)];

macro_rules! sample {
    ($name:literal) => {
        ($name, include_str!(concat!("../samples/", $name, ".json")))
    };
}

/// A GET of Defender for Endpoint with an answer of this shape.
const fn defender(
    path: &'static str,
    roles: &'static [&'static str],
    shape: Shape,
    (sample, rows): (&'static str, &'static str),
) -> Endpoint {
    Endpoint {
        api: Resource::Defender,
        method: "GET",
        path,
        roles,
        shape,
        sample,
        rows,
        fields: &[],
        parameters: &[],
        parent: Parent::Any,
    }
}

/// Most lists of Defender for Endpoint.
const LIST: Shape = Shape::List { page: 10_000, max_top: 10_000 };

impl Endpoint {
    const fn of(mut self, parent: Parent) -> Self {
        self.parent = parent;
        self
    }

    const fn filtered(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    const fn with(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    const fn post(mut self) -> Self {
        self.method = "POST";
        self
    }

    const fn at(mut self, api: Resource) -> Self {
        self.api = api;
        self
    }
}

const CVES: &str = "/api/vulnerabilities";
const PRODUCTS: &str = "/api/Software";
const ADVICE: &str = "/api/recommendations";
const REMEDIATION: &str = "/api/remediationTasks";
const DEFENDER_ALERTS: &str = "/api/alerts";
const SCAN_DEFINITIONS: &str = "/api/DeviceAuthenticatedScanDefinitions";

const ENDPOINTS: &[Endpoint] = &[
    // Machines (defender.md 1.1).
    defender("/api/machines", MACHINES, Shape::Own(Own::Machines), sample!("Machine")),
    defender("/api/machines/{id}", MACHINES, Shape::Own(Own::Machine), sample!("Machine"))
        .of(Parent::Machine),
    defender("/api/machines/{id}/logonusers", USERS, Shape::All, sample!("DefenderUser")).of(Parent::Machine),
    defender("/api/machines/{id}/alerts", ALERTS, Shape::All, sample!("DefenderAlert")).of(Parent::Machine),
    defender("/api/machines/{id}/software", SOFTWARE, Shape::All, sample!("Software")).of(Parent::Machine),
    defender(
        "/api/machines/{id}/vulnerabilities",
        VULNERABILITIES,
        Shape::Own(Own::MachineVulnerabilities),
        sample!("MachineVulnerability"),
    )
    .of(Parent::Machine),
    defender("/api/machines/{id}/recommendations", RECOMMENDATIONS, Shape::All, sample!("Recommendation"))
        .of(Parent::Machine),
    defender("/api/machines/{id}/getmissingkbs", SOFTWARE, Shape::All, sample!("MissingKb"))
        .of(Parent::Machine),
    defender(
        "/api/machines/findbyip(ip='{id}',timestamp={time})",
        MACHINES,
        Shape::Own(Own::ByIp),
        sample!("Machine"),
    ),
    defender("/api/machines/findbytag", MACHINES, Shape::Own(Own::ByTag), sample!("Machine"))
        .with(&[Parameter::Needed("tag"), Parameter::Text("useStartsWithFilter", &["true", "false"])]),
    // Machine actions (1.2).
    defender("/api/machineactions", MACHINES, LIST, sample!("MachineAction")).filtered(&[
        ("id", Kind::Guid),
        ("status", Kind::Text),
        ("machineId", Kind::Text),
        ("type", Kind::Text),
        ("requestor", Kind::Text),
        ("creationDateTimeUtc", Kind::Time),
    ]),
    defender(
        "/api/machineactions/{id}",
        MACHINES,
        Shape::Item("/api/machineactions"),
        sample!("MachineAction"),
    ),
    // Vulnerabilities, software, recommendations, scores, remediation (1.3).
    defender(CVES, VULNERABILITIES, Shape::List { page: 8_000, max_top: 8_000 }, sample!("Cve")).filtered(&[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("description", Kind::Text),
        ("cvssV3", Kind::Id),
        ("publishedOn", Kind::Time),
        ("severity", Kind::Text),
        ("updatedOn", Kind::Time),
    ]),
    defender("/api/vulnerabilities/{id}", VULNERABILITIES, Shape::Item(CVES), sample!("Cve")),
    defender(
        "/api/vulnerabilities/{id}/machineReferences",
        VULNERABILITIES,
        Shape::Own(Own::MachineReferences),
        sample!("MachineReference"),
    )
    .of(Parent::Row(CVES)),
    defender("/api/vulnerabilities/machinesVulnerabilities", VULNERABILITIES, LIST, sample!("MachineCve"))
        .filtered(&[
            ("id", Kind::Text),
            ("cveId", Kind::Text),
            ("machineId", Kind::Text),
            ("fixingKbId", Kind::Text),
            ("productName", Kind::Text),
            ("productVersion", Kind::Text),
            ("severity", Kind::Text),
            ("productVendor", Kind::Text),
        ]),
    defender(PRODUCTS, SOFTWARE, LIST, sample!("Software")).filtered(&[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("vendor", Kind::Text),
    ]),
    defender("/api/Software/{id}", SOFTWARE, Shape::Item(PRODUCTS), sample!("Software")),
    defender("/api/Software/{id}/distributions", SOFTWARE, Shape::All, sample!("SoftwareVersion"))
        .of(Parent::Row(PRODUCTS)),
    defender(
        "/api/Software/{id}/machineReferences",
        SOFTWARE,
        Shape::Own(Own::MachineReferences),
        sample!("MachineReference"),
    )
    .of(Parent::Row(PRODUCTS)),
    defender("/api/Software/{id}/getmissingkbs", SOFTWARE, Shape::All, sample!("MissingKb"))
        .of(Parent::Row(PRODUCTS)),
    defender("/api/Software/{id}/vulnerabilities", VULNERABILITIES, Shape::All, sample!("Cve"))
        .of(Parent::Row(PRODUCTS)),
    defender(ADVICE, RECOMMENDATIONS, LIST, sample!("Recommendation")).filtered(&[
        ("id", Kind::Text),
        ("productName", Kind::Text),
        ("vendor", Kind::Text),
        ("recommendedVersion", Kind::Text),
        ("recommendationCategory", Kind::Text),
        ("subCategory", Kind::Text),
        ("severityScore", Kind::Id),
        ("remediationType", Kind::Text),
        ("recommendedProgram", Kind::Text),
        ("recommendedVendor", Kind::Text),
        ("status", Kind::Text),
    ]),
    defender("/api/recommendations/{id}", RECOMMENDATIONS, Shape::Item(ADVICE), sample!("Recommendation")),
    defender(
        "/api/recommendations/{id}/machineReferences",
        RECOMMENDATIONS,
        Shape::Own(Own::MachineReferences),
        sample!("MachineReference"),
    )
    .of(Parent::Row(ADVICE)),
    defender("/api/recommendations/{id}/software", SOFTWARE, Shape::Single(0), sample!("Software"))
        .of(Parent::Row(ADVICE)),
    defender("/api/recommendations/{id}/vulnerabilities", VULNERABILITIES, Shape::All, sample!("Cve"))
        .of(Parent::Row(ADVICE)),
    defender("/api/exposureScore", SCORE, Shape::Single(0), sample!("DefenderScore")),
    defender("/api/exposureScore/ByMachineGroups", SCORE, Shape::All, sample!("DefenderScore")),
    defender("/api/configurationScore", SCORE, Shape::Single(1), sample!("DefenderScore")),
    defender(REMEDIATION, TASKS, LIST, sample!("RemediationTask"))
        .filtered(&[("createdOn", Kind::Time), ("status", Kind::Text)]),
    defender("/api/remediationTasks/{id}", TASKS, Shape::Item(REMEDIATION), sample!("RemediationTask")),
    defender(
        "/api/remediationTasks/{id}/machineReferences",
        TASKS,
        Shape::Own(Own::MachineReferences),
        sample!("MachineReference"),
    )
    .of(Parent::Row(REMEDIATION)),
    // Alerts, indicators, entities and so on (1.4).
    defender(DEFENDER_ALERTS, ALERTS, LIST, sample!("DefenderAlert"))
        .filtered(&[
            ("alertCreationTime", Kind::Time),
            ("lastUpdateTime", Kind::Time),
            ("incidentId", Kind::Id),
            ("investigationId", Kind::Id),
            ("id", Kind::Text),
            ("assignedTo", Kind::Text),
            ("detectionSource", Kind::Text),
            ("lastEventTime", Kind::Time),
            ("status", Kind::Text),
            ("severity", Kind::Text),
            ("category", Kind::Text),
        ])
        .with(&[Parameter::Text("$expand", &["evidence"])]),
    defender("/api/alerts/{id}", ALERTS, Shape::Item(DEFENDER_ALERTS), sample!("DefenderAlert"))
        .with(&[Parameter::Text("$expand", &["evidence"])]),
    defender("/api/alerts/{id}/domains", URLS, Shape::All, sample!("DefenderDomain"))
        .of(Parent::Row(DEFENDER_ALERTS)),
    defender("/api/alerts/{id}/files", FILES, Shape::All, sample!("DefenderFile"))
        .of(Parent::Row(DEFENDER_ALERTS)),
    defender("/api/alerts/{id}/ips", IPS, Shape::All, sample!("DefenderIpAddress"))
        .of(Parent::Row(DEFENDER_ALERTS)),
    defender("/api/alerts/{id}/machine", MACHINES, Shape::Own(Own::Machine), sample!("Machine"))
        .of(Parent::Row(DEFENDER_ALERTS)),
    defender("/api/alerts/{id}/user", USERS, Shape::Single(0), sample!("DefenderUser"))
        .of(Parent::Row(DEFENDER_ALERTS)),
    defender("/api/indicators", INDICATORS, LIST, sample!("Indicator")).filtered(&[
        ("application", Kind::Text),
        ("createdByDisplayName", Kind::Text),
        ("expirationTime", Kind::Time),
        ("generateAlert", Kind::Flag),
        ("title", Kind::Text),
        ("rbacGroupNames", Kind::Texts),
        ("rbacGroupIds", Kind::Texts),
        ("indicatorValue", Kind::Text),
        ("indicatorType", Kind::Text),
        ("creationTimeDateTimeUtc", Kind::Time),
        ("createdBy", Kind::Text),
        ("action", Kind::Text),
        ("severity", Kind::Text),
    ]),
    defender("/api/investigations", ALERTS, LIST, sample!("Investigation")).filtered(&[
        ("startTime", Kind::Time),
        ("id", Kind::Text),
        ("state", Kind::Text),
        ("machineId", Kind::Text),
        ("triggeringAlertId", Kind::Text),
    ]),
    defender(
        "/api/investigations/{id}",
        ALERTS,
        Shape::Item("/api/investigations"),
        sample!("Investigation"),
    ),
    defender("/api/files/{id}", FILES, Shape::Single(0), sample!("DefenderFile")),
    defender("/api/files/{id}/alerts", ALERTS, Shape::All, sample!("DefenderAlert")),
    defender("/api/files/{id}/machines", MACHINES, Shape::Own(Own::SomeMachines), sample!("Machine")),
    defender("/api/files/{id}/stats", FILES, Shape::Single(0), sample!("FileStatistic")).with(LOOK_BACK),
    defender("/api/domains/{id}/alerts", ALERTS, Shape::All, sample!("DefenderAlert")),
    defender("/api/domains/{id}/machines", MACHINES, Shape::Own(Own::SomeMachines), sample!("Machine")),
    defender("/api/domains/{id}/stats", URLS, Shape::Single(0), sample!("DefenderDomain")).with(LOOK_BACK),
    defender("/api/ips/{id}/alerts", ALERTS, Shape::All, sample!("DefenderAlert")),
    defender("/api/ips/{id}/stats", IPS, Shape::Single(0), sample!("DefenderIpAddress")).with(LOOK_BACK),
    defender("/api/users/{id}/alerts", ALERTS, Shape::All, sample!("DefenderAlert")),
    defender("/api/users/{id}/machines", MACHINES, Shape::Own(Own::SomeMachines), sample!("Machine")),
    defender("/api/libraryfiles", LIBRARY, Shape::All, sample!("LibraryFile")),
    defender("/api/deviceavinfo", MACHINES, Shape::Own(Own::Antivirus), sample!("AntivirusHealth")),
    defender("/api/baselineProfiles", BASELINES, LIST, sample!("BaselineProfile")).filtered(&[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("operatingSystem", Kind::Text),
        ("operatingSystemVersion", Kind::Text),
        ("status", Kind::Flag),
        ("settingsNumber", Kind::Id),
        ("passedDevices", Kind::Id),
        ("totalDevices", Kind::Id),
    ]),
    defender("/api/baselineConfigurations", BASELINES, LIST, sample!("BaselineConfiguration")).filtered(&[
        ("id", Kind::Text),
        ("category", Kind::Text),
        ("name", Kind::Text),
        ("cce", Kind::Text),
    ]),
    defender(
        "/api/browserextensions/permissionsinfo",
        SOFTWARE,
        Shape::Nested,
        sample!("BrowserExtensionPermission"),
    ),
    defender(SCAN_DEFINITIONS, MACHINES, Shape::All, sample!("ScanDefinition")),
    defender("/api/DeviceAuthenticatedScanAgents", MACHINES, Shape::All, sample!("ScanAgent")),
    defender(
        "/api/DeviceAuthenticatedScanAgents/{id}",
        MACHINES,
        Shape::ItemInList("/api/DeviceAuthenticatedScanAgents"),
        sample!("ScanAgent"),
    ),
    defender(
        "/api/DeviceAuthenticatedScanDefinitions/GetScanHistoryByScanDefinitionId",
        MACHINES,
        Shape::All,
        sample!("ScanHistory"),
    )
    .post()
    .of(Parent::InBody("ScanDefinitionIds")),
    defender(
        "/api/DeviceAuthenticatedScanDefinitions/GetScanHistoryBySessionId",
        MACHINES,
        Shape::All,
        sample!("ScanHistory"),
    )
    .post()
    .of(Parent::InBody("SessionIds")),
    // Export assessments (1.5).
    defender(
        "/api/machines/SoftwareVulnerabilitiesByMachine",
        VULNERABILITIES,
        Shape::Own(Own::Vulnerabilities),
        sample!("Vulnerability"),
    ),
    defender(
        "/api/machines/SoftwareVulnerabilityChangesByMachine",
        VULNERABILITIES,
        Shape::Changes,
        sample!("VulnerabilityChange"),
    )
    .with(&[Parameter::Since("sinceTime", 14)]),
    defender(
        "/api/machines/SecureConfigurationsAssessmentByMachine",
        VULNERABILITIES,
        Shape::Export,
        sample!("SecureConfiguration"),
    ),
    defender(
        "/api/machines/SoftwareInventoryByMachine",
        SOFTWARE,
        Shape::Export,
        sample!("SoftwareInventory"),
    ),
    defender(
        "/api/machines/SoftwareInventoryNoProductCodeByMachine",
        SOFTWARE,
        Shape::Export,
        sample!("NonCpeSoftware"),
    ),
    defender(
        "/api/machines/BrowserExtensionsInventoryByMachine",
        SOFTWARE,
        Shape::Export,
        sample!("BrowserExtension"),
    ),
    defender(
        "/api/machines/certificateAssessmentByMachine",
        VULNERABILITIES,
        Shape::Export,
        sample!("CertificateAssessment"),
    ),
    defender(
        "/api/machines/HardwareFirmwareInventoryByMachine",
        SOFTWARE,
        Shape::Export,
        sample!("HardwareFirmware"),
    ),
    defender(
        "/api/machines/baselineComplianceAssessmentByMachine",
        BASELINES,
        Shape::Export,
        sample!("BaselineCompliance"),
    ),
    // The same as files.
    defender(
        "/api/machines/SoftwareVulnerabilitiesExport",
        VULNERABILITIES,
        Shape::Files("/api/machines/SoftwareVulnerabilitiesByMachine"),
        sample!("Vulnerability"),
    ),
    defender(
        "/api/machines/SecureConfigurationsAssessmentExport",
        VULNERABILITIES,
        Shape::Files("/api/machines/SecureConfigurationsAssessmentByMachine"),
        sample!("SecureConfiguration"),
    ),
    defender(
        "/api/machines/SoftwareInventoryExport",
        SOFTWARE,
        Shape::Files("/api/machines/SoftwareInventoryByMachine"),
        sample!("SoftwareInventory"),
    ),
    defender(
        "/api/machines/SoftwareInventoryNonCpeExport",
        SOFTWARE,
        Shape::Files("/api/machines/SoftwareInventoryNoProductCodeByMachine"),
        sample!("NonCpeSoftware"),
    ),
    defender(
        "/api/machines/browserextensionsinventoryExport",
        SOFTWARE,
        Shape::Files("/api/machines/BrowserExtensionsInventoryByMachine"),
        sample!("BrowserExtension"),
    ),
    defender(
        "/api/machines/certificateAssessmentExport",
        VULNERABILITIES,
        Shape::Files("/api/machines/certificateAssessmentByMachine"),
        sample!("CertificateAssessment"),
    ),
    defender(
        "/api/machines/HardwareFirmwareInventoryExport",
        SOFTWARE,
        Shape::Files("/api/machines/HardwareFirmwareInventoryByMachine"),
        sample!("HardwareFirmware"),
    ),
    defender(
        "/api/machines/BaselineComplianceAssessmentExport",
        BASELINES,
        Shape::Files("/api/machines/baselineComplianceAssessmentByMachine"),
        sample!("BaselineCompliance"),
    ),
    // Defender XDR (2).
    defender("/api/incidents", INCIDENTS, Shape::List { page: 100, max_top: 100 }, sample!("XdrIncident"))
        .at(Resource::Xdr)
        .filtered(&[
            ("lastUpdateTime", Kind::Time),
            ("createdTime", Kind::Time),
            ("status", Kind::Text),
            ("assignedTo", Kind::Text),
        ]),
    defender("/api/incidents/{id}", INCIDENTS, Shape::Item("/api/incidents"), sample!("XdrIncident"))
        .at(Resource::Xdr),
    // Microsoft Graph (3).
    defender(
        "/v1.0/security/alerts_v2",
        &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"],
        Shape::Graph(&crate::lists::ALERTS),
        sample!("Alert"),
    )
    .at(Resource::Graph)
    .filtered(crate::lists::ALERT_FIELDS),
    defender(
        "/v1.0/security/alerts_v2/{id}",
        &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"],
        Shape::Item("/v1.0/security/alerts_v2"),
        sample!("Alert"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/incidents",
        &["SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"],
        Shape::Graph(&crate::lists::INCIDENTS),
        sample!("Incident"),
    )
    .at(Resource::Graph)
    .filtered(&[
        ("assignedTo", Kind::Text),
        ("classification", Kind::Text),
        ("createdDateTime", Kind::Time),
        ("determination", Kind::Text),
        ("lastUpdateDateTime", Kind::Time),
        ("severity", Kind::Text),
        ("status", Kind::Text),
    ])
    .with(&[Parameter::Text("$expand", &["alerts"])]),
    defender(
        "/v1.0/security/incidents/{id}",
        &["SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"],
        Shape::Item("/v1.0/security/incidents"),
        sample!("Incident"),
    )
    .at(Resource::Graph)
    .with(&[Parameter::Text("$expand", &["alerts"])]),
    defender(
        "/v1.0/security/secureScores",
        SECURE_SCORE,
        Shape::Graph(&crate::lists::SCORES),
        sample!("SecureScore"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/secureScores/{id}",
        SECURE_SCORE,
        Shape::Item("/v1.0/security/secureScores"),
        sample!("SecureScore"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/secureScoreControlProfiles",
        SECURE_SCORE,
        Shape::Graph(&crate::lists::OTHERS),
        sample!("SecureScoreControl"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/secureScoreControlProfiles/{id}",
        SECURE_SCORE,
        Shape::Item("/v1.0/security/secureScoreControlProfiles"),
        sample!("SecureScoreControl"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/rules/detectionRules",
        DETECTIONS,
        Shape::Graph(&crate::lists::RULES),
        sample!("DetectionRule"),
    )
    .at(Resource::Graph)
    .filtered(&[
        ("createdBy", Kind::Text),
        ("createdDateTime", Kind::Time),
        ("description", Kind::Text),
        ("displayName", Kind::Text),
    ]),
    defender(
        "/v1.0/security/rules/detectionRules/{id}",
        DETECTIONS,
        Shape::Item("/v1.0/security/rules/detectionRules"),
        sample!("DetectionRule"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/threatIntelligence/articles",
        INTELLIGENCE,
        Shape::Graph(&crate::lists::OTHERS),
        sample!("ThreatArticle"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/threatIntelligence/articles/{id}",
        INTELLIGENCE,
        Shape::Item("/v1.0/security/threatIntelligence/articles"),
        sample!("ThreatArticle"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/threatIntelligence/intelProfiles",
        INTELLIGENCE,
        Shape::Graph(&crate::lists::OTHERS),
        sample!("ThreatProfile"),
    )
    .at(Resource::Graph)
    .filtered(&[("kind", Kind::Text), ("title", Kind::Text)]),
    defender(
        "/v1.0/security/threatIntelligence/intelProfiles/{id}",
        INTELLIGENCE,
        Shape::Item("/v1.0/security/threatIntelligence/intelProfiles"),
        sample!("ThreatProfile"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/threatIntelligence/vulnerabilities/{id}",
        INTELLIGENCE,
        Shape::Single(0),
        sample!("ThreatVulnerability"),
    )
    .at(Resource::Graph),
    defender(
        "/v1.0/security/threatIntelligence/hosts/{id}",
        INTELLIGENCE,
        Shape::Single(0),
        sample!("ThreatHost"),
    )
    .at(Resource::Graph),
    // Delegated administration.
    defender(
        "/v1.0/tenantRelationships/delegatedAdminCustomers",
        &["DelegatedAdminRelationship.Read.All", "DelegatedAdminRelationship.ReadWrite.All"],
        Shape::Own(Own::Customers),
        sample!("Customer"),
    )
    .at(Resource::Graph),
    // Advanced hunting (hunting-and-paging.md 1 and 2), whose rows have no sample.
    hunting(Resource::Graph, "/v1.0/security/runHuntingQuery", &["ThreatHunting.Read.All"]),
    hunting(Resource::Defender, "/api/advancedqueries/run", &["AdvancedQuery.Read.All"]),
    hunting(Resource::Xdr, "/api/advancedhunting/run", &["AdvancedHunting.Read.All"]),
    // Azure Resource Manager (4). Roles of Azure decide there.
    defender("/subscriptions", &[], Shape::Own(Own::Subscriptions), sample!("Subscription"))
        .at(Resource::Arm),
    defender(
        "/providers/Microsoft.ResourceGraph/resources",
        &[],
        Shape::Own(Own::ResourceGraph),
        sample!("CloudAssessment"),
    )
    .at(Resource::Arm)
    .post(),
    cloud(
        "/subscriptions/{id}/providers/Microsoft.Security/assessments",
        &["2020-01-01", "2021-06-01", "2025-05-04"],
        sample!("CloudAssessment"),
    ),
    cloud("/subscriptions/{id}/providers/Microsoft.Security/alerts", &["2022-01-01"], sample!("CloudAlert")),
    cloud(
        "/subscriptions/{id}/providers/Microsoft.Security/secureScores",
        &["2020-01-01"],
        sample!("CloudSecureScore"),
    ),
    cloud(
        "/subscriptions/{id}/providers/Microsoft.Security/secureScoreControls",
        &["2020-01-01"],
        sample!("CloudSecureScoreControl"),
    ),
    cloud("/subscriptions/{id}/providers/Microsoft.Security/pricings", &["2024-01-01"], sample!("CloudPlan")),
];

/// A query of advanced hunting.
const fn hunting(api: Resource, path: &'static str, roles: &'static [&'static str]) -> Endpoint {
    defender(path, roles, Shape::Own(Own::Hunting), ("", "[]")).at(api).post()
}

/// A list of Defender for Cloud.
const fn cloud(
    path: &'static str,
    versions: &'static [&'static str],
    sample: (&'static str, &'static str),
) -> Endpoint {
    defender(path, &[], Shape::Arm(versions), sample).at(Resource::Arm).of(Parent::Subscription)
}
