//! Runs wipe.c, which looks for secrets in its own memory after everything was freed, once for each way to a token.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fedxdr_abi_tests::{compile, library, root, run};
use fedxdr_tenant::{FakeTenant, FederatedCredential, World};
use serde_json::{Value, json};

/// Opens a session with this credential, reads with it, and looks for `secrets` and the tokens afterwards.
fn search(name: &str, tenant: &FakeTenant, credential: &Value, secrets: &[Vec<u8>]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wipe").join(name);
    fs::create_dir_all(&folder).expect("a folder below the target folder");
    let program = folder.join("wipe");
    compile("tests/abi/wipe.c", &library(), &program);
    let addresses = tenant.addresses();
    let settings = json!({
        "environment": {
            "IDENTITY_ENDPOINT": addresses.identity_endpoint,
            "IDENTITY_HEADER": addresses.identity_header,
        },
        "tenants": [addresses.tenants[0].tenant_id],
        "clientId": addresses.client_id,
        "credential": credential,
        "endpoints": { "authority": addresses.authority, "defender": addresses.defender },
        "retry": { "attempts": 0 },
    });
    let settings_file = folder.join("settings.json");
    fs::write(&settings_file, settings.to_string()).expect("settings");
    let mut command = Command::new(&program);
    command.arg(&settings_file);
    for (number, secret) in secrets.iter().enumerate() {
        let file = folder.join(format!("secret-{number}"));
        fs::write(&file, secret).expect("a secret");
        command.arg(file);
    }
    let output = run(&mut command);
    let printed = String::from_utf8_lossy(&output.stdout);
    let wanted = format!("{} searched, 0 found\n", secrets.len() + 1);
    assert!(printed.ends_with(&wanted), "{name}: {printed}");
}

#[test]
fn nothing_secret_stays_in_memory() {
    let mut world = World::new(1, 100, 5);
    let key = root().join("native/core/src/certificate/fixtures/fake.pem");
    let pem = fs::read_to_string(&key).expect("the certificate");
    let block = |label: &str| {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----")).expect("a block");
        let text: String = rest[..rest.find("-----END").expect("its end")].split_whitespace().collect();
        STANDARD.decode(text).expect("base64")
    };
    world.app.certificates = vec![STANDARD.encode(block("CERTIFICATE"))];
    world.app.federated_credentials.push(FederatedCredential {
        issuer: "https://oidc.example.net/".to_owned(),
        subject: "wipe".to_owned(),
        audience: "api://AzureADTokenExchange".to_owned(),
    });
    let tenant = FakeTenant::start_blocking(world).expect("a fake tenant");
    let addresses = tenant.addresses();
    let assertion = tenant.mint(&json!({
        "iss": "https://oidc.example.net/", "sub": "wipe", "aud": "api://AzureADTokenExchange",
        "exp": 9_999_999_999_u64,
    }));
    let bytes = |text: &str| text.as_bytes().to_vec();

    let identity = json!({ "type": "managedIdentity", "clientId": addresses.managed_identity.client_id });
    search("identity", &tenant, &identity, &[bytes(&addresses.identity_header)]);
    let secret = json!({ "type": "clientSecret", "secret": addresses.client_secret });
    search("secret", &tenant, &secret, &[bytes(&addresses.client_secret)]);
    let handed_in = json!({ "type": "clientAssertion", "assertion": assertion });
    search("assertion", &tenant, &handed_in, &[bytes(&assertion)]);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wipe").join("pod.jwt");
    fs::write(&file, format!("{assertion}\n")).expect("a token file");
    let token_file = json!({ "type": "workloadIdentity", "tokenFile": file });
    search("token-file", &tenant, &token_file, &[bytes(&assertion)]);
    let ready = tenant.mint(&json!({
        "iss": "https://sts.windows.net/x/", "aud": "https://api.securitycenter.microsoft.com",
        "exp": 9_999_999_999_u64, "roles": ["Machine.Read.All"],
    }));
    search("access-token", &tenant, &json!({ "type": "accessToken", "token": ready }), &[bytes(&ready)]);
    let pfx = root().join("native/core/src/certificate/fixtures/fake.pfx");
    let encrypted = json!({ "type": "certificate", "path": pfx, "password": "fake-password" });
    search("pfx", &tenant, &encrypted, &[bytes("fake-password"), block("PRIVATE KEY")]);
    // The last bytes of the key itself, and of the file that it came in.
    let certificate = json!({ "type": "certificate", "path": key });
    search(
        "certificate",
        &tenant,
        &certificate,
        &[
            block("PRIVATE KEY"),
            bytes(pem.trim_end().trim_end_matches("-----END PRIVATE KEY-----").trim_end()),
        ],
    );
}
