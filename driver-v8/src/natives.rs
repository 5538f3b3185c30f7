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

/// Called by `guards.js` before and after a native works on something large.
pub(crate) fn reserve(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _: v8::ReturnValue) {
    let bytes = args.get(0).number_value(scope).unwrap_or_default();
    let Some(heap) = scope.get_slot::<Guest>().map(|guest| guest.heap.clone()) else { return };
    if !heap.reserve(scope, bytes) {
        // Without this the guard would still enter its native.
        let undefined = v8::undefined(scope).into();
        scope.throw_exception(undefined);
    }
}
