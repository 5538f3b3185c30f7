//! Layers of packages. Those of these workspaces: low; one and two; high; and tasks, which is apart.

use super::{NOTHING, manifest, said};

/// What tidy says of five packages, some of which depend on others.
fn with_dependencies(dependencies: &[(&str, &str)]) -> Vec<String> {
    let names = ["high", "low", "one", "tasks", "two"];
    let mut files = Vec::new();
    for name in names {
        let more = dependencies.iter().filter(|(from, _)| *from == name).map(|(_, line)| *line);
        files.push((format!("{name}/Cargo.toml"), manifest(name, &more.collect::<String>())));
        files.push((format!("{name}/src/lib.rs"), String::new()));
    }
    said(&files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect::<Vec<_>>())
}

#[test]
fn dependencies_down_and_tests_sideways_are_in_order() {
    let said = with_dependencies(&[
        ("one", "[dependencies]\nlow = { path = \"../low\" }\n[dev-dependencies]\ntwo = { path = \"../two\" }\n"),
        ("high", "[dependencies]\nfirst = { package = \"one\", path = \"../one\" }\ntwo = { path = \"../two\" }\n"),
    ]);
    assert_eq!(said, NOTHING);
}

#[test]
fn dependencies_up_and_sideways_are_refused() {
    let said = with_dependencies(&[
        ("low", "[build-dependencies]\nother = { package = \"high\", path = \"../high\" }\n"),
        ("one", "[dependencies]\ntwo = { path = \"../two\" }\n"),
    ]);
    let up = "low/Cargo.toml:6: `low` depends on `high`, from layer 1 on layer 3; only lower layers may be used: move what is shared down";
    let sideways = "one/Cargo.toml:6: `one` depends on `two`, from layer 2 on layer 2; only lower layers may be used: move what is shared down";
    assert_eq!(said, [up, sideways]);
}

#[test]
fn what_is_apart_stays_apart() {
    let said = with_dependencies(&[
        ("tasks", "[dependencies]\nlow = { path = \"../low\" }\n"),
        ("high", "[dev-dependencies]\ntasks = { path = \"../tasks\" }\n"),
    ]);
    let used = "high/Cargo.toml:6: `high` depends on `tasks`, on which no package of the workspace is to depend";
    let uses = "tasks/Cargo.toml:6: `tasks` depends on `low`, and is to depend on no package of the workspace";
    assert_eq!(said, [used, uses]);
}

#[test]
fn a_circle_is_refused_though_cargo_takes_it() {
    let said = with_dependencies(&[
        ("one", "[dependencies]\nlow = { path = \"../low\" }\n"),
        ("low", "[dev-dependencies]\none = { path = \"../one\" }\n"),
    ]);
    let circle = "low/Cargo.toml:6: circle of dependencies, dev-dependencies among them: low → one → low; move the test to the package above";
    assert_eq!(said, [circle]);
}

#[test]
fn a_package_without_a_layer_is_refused() {
    let manifest = manifest("attic", "");
    let said = said(&[("attic/Cargo.toml", &manifest), ("attic/src/lib.rs", "")]);
    let refused = "attic/Cargo.toml:1: the package `attic` has no layer; give it one in `layers` of Cargo.toml";
    assert_eq!(said, [refused]);
}
