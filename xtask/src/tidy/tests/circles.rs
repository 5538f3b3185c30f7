//! Circles of imports, and imports that do not make one.

use super::{NOTHING, of_package};

const ADVICE: &str = "  move what they share into a file of its own, or hand it over as an argument";

#[test]
fn two_files_that_use_each_other_are_a_circle() {
    let said = of_package(&[
        ("src/lib.rs", "mod a;\nmod b;\n"),
        ("src/a.rs", "use crate::b::B;\npub struct A(B);\n"),
        ("src/b.rs", "pub struct B;\n\nfn of(_: &crate::a::A) {}\n"),
    ]);
    let circle = "circle of imports in one:\n  one/src/a.rs:2 uses crate::b::B of one/src/b.rs\n  one/src/b.rs:4 uses crate::a::A of one/src/a.rs";
    assert_eq!(said, [format!("{circle}\n{ADVICE}")]);
}

#[test]
fn a_circle_of_three_is_named_from_its_first_file_on() {
    let said = of_package(&[
        ("src/lib.rs", "mod a;\nmod b;\nmod c;\n"),
        ("src/a.rs", "pub fn a() { super::b::b() }\n"),
        ("src/b.rs", "use super::c;\npub fn b() { c::c() }\n"),
        ("src/c.rs", "pub fn c() { assert!(super::a::a() == ()) }\n"),
    ]);
    let circle = "circle of imports in one:\n  one/src/a.rs:2 uses super::b::b of one/src/b.rs\n  one/src/b.rs:3 uses c::c of one/src/c.rs\n  one/src/c.rs:2 uses super::a::a of one/src/a.rs";
    assert_eq!(said, [format!("{circle}\n{ADVICE}")]);
}

#[test]
fn a_parent_that_works_with_a_child_which_uses_what_the_parent_defines_is_a_circle() {
    let child = ("src/room/child.rs", "use super::Defined;\npub fn work(_: Defined) {}\npub struct Shown;\n");
    let circle = |line: &str| {
        format!(
            "circle of imports in one:\n  one/src/room/child.rs:2 uses super::Defined of one/src/room/mod.rs\n  \
             one/src/room/mod.rs:{line} of one/src/room/child.rs\n{ADVICE}"
        )
    };
    let root = ("src/lib.rs", "mod room;\n");
    let calls = ("src/room/mod.rs", "mod child;\npub struct Defined;\nfn f() { child::work(Defined) }\n");
    assert_eq!(of_package(&[root, child, calls]), [circle("4 uses child::work")]);
    let names = ("src/room/mod.rs", "mod child;\npub use child::Shown;\npub struct Defined;\nfn f(_: Shown) {}\n");
    assert_eq!(of_package(&[root, child, names]), [circle("5 uses Shown")]);
    let imports = ("src/room/mod.rs", "mod child;\nuse self::child::work as f;\npub struct Defined;\n");
    assert_eq!(of_package(&[root, child, imports]), [circle("3 uses self::child::work")]);
}

#[test]
fn declaring_and_showing_a_child_is_no_arrow() {
    let said = of_package(&[
        ("src/lib.rs", "mod room;\npub use room::{Shown, child as again};\npub use room::child::*;\n"),
        ("src/room/mod.rs", "pub mod child;\npub(crate) use child::Shown;\npub struct Defined;\n"),
        ("src/room/child.rs", "use super::Defined;\npub struct Shown(Defined);\npub(in crate::room) fn f() {}\n"),
    ]);
    assert_eq!(said, NOTHING);
}

#[test]
fn an_import_through_a_parent_goes_to_the_file_behind_it() {
    let siblings = [
        ("src/lib.rs", "mod room;\n"),
        ("src/room/mod.rs", "mod a;\nmod b;\npub use a::A;\nuse b::*;\npub fn f(_: B) {}\n"),
        ("src/room/a.rs", "pub struct A;\n"),
        ("src/room/b.rs", "use crate::room::A;\npub struct B(A);\n"),
    ];
    assert_eq!(of_package(&siblings), NOTHING);
    let circle = [siblings[0], siblings[1], siblings[3], ("src/room/a.rs", "pub struct A;\nfn f(_: super::B) {}\n")];
    let circle = of_package(&circle);
    assert_eq!(circle.len(), 1, "{circle:?}");
    assert!(circle[0].contains("a.rs:3 uses super::B of one/src/room/b.rs\n"), "{circle:?}");
}

#[test]
fn a_module_and_a_function_of_one_name_are_told_apart() {
    let said = of_package(&[
        ("src/lib.rs", "mod report;\nmod tasks;\n"),
        ("src/tasks.rs", "use crate::report;\npub fn f() { report::report() }\npub struct Task;\n"),
        ("src/report.rs", "mod report;\npub use report::report;\nfn f(_: crate::tasks::Task) {}\n"),
        ("src/report/report.rs", "pub fn report() {}\n"),
    ]);
    assert_eq!(said, NOTHING);
}

#[test]
fn tests_may_use_everything() {
    let said = of_package(&[
        ("src/lib.rs", "mod a;\nmod b;\n"),
        ("src/a.rs", "pub fn a() { crate::b::b() }\n#[cfg(test)]\nmod tests;\n"),
        ("src/a/tests.rs", "use super::*;\n#[test]\nfn f() { a() }\n"),
        (
            "src/b.rs",
            "pub fn b() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n    fn f() { crate::a::a(); b() }\n}\n#[cfg(test)]\nfn g() { crate::a::a() }\n",
        ),
    ]);
    assert_eq!(said, NOTHING);
}

#[test]
fn support_files_of_tests_are_no_exception() {
    let support = [
        ("src/lib.rs", ""),
        ("tests/one.rs", "mod support;\n"),
        ("tests/two.rs", "mod support;\n"),
        ("tests/support/mod.rs", "pub mod a;\npub mod b;\n"),
        ("tests/support/a.rs", "pub struct A(super::b::B);\n"),
        ("tests/support/b.rs", "pub struct B;\nfn f(_: super::a::A) {}\n"),
    ];
    let circle = "circle of imports in one:\n  one/tests/support/a.rs:2 uses super::b::B of one/tests/support/b.rs\n  one/tests/support/b.rs:3 uses super::a::A of one/tests/support/a.rs";
    assert_eq!(of_package(&support), [format!("{circle}\n{ADVICE}")]);
}

#[test]
fn a_file_of_another_folder_is_found_and_a_missing_one_is_named() {
    let said = of_package(&[
        ("src/lib.rs", "#[path = \"../other/x.rs\"]\nmod x;\nmod r#type;\n"),
        ("other/x.rs", "pub struct X(crate::r#type::T);\n"),
        ("src/type.rs", "pub struct T;\nfn f(_: crate::x::X) {}\n"),
    ]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("one/other/x.rs:2 uses crate::type::T of one/src/type.rs\n"), "{said:?}");
    let missing = of_package(&[("src/lib.rs", "mod gone;\n")]);
    assert_eq!(missing, ["one/src/lib.rs:2: the file of `mod gone;` is not there"]);
}
