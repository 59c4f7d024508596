//! The library, the C header and the C# interop list the same exports, and agree on the size of what crosses.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use fedxdr_abi_tests::{c_compiler, declared, has_tool, header, library, read, root, run, sources};

const INTEROP: &str = "module/src/Interop/NativeMethods.g.cs";

fn exported() -> BTreeSet<String> {
    let listing = run(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(library()));
    let listing = String::from_utf8(listing.stdout).expect("nm writes UTF-8");
    listing.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn library_header_and_interop_list_the_same_functions() {
    let header = header();
    assert_eq!(declared(&read(INTEROP)), header, "C# interop against the header");
    // All of the library's symbols: a stray one of a dependency may clash with the host's.
    assert_eq!(exported(), header, "the library's dynamic symbols against the header");
}

#[test]
fn structs_have_the_same_size_in_c_and_csharp() {
    let interop = read(INTEROP);
    let mut lines = interop.lines();
    let mut asserts = vec!["#include \"fedxdr.h\"\n".to_owned()];
    let mut structs = BTreeSet::new();
    while let Some(line) = lines.next() {
        let Some((_, size)) = line.split_once("Size = ") else { continue };
        let size: usize = size.trim_end_matches(")]").parse().expect("a size");
        let declaration = lines.next().expect("an attribute is followed by its struct");
        let name =
            declaration.split("struct ").nth(1).and_then(|rest| rest.split("_t").next()).expect("a struct");
        asserts.push(format!("_Static_assert(sizeof({name}) == {size}, \"{name}\");\n"));
        structs.insert(name.to_owned());
    }
    let expected = ["FdxBytes", "FdxErrorView", "FdxStats"].map(str::to_owned);
    assert!(structs.is_superset(&BTreeSet::from(expected)), "the C# was not understood: {structs:?}");

    check_syntax(c_compiler().args(["-x", "c"]), &asserts.concat());
}

#[test]
fn header_is_cpp_too() {
    if has_tool("g++", "the header as C++") {
        let include = root().join("native/abi/include");
        let mut compiler = Command::new("g++");
        compiler
            .args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-x", "c++", "-I"])
            .arg(include);
        check_syntax(
            &mut compiler,
            "#include \"fedxdr.h\"\nint main() { return static_cast<int>(fdx_abi_version()); }\n",
        );
    }
}

fn check_syntax(compiler: &mut Command, source: &str) {
    let mut child = compiler.args(["-fsyntax-only", "-"]).stdin(Stdio::piped()).spawn().expect("a compiler");
    child.stdin.take().expect("a pipe").write_all(source.as_bytes()).expect("the compiler reads");
    assert!(child.wait().expect("the compiler ends").success(), "{compiler:?} refuses\n{source}");
}

/// A list of cases is worth nothing when the tests that it names are gone.
#[test]
fn every_test_that_the_list_of_cases_names_is_there() {
    let list = read("native/core/src/auth/tests/CASES.md");
    let trees = ["native/core/src", "tests/abi/tests"];
    let sources: String =
        trees.iter().flat_map(|tree| sources(tree, "rs")).map(|source| source.text).collect();
    // What is in backticks is a test, a file of tests, or not a word of this repository, such as a variable.
    let named = list.split('`').skip(1).step_by(2);
    let (mut tests, mut files) = (0, 0);
    for name in named {
        if let Some(file) = name.strip_suffix(".Tests.ps1") {
            files += 1;
            assert!(root().join(format!("tests/module/{file}.Tests.ps1")).is_file(), "{name}");
        } else if let Some(file) = name.strip_suffix(".rs") {
            assert!(root().join(format!("native/core/src/auth/tests/{file}.rs")).is_file(), "{name}");
        } else if name.contains('_') && name.len() > 15 && !name.starts_with(|c: char| c.is_ascii_uppercase())
        {
            tests += 1;
            assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
    assert!(tests > 50 && files > 10, "the list was not understood: {tests} tests, {files} files");
}
