//! The allocator of one engine: counts every byte, and ends the program that passes its limit.
//!
//! QuickJS makes an exception of a refused allocation, which the program can catch, and which can even be thrown as
//! `null`. So it is remembered here that the heap was full, and the interrupt handler stops the program for it.

use std::{
    ptr,
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering::Relaxed},
    },
};

use rquickjs::{
    allocator::{Allocator, RustAllocator},
    qjs,
};

/// Accounts for the memory of one heap. But for [`interrupt`](Self::interrupt), only the thread that runs the engine changes
/// it.
#[derive(Debug)]
pub(crate) struct HeapMeter {
    limit: usize,
    used: AtomicUsize,
    peak: AtomicUsize,
    /// The constants below.
    state: AtomicU8,
    /// Null until the runtime is known.
    runtime: AtomicPtr<qjs::JSRuntime>,
}

/// More was wanted than the heap may hold.
const EXHAUSTED: u8 = 1;
const INTERRUPTED: u8 = 2;
/// See [`HeapMeter::make_room`].
const STOPPING: u8 = 4;
/// Nothing can be called any more.
const SHUT: u8 = 8;

impl HeapMeter {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            state: AtomicU8::new(0),
            runtime: AtomicPtr::default(),
        })
    }

    /// Names the runtime that allocates here.
    pub(crate) fn serves(&self, runtime: *mut qjs::JSRuntime) {
        self.runtime.store(runtime, Relaxed);
    }

    /// Whether the heap was ever full.
    pub(crate) fn exhausted(&self) -> bool {
        self.is(EXHAUSTED)
    }

    /// Stops the program, from any thread. QuickJS looks at its interrupt once in 10,000 turns, and in many natives not at
    /// all; the next allocation sees to it that none of these turns takes long.
    pub(crate) fn interrupt(&self) {
        self.set(INTERRUPTED);
    }

    pub(crate) fn interrupted(&self) -> bool {
        self.is(INTERRUPTED)
    }

    /// Whether the program must not go on.
    pub(crate) fn stopped(&self) -> bool {
        self.is(EXHAUSTED | INTERRUPTED)
    }

    /// Says beforehand that `size` more bytes are wanted. False if the heap does not hold so many: then it is exhausted.
    pub(crate) fn may_hold(&self, size: usize) -> bool {
        let fits = self.used.load(Relaxed).saturating_add(size) <= self.limit && !self.exhausted();
        if !fits {
            self.set(EXHAUSTED);
        }
        fits
    }

    /// The maximum of bytes in use at one time, never over the limit.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Relaxed).min(self.limit)
    }

    /// Makes room for the error that stops a program. QuickJS marks that error as one that no program catches; if there
    /// is no memory to make it, `null` or another error is thrown instead, which a program catches and goes on. It is small:
    /// the engine has seen to it that it has no stack.
    pub(crate) fn make_room(&self) {
        self.set(STOPPING);
    }

    fn is(&self, any: u8) -> bool {
        self.state.load(Relaxed) & any != 0
    }

    fn set(&self, more: u8) {
        self.state.fetch_or(more, Relaxed);
    }

    /// Whether `size` more bytes are allowed.
    fn reserve(&self, size: usize) -> bool {
        let sum = self.used.load(Relaxed).saturating_add(size);
        (sum <= self.limit && self.state.load(Relaxed) == 0) || self.reserve_at_the_end(size, sum)
    }

    /// The same when the program must not go on. Only what is large is refused: not every place of QuickJS's C code is right
    /// when an allocation fails, so what is small goes on until it looks at the interrupt.
    #[cold]
    fn reserve_at_the_end(&self, size: usize, sum: usize) -> bool {
        if sum > self.limit {
            self.set(EXHAUSTED);
        }
        let granted = (size < LARGE || self.is(STOPPING)) && sum <= self.limit.saturating_mul(ROOM);
        let runtime = self.runtime.load(Relaxed);
        if !runtime.is_null() {
            // SAFETY: it is the runtime that asks for memory now, on this thread; the functions store numbers in it.
            unsafe {
                if !self.is(SHUT) {
                    self.set(SHUT);
                    qjs::JS_SetMaxStackSize(runtime, NO_STACK);
                }
                // From a refusal on nothing is collected: QuickJS makes an error of it while what wanted the memory is half
                // changed, a collection may begin with that, and would follow pointers into nothing.
                if !granted {
                    qjs::JS_SetGCThreshold(runtime, usize::MAX as _);
                }
            }
        }
        granted
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

/// The stack of a runtime in which nothing can be called any more; zero would be no limit.
pub(crate) const NO_STACK: qjs::size_t = 1;

/// How many times its limit a heap may hold while its program is stopped.
const ROOM: usize = 2;

/// What cannot be allocated any more when the program must not go on.
const LARGE: usize = 32 << 10;

/// Rust's own allocator behind the meter.
pub(crate) struct Counting(pub(crate) Arc<HeapMeter>);

/// What one allocation costs beyond its size: the header that `RustAllocator` puts in front.
const HEADER: usize = 8;

// SAFETY: every allocation, reallocation and release is done by `RustAllocator` with the arguments that came in, or
// refused with a null pointer before it is asked. Counting does not touch the memory.
unsafe impl Allocator for Counting {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.reserve(size.saturating_add(HEADER)) {
            return ptr::null_mut();
        }
        self.counted(RustAllocator.alloc(size))
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        if !self.0.reserve(count.saturating_mul(size).saturating_add(HEADER)) {
            return ptr::null_mut();
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
                return ptr::null_mut();
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
