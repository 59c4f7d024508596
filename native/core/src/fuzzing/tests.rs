//! The fuzz targets on their committed corpus and on mutations of it, always the same ones.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::TARGETS;

/// Mutations of each target: a few seconds without optimization.
const MUTATIONS: usize = 20_000;
/// Targets whose runs are long.
const SLOW: &[(&str, usize)] =
    &[("error_text", 2_000), ("pem_pfx", 300), ("plain_rows", 4_000), ("row", 1_500), ("splitter", 4_000)];

/// Pieces that mean something to a target.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "null",
    "true",
    "-0",
    "1e999",
    "1.5e-7",
    "18446744073709551616",
    "\"value\":[",
    "\"@odata.nextLink\":",
    "\u{feff}",
    "\n",
    " ",
    "é",
    "😀",
    "https://",
    "//",
    "@",
    ".",
    "..",
    "%2e",
    "#",
    "?",
    "-----BEGIN CERTIFICATE-----",
    "-----END PRIVATE KEY-----",
    "GMT",
    "2024-10-18T19:51:37Z",
    "9999-12-31T23:59:59.9999999Z",
    "{id}",
    "0",
    "9",
    "-",
    "'",
    "(",
    ")",
    " and ",
    " or ",
    "not ",
    " eq ",
    "/any(t: ",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(name)
}

/// The inputs of a target, in the order of their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder("corpus").join(target)).unwrap().map(|entry| entry.unwrap());
    let mut inputs: Vec<_> =
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{target} has no corpus");
    inputs
}

/// Numbers that are the same in every run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % end.max(1)
    }

    fn mutate(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(16)).min(bytes.len());
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
                2 => drop(bytes.drain(at..end)),
                3 => bytes.truncate(at),
                4 => {
                    let from = self.below(other.len() + 1);
                    bytes.splice(at..end, other[from..].iter().copied());
                }
                5 => {
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                _ => {
                    let piece = PIECES[self.below(PIECES.len())];
                    bytes.splice(at..at, piece.bytes());
                }
            }
        }
        bytes
    }
}

fn check(target: &str) {
    let run = TARGETS.iter().find(|(name, _)| *name == target).unwrap().1;
    let inputs = corpus(target);
    for (name, input) in &inputs {
        let outcome = catch_unwind(|| run(input));
        assert!(outcome.is_ok(), "{target}: the input {name} of the corpus is a finding");
    }
    let mut numbers = Numbers(0x5DEE_CE66_D1CE_4E5B);
    let mutations = SLOW.iter().find(|(slow, _)| *slow == target).map_or(MUTATIONS, |(_, few)| *few);
    for _ in 0..mutations {
        let (one, other) = (numbers.below(inputs.len()), numbers.below(inputs.len()));
        let input = numbers.mutate(&inputs[one].1, &inputs[other].1);
        let outcome = catch_unwind(|| run(&input));
        let input = String::from_utf8_lossy(&input);
        assert!(outcome.is_ok(), "{target}: a finding, which belongs into the corpus: {input:?}");
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_target_is_run_here_and_by_libfuzzer() {
            let here: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(here, [$(stringify!($name)),*]);
            for kind in ["corpus", "fuzz_targets"] {
                let entries = fs::read_dir(folder(kind)).unwrap().map(|entry| entry.unwrap().path());
                let mut names: Vec<_> =
                    entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
                names.sort();
                assert_eq!(names, here, "{kind}");
            }
        }
    };
}

targets! { blob_lists claims csv dates error_text filter next_link pem_pfx plain_rows request row settings splitter }
