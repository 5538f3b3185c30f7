//! V8 made ready: flags, platform, and the start-up snapshot, a context in which the prelude has run.

use std::{borrow::Cow, fs, panic::catch_unwind, ptr, sync::OnceLock};

use codemode_core::engine::{Fault, PRELUDE, PRELUDE_FILE};
use v8::MapFnTo;

use crate::natives::{enumerate, post, reserve};

/// Starts V8 in this process and writes the snapshot. Every thread that runs V8 must descend from the one that calls this.
pub(crate) fn start_process() -> Result<(), Fault> {
    check_address_space()?;
    let started = catch_unwind(|| {
        v8::V8::initialize_platform(v8::new_default_platform(0, false).make_shared());
        // After the line that fails if V8 runs already: then its flags are frozen, and a change aborts the process.
        v8::V8::set_flags_from_string(FLAGS);
        v8::V8::initialize();
    });
    started.map_err(|_| "V8 was already started by other code of this process; only one can")?;
    let blob = write()?;
    // Core calls this once.
    let _ = SNAPSHOT.set(blob);
    // V8 frees what all isolates share with the last of them; this isolate keeps it until the process ends.
    std::mem::forget(v8::Isolate::new(params()?));
    Ok(())
}

/// V8 reserves addresses, not memory, when it starts, and aborts the process where it gets none.
const ADDRESS_SPACE: u64 = 33 << 30;

/// Whether the process may reserve the addresses that V8 needs. Only Linux is asked: elsewhere such limits are rare.
fn check_address_space() -> Result<(), Fault> {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let number = |text: &str, line: &str| -> Option<u64> {
        text.lines().find_map(|each| each.strip_prefix(line))?.split_whitespace().next()?.parse().ok()
    };
    // There is no number when it is unlimited.
    let Some(limit) = number(&read("/proc/self/limits"), "Max address space") else { return Ok(()) };
    let used = number(&read("/proc/self/status"), "VmSize:").unwrap_or_default() * 1024;
    if limit.saturating_sub(used) >= ADDRESS_SPACE {
        return Ok(());
    }
    Err(format!(
        "V8 reserves {} GiB of addresses when it starts, and this process may have {} MiB more; raise its limit of address \
         space (`ulimit -v unlimited`) or take another driver",
        ADDRESS_SPACE >> 30,
        limit.saturating_sub(used) >> 20,
    )
    .into())
}

/// For an isolate that starts from the snapshot.
pub(crate) fn params() -> Result<v8::CreateParams, Fault> {
    let blob: &'static [u8] = SNAPSHOT.get().ok_or("V8 was not started")?;
    Ok(v8::CreateParams::default().snapshot_blob(blob.into()).external_references(references()))
}

/// The native functions and texts that the snapshot refers to. Reading it takes the same list as writing it.
fn references() -> Cow<'static, [v8::ExternalReference]> {
    let text =
        |text: &'static v8::OneByteConst| v8::ExternalReference { pointer: ptr::from_ref(text).cast_mut().cast() };
    vec![
        v8::ExternalReference { function: post.map_fn_to() },
        v8::ExternalReference { function: reserve.map_fn_to() },
        v8::ExternalReference { function: enumerate.map_fn_to() },
        text(&KEYS_TEXT),
        text(&PRELUDE_TEXT),
        text(&GUARDS_TEXT),
    ]
    .into()
}

/// Texts that all isolates share: V8 keeps those it compiled for as long as a function of theirs could be asked for its
/// text.
static KEYS_TEXT: v8::OneByteConst = v8::String::create_external_onebyte_const(include_str!("keys.js").as_bytes());
static PRELUDE_TEXT: v8::OneByteConst = v8::String::create_external_onebyte_const(PRELUDE.as_bytes());
static GUARDS_TEXT: v8::OneByteConst = v8::String::create_external_onebyte_const(include_str!("guards.js").as_bytes());

/// Where the bridge is in the snapshot's context.
pub(crate) const BRIDGE: usize = 0;

/// The unroller takes the interrupt check out of short loops, and where such a loop has none, out of the next one: then
/// `for (;;) kept.push(new Array(1000))` cannot be stopped at all.
const FLAGS: &str = "--no-turboshaft-loop-unrolling";

static SNAPSHOT: OnceLock<Vec<u8>> = OnceLock::new();

fn write() -> Result<Vec<u8>, Fault> {
    let mut isolate = v8::Isolate::snapshot_creator(Some(references()), None);
    let loaded = load(&mut isolate);
    let blob = isolate.create_blob(v8::FunctionCodeHandling::Keep);
    loaded?;
    Ok(blob.ok_or("V8 could not write its snapshot")?.to_vec())
}

/// Runs the prelude in a context, which becomes that of the snapshot.
fn load(isolate: &mut v8::OwnedIsolate) -> Result<(), Fault> {
    v8::scope!(let scope, isolate);
    let context = v8::Context::new(scope, Default::default());
    scope.set_default_context(context);
    let scope = &mut v8::ContextScope::new(scope, context);
    v8::tc_scope!(let scope, scope);
    let Some(bridge) = bridge(scope) else {
        let thrown = scope.exception().map(|error| error.to_rust_string_lossy(scope)).unwrap_or_default();
        return Err(format!("the prelude failed: {thrown}").into());
    };
    let at = scope.add_context_data(context, bridge);
    if at == BRIDGE { Ok(()) } else { Err("V8 gave the bridge another place in its snapshot".into()) }
}

/// The guards that the prelude needs as well, the prelude, and the other guards: the prelude itself uses the natives.
fn bridge<'s>(scope: &mut v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Function>> {
    let reserve = v8::Function::new(scope, reserve)?.into();
    let enumerate = v8::Function::new(scope, enumerate)?.into();
    let post = v8::Function::new(scope, post)?.into();
    let natives = call(scope, &KEYS_TEXT, GUARDS_FILE, &[reserve, enumerate])?;
    let no_tick = v8::undefined(scope).into();
    let bridge = call(scope, &PRELUDE_TEXT, PRELUDE_FILE, &[post, no_tick, reserve])?;
    call(scope, &GUARDS_TEXT, GUARDS_FILE, &[reserve, natives])?;
    bridge.try_into().ok()
}

const GUARDS_FILE: &str = "codemode:guards";

/// Calls the function that `source` is.
fn call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    source: &'static v8::OneByteConst,
    file: &str,
    arguments: &[v8::Local<'s, v8::Value>],
) -> Option<v8::Local<'s, v8::Value>> {
    let (source, file) = (v8::String::new_from_onebyte_const(scope, source)?, v8::String::new(scope, file)?.into());
    let origin = v8::ScriptOrigin::new(scope, file, 0, 0, false, 0, None, false, false, false, None);
    let mut source = v8::script_compiler::Source::new(source, Some(&origin));
    // Eagerly, for what is compiled is kept in the snapshot: it would be compiled at every start otherwise.
    let options = v8::script_compiler::CompileOptions::EagerCompile;
    let function =
        v8::script_compiler::compile(scope, &mut source, options, v8::script_compiler::NoCacheReason::NoReason)?
            .run(scope)?;
    let undefined = v8::undefined(scope).into();
    v8::Local::<v8::Function>::try_from(function).ok()?.call(scope, undefined, arguments)
}
