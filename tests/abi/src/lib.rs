//! What the tests of this crate share: the library under test, the C compiler, and the files that list the exports.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests: they fail by panicking, and the tools they look for are the machine's"
)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// The project's root. As the test runner tells it: what the compiler knew may be another clone's that shares the target folder.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).join("../..").canonicalize().expect("the project's root")
}

/// A file of the project, as text.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Builds the library as it ships (its own features alone, whatever the workspace's tests turned on) and gives back where it is.
///
/// Cargo is asked rather than the target folder guessed: the answer holds for any profile, target folder and test runner.
pub fn library() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let mut build = Command::new(cargo);
    build.current_dir(root()).args([
        "build",
        "--quiet",
        "-p",
        "fedxdr-native",
        "--lib",
        "--profile",
        profile,
    ]);
    build.args(["--message-format", "json-render-diagnostics"]);
    // What cargo tells a test of itself would look to build scripts like a change, and have the dependencies built again.
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        let told_to_tests =
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "NEXTEST", "LD_LIBRARY_PATH"];
        if told_to_tests.iter().any(|prefix| name_text.starts_with(prefix)) {
            build.env_remove(&name);
        }
    }
    let output = run(&mut build);
    let messages = String::from_utf8_lossy(&output.stdout);
    let files = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("filenames").cloned())
        .filter_map(|names| serde_json::from_value::<Vec<PathBuf>>(names).ok());
    let is_library = |file: &PathBuf| file.file_name() == Some(OsStr::new("libfedxdr_native.so"));
    files.flatten().find(is_library).expect("cargo names libfedxdr_native.so among what it built")
}

/// The C compiler, as strict as it gets, with the include paths of the project.
pub fn c_compiler() -> Command {
    let mut compiler = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g"]);
    for folder in ["native/abi/include", "examples/native", "tests/abi"] {
        compiler.arg("-I").arg(root().join(folder));
    }
    compiler
}

/// Compiles a C program against the library; the program finds it without being told.
pub fn compile(source: &str, library: &Path, program: &Path) {
    let folder = library.parent().expect("the library is in a folder");
    let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
    rpath.push(folder);
    run(c_compiler().arg(root().join(source)).arg("-o").arg(program).arg("-L").arg(folder).args([
        OsStr::new("-lfedxdr_native"),
        &rpath,
        OsStr::new("-pthread"),
    ]));
}

/// Runs a command that has to end well.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// True where the tool is there. Where it is not, says so; under CI that is a failure.
pub fn has_tool(name: &str, what_is_skipped: &str) -> bool {
    let found = Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("\n#### SKIPPED: {what_is_skipped}: {name} is not installed ####\n");
        assert!(env::var_os("CI").is_none_or(|value| value.is_empty()), "{name} is needed under CI");
    }
    found
}
