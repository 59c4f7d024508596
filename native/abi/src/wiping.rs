//! The allocator. It wipes memory before freeing it, so that no token, secret or password stays in freed buffers of any
//! library.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: Wiping = Wiping;

struct Wiping;

/// Wipes a block. `black_box` keeps the compiler from removing the writes before the block is freed.
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

    /// Does not use the system's `realloc`, which can move the block and leave the old one as it was.
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
