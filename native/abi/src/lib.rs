//! The C ABI of `FedXdr`. All `unsafe` code of the project is here, and no behaviour. Contract: `native/abi/README.md`.

#![allow(clippy::expl_impl_clone_on_copy)] // safer-ffi derives it so

mod exports;
mod guard;
mod handles;
mod pointers;
mod runtime;
mod types;
mod wiping;

pub use exports::*;
pub use handles::{FdxBatch, FdxError, FdxQuery, FdxSession};
pub use types::{FdxBytes, FdxErrorView, FdxStats, FdxStatus};

/// Any thread may use a handle: rule 7 of the contract.
const fn is_send_and_sync<T: Send + Sync>() {}
const _: () = {
    is_send_and_sync::<FdxSession>();
    is_send_and_sync::<FdxQuery>();
    is_send_and_sync::<FdxBatch>();
    is_send_and_sync::<FdxError>();
};

/// Version of the ABI and of the batch format.
pub const ABI_VERSION: u32 = 4;

/// Version of the library, with the commit as build metadata. `build.ps1 -Task Package` states the commit.
const VERSION: &str = env!("FEDXDR_VERSION");

/// The C# interop code that safer-ffi generates from the exports of this crate.
#[cfg(feature = "generate")]
pub fn csharp_interop() -> std::io::Result<String> {
    let mut text = Vec::new();
    safer_ffi::headers::builder()
        .with_language(safer_ffi::headers::Language::CSharp)
        .to_writer(&mut text)
        .generate()?;
    String::from_utf8(text).map_err(std::io::Error::other)
}
