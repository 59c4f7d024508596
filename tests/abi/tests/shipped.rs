//! The libraries of a package, each as its platform will find it. build.ps1 -Task Test -Platforms makes the package and
//! runs these tests, which the others ignore; `FEDXDR_PACKAGE` is the module's folder.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use fedxdr_abi_tests::{Contract, folder, has_tool, header, root};
use object::{File, NameOrOrdinal, Object as _};

/// Largest library, in bytes. Every user downloads all of them.
const LARGEST: usize = 6_000_000;

/// The platforms that this machine builds, and the libraries of the system that each may need.
const PLATFORMS: [(&str, &[&str]); 4] = [
    ("linux-x64", &["ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0"]),
    ("linux-arm64", &["ld-linux-aarch64.so.1", "libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0"]),
    ("linux-musl-x64", &["libc.so"]),
    (
        "win-x64",
        &[
            "advapi32.dll",
            "api-ms-win-core-synch-l1-2-0.dll",
            "bcrypt.dll",
            "bcryptprimitives.dll",
            "crypt32.dll",
            "kernel32.dll",
            "msvcrt.dll",
            "ntdll.dll",
            "userenv.dll",
            "ws2_32.dll",
        ],
    ),
];

fn shipped(platform: &str) -> PathBuf {
    let package =
        PathBuf::from(env::var_os("FEDXDR_PACKAGE").expect("FEDXDR_PACKAGE is the module's folder"));
    let name = if platform.starts_with("win-") { "fedxdr_native.dll" } else { "fedxdr_native.so" };
    package.join(platform).join(name)
}

fn bytes(platform: &str) -> Vec<u8> {
    fs::read(shipped(platform)).expect("the library is in the package")
}

#[test]
#[ignore = "needs a package"]
fn every_library_exports_the_functions_of_the_header_and_nothing_else() {
    for (platform, _) in PLATFORMS {
        let bytes = bytes(platform);
        let library = File::parse(&*bytes).expect("a library");
        let exports =
            library.exports().expect("exports").map(|export| match export.expect("an export").name() {
                NameOrOrdinal::Name(name) => String::from_utf8_lossy(name).into_owned(),
                NameOrOrdinal::Ordinal(number) => number.to_string(),
            });
        assert_eq!(exports.collect::<BTreeSet<_>>(), header(), "{platform}");
    }
}

#[test]
#[ignore = "needs a package"]
fn every_library_needs_only_what_its_system_has() {
    for (platform, system) in PLATFORMS {
        let bytes = bytes(platform);
        let library = File::parse(&*bytes).expect("a library");
        let needed = library
            .import_libraries()
            .expect("imports")
            .map(|library| String::from_utf8_lossy(library.expect("an import").name()).to_lowercase());
        let needed: BTreeSet<_> = needed.collect();
        let others: Vec<_> = needed.iter().filter(|name| !system.contains(&name.as_str())).collect();
        assert!(!needed.is_empty() && others.is_empty(), "{platform} needs {others:?}");
    }
}

/// Red Hat Enterprise Linux 7 and 8, Ubuntu 20.04 and Azure's images have at least this version.
#[test]
#[ignore = "needs a package"]
fn glibc_2_17_is_enough() {
    for platform in ["linux-x64", "linux-arm64"] {
        let bytes = bytes(platform);
        let text = String::from_utf8_lossy(&bytes);
        let versions = text.split("GLIBC_2.").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse::<u32>().unwrap_or_default()
        });
        let newest = versions.max();
        assert!(newest.is_some_and(|minor| minor <= 17), "{platform} needs GLIBC_2.{newest:?}");
    }
}

#[test]
#[ignore = "needs a package"]
fn every_library_is_small() {
    for (platform, _) in PLATFORMS {
        let size = bytes(platform).len();
        assert!(size <= LARGEST, "{platform}: {size} bytes");
    }
}

/// A path of the builder would make the same commit another file elsewhere, and tells of the machine.
#[test]
#[ignore = "needs a package"]
fn no_library_knows_where_it_was_built() {
    let home = env::home_dir().expect("a home folder");
    let places = [home, root(), PathBuf::from("/usr/src"), PathBuf::from("/usr/lib/rustlib")];
    for (platform, _) in PLATFORMS {
        let bytes = bytes(platform);
        for place in &places {
            let place = place.to_str().expect("a path in UTF-8").as_bytes();
            let found = bytes.windows(place.len()).position(|window| window == place);
            let around = found.map(|at| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 80)]));
            assert_eq!(around, None, "{platform}");
        }
    }
}

/// A folder of a platform's own, with its library under the name that linkers look for.
fn linkable(platform: &str) -> (PathBuf, PathBuf) {
    let folder = folder(platform);
    let library = folder.join("libfedxdr_native.so");
    fs::copy(shipped(platform), &library).expect("a copy of the library");
    (folder, library)
}

#[test]
#[ignore = "needs a package"]
fn contract_holds_on_linux_x64() {
    let (folder, library) = linkable("linux-x64");
    Contract::native(library, &[]).check(&folder);
}

#[test]
#[ignore = "needs a package"]
fn contract_holds_on_linux_musl_x64() {
    if has_tool("musl-gcc", "the library for musl") {
        let (folder, library) = linkable("linux-musl-x64");
        Contract::foreign(library, "musl-gcc", &[]).check(&folder);
    }
}

#[test]
#[ignore = "needs a package"]
fn contract_holds_on_linux_arm64() {
    if has_tool("aarch64-linux-gnu-gcc", "the library for arm64") && has_tool("qemu-aarch64", "arm64") {
        let emulator = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"];
        let (folder, library) = linkable("linux-arm64");
        Contract::foreign(library, "aarch64-linux-gnu-gcc", &emulator).check(&folder);
    }
}
