//! The guest side of the bridge: one JavaScript text that every engine evaluates before any program.

/// An expression: a function that takes the native `post(text)`, on some engines `tick()`, and returns the bridge.
///
/// The bridge is a function of one argument: a string is a message from the host, a function is the program. Engines
/// that keep a snapshot or bytecode of it must make a new one whenever this text changes. It is ASCII, so that an engine can
/// keep it as it is, a byte for each character.
pub const PRELUDE: &str = concat!(
    "(post, tick) => { \"use strict\";\n",
    include_str!("prelude/primordials.js"),
    include_str!("prelude/inspect.js"),
    include_str!("prelude/clock.js"),
    include_str!("prelude/web.js"),
    include_str!("prelude/url.js"),
    include_str!("prelude/lockdown.js"),
    include_str!("prelude/bridge.js"),
    "}"
);

const _: () = assert!(PRELUDE.is_ascii());

/// File name of the prelude in stack traces. Its frames are never shown.
pub const PRELUDE_FILE: &str = "codemode:prelude";

/// What an engine that restores the prelude from a snapshot may call the bridge with, when it creates itself: the globals
/// are then trimmed, which cannot be done in a snapshot. Otherwise that is done when the program starts.
pub const PRELUDE_SEAL: &str = "lock";
