//! Files, domains, IP addresses and users that Defender for Endpoint has seen.

use crate::catalog::ColumnKind::{Bool, Dictionary, Int, Text, TextList, Time};
use crate::catalog::cmdlets::{
    ALERT_ID, DOMAIN, FILE_HASH, IP_ADDRESS, LOOK_BACK_HOURS, MACHINE_ID, item_id,
};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, from_request, shown};
use crate::catalog::{Cmdlet, IdParameter, Resource};

const FILE: Resource = Resource {
    class: "DefenderFile",
    permissions: &["File.Read.All"],
    columns: &[
        from_request("alertId", "Alert that the file belongs to"),
        col("sha1", Text, "SHA-1"),
        col("sha256", Text, "SHA-256"),
        col("md5", Text, "MD5"),
        col("globalPrevalence", Int, "Number of machines in the world that have it"),
        col("globalFirstObserved", Time, "When it was first seen in the world"),
        col("globalLastObserved", Time, "When it was last seen in the world"),
        col("size", Int, "Size in bytes"),
        col("fileType", Dictionary, "Type of the file"),
        col("isPeFile", Bool, "Whether it is a portable executable"),
        col("filePublisher", Dictionary, "Publisher"),
        col("fileProductName", Dictionary, "Product"),
        col("signer", Dictionary, "Who signed it"),
        col("issuer", Dictionary, "Who issued the certificate of the signature"),
        col("signerHash", Text, "Hash of that certificate"),
        col("isValidCertificate", Bool, "Whether that certificate is valid"),
        col("determinationType", Dictionary, "Malware, Pua, Clean, Unknown"),
        col("determinationValue", Dictionary, "Name of the threat"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("sha1", "SHA1", 10),
        shown("fileProductName", "Product", 0),
        shown("filePublisher", "Publisher", 14),
        shown("determinationType", "Verdict", 8),
        shown("globalPrevalence", "Prevalence", 10),
    ],
    ..Resource::DEFENDER_RELATION
};

pub(crate) const FILES: Resource = Resource {
    name: "files",
    doc: "Files that the service knows",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-file-information",
    item_path: Some("/api/files/{id}"),
    cmdlet: Some(Cmdlet::get("File").by_id(item_id(
        &["FileHash", "Sha1"],
        &["FileHash", "Sha1"],
        "SHA-1 or SHA-256 of the files. Accepted from the pipeline, including the Sha1 of other objects.",
    ))),
    ..FILE
};

pub(crate) const FILES_OF_ALERT: Resource = Resource {
    name: "alertFiles",
    doc: "Files of an alert of Defender for Endpoint",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-alert-related-files-info",
    parent_path: Some("/api/alerts/{id}/files"),
    cmdlet: Some(Cmdlet::get("File").of(ALERT_ID)),
    ..FILE
};

pub(crate) const FILE_STATISTICS: Resource = Resource {
    name: "fileStatistics",
    class: "FileStatistic",
    doc: "How common a file is in the tenant and in the world",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-file-statistics",
    parent_path: Some("/api/files/{id}/stats"),
    single: true,
    permissions: &["File.Read.All"],
    columns: &[
        from_request("fileHash", "Hash that was asked for"),
        col("sha1", Text, "SHA-1"),
        col("organizationPrevalence", Int, "Number of machines in the tenant that have it").or(&["orgPrevalence"]),
        col("orgFirstSeen", Time, "When it was first seen in the tenant"),
        col("orgLastSeen", Time, "When it was last seen in the tenant"),
        col("globalPrevalence", Int, "Number of machines in the world that have it")
            .or(&["globallyPrevalence"]),
        col("globalFirstObserved", Time, "When it was first seen in the world"),
        col("globalLastObserved", Time, "When it was last seen in the world"),
        col("topFileNames", TextList, "Its most common names"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("sha1", "SHA1", 10),
        shown("topFileNames", "Names", 0),
        shown("organizationPrevalence", "Machines", 8),
        shown("globalPrevalence", "World", 9),
        shown("orgLastSeen", "LastSeen", 10),
    ],
    cmdlet: Some(
        Cmdlet::get("FileStatistic")
            .of(IdParameter {
                aliases: &["Sha1", "Sha256", "Id"],
                properties: &["FileHash", "Sha1"],
                takes_text: true,
                doc: "SHA-1 or SHA-256 of the files. Accepted from the pipeline, including the Sha1 of other objects.",
                ..FILE_HASH
            })
            .with(LOOK_BACK_HOURS),
    ),
    ..Resource::DEFENDER_RELATION
};

const DOMAIN_ROW: Resource = Resource {
    class: "DefenderDomain",
    permissions: &["URL.Read.All"],
    columns: &[
        from_request("alertId", "Alert that the domain belongs to"),
        col("host", Text, "Domain name"),
        col("organizationPrevalence", Int, "Number of machines that communicated with it")
            .or(&["orgPrevalence"]),
        col("orgFirstSeen", Time, "When it was first seen in the tenant"),
        col("orgLastSeen", Time, "When it was last seen in the tenant"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("host", "Host", 0),
        shown("organizationPrevalence", "Machines", 8),
        shown("orgFirstSeen", "FirstSeen", 16),
        shown("orgLastSeen", "LastSeen", 16),
    ],
    ..Resource::DEFENDER_RELATION
};

pub(crate) const DOMAINS: Resource = Resource {
    name: "domains",
    doc: "How common an internet domain is in the tenant",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-domain-statistics",
    parent_path: Some("/api/domains/{id}/stats"),
    single: true,
    cmdlet: Some(
        Cmdlet::get("Domain")
            .of(IdParameter { doc: "Internet domains. Text in the pipeline is a tenant.", ..DOMAIN })
            .with(LOOK_BACK_HOURS),
    ),
    ..DOMAIN_ROW
};

pub(crate) const DOMAINS_OF_ALERT: Resource = Resource {
    name: "alertDomains",
    doc: "Internet domains of an alert of Defender for Endpoint",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-alert-related-domain-info",
    parent_path: Some("/api/alerts/{id}/domains"),
    cmdlet: Some(Cmdlet::get("Domain").of(ALERT_ID)),
    ..DOMAIN_ROW
};

const IP: Resource = Resource {
    class: "DefenderIpAddress",
    permissions: &["Ip.Read.All"],
    columns: &[
        from_request("alertId", "Alert that the address belongs to"),
        col("ipAddress", Text, "IP address").or(&["id"]),
        col("organizationPrevalence", Int, "Number of machines that connected to it").or(&["orgPrevalence"]),
        col("orgFirstSeen", Time, "When it was first seen in the tenant"),
        col("orgLastSeen", Time, "When it was last seen in the tenant"),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("ipAddress", "Address", 0),
        shown("organizationPrevalence", "Machines", 8),
        shown("orgFirstSeen", "FirstSeen", 16),
        shown("orgLastSeen", "LastSeen", 16),
    ],
    ..Resource::DEFENDER_RELATION
};

pub(crate) const IP_ADDRESSES: Resource = Resource {
    name: "ipAddresses",
    doc: "How common an IP address is in the tenant",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-ip-statistics",
    parent_path: Some("/api/ips/{id}/stats"),
    single: true,
    cmdlet: Some(
        Cmdlet::get("IpAddress")
            .of(IdParameter { doc: "IP addresses. Text in the pipeline is a tenant.", ..IP_ADDRESS })
            .with(LOOK_BACK_HOURS),
    ),
    ..IP
};

pub(crate) const IP_ADDRESSES_OF_ALERT: Resource = Resource {
    name: "alertIpAddresses",
    doc: "IP addresses of an alert of Defender for Endpoint",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-alert-related-ip-info",
    parent_path: Some("/api/alerts/{id}/ips"),
    cmdlet: Some(Cmdlet::get("IpAddress").of(ALERT_ID)),
    ..IP
};

const USER: Resource = Resource {
    class: "DefenderUser",
    permissions: &["User.Read.All"],
    columns: &[
        from_request("machineId", "Machine that the user logged on to"),
        from_request("alertId", "Alert that the user belongs to"),
        col("id", Text, "User id: domain and account name"),
        col("accountName", Dictionary, "Account name"),
        col("accountDomain", Dictionary, "Domain of the account").or(&["accountDomainName"]),
        col("accountSid", Text, "Security identifier"),
        col("firstSeen", Time, "When the user was first seen"),
        col("lastSeen", Time, "When the user was last seen"),
        col("mostPrevalentMachineId", Text, "Machine with the most logons"),
        col("leastPrevalentMachineId", Text, "Machine with the fewest logons"),
        col("logonTypes", Dictionary, "Types of logon, such as Interactive"),
        col("logOnMachinesCount", Int, "Number of machines with logons"),
        col("logonCount", Int, "Number of logons"),
        col("isDomainAdmin", Bool, "Whether the user is an administrator of the domain").or(&["domainAdmin"]),
        col("isOnlyNetworkUser", Bool, "Whether all logons were over the network").or(&["onlyNetworkUser"]),
        ADDITIONAL_COLUMN,
    ],
    table: &[
        shown("id", "User", 0),
        shown("logonTypes", "Logons", 14),
        shown("isDomainAdmin", "Admin", 5),
        shown("lastSeen", "LastSeen", 16),
    ],
    ..Resource::DEFENDER_RELATION
};

pub(crate) const USERS_OF_MACHINE: Resource = Resource {
    name: "machineUsers",
    doc: "Users that logged on to a machine",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-machine-log-on-users",
    parent_path: Some("/api/machines/{id}/logonusers"),
    cmdlet: Some(Cmdlet::get("User").of(MACHINE_ID)),
    ..USER
};

pub(crate) const USER_OF_ALERT: Resource = Resource {
    name: "alertUser",
    doc: "The user of an alert of Defender for Endpoint",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-alert-related-user-info",
    parent_path: Some("/api/alerts/{id}/user"),
    single: true,
    // The rows of an alert of Defender for Endpoint have a MachineId.
    cmdlet: Some(Cmdlet::get("User").of(IdParameter { properties: &["AlertId", "Alert.Id"], ..ALERT_ID })),
    ..USER
};
