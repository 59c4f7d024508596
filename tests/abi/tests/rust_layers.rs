//! The entries of core in the Map of ARCHITECTURE.md: a module uses its own entry and those above it, never one below.
//! The files have no circles either, not even through `super::`.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use fedxdr_abi_tests::{Source, read, sources};

/// A module's path below the crate; the crate itself is empty.
type Module = Vec<String>;

/// What one file says of others.
#[derive(Default)]
struct File {
    /// Paths that it uses, in full.
    uses: BTreeSet<Vec<String>>,
    /// Names that it passes on, and where they come from; `*` for all of a module.
    passes_on: Vec<(String, Vec<String>)>,
}

/// The entries of the Map that name modules of core, as `{a,b}.rs`, `c/`.
fn stated_entries(architecture: &str) -> Vec<Vec<String>> {
    let entries =
        architecture.lines().filter_map(|line| line.strip_prefix("* `native/core/src/")?.split_once("`: "));
    let names = |cell: &str| {
        let parts =
            cell.split(['`', ',', '{', '}', ' ']).map(|part| part.trim_end_matches(".rs").trim_matches('/'));
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    entries.map(|(cell, _)| names(cell)).collect()
}

#[test]
fn modules_of_core_use_only_earlier_modules_and_no_file_is_in_a_circle() {
    let entries = stated_entries(&read("ARCHITECTURE.md"));
    let sources = sources("native/core/src", "rs");
    assert!(entries.len() > 8 && entries.concat().len() > 15, "the Map was not understood: {entries:?}");
    assert!(sources.len() > 70, "the sources were not found: {} files", sources.len());
    assert_eq!(violations(&entries, &sources), [] as [String; 0]);
}

/// The violations of both rules, one sentence each.
fn violations(entries: &[Vec<String>], sources: &[Source]) -> Vec<String> {
    let is_test = |path: &str| path.split('/').any(|part| matches!(part, "tests" | "tests.rs"));
    let of_tests = ["testing.rs", "token/cache/properties.rs"];
    let sources = sources.iter().filter(|s| !is_test(&s.path) && !of_tests.contains(&s.path.as_str()));
    let sources: Vec<(Module, &Source)> = sources.map(|source| (module(&source.path), source)).collect();
    let modules: BTreeSet<&Module> = sources.iter().map(|(module, _)| module).collect();
    let files: BTreeMap<&Module, File> = sources
        .iter()
        .map(|(module, source)| (module, scan(module, &modules, &tokens(&source.text))))
        .collect();

    let mut found = Vec::new();
    let mut edges: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    for (&from, file) in &files {
        let Some(own) = from.first() else { continue };
        let level =
            |module: &Module| entries.iter().position(|entry| entry.contains(module.first().unwrap_or(own)));
        let Some(own_level) = level(from) else {
            found.push(format!("{} is in no entry of the Map", from.join("::")));
            continue;
        };
        for used in &file.uses {
            let to = resolve(used, &modules, &files, 0);
            if to == from {
                continue;
            }
            edges.entry(from).or_default().insert(to);
            // The crate itself only passes names on.
            if to.is_empty() || level(to).is_none_or(|level| level > own_level) {
                found.push(format!(
                    "{} uses {}, which is in a later entry",
                    from.join("::"),
                    used.join("::")
                ));
            }
        }
    }
    found.extend(circle(&edges));
    found
}

/// The module of a file.
fn module(path: &str) -> Module {
    let parts = path.trim_end_matches(".rs").split('/').map(str::to_owned);
    parts.filter(|part| !matches!(part.as_str(), "mod" | "lib")).collect()
}

/// The module that a path leads to, through what modules pass on.
fn resolve<'a>(
    path: &[String],
    modules: &BTreeSet<&'a Module>,
    files: &BTreeMap<&'a Module, File>,
    depth: usize,
) -> &'a Module {
    let longest = (0..=path.len()).rev().find_map(|end| modules.get(&path[..end].to_vec()));
    let at = longest.expect("the crate is a module");
    let Some(name) = path.get(at.len()).filter(|_| depth < 10) else { return at };
    let passes_on = &files[at].passes_on;
    let named = passes_on.iter().find(|(passed, _)| passed == name);
    // What a module passes on of all of another is told from its own by the macro that declares it.
    let constant = name.len() > 2 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let all = || passes_on.iter().find(|(passed, _)| passed == "*" && constant);
    named.or_else(all).map_or(at, |(_, target)| resolve(target, modules, files, depth + 1))
}

/// One circle, if there is one.
fn circle(edges: &BTreeMap<&Module, BTreeSet<&Module>>) -> Option<String> {
    fn visit<'a>(
        module: &'a Module,
        edges: &BTreeMap<&'a Module, BTreeSet<&'a Module>>,
        done: &mut BTreeSet<&'a Module>,
        way: &mut Vec<&'a Module>,
    ) -> Option<String> {
        if let Some(start) = way.iter().position(|on_way| *on_way == module) {
            let names = way[start..].iter().chain([&module]).map(|module| module.join("::"));
            return Some(format!("a circle: {}", names.collect::<Vec<_>>().join(" -> ")));
        }
        if !done.insert(module) {
            return None;
        }
        way.push(module);
        let found = edges.get(module).into_iter().flatten().find_map(|next| visit(next, edges, done, way));
        way.pop();
        found
    }
    let (mut done, mut way) = (BTreeSet::new(), Vec::new());
    edges.keys().find_map(|module| visit(module, edges, &mut done, &mut way))
}

/// Finds what a file uses and passes on.
fn scan(module: &Module, modules: &BTreeSet<&Module>, tokens: &[String]) -> File {
    let mut file = File::default();
    let is_child = |name: &str| modules.contains(&[module.as_slice(), &[name.to_owned()]].concat());
    let at = |index: usize| tokens.get(index).map_or("", String::as_str);
    let mut index = 0;
    while index < tokens.len() {
        let before = if index == 0 { "" } else { at(index - 1) };
        let starts = matches!(at(index), "crate" | "super" | "self") || is_child(at(index));
        let free = !matches!(before, "::" | "." | "mod" | "fn" | "let" | "|");
        if !(starts && free && at(index + 1) == "::") {
            index += 1;
            continue;
        }
        // `pub use` and `pub(crate) use` pass a name on.
        let passes_on = before == "use" && index >= 2 && matches!(at(index - 2), "pub" | ")");
        let mut paths = Vec::new();
        index = tree(tokens, index, &[], &mut paths);
        for (name, path) in paths {
            let path = absolute(module, &path);
            if passes_on {
                file.passes_on.push((name, path));
            } else {
                file.uses.insert(path);
            }
        }
    }
    file
}

/// Reads a path or a tree of paths; gives where it ends.
fn tree(
    tokens: &[String],
    mut index: usize,
    prefix: &[String],
    paths: &mut Vec<(String, Vec<String>)>,
) -> usize {
    let at = |index: usize| tokens.get(index).map_or("", String::as_str);
    let mut path = prefix.to_vec();
    loop {
        match at(index) {
            "{" => {
                index += 1;
                while !matches!(at(index), "}" | "") {
                    index = if at(index) == "," { index + 1 } else { tree(tokens, index, &path, paths) };
                }
                return index + 1;
            }
            "*" => {
                paths.push(("*".to_owned(), path));
                return index + 1;
            }
            "self" if !path.is_empty() => {}
            word if is_word(word) => path.push(word.to_owned()),
            _ => return index + 1,
        }
        index += 1;
        if at(index) == "::" && (is_word(at(index + 1)) || matches!(at(index + 1), "{" | "*")) {
            index += 1;
            continue;
        }
        let mut name = path.last().cloned().unwrap_or_default();
        if at(index) == "as" {
            at(index + 1).clone_into(&mut name);
            index += 2;
        }
        paths.push((name, path));
        return index;
    }
}

/// A path from the crate on.
fn absolute(module: &Module, path: &[String]) -> Vec<String> {
    let mut base = module.clone();
    let mut rest = path;
    match path.first().map(String::as_str) {
        Some("crate") => {
            base.clear();
            rest = &path[1..];
        }
        Some("self") => rest = &path[1..],
        _ => {}
    }
    while let Some((first, more)) = rest.split_first().filter(|(first, _)| *first == "super") {
        let _ = first;
        base.pop();
        rest = more;
    }
    base.extend(rest.iter().cloned());
    base
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

/// Words, `::`, and every other character by itself; without comments, texts and what only tests have.
fn tokens(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = text_length(rest) {
            length
        } else if is_word(rest) {
            let end = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
            all.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            all.push("::".to_owned());
            2
        } else {
            if !c.is_whitespace() {
                all.push(c.to_string());
            }
            c.len_utf8()
        };
        rest = &rest[length..];
    }
    without_tests(&all)
}

/// The length of a text or character that begins here. A lifetime is not one.
fn text_length(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r').map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
    if rest.starts_with(&format!("r{}\"", "#".repeat(hashes))) {
        let open = hashes + 2;
        return Some(open + rest[open..].find(&format!("\"{}", "#".repeat(hashes)))? + hashes + 1);
    }
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut characters = rest.char_indices().skip(1);
    let mut count = 0;
    while let Some((index, c)) = characters.next() {
        if c == quote {
            return Some(index + 1);
        }
        if c == '\\' {
            characters.next();
        } else if quote == '\'' && count > 0 {
            return None;
        }
        count += 1;
    }
    None
}

/// The tokens without the items under `#[cfg(test)]`.
fn without_tests(all: &[String]) -> Vec<String> {
    let test = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut index) = (Vec::new(), 0);
    while index < all.len() {
        if !all[index..].iter().take(test.len()).eq(test) {
            kept.push(all[index].clone());
            index += 1;
            continue;
        }
        let mut depth = 0;
        for token in &all[index + test.len()..] {
            index += 1;
            match token.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(token.as_str(), "}" | ";") {
                break;
            }
        }
        index += test.len();
    }
    kept
}

/// What the rules say of these files, with the entries `low`, `middle`, `high`.
fn check(files: &[(&str, &str)]) -> Vec<String> {
    let own = |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
    let mut sources: Vec<Source> = files.iter().map(own).collect();
    if !files.iter().any(|(path, _)| *path == "lib.rs") {
        sources.push(own(&("lib.rs", "mod high;")));
    }
    violations(&["low", "middle", "high"].map(|name| vec![name.to_owned()]), &sources)
}

#[test]
fn entries_are_read_from_the_map() {
    let map = "* `native/core/src/{a,b}.rs`, `c/`: x\n* `native/abi`: y\n* `native/core/src/{d.rs,e/}`: z\n";
    assert_eq!(stated_entries(map), [&["a", "b", "c"][..], &["d", "e"]]);
}

#[test]
fn an_arrow_to_a_later_module_is_found_however_it_is_written() {
    let (low, middle, high) = ("low.rs", "middle.rs", "high.rs");
    assert_eq!(
        check(&[(low, ""), (middle, "use crate::low::A;"), (high, "fn f() { crate::low::a(); }")]),
        [""; 0]
    );
    for text in [
        "use crate::high::B;",
        "use crate::{high::B};",
        "use crate::high::{self, B};",
        "use crate::high;",
        "use crate::high as other;",
        "fn f() -> crate::high::B { todo() }",
        "fn f() { g(\"a\", 'b', r#\"c\"#, &'static crate::high::B) }",
        "use crate::B;",
    ] {
        let root = "mod low; mod high; pub use high::B;";
        let found = check(&[("lib.rs", root), (low, text), (high, "pub struct B;")]);
        let all_are = !found.is_empty() && found.iter().all(|one| one.contains("later entry"));
        assert!(all_are, "{text}: {found:?}");
    }
    for text in [
        "// use crate::high::B;",
        "#[cfg(test)] mod tests { use crate::high::B; }",
        "const A: &str = \"crate::high::B\";",
    ] {
        assert_eq!(check(&[(low, text), (high, "")]), [""; 0], "{text}");
    }
    assert_eq!(check(&[("other.rs", "")]), ["other is in no entry of the Map"]);
}

#[test]
fn a_circle_of_files_is_found_and_what_a_module_only_passes_on_is_none() {
    let a_circle = check(&[("low/mod.rs", "mod a; use a::A; pub struct B;"), ("low/a.rs", "use super::B;")]);
    assert_eq!(a_circle, ["a circle: low -> low::a -> low"]);
    let called = check(&[("low/mod.rs", "mod a; fn f() { a::g(); }"), ("low/a.rs", "use crate::low::f;")]);
    assert_eq!(called, ["a circle: low -> low::a -> low"]);
    let siblings =
        check(&[("low/mod.rs", ""), ("low/a.rs", "use super::b::B;"), ("low/b.rs", "use super::a::A;")]);
    assert_eq!(siblings, ["a circle: low::a -> low::b -> low::a"]);
    // The parent passes on what `a` has, and `b` takes it from there.
    let parent = "mod a; mod b; pub use a::A; pub(crate) use b::*;";
    let passed_on =
        check(&[("low/mod.rs", parent), ("low/a.rs", "pub struct A;"), ("low/b.rs", "use crate::low::A;")]);
    assert_eq!(passed_on, [""; 0]);
}
