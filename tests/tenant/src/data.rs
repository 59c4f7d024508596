//! The invented data. The same tenant and number always give the same row.

use std::io::Write;

use crate::world::ROWS_PER_MACHINE;

const SEVERITIES: [(&str, &str); 4] =
    [("Low", "3.1"), ("Medium", "5.9"), ("High", "8.1"), ("Critical", "9.8")];
const EXPLOITS: [&str; 4] = ["NoExploit", "ExploitIsPublic", "ExploitIsVerified", "ExploitIsInKit"];
const PLATFORMS: [(&str, &str); 5] = [
    ("Windows11", "10.0.22631.4317"),
    ("Windows10", "10.0.19045.5011"),
    ("WindowsServer2022", "10.0.20348.2762"),
    ("Ubuntu", "22.4"),
    ("macOS", "14.6"),
];
const GROUPS: [(u32, &str); 4] =
    [(140, "Workstations"), (141, "Servers"), (142, "Unassigned"), (143, "Kiosks – Zürich")];
const PRODUCTS: usize = 40;

/// Texts of one product, ready to copy.
struct Product {
    vendor: String,
    name: String,
    version: String,
    tail: String,
}

/// Makes the vulnerability rows of one tenant.
pub(crate) struct Vulnerabilities {
    seed: u64,
    products: Vec<Product>,
}

impl Vulnerabilities {
    /// For the tenant with this seed. `salt` makes other rows of the same form.
    pub(crate) fn new(tenant: &str, salt: u64) -> Self {
        Vulnerabilities { seed: seed(tenant) ^ salt, products: (0..PRODUCTS).map(product).collect() }
    }

    /// Appends row number `row`, without separator.
    pub(crate) fn write(&self, row: u64, out: &mut Vec<u8>) {
        let (machine, k) = (row / ROWS_PER_MACHINE, row % ROWS_PER_MACHINE);
        let id = machine_id(self.seed, machine);
        let product = &self.products[index(k, PRODUCTS)];
        let chance = mix(self.seed ^ row.wrapping_mul(0x9E37_79B9));
        let known = k % 50 != 49;
        let (platform, os) = PLATFORMS[index(machine, PLATFORMS.len())];
        let (group, group_name) = GROUPS[index(machine / 7, GROUPS.len())];
        let (severity, score) = SEVERITIES[index(chance, 4)];
        out.extend_from_slice(b"{\"id\":\"");
        out.extend_from_slice(&id);
        put(out, &["_", &product.name, "_", &product.version, "_"]);
        if known {
            cve(out, k);
        }
        out.extend_from_slice(b"_\",\"deviceId\":\"");
        out.extend_from_slice(&id);
        out.extend_from_slice(b"\",\"rbacGroupId\":");
        number(out, u64::from(group), 0);
        put(out, &[",\"rbacGroupName\":\"", group_name, "\",\"deviceName\":\"host-"]);
        number(out, machine, 6);
        put(out, &[".corp.net\",\"osPlatform\":\"", platform, "\",\"osVersion\":\"", os]);
        put(
            out,
            &[
                "\",\"osArchitecture\":\"x64\",\"softwareVendor\":\"",
                &product.vendor,
                "\",\"softwareName\":\"",
                &product.name,
            ],
        );
        put(out, &["\",\"softwareVersion\":\"", &product.version, "\",\"cveId\":"]);
        if known {
            out.push(b'"');
            cve(out, k);
            put(out, &["\",\"cvssScore\":", score, ",\"vulnerabilitySeverityLevel\":\"", severity, "\""]);
        } else {
            put(out, &["null,\"cvssScore\":null,\"vulnerabilitySeverityLevel\":null"]);
        }
        put(out, &[&product.tail, ",\"firstSeenTimestamp\":\"2026-0"]);
        number(out, 1 + chance % 9, 0);
        put(out, &["-1"]);
        number(out, (chance >> 8) % 10, 0);
        put(out, &[" 11:07:15\",\"lastSeenTimestamp\":\"2026-11-2"]);
        number(out, (chance >> 16) % 3, 0);
        put(out, &[" 14:17:26\",\"exploitabilityLevel\":\"", EXPLOITS[index(chance >> 24, 4)]]);
        put(out, &["\",\"recommendationReference\":\"va-_-", &product.vendor, "-_-", &product.name]);
        put(out, &["\",\"securityUpdateAvailable\":", if chance & 1 == 0 { "true" } else { "false" }, "}"]);
    }
}

fn product(number: usize) -> Product {
    const VENDORS: [&str; 5] = ["microsoft", "mozilla", "adobe", "oracle", "7-zip"];
    const NAMES: [&str; 8] = [
        "edge_chromium-based",
        "firefox",
        "acrobat_reader_dc",
        "jre",
        "office",
        "visual_c++",
        "teams",
        "dotnet_core",
    ];
    let (vendor, name) = (VENDORS[number % 5].to_owned(), format!("{}_{number}", NAMES[number % 8]));
    let version = format!("{}.{}.{}.{}", 10 + number, number % 7, 1637 + number, number % 3);
    // Some have escapes and letters beyond ASCII, as real paths do.
    let folder = if number % 10 == 7 { "M\u{fc}ller \\u0026 S\\u00f6hne" } else { "Bin" };
    let kb = 5_030_000 + number;
    let tail = format!(
        ",\"recommendedSecurityUpdate\":\"November 2026 Security Updates\",\
         \"recommendedSecurityUpdateId\":\"{kb}\",\
         \"recommendedSecurityUpdateUrl\":\"https://catalog.example.net/?q=KB{kb}\",\
         \"diskPaths\":[\"C:\\\\Program Files\\\\{folder}\\\\{name}\\\\{version}\\\\app.exe\"],\
         \"registryPaths\":[\"SOFTWARE\\\\{vendor}\\\\{name}\"]"
    );
    Product { vendor, name, version, tail }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A number in decimal digits, at least `width` of them.
fn number(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

fn cve(out: &mut Vec<u8>, k: u64) {
    out.extend_from_slice(b"CVE-20");
    number(out, 15 + k % 11, 2);
    out.push(b'-');
    number(out, 10_000 + k * 137, 5);
}

/// An index below `length`.
fn index(value: u64, length: usize) -> usize {
    usize::try_from(value % length as u64).unwrap_or(0)
}

/// Seed of a tenant.
pub(crate) fn seed(tenant: &str) -> u64 {
    tenant
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Spreads the bits (splitmix64).
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Id of a machine: 40 hexadecimal digits.
pub(crate) fn machine_id(seed: u64, machine: u64) -> [u8; 40] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut id = [b'0'; 40];
    let (high, low) = (mix(seed ^ machine), mix(seed.wrapping_add(machine) ^ 0x5555));
    for (at, digit) in id[8..].iter_mut().enumerate() {
        let word = if at < 16 { high } else { low };
        *digit = HEX[usize::try_from((word >> ((at % 16) * 4)) & 15).unwrap_or(0)];
    }
    // The number itself makes it unique.
    for (at, digit) in id[..8].iter_mut().enumerate() {
        *digit = HEX[usize::try_from((machine >> ((7 - at) * 4)) & 15).unwrap_or(0)];
    }
    id
}

/// A machine, with the members that live tenants have.
pub(crate) fn machine(tenant: &str, number: usize) -> serde_json::Value {
    let seed = seed(tenant);
    let id = machine_id(seed, number as u64);
    let chance = mix(seed ^ (number as u64) << 3);
    let pick = |texts: &[&'static str], shift: u32| texts[index(chance >> shift, texts.len())];
    let (platform, os) = PLATFORMS[number % PLATFORMS.len()];
    let (group, group_name) = GROUPS[(number / 7) % GROUPS.len()];
    let digits = |value: usize| value % 250 + 1;
    let address = format!("192.0.2.{}", digits(number));
    let interface = serde_json::json!({
        "ipAddress": address, "macAddress": "00005E0053FF", "type": "Ethernet", "operationalStatus": "Up",
    });
    let tags: &[&str] = if number.is_multiple_of(4) { &["vip", "Prüfung"] } else { &[] };
    let mut machine = serde_json::json!({
        "id": String::from_utf8_lossy(&id), "mergedIntoMachineId": null, "isPotentialDuplication": false,
        "isExcluded": false, "exclusionReason": null,
        "computerDnsName": format!("host-{number:06}.corp.net"),
        "firstSeen": "2025-03-14T15:09:26.5358979Z",
        "lastSeen": format!("2026-11-{:02}T02:51:16.2059102Z", 1 + number % 23),
        "osPlatform": platform, "osVersion": null, "osProcessor": "x64",
        "version": if number.is_multiple_of(3) { "23H2" } else { "22H2" },
        "lastIpAddress": address, "lastExternalIpAddress": format!("198.51.100.{}", digits(number * 7)),
        "agentVersion": format!("10.8790.{}", &os[os.len().saturating_sub(4)..]), "osBuild": 22631,
        "healthStatus": pick(&["Active", "Active", "Active", "Inactive", "NoSensorData"], 4),
        "deviceValue": pick(&["Low", "Normal", "High"], 12),
        "rbacGroupId": group, "rbacGroupName": group_name,
        "riskScore": pick(&["None", "Low", "Medium", "High"], 20),
        "exposureLevel": pick(&["Low", "Medium", "High"], 28),
        "isAadJoined": number.is_multiple_of(2), "aadDeviceId": format!("de000000-0000-4000-8000-{number:012}"),
        "machineTags": tags, "onboardingStatus": "Onboarded", "osArchitecture": "64-bit",
        "managedBy": "Intune", "managedByStatus": "Unknown", "ipAddresses": [interface], "vmMetadata": null,
    });
    if number % 5 == 4 {
        machine["osBuild"] = serde_json::Value::Null;
    }
    machine
}

/// The state of the antivirus on a machine.
pub(crate) fn antivirus(tenant: &str, number: usize) -> serde_json::Value {
    let id = machine_id(seed(tenant), number as u64);
    let (platform, os) = PLATFORMS[number % PLATFORMS.len()];
    let (group, group_name) = GROUPS[(number / 7) % GROUPS.len()];
    // The service writes these flags as text.
    let flag = |flag: bool| if flag { "True" } else { "False" };
    serde_json::json!({
        "id": format!("a5000000-0000-4000-8000-{number:012}"), "machineId": String::from_utf8_lossy(&id),
        "computerDnsName": format!("host-{number:06}.corp.net"),
        "osKind": if number % 5 < 3 { "windows" } else { "linux" }, "osPlatform": platform, "osVersion": os,
        "avMode": "0", "avSignatureVersion": "1.421.12.0", "avEngineVersion": "1.1.24090.11",
        "avPlatformVersion": "4.18.24090.11", "lastSeenTime": "2026-11-23T19:40:45Z",
        "quickScanResult": "Completed", "quickScanError": "", "quickScanTime": "2026-11-23T18:40:15.882Z",
        "fullScanResult": "", "fullScanError": "", "fullScanTime": null,
        "dataRefreshTimestamp": "2026-11-23T21:16:23Z", "avSignatureUpdateTime": "2026-11-23T00:03:39Z",
        "avEngineUpdateTime": "2026-11-20T00:03:39Z", "avPlatformUpdateTime": "2026-11-20T16:59:35Z",
        "avSignaturePublishTime": "2026-11-23T00:03:39Z",
        "avIsSignatureUpToDate": flag(!number.is_multiple_of(9)), "avIsEngineUpToDate": flag(true),
        "avIsPlatformUpToDate": flag(true), "rbacGroupName": group_name, "rbacGroupId": group,
    })
}

/// A subscription.
pub(crate) fn subscription(tenant: &str, number: usize) -> serde_json::Value {
    let id = format!("5ab00000-0000-4000-8000-{:012}", number + 1);
    serde_json::json!({
        "id": format!("/subscriptions/{id}"), "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionId": id, "tenantId": tenant, "displayName": format!("Subscription {number}"),
        "state": "Enabled", "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01"},
    })
}

/// A row of a table of Resource Graph.
pub(crate) fn resource(table: &str, tenant: &str, number: usize) -> serde_json::Value {
    let subscription = format!("5ab00000-0000-4000-8000-{:012}", number / 100 + 1);
    let (group, name) = (format!("rg-{:02}", number % 7), format!("vm-{number:05}"));
    let machine = format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
    );
    let severity = ["Low", "Medium", "High"][number % 3];
    let assessment = format!("a55e0000-0000-4000-8000-{number:012}");
    let shared = serde_json::json!({
        "tenantId": tenant, "subscriptionId": subscription, "resourceGroup": group, "location": "westeurope",
    });
    let own = match table {
        "securityresources" => serde_json::json!({
            "id": format!("{machine}/providers/Microsoft.Security/assessments/{assessment}"),
            "name": assessment, "type": "microsoft.security/assessments",
            "properties": {
                "displayName": format!("An invented recommendation, number {}", number % 20),
                "status": {"code": if number.is_multiple_of(3) { "Healthy" } else { "Unhealthy" }},
                "metadata": {"severity": severity},
            },
        }),
        "resourcecontainers" => serde_json::json!({
            "id": format!("/subscriptions/{subscription}/resourceGroups/rg-{number:05}"),
            "name": format!("rg-{number:05}"), "type": "microsoft.resources/subscriptions/resourcegroups",
            "properties": {},
        }),
        _ => serde_json::json!({
            "id": machine, "name": name, "type": "microsoft.compute/virtualmachines", "properties": {},
        }),
    };
    let members = [own, shared].into_iter().filter_map(|part| part.as_object().cloned()).flatten();
    members.collect::<serde_json::Map<_, _>>().into()
}

/// A vulnerability of one machine, as that endpoint describes it.
pub(crate) fn machine_vulnerability(k: u64) -> serde_json::Value {
    let mut name = Vec::new();
    cve(&mut name, k);
    let name = String::from_utf8_lossy(&name).into_owned();
    let (severity, score) = SEVERITIES[index(k, 4)];
    let score: f64 = score.parse().unwrap_or_default();
    serde_json::json!({
        "id": name, "name": name,
        "description": format!(
            "Summary: an invented flaw, number {k}. \"Quoted\" and\nbroken over lines."
        ),
        "severity": severity, "cvssV3": score, "cvssVector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "exposedMachines": 1 + k,
        "publishedOn": "2026-02-11T00:00:00Z", "updatedOn": "2026-06-30T17:12:06.0000000Z",
        "firstDetected": "0001-01-01T00:00:00Z",
        "publicExploit": k.is_multiple_of(3), "exploitVerified": false, "exploitInKit": false,
        "exploitTypes": ["Remote"], "exploitUris": [],
        "cveSupportability": "Supported", "tags": [], "epss": 0.00123,
    })
}

/// Appends an envelope's beginning.
pub(crate) fn open_envelope(out: &mut Vec<u8>, context: &str) {
    let _ = write!(
        out,
        "{{\"@odata.context\":\"https://api.security.microsoft.com/api/$metadata#{context}\",\"value\":["
    );
}

/// Appends an envelope's end.
pub(crate) fn close_envelope(out: &mut Vec<u8>, next: Option<&str>) {
    out.push(b']');
    if let Some(next) = next {
        let _ = write!(out, ",\"@odata.nextLink\":{}", serde_json::Value::from(next));
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rows_are_json_of_24_columns_and_970_bytes_and_each_has_its_own_id() {
        let rows = Vulnerabilities::new("tenant", 0);
        let (mut ids, mut total) = (HashSet::new(), 0);
        for number in 0..6_000 {
            let mut row = Vec::new();
            rows.write(number, &mut row);
            total += row.len() + 1;
            let row: serde_json::Value = serde_json::from_slice(&row).unwrap();
            assert_eq!(row.as_object().unwrap().len(), 24);
            assert!(ids.insert(row["id"].as_str().unwrap().to_owned()), "row {number}");
        }
        let mean = total / 6_000;
        assert!((950..=990).contains(&mean), "{mean} bytes per row");
    }

    #[test]
    fn rows_are_the_same_each_time_and_others_for_another_tenant() {
        let row = |tenant: &str| {
            let mut out = Vec::new();
            Vulnerabilities::new(tenant, 0).write(7, &mut out);
            out
        };
        assert_eq!(row("a"), row("a"));
        assert_ne!(row("a"), row("b"));
    }
}
