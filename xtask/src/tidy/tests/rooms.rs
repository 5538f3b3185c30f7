//! Floors and pure rooms.

use super::{NOTHING, manifest, said};

/// What tidy says of a package with three rooms.
fn with_rooms(files: &[(&str, &str)]) -> Vec<String> {
    let more = "[package.metadata.codemode]\nfloors = [[\"engine\"], [\"types\", \"words\"], [\"driver\"]]\npure = [\"engine\"]\n";
    let manifest = manifest("one", more);
    let mut all = vec![
        ("one/Cargo.toml", manifest.as_str()),
        ("one/src/lib.rs", "mod driver;\nmod engine;\nmod types;\nmod words;\npub use driver::Driver;\n"),
        ("one/src/driver/mod.rs", "mod inner;\npub struct Driver(crate::types::Type, inner::Inner);\n"),
        ("one/src/driver/inner.rs", "use crate::engine::Engine;\npub struct Inner(Engine);\n"),
        ("one/src/engine.rs", "use std::time::Duration;\npub struct Engine(Duration);\n"),
        ("one/src/types.rs", "pub struct Type;\n"),
        ("one/src/words.rs", ""),
    ];
    for (file, text) in files {
        all.retain(|(there, _)| there != file);
        all.push((file, text));
    }
    said(&all)
}

#[test]
fn arrows_down_are_in_order() {
    assert_eq!(with_rooms(&[]), NOTHING);
}

#[test]
fn an_arrow_up_or_to_a_neighbour_is_refused() {
    let up = with_rooms(&[("one/src/types.rs", "pub struct Type;\nfn f(_: crate::Driver) {}\n")]);
    let refused = "one/src/types.rs:3: the room `types` on floor 2 uses crate::Driver of `driver` on floor 3; only lower floors may be used: move that down, or hand it over from above";
    assert_eq!(up[0], refused);
    let neighbour = with_rooms(&[("one/src/words.rs", "use crate::types::Type;\nfn f(_: Type) {}\n")]);
    let refused = "one/src/words.rs:2: the room `words` on floor 2 uses crate::types::Type of `types` on floor 2; only lower floors may be used: move that down, or hand it over from above";
    assert_eq!(neighbour, [refused]);
}

#[test]
fn tests_are_on_no_floor() {
    let tests = "pub struct Type;\n#[cfg(test)]\nmod tests {\n    use crate::Driver;\n    fn f(_: Driver) {}\n}\n";
    assert_eq!(with_rooms(&[("one/src/types.rs", tests)]), NOTHING);
}

#[test]
fn what_the_map_defines_is_not_for_rooms() {
    let said = with_rooms(&[
        ("one/src/lib.rs", "mod driver;\nmod engine;\nmod types;\nmod words;\npub struct Mine;\n"),
        ("one/src/words.rs", "fn f(_: crate::Mine) {}\n"),
    ]);
    let refused = "one/src/words.rs:2: the room `words` uses crate::Mine of one/src/lib.rs, which is the map of all rooms; define it in a room";
    assert_eq!(said, [refused]);
}

#[test]
fn rooms_and_floors_name_each_other() {
    let said = with_rooms(&[
        ("one/src/lib.rs", "mod driver;\nmod engine;\nmod types;\nmod attic;\n"),
        ("one/src/attic.rs", "use crate::driver::Driver;\nfn f(_: Driver) {}\n"),
    ]);
    let unlisted = "one/src/lib.rs:5: the room `attic` has no floor; give it one in `floors` of one/Cargo.toml";
    let gone = "one/Cargo.toml:1: there is no room `words`; take it out of `floors` and `pure`";
    assert_eq!(said, [unlisted, gone]);
}

#[test]
fn a_pure_room_uses_no_runtime_thread_or_clock() {
    let engine = "use std::{thread, time::{Duration, Instant}};\npub struct Engine(Duration);\nfn f() { tokio::spawn(async {}) }\nfn g() { let _ = SystemTime::now(); }\nfn h() { assert!(::std::thread::panicking()) }\n#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}\n";
    let said = with_rooms(&[("one/src/engine.rs", engine)]);
    let refused = |line: usize, what: &str| {
        format!(
            "one/src/engine.rs:{line}: the room `engine` is pure and mentions {what}; no runtime, thread or clock here: let the caller hand over what it says"
        )
    };
    assert_eq!(
        said,
        [
            refused(2, "std::thread"),
            refused(4, "tokio::spawn"),
            refused(5, "SystemTime::now"),
            refused(6, "std::thread::panicking")
        ]
    );
}
