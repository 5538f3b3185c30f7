//! What holds the heap limit: V8's own limit for objects, a counting allocator for array buffers, and one flag that says
//! that a program went over either.
//!
//! V8 aborts the process where an allocation finally fails. So the limit is not the end of V8's room: when a heap
//! reaches it, the program is terminated, and the room raised by more than any one object can take.

use std::{
    alloc::{Layout, alloc, alloc_zeroed, dealloc},
    ffi::{c_char, c_void},
    ptr,
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

/// Accounts for the memory of one heap.
#[derive(Debug)]
pub(crate) struct HeapMeter {
    limit: usize,
    /// Bytes of array buffers. V8 frees buffers on threads of its own.
    buffers: AtomicUsize,
    /// Bytes of objects after the last full collection.
    objects: AtomicUsize,
    peak: AtomicUsize,
    exhausted: AtomicBool,
    /// Whether buffers were made that the allocator does not see.
    uncounted: AtomicBool,
    /// How many natives are under way that list keys wherever they come to.
    listings: AtomicUsize,
    /// Whether V8 was given [`ROOM`].
    raised: AtomicBool,
    /// Whether it is this heap's turn to have it.
    in_room: AtomicBool,
    /// Whether objects and buffers are about to be held to the limit together.
    checking: AtomicBool,
    isolate: OnceLock<v8::IsolateHandle>,
}

impl HeapMeter {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            buffers: AtomicUsize::new(0),
            objects: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            exhausted: AtomicBool::new(false),
            uncounted: AtomicBool::new(false),
            listings: AtomicUsize::new(0),
            raised: AtomicBool::new(false),
            in_room: AtomicBool::new(false),
            checking: AtomicBool::new(false),
            isolate: OnceLock::new(),
        })
    }

    /// Gives an isolate that will be made the limit, and the allocator that reports to this meter.
    pub(crate) fn limit(self: &Arc<Self>, params: v8::CreateParams) -> v8::CreateParams {
        // SAFETY: the handle is an `Arc<HeapMeter>`, which `drop` gives back; the other functions of the table only borrow it.
        let allocator = unsafe { v8::new_rust_allocator(Arc::into_raw(self.clone()), &ALLOCATOR) };
        params.heap_limits(0, self.limit).array_buffer_allocator(allocator.make_shared())
    }

    /// Attaches the meter to the isolate that was made with [`limit`](Self::limit). The meter must outlive it.
    pub(crate) fn attach(self: &Arc<Self>, isolate: &mut v8::Isolate) {
        self.isolate.get_or_init(|| isolate.thread_safe_handle());
        let meter = Arc::as_ptr(self).cast_mut().cast::<c_void>();
        isolate.add_near_heap_limit_callback(near_limit, meter);
        isolate.add_gc_prologue_callback(collecting, meter, v8::GCType::kGCTypeAll);
        isolate.add_gc_epilogue_callback(collected, meter, v8::GCType::kGCTypeMarkSweepCompact);
        isolate.set_oom_error_handler(out_of_room);
    }

    /// Whether the program went over the limit, ever.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted.load(Relaxed)
    }

    /// Ends the program for the memory it used. It cannot catch that.
    pub(crate) fn exhaust(&self) {
        self.exhausted.store(true, Relaxed);
        if let Some(isolate) = self.isolate.get() {
            isolate.terminate_execution();
        }
    }

    /// Whether the heap is within its limit, with what V8 let pass, and could ever hold so many bytes. Ends the program
    /// if not.
    pub(crate) fn reserve(&self, isolate: &mut v8::Isolate, bytes: f64) -> bool {
        let fits = |isolate: &mut v8::Isolate| {
            let heap = isolate.get_heap_statistics();
            heap.used_heap_size().saturating_add(heap.external_memory()) <= self.limit
        };
        let mut good = bytes <= self.limit as f64;
        if good && !fits(isolate) {
            isolate.low_memory_notification();
            good = fits(isolate);
        }
        if !good {
            self.exhaust();
        }
        good
    }

    pub(crate) fn limit_bytes(&self) -> usize {
        self.limit
    }

    /// Takes down that a buffer was made that the allocator does not see, and says whether it may be there now.
    pub(crate) fn note_uncounted(&self) -> bool {
        self.uncounted.store(true, Relaxed);
        self.listings.load(Relaxed) == 0
    }

    pub(crate) fn begin_listing(&self) {
        self.listings.fetch_add(1, Relaxed);
    }

    pub(crate) fn end_listing(&self) {
        self.listings.fetch_sub(1, Relaxed);
    }

    /// Whether the program has, or may have, a typed array of so many elements that its keys would matter.
    pub(crate) fn has_large_buffers(&self) -> bool {
        self.buffers.load(Relaxed) > LARGE || self.uncounted.load(Relaxed)
    }

    /// Waits until no other heap of the process uses its room, but not for long: its program ends, or never will.
    fn take_room(&self) {
        let taken = ROOM_TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = ROOM_LEFT.wait_timeout_while(taken, MAX_WAIT, |taken| *taken);
        let (mut taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *taken = true;
        self.in_room.store(true, Relaxed);
    }

    fn leave_room(&self) {
        if self.in_room.swap(false, Relaxed) {
            *ROOM_TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = false;
            ROOM_LEFT.notify_one();
        }
    }

    /// The maximum of bytes held at any call of this function, this one included.
    pub(crate) fn peak(&self, isolate: &mut v8::Isolate) -> usize {
        let now = isolate.get_heap_statistics().used_heap_size() + self.buffers.load(Relaxed);
        self.peak.fetch_max(now, Relaxed).max(now)
    }

    fn fits(&self, size: usize) -> bool {
        let buffers = self.buffers.load(Relaxed);
        if self.listings.load(Relaxed) > 0 && buffers <= LARGE && buffers.saturating_add(size) > LARGE {
            return false;
        }
        let used = buffers + self.objects.load(Relaxed);
        used.checked_add(size).is_some_and(|sum| sum <= self.limit)
    }
}

impl Drop for HeapMeter {
    fn drop(&mut self) {
        self.leave_room();
    }
}

/// Fewer bytes of buffers are at most so many keys.
const LARGE: usize = 4 << 20;

// One heap of the process at a time may have its room: else many programs that end for their memory would together take
// many times as much.
static ROOM_TAKEN: Mutex<bool> = Mutex::new(false);
static ROOM_LEFT: Condvar = Condvar::new();
const MAX_WAIT: Duration = Duration::from_secs(2);

/// More than the largest object that V8 makes: an array or a string of 1 GiB.
const ROOM: usize = (1 << 30) + (256 << 20);
/// What V8 gets when it asks again.
const STEP: usize = 1 << 20;

/// The heap is full even after a collection, or one allocation does not fit.
unsafe extern "C" fn near_limit(meter: *mut c_void, current: usize, _initial: usize) -> usize {
    // SAFETY: `meter` is the pointer that `attach` gave, and the meter outlives the isolate.
    let heap = unsafe { &*meter.cast::<HeapMeter>() };
    let again = heap.raised.swap(true, Relaxed);
    if again && heap.objects.load(Relaxed) > heap.limit.saturating_add(ROOM / 2) {
        // A native function that does not look at its termination has filled the room as well.
        heap.leave_room();
        park_forever();
    }
    heap.exhaust();
    if !again {
        heap.take_room();
    }
    // Compiled code may look for its termination only now and then; until it does, V8 asks again without being full. It
    // goes on if it gets any more, and what the room holds stays bound.
    current.saturating_add(if again { STEP } else { ROOM })
}

/// V8 has no more room and would abort the process next.
unsafe extern "C" fn out_of_room(_location: *const c_char, _details: &v8::OomDetails) {
    park_forever();
}

/// Keeps this thread, and what its engine holds, until the process ends: V8 leaves no way back from here but abort.
/// Core answers the caller after the deadline and counts the thread as lost.
fn park_forever() -> ! {
    loop {
        thread::park();
    }
}

/// A heap is fullest before it is collected, or at the end.
unsafe extern "C" fn collecting(
    isolate: v8::UnsafeRawIsolatePtr,
    _kind: v8::GCType,
    _flags: v8::GCCallbackFlags,
    meter: *mut c_void,
) {
    // SAFETY: as in `collected`.
    let (mut isolate, heap) = unsafe { (v8::Isolate::from_raw_isolate_ptr(isolate), &*meter.cast::<HeapMeter>()) };
    let _ = heap.peak(&mut isolate);
}

unsafe extern "C" fn collected(
    isolate: v8::UnsafeRawIsolatePtr,
    _kind: v8::GCType,
    _flags: v8::GCCallbackFlags,
    meter: *mut c_void,
) {
    // SAFETY: V8 calls this on the isolate's thread with the isolate it collected, and `meter` as in `near_limit`.
    let (mut isolate, heap) = unsafe { (v8::Isolate::from_raw_isolate_ptr(isolate), &*meter.cast::<HeapMeter>()) };
    let objects = isolate.get_heap_statistics().used_heap_size();
    heap.objects.store(objects, Relaxed);
    // V8's own limit is for objects only. Not here, where buffers that were found unused are still being freed.
    if objects + heap.buffers.load(Relaxed) > heap.limit
        && !heap.exhausted()
        && !heap.checking.swap(true, Relaxed)
        && let Some(isolate) = heap.isolate.get()
    {
        isolate.request_interrupt(check, meter);
    }
}

/// Ends the program if its objects and buffers are over the limit together.
unsafe extern "C" fn check(isolate: v8::UnsafeRawIsolatePtr, meter: *mut c_void) {
    // SAFETY: as in `collected`; V8 calls this where the program looks at its interrupts.
    let (mut isolate, heap) = unsafe { (v8::Isolate::from_raw_isolate_ptr(isolate), &*meter.cast::<HeapMeter>()) };
    heap.reserve(&mut isolate, 0.0);
    heap.checking.store(false, Relaxed);
}

static ALLOCATOR: v8::RustAllocatorVtable<HeapMeter> =
    v8::RustAllocatorVtable { allocate, allocate_uninitialized, free, drop: release };

unsafe extern "C" fn allocate(heap: &HeapMeter, len: usize) -> *mut c_void {
    // SAFETY: see `counted`, which asks with a layout of at least one byte.
    counted(heap, len, |layout| unsafe { alloc_zeroed(layout) })
}

unsafe extern "C" fn allocate_uninitialized(heap: &HeapMeter, len: usize) -> *mut c_void {
    // SAFETY: as above.
    counted(heap, len, |layout| unsafe { alloc(layout) })
}

/// A refusal makes V8 collect and ask again, and in the end call `near_limit`.
fn counted(heap: &HeapMeter, len: usize, allocate: impl FnOnce(Layout) -> *mut u8) -> *mut c_void {
    let Some(layout) = layout(len).filter(|_| heap.fits(len)) else { return ptr::null_mut() };
    let memory = allocate(layout);
    if !memory.is_null() {
        let buffers = heap.buffers.fetch_add(len, Relaxed) + len;
        heap.peak.fetch_max(buffers + heap.objects.load(Relaxed), Relaxed);
    }
    memory.cast()
}

unsafe extern "C" fn free(heap: &HeapMeter, data: *mut c_void, len: usize) {
    let Some(layout) = layout(len) else { return };
    heap.buffers.fetch_sub(len, Relaxed);
    // SAFETY: V8 hands back what `counted` gave it, with the length it asked for.
    unsafe { dealloc(data.cast(), layout) };
}

unsafe extern "C" fn release(heap: *const HeapMeter) {
    // SAFETY: the pointer is from `Arc::into_raw` in `limit`; V8 drops its allocator once.
    drop(unsafe { Arc::from_raw(heap) });
}

fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.max(1), 16).ok()
}
