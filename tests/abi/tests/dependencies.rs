//! Dependencies: their licences, versions and bans as deny.toml says, and none that nothing uses.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use fedxdr_abi_tests::{read, root, run, sources};
use serde_json::Value;

/// What cargo knows of the crates that this platform needs. The lock file is not changed.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let compiler = run(Command::new("rustc").arg("-vV"));
    let compiler = String::from_utf8_lossy(&compiler.stdout).into_owned();
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let mut command = Command::new(cargo);
    command.current_dir(root()).args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        host,
    ]);
    serde_json::from_slice(&run(&mut command).stdout).expect("cargo writes JSON")
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The quoted texts of a list of deny.toml; of its tables those of `member`.
fn stated<'a>(deny: &'a str, name: &str, member: Option<&str>) -> BTreeSet<&'a str> {
    let begin = format!("\n{name} = [");
    let (_, rest) = deny.split_once(&begin).expect("the list is in deny.toml");
    let end = rest.find("\n]").or_else(|| rest.find(']')).unwrap_or(rest.len());
    let member = member.map(|member| format!("{member} = \""));
    let found: BTreeSet<&str> = match member {
        Some(member) => {
            rest[..end].split(&member).skip(1).filter_map(|part| part.split('"').next()).collect()
        }
        None => rest[..end].split('"').skip(1).step_by(2).collect(),
    };
    assert!(!found.is_empty(), "{name} of deny.toml was not understood");
    found
}

/// Whether a licence expression can be met by these licences. `AND` binds more than `OR`, as in SPDX; a slash is an old
/// form of `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.trim();
    let is_in_brackets = expression.starts_with('(')
        && top_level(expression, ")").first().is_some_and(|inner| inner.len() + 1 == expression.len());
    if is_in_brackets {
        return is_allowed(&expression[1..expression.len() - 1], allowed);
    }
    let expression = expression.replace('/', " OR ");
    let choices = top_level(&expression, " OR ");
    if choices.len() > 1 {
        return choices.iter().any(|choice| is_allowed(choice, allowed));
    }
    let parts = top_level(&expression, " AND ");
    if parts.len() > 1 {
        parts.iter().all(|part| is_allowed(part, allowed))
    } else {
        allowed.contains(&*expression)
    }
}

/// The parts of `text` between separators outside of brackets. A `)` as separator ends the bracket that `text` begins
/// with.
fn top_level<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 && index >= start && text[index..].starts_with(separator) {
            parts.push(&text[start..index]);
            start = index + separator.len();
        }
    }
    parts.push(&text[start..]);
    parts
}

#[test]
fn every_licence_is_in_the_list() {
    let (deny, metadata) = (read("deny.toml"), metadata());
    let allowed = stated(&deny, "allow", None);
    // One line: `exceptions = [{ crate = "…", allow = ["…"] }]`.
    let exceptions = stated(&deny, "exceptions", Some("crate"));
    let mut count = 0;
    for package in list(&metadata, "packages") {
        count += 1;
        let (name, licence) = (text(package, "name"), text(package, "license"));
        assert!(is_allowed(licence, &allowed) || exceptions.contains(name), "{name}: {licence}");
    }
    assert!(count > 150, "the metadata was not understood: {count} packages");
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT", "ISC"]);
    for good in [
        "MIT",
        " MIT ",
        "GPL-3.0 OR MIT",
        "MIT/GPL-3.0",
        "MIT AND ISC",
        "(MIT OR GPL-3.0) AND ISC",
        "(MIT)",
        "GPL-3.0 OR (MIT AND ISC)",
    ] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "GPL-3.0 OR ISC AND GPL-2.0",
        "MIT WITH x",
    ] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

/// The crates of a lock file, with their versions.
fn locked(lock: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for block in lock.split("[[package]]").skip(1) {
        let of = |name: &str| {
            block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim_matches('"')
        };
        found.entry(of("name = ")).or_default().push(of("version = "));
    }
    found
}

#[test]
fn no_crate_is_there_twice_without_a_reason_and_none_is_banned() {
    let (deny, lock) = (read("deny.toml"), read("Cargo.lock"));
    let skipped = stated(&deny, "skip", Some("crate"));
    let banned = stated(&deny, "deny", Some("crate"));
    let locked = locked(&lock);
    assert!(locked.len() > 200, "the lock file was not understood");
    let mut reasons = skipped.clone();
    for (name, versions) in &locked {
        assert!(!banned.contains(name), "{name} is banned");
        // Some versions have a name of their own behind a `+`.
        let ids = versions
            .iter()
            .map(|version| format!("{name}@{}", version.split('+').next().unwrap_or_default()));
        let without_reason: Vec<String> = ids.filter(|id| !reasons.remove(id.as_str())).collect();
        assert!(
            without_reason.len() <= 1,
            "{without_reason:?}: give a reason in deny.toml, or bring them together"
        );
    }
    assert!(reasons.is_empty(), "deny.toml gives reasons for what is not there: {reasons:?}");
}

/// The dependencies of a crate that its sources do not name.
fn unused<'a>(dependencies: &[(&'a str, String)], code: &str) -> Vec<&'a str> {
    let words: BTreeSet<&str> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split(|c: char| c != '_' && !c.is_alphanumeric()))
        .collect();
    dependencies
        .iter()
        .filter(|(_, library)| !words.contains(library.as_str()))
        .map(|(name, _)| *name)
        .collect()
}

#[test]
fn every_dependency_is_used() {
    let metadata = metadata();
    let mut libraries = BTreeMap::new();
    for package in list(&metadata, "packages") {
        let is_library = |target: &&Value| {
            list(target, "kind")
                .any(|kind| kind.as_str().is_some_and(|kind| kind.contains("lib") || kind == "proc-macro"))
        };
        if let Some(library) = list(package, "targets").find(is_library) {
            libraries.insert(text(package, "name"), text(library, "name").replace('-', "_"));
        }
    }
    let mut count = 0;
    for package in list(&metadata, "packages").filter(|package| package["source"].is_null()) {
        let folder = Path::new(text(package, "manifest_path")).parent().expect("a folder");
        let folder = folder.strip_prefix(root()).expect("a folder of the project").to_string_lossy();
        let code: String = sources(&folder, "rs").into_iter().map(|source| source.text).collect();
        let ignored = &package["metadata"]["cargo-machete"];
        let ignored: Vec<&str> = list(ignored, "ignored").filter_map(Value::as_str).collect();
        let names = list(package, "dependencies").map(|dependency| text(dependency, "name"));
        let wanted = names.filter(|name| !ignored.contains(name));
        let wanted: Vec<(&str, String)> =
            wanted.map(|name| (name, libraries.get(name).cloned().unwrap_or_default())).collect();
        count += wanted.len();
        assert_eq!(unused(&wanted, &code), [""; 0], "{}", text(package, "name"));
    }
    assert!(count > 30, "the metadata was not understood: {count} dependencies");
}

#[test]
fn a_dependency_that_only_a_comment_names_is_unused() {
    let dependencies = [("a-b", "a_b".to_owned()), ("c", "c".to_owned()), ("d", "d".to_owned())];
    assert_eq!(unused(&dependencies, "use a_b::X;\n// c::y\nfn f() { d_e(); }"), ["c", "d"]);
}
