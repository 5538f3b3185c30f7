//! The stack of a program that is stopped.
//!
//! The error that stops it would list the names of functions, and a program chooses how long they are: as long as its heap.
//! If there is no memory for them, QuickJS throws another error in its place, one that the program can catch. So the stacks of
//! errors are switched off.
//!
//! And what no program catches, some natives do: `new Promise` rejects the promise with it, what closes an iterator drops it.
//! The function that called them goes on, and could go on for ever if it calls what takes long. So nothing can be called any
//! more: each function that is left comes to its end, or to the next look at the interrupt.

use rquickjs::{Ctx, Function, Object, Persistent, qjs};

use crate::heap::NO_STACK;

/// The setter of `Error.stackTraceLimit`, which the prelude takes away from programs.
pub(crate) type Setter = Persistent<Function<'static>>;

/// The setter of a fresh context, before the prelude.
pub(crate) fn setter(ctx: &Ctx<'_>) -> rquickjs::Result<Setter> {
    let (object, error): (Object, Object) = (ctx.globals().get("Object")?, ctx.globals().get("Error")?);
    let describe: Function = object.get("getOwnPropertyDescriptor")?;
    let found: Object = describe.call((error, "stackTraceLimit"))?;
    let setter: Function = found.get("set")?;
    Ok(Persistent::save(ctx, setter))
}

/// For the interrupt handler of the same runtime.
pub(crate) struct Stacks {
    context: *mut qjs::JSContext,
    setter: qjs::JSValue,
    stack_bytes: usize,
}

impl Stacks {
    /// `setter` must be kept for as long as this is used.
    pub(crate) fn new(ctx: &Ctx<'_>, setter: &Setter, stack_bytes: usize) -> rquickjs::Result<Self> {
        let setter = setter.clone().restore(ctx)?.as_value().as_raw();
        Ok(Self { context: ctx.as_raw().as_ptr(), setter, stack_bytes })
    }

    /// To be called where the engine looks whether it must stop, and by nobody else.
    pub(crate) fn switch_off(&self) {
        // SAFETY: the context runs, on this thread, and the owner of this keeps the setter. The setter is a native that stores
        // the number; what it returns holds nothing to be freed. The stack may be at its limit, so the call gets a little more.
        unsafe {
            let runtime = qjs::JS_GetRuntime(self.context);
            qjs::JS_SetMaxStackSize(runtime, (self.stack_bytes + CALL_BYTES) as _);
            let mut none = qjs::JS_MKVAL(qjs::JS_TAG_INT, 0);
            qjs::JS_Call(self.context, self.setter, self.setter, 1, &mut none);
            qjs::JS_SetMaxStackSize(runtime, NO_STACK);
        }
    }
}

const CALL_BYTES: usize = 64 << 10;
