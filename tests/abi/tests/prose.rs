//! Every text file keeps to the house style: lines end at 120 columns, and plain words replace archaic ones.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use fedxdr_abi_tests::root;

const COLUMNS: usize = 120;
const EXTENSIONS: [&str; 8] = ["md", "rs", "cs", "ps1", "py", "sh", "c", "h"];
const SCRIPTS_WITHOUT_EXTENSION: [&str; 1] = [".ci/run"];
const GENERATED: [&str; 1] = [".g.cs"];
const REPLACEMENTS: [(&str, &str); 9] = [
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("to be had", "available"),
    ("nowhere of", "none of"),
    ("shall", "must"),
    ("thereof", "of it"),
    ("whither", "where"),
];

fn extension(path: &str) -> &str {
    path.rsplit_once('.').unwrap_or_default().1
}

/// True for a file whose text people read and write by hand.
fn is_covered(path: &str) -> bool {
    let known = EXTENSIONS.contains(&extension(path)) || SCRIPTS_WITHOUT_EXTENSION.contains(&path);
    let generated = GENERATED.iter().any(|end| path.ends_with(end));
    known && !generated && !path.contains("/fixtures/")
}

/// The lines that are too long, as `file:line: columns`.
fn long_lines(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let columns = line.chars().count();
        if columns > COLUMNS && !cannot_be_wrapped(line) {
            found.push(format!("{path}:{number}: {columns} columns, at most {COLUMNS}"));
        }
    }
    found
}

/// The archaic words and phrases, as `file:line: phrase and replacement`.
fn archaic_words(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let words = words(text);
    for (phrase, better) in REPLACEMENTS {
        let phrase_words: Vec<&str> = phrase.split(' ').collect();
        for window in words.windows(phrase_words.len()) {
            if window.iter().map(|(_, word)| word.as_str()).eq(phrase_words.iter().copied()) {
                found.push(format!("{path}:{}: \"{phrase}\"; write \"{better}\"", window[0].0));
            }
        }
    }
    found
}

/// A line that ends in an address.
fn cannot_be_wrapped(line: &str) -> bool {
    line.split_whitespace().next_back().is_some_and(|word| word.contains("://"))
}

/// The words of a text, in lower case, each with the number of its line. A phrase may be broken over two lines.
fn words(text: &str) -> Vec<(usize, String)> {
    let lines = (1..).zip(text.lines());
    let words_of = |(number, line): (usize, &str)| {
        let words = line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(|word| (number, word.to_lowercase())).collect::<Vec<_>>()
    };
    lines.flat_map(words_of).collect()
}

/// The tracked files, or, in a copy without git, all files outside the folders of builds.
fn files() -> Vec<String> {
    let listing = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    match listing {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).split_terminator('\0').map(str::to_owned).collect()
        }
        _ => walk(&root(), ""),
    }
}

fn walk(folder: &Path, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder {
            found.push(path);
        } else if !["target", "out", "obj", ".git", ".cache"].contains(&name.as_str()) {
            found.extend(walk(&entry.path(), &format!("{path}/")));
        }
    }
    found
}

#[test]
fn every_text_keeps_to_the_house_style() {
    let own = Path::new(file!()).file_name().expect("a file name");
    let covered: Vec<_> = files().into_iter().filter(|path| is_covered(path)).collect();
    assert!(
        covered.len() > 50 && covered.contains(&"README.md".to_owned()),
        "the files were not found: {covered:?}"
    );
    let mut found = Vec::new();
    for path in &covered {
        // A tracked file may have been removed from the working copy.
        let Ok(text) = fs::read_to_string(root().join(path)) else { continue };
        found.extend(long_lines(path, &text));
        if Path::new(path).file_name() != Some(own) {
            found.extend(archaic_words(path, &text));
        }
    }
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_copy_without_git_has_the_same_texts() {
    let mut walked: Vec<_> = walk(&root(), "").into_iter().filter(|path| is_covered(path)).collect();
    let tracked: Vec<_> = files().into_iter().filter(|path| is_covered(path)).collect();
    walked.retain(|path| tracked.contains(path));
    walked.sort();
    let mut there: Vec<_> = tracked.into_iter().filter(|path| root().join(path).exists()).collect();
    there.sort();
    assert_eq!(walked, there);
}

#[test]
fn long_lines_and_archaic_words_are_found_and_nothing_else() {
    let long = "word ".repeat(25);
    let address = format!("see {}https://example.net/", "word ".repeat(24));
    let row = format!("| {} |", "cell ".repeat(30));
    let boxes = "─".repeat(COLUMNS);
    assert_eq!(
        long_lines("a.md", &format!("{long}\n{address}\n{row}\n{boxes}")),
        ["a.md:1: 125 columns, at most 120", "a.md:3: 154 columns, at most 120"]
    );

    let text = "// None is to be\n// had. Mends it;\nrecommended, amended, what we shall see";
    assert_eq!(
        archaic_words("b.rs", text),
        [
            "b.rs:2: \"mends\"; write \"fixes\"",
            "b.rs:1: \"to be had\"; write \"available\"",
            "b.rs:3: \"shall\"; write \"must\"",
        ]
    );
    assert_eq!(archaic_words("c.md", "A fix, as recommended.\nNone of these."), [""; 0]);
}

#[test]
fn generated_files_fixtures_and_other_kinds_are_not_covered() {
    for path in [
        "README.md",
        ".ci/run",
        "build.ps1",
        "examples/native/json.h",
        "native/abi/include/fedxdr.h",
        "module/docs/en-US/about_FedXdr_Errors.md",
    ] {
        assert!(is_covered(path), "{path}");
    }
    for path in ["LICENSE", "Cargo.lock", "a/Rows.g.cs", "a/fixtures/b.md"] {
        assert!(!is_covered(path), "{path}");
    }
}
