//! Where a destination is: the path of a folder, or the address of a container of a storage account.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::blob::{Blob, BlobAddress};
use super::{Destination, Folder};
use crate::context::Context;
use crate::errors::{DATASET_DESTINATION, Result, excerpt};
use crate::settings::Settings;

/// The full path of a file or folder of this machine, if that is what was given.
pub(crate) fn local_path(given: &str) -> Option<&Path> {
    let path = Path::new(given);
    (!given.contains("://") && path.is_absolute()).then_some(path)
}

/// Where datasets are.
#[derive(Clone, Debug)]
pub(in crate::dataset) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A container of Azure Blob Storage, or a part of it.
    Blob(BlobAddress),
}

impl Place {
    pub(in crate::dataset) fn of(given: &str, settings: &Settings) -> Result<Self> {
        if given.contains("://") {
            return BlobAddress::of(given, settings).map(Place::Blob);
        }
        if let Some(path) = local_path(given) {
            return Ok(Place::Folder(path.to_owned()));
        }
        let message = format!("'{}' is not the full path of a folder", excerpt(given, 200));
        Err(DATASET_DESTINATION.error(message))
    }

    /// The destination. Its waits end when `stop` is cancelled.
    pub(in crate::dataset) fn open(
        &self,
        context: &Context,
        stop: &CancellationToken,
    ) -> Result<Box<dyn Destination>> {
        Ok(match self {
            Place::Folder(path) => Box::new(Folder::new(path.clone())),
            Place::Blob(address) => Box::new(Blob::new(context, address, stop)?),
        })
    }

    /// What people call a folder of the destination.
    pub(in crate::dataset) fn full_name(&self, name: &str) -> String {
        match self {
            Place::Folder(path) => {
                path.join(name.replace('/', std::path::MAIN_SEPARATOR_STR)).display().to_string()
            }
            Place::Blob(address) => address.blob(name).to_string(),
        }
    }
}
