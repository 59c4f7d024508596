//! Writes every generated file of the project, or with `--check` says which are out of date.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program talks

mod cmdlets;
mod constants;
mod errors;
mod formats;
mod header;
mod interop;
mod log_analytics;
mod rows;
mod sections;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

/// A generated file: its path below the root, and what it has to hold.
type Generated = (&'static str, String);

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    // At run time: two checkouts may share a target folder.
    let Some(manifest) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        eprintln!("gen: run it through cargo");
        return ExitCode::FAILURE;
    };
    let root = Path::new(&manifest).join("../..");
    match run(&root, check) {
        Ok(stale) if stale.is_empty() => ExitCode::SUCCESS,
        Ok(stale) => {
            for path in stale {
                eprintln!("out of date: {} (to fix it: ./build.sh generate)", path.display());
            }
            ExitCode::FAILURE
        }
        Err(e) => {
            eprintln!("gen: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path, check: bool) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let files: Vec<Generated> = vec![
        header::generate(root)?,
        interop::generate()?,
        rows::classes()?,
        rows::readers()?,
        formats::generate()?,
        formats::types()?,
        constants::error_kinds()?,
        constants::batch_format()?,
        constants::abi()?,
        constants::texts()?,
        errors::csharp()?,
        errors::about()?,
        cmdlets::generate()?,
        log_analytics::template()?,
    ];
    let files =
        files.into_iter().map(|(name, text)| (name.to_owned(), text)).chain(sections::generate(root)?);
    let mut stale = Vec::new();
    for (name, text) in files {
        let path = root.join(name);
        let current = match fs::read_to_string(&path) {
            Ok(current) => current,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e.into()),
        };
        if current == text {
            continue;
        }
        if check {
            stale.push(path);
        } else {
            fs::create_dir_all(path.parent().unwrap_or(root))?;
            fs::write(path, text)?;
        }
    }
    Ok(stale)
}
