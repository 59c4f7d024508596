//! What the tests of this crate share: the library under test, the C compiler, the files that list the exports, and the
//! run of the contract.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests: they fail by panicking, and the tools they look for are the machine's"
)]

mod contract;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

pub use contract::{Contract, folder};

/// The project's root, as the test runner says. The compiler's may be another clone with the same target folder.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).join("../..").canonicalize().expect("the project's root")
}

/// A file of the project, as text.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A source file.
pub struct Source {
    /// Its path below the root of its tree, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// All files of a tree with this extension, in order, without build output.
pub fn sources(tree: &str, extension: &str) -> Vec<Source> {
    fn collect(folder: &Path, tree: &Path, extension: &str, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && !matches!(name.as_ref(), "bin" | "obj") {
                collect(&path, tree, extension, found);
            } else if path.extension().is_some_and(|found| found == extension) {
                let below =
                    path.strip_prefix(tree).expect("a file of the tree").to_string_lossy().into_owned();
                found.push(Source { path: below, text: fs::read_to_string(&path).expect("a source") });
            }
        }
    }
    let tree = root().join(tree);
    let mut found = Vec::new();
    collect(&tree, &tree, extension, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The library under test. Cargo builds it for this crate's tests and puts it beside them, for any profile, target
/// folder and test runner.
pub fn library() -> PathBuf {
    let test = env::current_exe().expect("the test's own path");
    let library = test.with_file_name("libfedxdr_native.so");
    assert!(library.is_file(), "{} was not built", library.display());
    library
}

/// The C compiler, as strict as it gets, with the include paths of the project.
pub fn c_compiler() -> Command {
    strict(Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into())))
}

fn strict(mut compiler: Command) -> Command {
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g"]);
    for folder in ["native/abi/include", "examples/native", "tests/abi"] {
        compiler.arg("-I").arg(root().join(folder));
    }
    compiler
}

/// Compiles a C program against the library; the program finds it without being told.
pub fn compile(source: &str, library: &Path, program: &Path) {
    link(&mut c_compiler(), source, library, program);
}

/// Like [`compile`], with this compiler.
fn link(compiler: &mut Command, source: &str, library: &Path, program: &Path) {
    let folder = library.parent().expect("the library is in a folder");
    let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
    rpath.push(folder);
    run(compiler.arg(root().join(source)).arg("-o").arg(program).arg("-L").arg(folder).args([
        OsStr::new("-lfedxdr_native"),
        &rpath,
        OsStr::new("-pthread"),
    ]));
}

/// The functions of the header.
pub fn header() -> BTreeSet<String> {
    let functions = declared(&read("native/abi/include/fedxdr.h"));
    assert!(
        functions.len() > 10 && functions.contains("fdx_query_next"),
        "the header was not understood: {functions:?}"
    );
    functions
}

/// The functions that a source text declares: `fdx_…` and an opening parenthesis, outside of comments.
pub fn declared(text: &str) -> BTreeSet<String> {
    let code = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    code.filter_map(|line| {
        let start = line.find("fdx_")?;
        let end = line[start..].find(|c: char| c != '_' && !c.is_ascii_alphanumeric())? + start;
        line[end..].trim_start().starts_with('(').then(|| line[start..end].to_owned())
    })
    .collect()
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
