//! Threat intelligence of Microsoft Defender. It needs a licence and an add-on for the API.

use crate::catalog::ColumnKind::{Bool, Dictionary, Float, Text, TextList, Time, Variant};
use crate::catalog::cmdlets::item_id;
use crate::catalog::columns::{ADDITIONAL_COLUMN, SEVERITY, col, shown};
use crate::catalog::{Cmdlet, Filter, Paging, Resource};
use crate::cloud::Family;

const BASE: Resource = Resource {
    family: Family::Graph,
    paging: Paging::ODATA,
    permissions: &["ThreatIntelligence.Read.All"],
    ..Resource::DEFAULT
};

pub(crate) const ARTICLES: Resource = Resource {
    name: "threatArticles",
    class: "ThreatArticle",
    doc: "Articles about threats",
    reference: "https://learn.microsoft.com/graph/api/security-threatintelligence-list-articles",
    list_path: Some("/v1.0/security/threatIntelligence/articles"),
    item_path: Some("/v1.0/security/threatIntelligence/articles/{id}"),
    probe: Some(&[("$top", "1")]),
    columns: &[
        col("id", Text, "Article id"),
        col("title", Text, "Title"),
        col("createdDateTime", Time, "When the article was written"),
        col("lastUpdatedDateTime", Time, "When the article was last updated"),
        col("isFeatured", Bool, "Whether the article is featured"),
        col("tags", TextList, "Tags"),
        col("summary", Variant, "Summary: content, format"),
        col("body", Variant, "Text: content, format"),
        col("imageUrl", Text, "Picture"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("id", "Id", 8),
        shown("title", "Title", 0),
        shown("isFeatured", "Featured", 8),
        shown("createdDateTime", "Created", 16),
    ],
    cmdlet: Some(Cmdlet::get("ThreatArticle").by_id(item_id(
        &["ThreatArticleId"],
        &["ThreatArticleId", "ThreatArticle.Id", "Id"],
        "Article ids. Accepted from the pipeline.",
    ))),
    ..BASE
};

pub(crate) const PROFILES: Resource = Resource {
    name: "threatProfiles",
    class: "ThreatProfile",
    doc: "Profiles of threat actors and their tools",
    reference: "https://learn.microsoft.com/graph/api/security-threatintelligence-list-intelprofiles",
    list_path: Some("/v1.0/security/threatIntelligence/intelProfiles"),
    item_path: Some("/v1.0/security/threatIntelligence/intelProfiles/{id}"),
    probe: Some(&[("$top", "1")]),
    filter: Filter::Service(&["kind", "title"]),
    columns: &[
        col("id", Text, "Profile id"),
        col("kind", Dictionary, "actor or tool"),
        col("title", Text, "Name"),
        col("firstActiveDateTime", Time, "When it was first active"),
        col("aliases", TextList, "Other names"),
        col("targets", TextList, "Kinds of targets"),
        col("countriesOrRegionsOfOrigin", Variant, "Countries or regions: label, code"),
        col("sponsorStates", TextList, "States that sponsor it"),
        col("summary", Variant, "Summary: content, format"),
        col("description", Variant, "Description: content, format"),
        col("tradecraft", Variant, "How it works: content, format"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("kind", "Kind", 6),
        shown("title", "Name", 0),
        shown("aliases", "Aliases", 0),
        shown("firstActiveDateTime", "Active", 10),
    ],
    cmdlet: Some(Cmdlet::get("ThreatProfile").by_id(item_id(
        &["ThreatProfileId"],
        &["ThreatProfileId", "ThreatProfile.Id", "Id"],
        "Profile ids. Accepted from the pipeline.",
    ))),
    ..BASE
};

pub(crate) const VULNERABILITIES: Resource = Resource {
    name: "threatVulnerabilities",
    class: "ThreatVulnerability",
    doc: "What Microsoft knows of a CVE: exploits, scores and affected components",
    reference: "https://learn.microsoft.com/graph/api/security-vulnerability-get",
    item_path: Some("/v1.0/security/threatIntelligence/vulnerabilities/{id}"),
    columns: &[
        col("id", Text, "CVE number"),
        col("createdDateTime", Time, "When the article was written"),
        col("lastModifiedDateTime", Time, "When the article was last updated"),
        col("publishedDateTime", Time, "When the CVE was published"),
        col("severity", Dictionary, "none, low, medium, high, critical").on(&SEVERITY),
        col("priorityScore", Float, "Priority, 0 to 100"),
        col("hasChatter", Bool, "Whether people talk about it"),
        col("exploitsAvailable", Bool, "Whether exploits are available"),
        col("activeExploitsObserved", Bool, "Whether it has been exploited"),
        col("commonWeaknessEnumerationIds", TextList, "Numbers in the Common Weakness Enumeration"),
        col("cvss2Summary", Variant, "CVSS v2: score, severity, vectorString"),
        col("cvss3Summary", Variant, "CVSS v3: score, severity, vectorString"),
        col("description", Variant, "Description: content, format"),
        col("remediation", Variant, "How to fix it: content, format"),
        col("exploits", Variant, "Exploits: name, url"),
        col("references", Variant, "References: name, url"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("id", "CVE", 14),
        shown("severity", "Severity", 8),
        shown("priorityScore", "Priority", 8),
        shown("exploitsAvailable", "Exploit", 7),
        shown("description", "Description", 0),
    ],
    cmdlet: Some(Cmdlet::get("ThreatVulnerability").by_id(item_id(
        &["CveId"],
        &["CveId", "Cve.Id", "ThreatVulnerability.Id", "Id"],
        "CVE numbers. Accepted from the pipeline, from Get-FdxCve, and the CveId of other rows.",
    ))),
    ..BASE
};

pub(crate) const HOSTS: Resource = Resource {
    name: "threatHosts",
    class: "ThreatHost",
    doc: "What Microsoft knows of a host: when it was seen, and who registered it",
    reference: "https://learn.microsoft.com/graph/api/security-host-get",
    item_path: Some("/v1.0/security/threatIntelligence/hosts/{id}"),
    columns: &[
        col("id", Text, "Domain name or IP address"),
        col("firstSeenDateTime", Time, "When it was first seen"),
        col("lastSeenDateTime", Time, "When it was last seen"),
        col("registrar", Dictionary, "Registrar of the domain"),
        col("registrant", Dictionary, "Registrant of the domain"),
        col("countryOrRegion", Dictionary, "Country or region of the address"),
        col("hostingProvider", Dictionary, "Hosting provider of the address"),
        col("netblock", Dictionary, "Network of the address"),
        col("autonomousSystem", Variant, "Autonomous system: name, number, organization, value"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("id", "Host", 0),
        shown("registrar", "Registrar", 14),
        shown("firstSeenDateTime", "FirstSeen", 10),
        shown("lastSeenDateTime", "LastSeen", 10),
    ],
    cmdlet: Some(Cmdlet::get("ThreatHost").by_id(crate::catalog::IdParameter {
        takes_text: false,
        ..item_id(
            &["Host"],
            &[],
            "Domain names or IP addresses. Text in the pipeline is a tenant; the property Host of an object is an id.",
        )
    })),
    ..BASE
};
