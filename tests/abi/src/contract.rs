//! Runs contract.c, which holds the library to native/abi/README.md, against a fake tenant.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fedxdr_tenant::{FakeTenant, World};
use serde_json::json;

use crate::{c_compiler, link, run, strict};

const TENANTS: usize = 2;
const ROWS_PER_TENANT: u64 = 3_000;

/// A folder of one test's own, so that tests that run at the same time do not write one file.
pub fn folder(test: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("the test's own path");
    let folder = tests.with_file_name("contract").join(test);
    fs::create_dir_all(&folder).expect("a folder below the target folder");
    folder
}

/// A library, and how its platform's programs are compiled and run here.
pub struct Contract {
    library: PathBuf,
    compiler: Command,
    run_by: Vec<String>,
}

impl Contract {
    /// A library of this machine's platform, whose program is run by this command.
    pub fn native(library: PathBuf, run_by: &[&str]) -> Contract {
        let run_by = run_by.iter().map(|word| (*word).to_owned()).collect();
        Contract { library, compiler: c_compiler(), run_by }
    }

    /// A library of another platform: its C compiler, and the emulator.
    pub fn foreign(library: PathBuf, compiler: &str, run_by: &[&str]) -> Contract {
        Contract { compiler: strict(Command::new(compiler)), ..Contract::native(library, run_by) }
    }

    /// Compiles contract.c, has it pull from a fake tenant of several pages, and sees to it that it came to its end.
    pub fn check(mut self, folder: &Path) {
        let program = folder.join("contract");
        link(&mut self.compiler, "tests/abi/contract.c", &self.library, &program);

        let mut world = World::new(TENANTS, ROWS_PER_TENANT, 20);
        world.vulnerability_page_size = 700;
        let tenant = FakeTenant::start_blocking(world).expect("a fake tenant");
        let addresses = tenant.addresses();
        let settings = json!({
            "environment": {
                "IDENTITY_ENDPOINT": addresses.identity_endpoint,
                "IDENTITY_HEADER": addresses.identity_header,
            },
            "tenants": addresses.tenants.iter().map(|customer| &customer.tenant_id).collect::<Vec<_>>(),
            "clientId": addresses.client_id,
            "credential": { "type": "managedIdentity", "clientId": addresses.managed_identity.client_id },
            "endpoints": { "authority": addresses.authority, "defender": addresses.defender },
        });
        let request = json!({ "kind": "rows", "resource": "softwareVulnerabilitiesByMachine" });
        let (settings_file, request_file) = (folder.join("settings.json"), folder.join("request.json"));
        fs::write(&settings_file, settings.to_string()).expect("settings");
        fs::write(&request_file, request.to_string()).expect("request");

        let rows = ROWS_PER_TENANT * TENANTS as u64;
        let words: Vec<_> = self.run_by.iter().map(Into::into).chain([program.into_os_string()]).collect();
        let mut command = Command::new(&words[0]);
        command
            // Cargo's would come before the folder that the program was linked with.
            .env_remove("LD_LIBRARY_PATH")
            .args(&words[1..])
            .arg(settings_file)
            .arg(request_file)
            .arg(rows.to_string())
            .arg(&addresses.identity_header);
        let output = run(&mut command);

        let printed = String::from_utf8_lossy(&output.stdout);
        let last = printed.lines().last().unwrap_or_default();
        let checks = last.split(" checks, ").next().and_then(|number| number.parse::<u32>().ok());
        assert!(
            checks.is_some_and(|number| number > 500) && last.ends_with(" 0 failed"),
            "it ended early: {printed}"
        );
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "rule 8: nothing is printed");
        let violations = tenant.report().violations;
        assert!(violations.is_empty(), "the services would have refused: {violations:?}");
    }
}
