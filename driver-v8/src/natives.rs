//! The native functions that the prelude and `guards.js` call. The snapshot refers to them, so they are plain functions
//! that find their engine's state in the isolate.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use codemode_core::engine::Port;

use crate::heap::HeapMeter;

/// What the natives find in the isolate's slot.
pub(crate) struct Guest {
    pub(crate) port: Port,
    pub(crate) heap: Arc<HeapMeter>,
    pub(crate) interrupted: Arc<AtomicBool>,
}

/// The native end of the bridge.
pub(crate) fn post(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut answer: v8::ReturnValue) {
    let Some(guest) = scope.get_slot::<Guest>() else { return };
    // What a program says after it was stopped would come out differently from run to run.
    if guest.interrupted.load(Relaxed) || guest.heap.exhausted() {
        return;
    }
    let port = guest.port.clone();
    let text = args.get(0).to_rust_string_lossy(scope);
    if let Some(text) = port.post(&text)
        && let Some(text) = v8::String::new(scope, &text)
    {
        answer.set(text.into());
    }
}

/// Called by the guards before and after a native works on something large: `reserve(bytes)` ends the program if its heap
/// cannot hold so many, and returns the limit. A second argument says that memory was made that no allocator counts.
pub(crate) fn reserve(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut limit: v8::ReturnValue) {
    let bytes = args.get(0).number_value(scope).unwrap_or_default();
    let Some(heap) = scope.get_slot::<Guest>().map(|guest| guest.heap.clone()) else { return };
    limit.set_double(heap.limit_bytes() as f64);
    let fits = !args.get(1).is_true() || heap.note_uncounted();
    hold(scope, &heap, if fits { bytes } else { f64::INFINITY });
}

/// Called by the guards before a native lists the keys of a value: `enumerate(value)` ends the program if the heap cannot
/// hold the keys of a typed array or a text. It calls nothing of the program's. Returns whether the program has large arrays
/// at all: one of them may be anywhere in the value. With `true` after the value, no large one can be made until the call of
/// `enumerate()` that belongs to it.
pub(crate) fn enumerate(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut large: v8::ReturnValue) {
    let Some(heap) = scope.get_slot::<Guest>().map(|guest| guest.heap.clone()) else { return };
    if args.length() == 0 {
        return heap.end_listing();
    }
    if args.get(1).is_true() {
        heap.begin_listing();
    }
    let mut value = args.get(0);
    while let Ok(proxy) = v8::Local::<v8::Proxy>::try_from(value) {
        value = proxy.get_target(scope);
    }
    let has_large = heap.has_large_buffers();
    large.set_bool(has_large);
    let keys = if let Ok(text) = v8::Local::<v8::String>::try_from(value) {
        text.length()
    } else if let Ok(object) = v8::Local::<v8::StringObject>::try_from(value) {
        // Its own, and fixed.
        let length = v8::String::new(scope, "length").and_then(|key| object.get(scope, key.into()));
        length.and_then(|length| length.uint32_value(scope)).unwrap_or_default() as usize
    } else if has_large && let Ok(array) = v8::Local::<v8::TypedArray>::try_from(value) {
        array.length()
    } else {
        0
    };
    if keys > FEW_KEYS {
        hold(scope, &heap, keys as f64 * KEY_BYTES);
    }
}

/// As many keys are not worth a check.
const FEW_KEYS: usize = 1 << 16;
/// A place in the list, and a text of up to eight digits.
const KEY_BYTES: f64 = 40.0;

fn hold(scope: &mut v8::PinScope, heap: &HeapMeter, bytes: f64) {
    if !heap.reserve(scope, bytes) {
        // Without this the guard would still enter its native.
        let undefined = v8::undefined(scope).into();
        scope.throw_exception(undefined);
    }
}
