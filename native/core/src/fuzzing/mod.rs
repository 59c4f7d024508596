//! What the fuzz targets of `native/fuzz` check, so that the tests of this crate can run the same checks. A target
//! takes any bytes and panics if a property does not hold.
#![expect(clippy::missing_panics_doc, reason = "a panic is the finding")]

mod documents;
mod pages;
mod refusals;
#[cfg(test)]
mod tests;
mod tokens;

use crate::dataset::fuzzing as dataset;

/// A check of any bytes.
pub type Target = fn(&[u8]);

/// Every target: the name of its file in `native/fuzz/fuzz_targets` and of its folder in `native/fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("blob_lists", dataset::blob_lists),
    ("claims", tokens::claims),
    ("csv", dataset::csv),
    ("dates", tokens::dates),
    ("error_text", refusals::error_text),
    ("filter", pages::filter),
    ("next_link", documents::next_link),
    ("pem_pfx", tokens::pem_pfx),
    ("plain_rows", dataset::plain_rows),
    ("request", documents::request),
    ("row", pages::row),
    ("settings", documents::settings),
    ("splitter", pages::splitter),
];

/// Runs a target.
pub fn run(target: &str, data: &[u8]) {
    let known = TARGETS.iter().find(|(name, _)| *name == target);
    assert!(known.is_some(), "there is no target {target}");
    if let Some((_, check)) = known {
        check(data);
    }
}
