//! Linker flags that Cargo has no key for, and the version with its commit.

fn main() {
    println!("cargo:rerun-if-env-changed=FEDXDR_COMMIT");
    let version = env!("CARGO_PKG_VERSION");
    match std::env::var("FEDXDR_COMMIT") {
        Ok(commit) if !commit.is_empty() => println!("cargo:rustc-env=FEDXDR_VERSION={version}+{commit}"),
        _ => println!("cargo:rustc-env=FEDXDR_VERSION={version}"),
    }

    // Rust's thread-local destructors make unloading unsound, so the library stays once it is loaded.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    // The time of the build would make every build of a commit another file.
    if std::env::var("TARGET").is_ok_and(|target| target.ends_with("windows-gnu")) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--no-insert-timestamp");
    }
}
