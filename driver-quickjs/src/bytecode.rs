//! The prelude as QuickJS bytecode, compiled once in a process: loading it takes a third of the time of its text.

use std::{ffi::CString, sync::OnceLock};

use codemode_core::engine::{Fault, POLLED_PRELUDE, PRELUDE_FILE};
use rquickjs::{Context, Ctx, Runtime, Value, qjs};

/// Evaluates the prelude in `ctx` and returns its value, a function.
pub(crate) fn prelude<'js>(ctx: &Ctx<'js>) -> Result<Value<'js>, Fault> {
    static BYTECODE: OnceLock<Vec<u8>> = OnceLock::new();
    let bytecode = match BYTECODE.get() {
        Some(bytecode) => bytecode,
        None => {
            let compiled = compile()?;
            BYTECODE.get_or_init(|| compiled)
        }
    };
    let raw = ctx.as_raw().as_ptr();
    // SAFETY: `raw` is live for as long as `ctx`. The bytecode was written by `JS_WriteObject` of this very library in
    // this process, which is what `JS_ReadObject` asks for. `JS_EvalFunction` takes over the function it is given, and
    // the value it returns is owned, as `Value::from_raw` wants it.
    unsafe {
        let function =
            qjs::JS_ReadObject(raw, bytecode.as_ptr(), bytecode.len() as qjs::size_t, qjs::JS_READ_OBJ_BYTECODE as i32);
        if qjs::JS_IsException(function) {
            return Err("the prelude's bytecode could not be read; the heap limit may be too small".into());
        }
        let value = qjs::JS_EvalFunction(raw, function);
        if qjs::JS_IsException(value) {
            return Err(format!("the prelude failed: {:?}", ctx.catch()).into());
        }
        Ok(Value::from_raw(ctx.clone(), value))
    }
}

/// Compiles the prelude in a runtime of its own.
fn compile() -> Result<Vec<u8>, Fault> {
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    let (source, file) = (CString::new(POLLED_PRELUDE)?, CString::new(PRELUDE_FILE)?);
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    context.with(|ctx| {
        let raw = ctx.as_raw().as_ptr();
        // SAFETY: `raw` is live inside `with`; both texts are NUL-terminated and outlive the call. With COMPILE_ONLY
        // the value is a function that this code owns, and frees after it was written.
        let function = unsafe {
            qjs::JS_Eval(raw, source.as_ptr(), POLLED_PRELUDE.len() as qjs::size_t, file.as_ptr(), flags as i32)
        };
        // SAFETY: it looks at the tag of a value.
        if unsafe { qjs::JS_IsException(function) } {
            return Err(format!("the prelude does not compile: {:?}", ctx.catch()).into());
        }
        let mut len: qjs::size_t = 0;
        // The frames and the text of the prelude's functions are never shown.
        let stripped = qjs::JS_WRITE_OBJ_BYTECODE | qjs::JS_WRITE_OBJ_STRIP_SOURCE | qjs::JS_WRITE_OBJ_STRIP_DEBUG;
        // SAFETY: `function` is a live function compiled above; the buffer belongs to the runtime until `js_free`, and
        // has the length that was written to `len`.
        unsafe {
            let buffer = qjs::JS_WriteObject(raw, &mut len, function, stripped as i32);
            qjs::JS_FreeValue(raw, function);
            if buffer.is_null() {
                return Err("the prelude could not be written as bytecode".into());
            }
            let bytecode = std::slice::from_raw_parts(buffer, len as usize).to_vec();
            qjs::js_free(raw, buffer.cast());
            Ok(bytecode)
        }
    })
}
