//! Checks pointers of the caller before use.

use fedxdr_core::Error;

use crate::types::{FdxBytes, FdxStatus};

/// The object of a handle, or `None` for NULL.
///
/// # Safety
/// `handle` must be NULL or point to a live `T` for as long as the reference is used.
pub(crate) unsafe fn reference<'a, T>(handle: *const T) -> Option<&'a T> {
    // SAFETY: the caller vouches for it.
    unsafe { handle.as_ref() }
}

/// The borrowed memory of the caller.
///
/// # Safety
/// `bytes` must describe readable memory for as long as the slice is used.
pub(crate) unsafe fn bytes<'a>(bytes: FdxBytes) -> Result<&'a [u8], Error> {
    match (bytes.ptr.is_null(), bytes.len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Error::invalid_argument("a text is NULL but not empty")),
        // SAFETY: not NULL, and the caller vouches that `len` bytes are readable.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(bytes.ptr, len) }),
    }
}

/// The text in borrowed memory of the caller.
///
/// # Safety
/// `borrowed` must describe readable memory for as long as the text is used.
pub(crate) unsafe fn text<'a>(borrowed: FdxBytes) -> Result<&'a str, Error> {
    // SAFETY: the caller vouches for it.
    let slice = unsafe { bytes(borrowed) }?;
    std::str::from_utf8(slice).map_err(|e| Error::invalid_argument(&format!("a text is not UTF-8: {e}")))
}

/// Boxes `value` and writes the pointer to the caller's output.
///
/// # Safety
/// `output` must be NULL or writable.
pub(crate) unsafe fn write<T>(output: *mut *mut T, value: T) -> FdxStatus {
    if output.is_null() {
        return FdxStatus::InvalidArgument;
    }
    // SAFETY: not NULL, and the caller vouches that it is writable.
    unsafe { output.write(Box::into_raw(Box::new(value))) };
    FdxStatus::Ok
}
