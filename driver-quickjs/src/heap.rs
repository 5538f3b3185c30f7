//! The allocator of one engine: counts every byte, and refuses what is over the limit; the refusal is final.
//!
//! QuickJS makes an exception of a refused allocation, which the program can catch, and which can even be thrown as
//! `null`. So the refusal itself is remembered here, and the interrupt handler stops the program for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use rquickjs::allocator::{Allocator, RustAllocator};

/// Accounts for the memory of one heap. Only the thread that runs the engine writes to it.
#[derive(Debug)]
pub(crate) struct HeapMeter {
    limit: usize,
    used: AtomicUsize,
    peak: AtomicUsize,
    exhausted: AtomicBool,
    /// Whether a program is being stopped, see [`make_room`](Self::make_room).
    stopping: AtomicBool,
}

impl HeapMeter {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            exhausted: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        })
    }

    /// Whether an allocation was ever refused.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted.load(Relaxed)
    }

    /// The maximum of bytes in use at one time, never over the limit.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Relaxed).min(self.limit)
    }

    /// Makes room for the error that stops a program. QuickJS marks that error as one that no program catches; if there
    /// is no memory to make it, or the texts of its stack, `null` or another error is thrown instead, which a program
    /// catches and goes on. A name of a function in its stack can be as long as the heap, and is made twice.
    pub(crate) fn make_room(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Whether `size` more bytes are allowed; a refusal is final, so that a program cannot go on in what is left.
    fn reserve(&self, size: usize) -> bool {
        let stopping = self.stopping.load(Relaxed);
        let max = if stopping { self.limit.saturating_mul(ROOM) } else { self.limit };
        let fits = self.used.load(Relaxed).checked_add(size).is_some_and(|sum| sum <= max);
        if !fits {
            self.exhausted.store(true, Relaxed);
        }
        fits && (stopping || !self.exhausted())
    }

    fn account(&self, size: usize) {
        let used = self.used.load(Relaxed) + size;
        self.used.store(used, Relaxed);
        if used > self.peak.load(Relaxed) {
            self.peak.store(used, Relaxed);
        }
    }

    fn release(&self, size: usize) {
        self.used.store(self.used.load(Relaxed).saturating_sub(size), Relaxed);
    }
}

/// How many times its limit a heap may hold while its program is stopped.
const ROOM: usize = 5;

/// Rust's own allocator behind the meter.
pub(crate) struct Counting(pub(crate) Arc<HeapMeter>);

/// What one allocation costs beyond its size: the header that `RustAllocator` puts in front.
const HEADER: usize = 8;

// SAFETY: every allocation, reallocation and release is done by `RustAllocator` with the arguments that came in, or
// refused with a null pointer before it is asked. Counting does not touch the memory.
unsafe impl Allocator for Counting {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.reserve(size.saturating_add(HEADER)) {
            return std::ptr::null_mut();
        }
        self.counted(RustAllocator.alloc(size))
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        if !self.0.reserve(count.saturating_mul(size).saturating_add(HEADER)) {
            return std::ptr::null_mut();
        }
        self.counted(RustAllocator.calloc(count, size))
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8) {
        // SAFETY: the caller hands over a pointer of this allocator, so one of `RustAllocator`.
        unsafe {
            self.0.release(RustAllocator::usable_size(ptr) + HEADER);
            RustAllocator.dealloc(ptr);
        }
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, new_size: usize) -> *mut u8 {
        if ptr.is_null() {
            return self.alloc(new_size);
        }
        // SAFETY: the caller hands over a pointer of this allocator, so one of `RustAllocator`.
        unsafe {
            let old = RustAllocator::usable_size(ptr);
            if new_size > old && !self.0.reserve(new_size - old) {
                return std::ptr::null_mut();
            }
            let moved = RustAllocator.realloc(ptr, new_size);
            if !moved.is_null() {
                self.0.release(old);
                self.0.account(RustAllocator::usable_size(moved));
            }
            moved
        }
    }

    unsafe fn usable_size(ptr: *mut u8) -> usize {
        // SAFETY: the caller hands over a pointer of this allocator, so one of `RustAllocator`.
        unsafe { RustAllocator::usable_size(ptr) }
    }
}

impl Counting {
    fn counted(&self, ptr: *mut u8) -> *mut u8 {
        if !ptr.is_null() {
            // SAFETY: `ptr` was just made by `RustAllocator`.
            self.0.account(unsafe { RustAllocator::usable_size(ptr) } + HEADER);
        }
        ptr
    }
}
