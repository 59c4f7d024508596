//! Scores of vulnerability management.

use crate::catalog::ColumnKind::{Dictionary, Float, Time};
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, shown};
use crate::catalog::{Cmdlet, Quota, Resource};

const SCORE: Resource = Resource {
    class: "DefenderScore",
    quota: Quota::Defender,
    probe: Some(&[]),
    permissions: &["Score.Read.All"],
    columns: &[
        col("time", Time, "When the score was calculated"),
        col("score", Float, "The score"),
        col("rbacGroupName", Dictionary, "Machine group, for a score by group"),
        ADDITIONAL_COLUMN,
    ],
    table: &[shown("rbacGroupName", "Group", 0), shown("score", "Score", 18), shown("time", "Time", 16)],
    ..Resource::DEFAULT
};

pub(crate) const EXPOSURE: Resource = Resource {
    name: "exposureScore",
    doc: "Exposure score of the tenant, 0 to 100; a lower one is better",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-exposure-score",
    list_path: Some("/api/exposureScore"),
    single: true,
    cmdlet: Some(Cmdlet::get("Score").choice("Type", "Exposure")),
    ..SCORE
};

pub(crate) const EXPOSURE_BY_GROUP: Resource = Resource {
    name: "exposureScoreByGroup",
    doc: "Exposure score of each machine group",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-machine-group-exposure-score",
    list_path: Some("/api/exposureScore/ByMachineGroups"),
    cmdlet: Some(Cmdlet::get("Score").choice("Type", "ExposureByGroup")),
    ..SCORE
};

pub(crate) const CONFIGURATION: Resource = Resource {
    name: "configurationScore",
    doc: "Secure score for devices; a higher one is better",
    reference: "https://learn.microsoft.com/defender-endpoint/api/get-device-secure-score",
    list_path: Some("/api/configurationScore"),
    single: true,
    cmdlet: Some(Cmdlet::get("Score").choice("Type", "DeviceSecureScore")),
    ..SCORE
};
