//! Accounts for the guest's memory in the program's global allocator.
//!
//! Boa neither counts what it allocates nor survives a refusal, and a library cannot choose the allocator. So the host
//! puts [`GuestHeap`] around its own; without it the heap limit holds for single large requests only. An engine lives
//! on one thread, and so does its meter, which counts only while the engine runs: what the host allocates on
//! that thread meanwhile, for a tool or an event, is not the guest's.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// A global allocator that counts what programs on Boa allocate.
///
/// ```
/// use codemode_driver_boa::GuestHeap;
///
/// #[global_allocator]
/// static ALLOCATOR: GuestHeap = GuestHeap::SYSTEM;
/// # fn main() {}
/// ```
///
/// Outside of a running program it costs one look at a thread-local flag for each allocation.
#[derive(Debug)]
pub struct GuestHeap<A = System>(A);

impl GuestHeap {
    /// Around the allocator of the operating system.
    pub const SYSTEM: Self = Self(System);
}

impl<A> GuestHeap<A> {
    /// Around another allocator.
    pub const fn around(inner: A) -> Self {
        Self(inner)
    }
}

struct HeapMeter {
    /// Whether the guest runs on this thread.
    running: Cell<bool>,
    /// Below zero when the guest frees what the host gave it.
    used: Cell<isize>,
    peak: Cell<isize>,
    limit: Cell<isize>,
    refused: Cell<bool>,
}

thread_local! {
    static METER: HeapMeter = const {
        HeapMeter {
            running: Cell::new(false),
            used: Cell::new(0),
            peak: Cell::new(0),
            limit: Cell::new(isize::MAX),
            refused: Cell::new(false),
        }
    };
}

/// Resets this thread's meter for a new engine.
pub(crate) fn begin(limit: usize) {
    METER.with(|meter| {
        meter.used.set(0);
        meter.peak.set(0);
        meter.limit.set(isize::try_from(limit).unwrap_or(isize::MAX));
        meter.refused.set(false);
    });
}

/// Runs what counts as the guest's (`true`) or, inside of that, as the host's.
pub(crate) fn counted<R>(guest: bool, run: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            METER.with(|meter| meter.running.set(self.0));
        }
    }
    let _restore = Restore(METER.with(|meter| meter.running.replace(guest)));
    run()
}

/// Bytes in use, as far as they are counted.
pub(crate) fn used() -> usize {
    METER.with(|meter| meter.used.get()).max(0).unsigned_abs()
}

/// The maximum of bytes in use at one time.
pub(crate) fn peak() -> usize {
    METER.with(|meter| meter.peak.get()).max(0).unsigned_abs()
}

/// Whether an array buffer was refused.
pub(crate) fn refused() -> bool {
    METER.with(|meter| meter.refused.get())
}

/// Whether the process's global allocator is a [`GuestHeap`].
pub(crate) fn is_counted() -> bool {
    counted(true, || {
        let before = METER.with(|meter| meter.used.get());
        let probe = std::hint::black_box(Box::new(0_u64));
        let after = METER.with(|meter| meter.used.get());
        drop(probe);
        before != after
    })
}

impl HeapMeter {
    /// Whether the allocation may go ahead.
    fn reserve(&self, layout: Layout) -> bool {
        if !self.running.get() {
            return true;
        }
        let size = isize::try_from(layout.size()).unwrap_or(isize::MAX);
        let used = self.used.get().saturating_add(size);
        let over = used.saturating_sub(self.limit.get());
        // Array buffers are the one kind of allocation whose refusal Boa turns into an error of the guest, and nothing
        // else asks for this alignment. What is garbage may still be counted, so only a large one is refused here.
        if layout.align() == BUFFER_ALIGN && size > self.limit.get() {
            self.refused.set(true);
            return false;
        }
        // Refusing anything else would end the process, and so would running out of memory: the guest's thread parks
        // until the process ends, and core answers the caller at the deadline. No lock is held here. Boa's registry of
        // symbols is not used, what it makes once for the process is made when the engine starts, and a thread that
        // panics, whose hook may hold that of the error stream, goes on.
        if over > self.limit.get().saturating_add(SLACK) && !std::thread::panicking() {
            loop {
                std::thread::park();
            }
        }
        self.used.set(used);
        if used > self.peak.get() {
            self.peak.set(used);
        }
        true
    }

    fn release(&self, size: usize) {
        if self.running.get() {
            self.used.set(self.used.get().saturating_sub_unsigned(size));
        }
    }
}

const BUFFER_ALIGN: usize = 64;
/// How far beyond twice its limit a program may go between two ticks.
const SLACK: isize = 256 << 20;

// SAFETY: every request is passed to the inner allocator as it is, or not at all and answered with null. Counting
// allocates nothing: the meter is a constant-initialised thread-local without a destructor. Parking does not return.
unsafe impl<A: GlobalAlloc> GlobalAlloc for GuestHeap<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !METER.with(|meter| meter.reserve(layout)) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's layout.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !METER.with(|meter| meter.reserve(layout)) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's layout.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        METER.with(|meter| meter.release(layout.size()));
        // SAFETY: the caller's pointer and layout, which came from the inner allocator.
        unsafe { self.0.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches that `new_size` fits the alignment.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        if !METER.with(|meter| meter.reserve(new)) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's pointer, layout and size.
        let moved = unsafe { self.0.realloc(ptr, layout, new_size) };
        METER.with(|meter| meter.release(if moved.is_null() { new_size } else { layout.size() }));
        moved
    }
}
