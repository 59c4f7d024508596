//! Linker flags that Cargo has no key for.

fn main() {
    // Rust's thread-local destructors make unloading unsound, so the library stays once it is loaded.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
