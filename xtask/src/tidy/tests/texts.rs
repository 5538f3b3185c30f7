//! Heads, lengths, and the table of packages.

use super::{NOTHING, manifest, of_package, said};

#[test]
fn a_file_without_a_head_is_refused() {
    let said = of_package(&[
        ("src/lib.rs", "// A comment.\n//! A head.\n"),
        ("tests/data/x.rs", "/// A struct.\nstruct X;\n"),
    ]);
    let headless = |file: &str| format!("one/{file}:1: it does not open with `//!`; say there what the file holds");
    assert_eq!(said, [headless("src/lib.rs"), headless("tests/data/x.rs")]);
}

#[test]
fn a_file_over_500_lines_is_refused_and_one_of_500_is_not() {
    let lines = |count: usize| format!("//! Head.\n{}", "\n".repeat(count - 1));
    assert_eq!(of_package(&[("src/lib.rs", &lines(500))]), NOTHING);
    let refused = "one/src/lib.rs:501: it has 501 lines, over 500; split it by what changes together";
    assert_eq!(of_package(&[("src/lib.rs", &lines(501))]), [refused]);
}

#[test]
fn a_package_that_no_row_names_is_refused() {
    let manifest = manifest("one", "");
    let text = "Prose names `one`.\n\n| crate |\n|---|\n| `one-more` |\n";
    let said = said(&[("one/Cargo.toml", &manifest), ("one/src/lib.rs", ""), ("ARCHITECTURE.md", text)]);
    assert_eq!(said, ["ARCHITECTURE.md:1: no row of its tables names the package `one`; add one"]);
}
