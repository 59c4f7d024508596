//! Invariants of ARCHITECTURE.md that the sources show.
#![cfg(target_os = "linux")]

use fedxdr_abi_tests::{Source, read, sources};

/// Core's only process state, each with a reason in ARCHITECTURE.md.
const STATICS: [&str; 2] = ["digest.rs: KEY", "errors/panics.rs: LAST_PANIC"];

/// The statics of a source file, as `path: NAME`. An entry of the table of errors is a constant with an address.
fn statics(source: &Source) -> Vec<String> {
    let lines = source.text.lines().map(str::trim_start);
    let declared = lines.filter_map(|line| {
        let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
        let name = line.strip_prefix("static ")?;
        let name = name.strip_prefix("mut ").unwrap_or(name);
        name.split(':')
            .next()
            .filter(|_| !name.contains(": KnownError = "))
            .map(|name| format!("{}: {name}", source.path))
    });
    declared.collect()
}

#[test]
fn core_has_no_process_state_but_what_architecture_names() {
    let is_test = |path: &str| path.contains("tests") || path == "testing.rs" || path.starts_with("fuzzing/");
    let found: Vec<String> =
        sources("native/core/src", "rs").iter().filter(|s| !is_test(&s.path)).flat_map(statics).collect();
    assert_eq!(found, STATICS);
    let architecture = read("ARCHITECTURE.md");
    for name in STATICS.map(|text| text.split(": ").last().unwrap_or_default()) {
        assert!(architecture.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name {name}");
    }
}

#[test]
fn a_static_is_found_however_it_is_declared() {
    let text = "static A: u8 = 1;\nstatic E: KnownError = X;\n    pub(crate) static mut B: u8 = 1;\n\
                const C: &'static str = \"\";\n// static D: u8";
    let source = Source { path: "x.rs".to_owned(), text: text.to_owned() };
    assert_eq!(statics(&source), ["x.rs: A", "x.rs: B"]);
}

/// The exports whose bodies do not end in a call of a guard.
fn unguarded(exports: &str) -> (usize, Vec<String>) {
    let mut count = 0;
    let mut found = Vec::new();
    for export in exports.split("extern \"C\" fn ").skip(1) {
        count += 1;
        let name = export.split('(').next().unwrap_or_default();
        let end = export.find("\n}").unwrap_or(export.len());
        let body = export[..end].split_once("{\n").map_or("", |(_, body)| body);
        let first = body.lines().map(str::trim).find(|line| !line.starts_with("//")).unwrap_or_default();
        let last = body.lines().last().unwrap_or_default().trim();
        // All of it is in one closure: given to a guard at once, or by the last line.
        let whole = |line: &str| line.trim_start_matches("unsafe { ").starts_with("guard");
        if !(whole(first) && (first == last || last == "})") || first == "let body = || {" && whole(last)) {
            found.push(name.to_owned());
        }
    }
    (count, found)
}

#[test]
fn every_export_goes_through_the_guard() {
    let (count, found) = unguarded(&read("native/abi/src/exports.rs"));
    assert!(count > 12, "the exports were not understood: {count}");
    assert_eq!(found, [""; 0]);
}

#[test]
fn an_export_without_guard_is_found() {
    let exports = "pub extern \"C\" fn fdx_a() -> u32 {\n    1\n}\n\
                   pub extern \"C\" fn fdx_b() {\n    guard_plain(b);\n}\n\
                   pub extern \"C\" fn fdx_c() {\n    before();\n    guard_plain(b);\n}\n\
                   pub extern \"C\" fn fdx_d() {\n    guard(|| {\n        b()\n    })\n}\n\
                   pub extern \"C\" fn fdx_e() {\n    guard(|| {\n        b()\n    });\n    after();\n}\n";
    assert_eq!(unguarded(exports), (5, ["fdx_a", "fdx_c", "fdx_e"].map(str::to_owned).to_vec()));
}
