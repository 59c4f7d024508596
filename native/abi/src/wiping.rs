//! The allocator: what is freed is wiped first, so that no token, secret or password stays behind in memory that nobody owns, in whichever buffer of
//! whichever library it was on its way.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: Wiping = Wiping;

struct Wiping;

/// Wipes a block. Seen through `black_box` the zeros have a reader, so the compiler may not leave them out although the block is freed next.
///
/// # Safety
/// `block` must be writable for `size` bytes.
unsafe fn wipe(block: *mut u8, size: usize) {
    // SAFETY: the caller vouches for the block.
    unsafe { block.write_bytes(0, size) };
    black_box(block);
}

// SAFETY: every block comes from and goes to the system's allocator with its own layout.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller vouches for the layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller vouches for the layout.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller vouches that the block is its own and has this layout.
        unsafe {
            wipe(block, layout.size());
            System.dealloc(block, layout);
        }
    }

    /// Never in the system's way, which may move the block and leave the old one as it was.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller vouches that the block has this layout and that the new size fits it too.
        unsafe {
            let larger = System.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !larger.is_null() {
                larger.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            larger
        }
    }
}
