//! The guest side of the bridge: one JavaScript text that every engine evaluates before any program.

/// The text, with more guards of natives or without.
macro_rules! prelude {
    ($($unpolled:literal),*) => {
        concat!(
            "(post, tick, reserve) => { \"use strict\";\n",
            include_str!("prelude/primordials.js"),
            include_str!("prelude/inspect.js"),
            include_str!("prelude/clock.js"),
            include_str!("prelude/web.js"),
            include_str!("prelude/url.js"),
            "if (reserve !== undefined) {\n",
            include_str!("prelude/natives/common.js"),
            include_str!("prelude/natives/arrays.js"),
            include_str!("prelude/natives/iterators.js"),
            include_str!("prelude/natives/expressions.js"),
            include_str!("prelude/natives/texts.js"),
            include_str!("prelude/natives/others.js"),
            include_str!("prelude/natives/proxies.js"),
            $(include_str!($unpolled),)*
            "}\n",
            include_str!("prelude/lockdown.js"),
            include_str!("prelude/bridge.js"),
            "}"
        )
    };
}

/// An expression: a function that takes the native `post(text)`, on some engines more, and returns the bridge. What it may
/// be given is said at [`Engine::create`](super::Engine::create).
///
/// The bridge is a function of one argument: a string is a message from the host, a function is the program. Engines
/// that keep a snapshot or bytecode of it must make a new one whenever this text changes. It is ASCII, so that an engine can
/// keep it as it is, a byte for each character.
pub const PRELUDE: &str = prelude!("prelude/natives/unpolled.js", "prelude/natives/patterns.js");

/// The same for an engine that gives a `reserve`, and whose natives look at the interrupt wherever they call a function of
/// the program or skip a hole of an array: they need fewer guards, and the engine starts faster.
pub const POLLED_PRELUDE: &str = prelude!();

const _: () = assert!(PRELUDE.is_ascii());

/// File name of the prelude in stack traces. Its frames are never shown.
pub const PRELUDE_FILE: &str = "codemode:prelude";

/// What an engine that restores the prelude from a snapshot may call the bridge with, when it creates itself: the globals
/// are then trimmed, which cannot be done in a snapshot. Otherwise that is done when the program starts.
pub const PRELUDE_SEAL: &str = "lock";
