//! Machines of Defender for Endpoint.

use crate::catalog::ColumnKind::{Bool, Dictionary, Int, Text, TextList, Time, Variant};
use crate::catalog::cmdlets::{ALERT_ID, DOMAIN, FILE_HASH, IP_ADDRESS, USER_NAME, item_id};
use crate::catalog::columns::{ADDITIONAL_COLUMN, DEVICE_VALUE, SEVERITY, col, shown};
use crate::catalog::{
    Cmdlet, Column, Filter, IdParameter, Parameter, ParameterKind, Resource, Since, TableColumn,
};
use crate::cloud::Family;

const READ: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];

const COLUMNS: &[Column] = &[
    col("id", Text, "Machine id: 40 hexadecimal digits"),
    col("computerDnsName", Text, "Fully qualified name of the machine"),
    col("firstSeen", Time, "First time the service saw the machine"),
    col("lastSeen", Time, "Last full report of the machine"),
    col("osPlatform", Dictionary, "Operating system platform, such as Windows11"),
    col("osVersion", Dictionary, "Operating system version; often null, see Version"),
    col("version", Dictionary, "Operating system release, such as 22H2"),
    col("osProcessor", Dictionary, "Processor architecture (superseded by OsArchitecture)"),
    col("osArchitecture", Dictionary, "32-bit or 64-bit"),
    col("osBuild", Int, "Operating system build number"),
    col("lastIpAddress", Text, "Last internal IP address"),
    col("lastExternalIpAddress", Text, "Last IP address as seen from the internet"),
    col("healthStatus", Dictionary, "Active, Inactive, ImpairedCommunication, NoSensorData, …"),
    col("onboardingStatus", Dictionary, "Onboarded, CanBeOnboarded, Unsupported, InsufficientInfo"),
    col("rbacGroupId", Int, "Machine group id"),
    col("rbacGroupName", Dictionary, "Machine group name"),
    col("riskScore", Dictionary, "None, Informational, Low, Medium, High").on(&SEVERITY),
    col("exposureLevel", Dictionary, "None, Low, Medium, High").on(&SEVERITY),
    col("deviceValue", Dictionary, "Low, Normal, High").on(&DEVICE_VALUE),
    col("isAadJoined", Bool, "Whether the machine is joined to Entra"),
    col("aadDeviceId", Text, "Entra device id"),
    col("machineTags", TextList, "Tags"),
    col("ipAddresses", Variant, "Addresses: ipAddress, macAddress, type, operationalStatus"),
    col("agentVersion", Dictionary, "Version of the sensor"),
    col("managedBy", Dictionary, "Management channel, such as Intune"),
    col("managedByStatus", Dictionary, "State of the management channel"),
    col("mergedIntoMachineId", Text, "Machine that this one was merged into"),
    col("isPotentialDuplication", Bool, "Whether the service considers it a duplicate"),
    col("isExcluded", Bool, "Whether it is excluded from vulnerability management"),
    col("exclusionReason", Dictionary, "Why it is excluded"),
    col("vmMetadata", Variant, "Cloud virtual machine data: vmId, cloudProvider, resourceId, subscriptionId"),
    ADDITIONAL_COLUMN,
];

const TABLE: &[TableColumn] = &[
    shown("computerDnsName", "Name", 0),
    shown("osPlatform", "OS", 13),
    shown("healthStatus", "Health", 8),
    shown("riskScore", "Risk", 6),
    shown("exposureLevel", "Exposure", 8),
    shown("lastSeen", "LastSeen", 10),
];

pub(crate) const RESOURCE: Resource = Resource {
    name: "machines",
    class: "Machine",
    doc: "Machines onboarded to, or seen by, Defender for Endpoint",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-machines",
    family: Family::Defender,
    list_path: Some("/api/machines"),
    item_path: Some("/api/machines/{id}"),
    permissions: READ,
    filter: Filter::Service(&[
        "aadDeviceId",
        "computerDnsName",
        "deviceValue",
        "exposureLevel",
        "healthStatus",
        "id",
        "lastIpAddress",
        "lastSeen",
        "machineTags",
        "onboardingStatus",
        "osPlatform",
        "rbacGroupId",
        "riskScore",
        "version",
    ]),
    since: Since::Field("lastSeen"),
    not_found_is_empty: true,
    columns: COLUMNS,
    table: TABLE,
    cmdlet: Some(Cmdlet::get("Machine").by_id(item_id(
        &["MachineId", "DeviceId"],
        // The id of a vulnerability is not a machine's.
        &["MachineId", "DeviceId", "Machine.Id", "MachineReference.Id", "Id"],
        "Machine ids: 40 hexadecimal digits each. Accepted from the pipeline, including the MachineId or DeviceId of \
         other rows. With several tenants, a machine is not found only if no tenant has it.",
    ))),
    ..Resource::DEFENDER_LIST
};

/// What the machines of one parent have in common.
const RELATION: Resource = Resource {
    class: "Machine",
    permissions: READ,
    columns: COLUMNS,
    table: TABLE,
    ..Resource::DEFENDER_RELATION
};

pub(crate) const BY_IP: Resource = Resource {
    name: "machinesByIp",
    doc: "Machines that had an IP address at a time",
    reference: "https://learn.microsoft.com/defender-endpoint/api/find-machines-by-ip",
    parent_path: Some("/api/machines/findbyip(ip='{id}',timestamp={time})"),
    cmdlet: Some(
        Cmdlet::get("Machine")
            .of(IdParameter {
                doc: "Gets the machines that reported one of these internal IP addresses within 15 minutes of `-At`.",
                ..IP_ADDRESS
            })
            .with(&[Parameter {
                name: "At",
                kind: ParameterKind::Time,
                doc: "The time for `-IpAddress`, of the last 30 days. By default it is now.",
            }]),
    ),
    ..RELATION
};

pub(crate) const BY_TAG: Resource = Resource {
    name: "machinesByTag",
    doc: "Machines with a tag that begins with a text",
    reference: "https://learn.microsoft.com/defender-endpoint/api/find-machines-by-tag",
    parent_path: Some("/api/machines/findbytag"),
    query: &[("tag", "{id}"), ("useStartsWithFilter", "true")],
    cmdlet: Some(Cmdlet::get("Machine").of(IdParameter {
        name: "TagPrefix",
        aliases: &[],
        properties: &[],
        takes_text: false,
        label: None,
        doc: "Gets machines with a tag that begins with one of these texts.",
    })),
    ..RELATION
};

pub(crate) const OF_FILE: Resource = Resource {
    name: "fileMachines",
    doc: "Machines that a file was seen on",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-file-related-machines",
    parent_path: Some("/api/files/{id}/machines"),
    cmdlet: Some(Cmdlet::get("Machine").of(FILE_HASH)),
    ..RELATION
};

pub(crate) const OF_DOMAIN: Resource = Resource {
    name: "domainMachines",
    doc: "Machines that communicated with a domain",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-domain-related-machines",
    parent_path: Some("/api/domains/{id}/machines"),
    cmdlet: Some(Cmdlet::get("Machine").of(DOMAIN)),
    ..RELATION
};

pub(crate) const OF_USER: Resource = Resource {
    name: "userMachines",
    doc: "Machines that a user logged on to",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-user-related-machines",
    parent_path: Some("/api/users/{id}/machines"),
    cmdlet: Some(Cmdlet::get("Machine").of(USER_NAME)),
    ..RELATION
};

pub(crate) const OF_ALERT: Resource = Resource {
    name: "alertMachine",
    doc: "The machine of an alert of Defender for Endpoint",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-alert-related-machine-info",
    parent_path: Some("/api/alerts/{id}/machine"),
    single: true,
    // The rows of an alert of Defender for Endpoint have a MachineId.
    cmdlet: Some(Cmdlet::get("Machine").of(IdParameter { properties: &["AlertId", "Alert.Id"], ..ALERT_ID })),
    ..RELATION
};
