//! New drivers in copies of this workspace.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::{
    commands::{cargo, output, run},
    places::root,
};

/// A workspace that has this one's manifest and members, so that cargo takes a new member as it would here. What a new driver
/// changes is copied.
fn workspace() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    fs::copy(root().join("Cargo.toml"), place.path().join("Cargo.toml")).expect("a manifest");
    fs::copy(root().join("Cargo.lock"), place.path().join("Cargo.lock")).expect("a lock");
    for entry in fs::read_dir(root()).expect("a workspace").flatten() {
        let (from, to) = (entry.path(), place.path().join(entry.file_name()));
        if LINES.iter().any(|(manifest, _)| root().join(manifest) == from.join("Cargo.toml")) {
            fs::create_dir(&to).expect("a folder");
            fs::copy(from.join("Cargo.toml"), to.join("Cargo.toml")).expect("a manifest");
            for entry in fs::read_dir(&from).expect("a package").flatten() {
                if entry.file_name() != "Cargo.toml" {
                    link(entry.path(), to.join(entry.file_name()));
                }
            }
        } else if from.join("Cargo.toml").is_file() || entry.file_name() == "README.md" || entry.file_name() == "docs" {
            link(from, to);
        }
    }
    place
}

#[cfg(unix)]
fn link(from: PathBuf, to: PathBuf) {
    std::os::unix::fs::symlink(from, to).expect("a link");
}

#[cfg(not(unix))]
fn link(from: PathBuf, to: PathBuf) {
    std::os::windows::fs::symlink_dir(from, to).expect("a link");
}

/// What cargo says of the packages of a workspace.
fn packages(place: &Path) -> Vec<Value> {
    let mut command = cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"]);
    command.current_dir(place);
    let mut metadata: Value = serde_json::from_str(&output(command).expect("metadata")).expect("JSON");
    serde_json::from_value(metadata["packages"].take()).expect("packages")
}

#[test]
fn cargo_takes_the_new_driver_as_a_member_with_its_tests() {
    let place = workspace();
    create("hermes", place.path()).expect("a driver");
    let packages = packages(place.path());
    let package = packages.iter().find(|package| package["name"] == "codemode-driver-hermes").expect("the driver");
    let targets = package["targets"].as_array().expect("targets").iter();
    let names: Vec<&str> = targets.filter_map(|target| target["name"].as_str()).collect();
    assert_eq!(names, ["codemode_driver_hermes", "conformance", "hostile", "soak"]);
    let texts = FILES.iter().map(|(file, _)| fs::read_to_string(place.path().join("driver-hermes").join(file)));
    assert!(texts.map(|text| text.expect("a file")).all(|text| !text.to_lowercase().contains("skeleton")));
}

#[test]
fn the_facade_and_its_users_have_the_driver_as_a_feature() {
    let place = workspace();
    create("hermes", place.path()).expect("a driver");
    let packages = packages(place.path());
    let features = |name: &str| &packages.iter().find(|package| package["name"] == name).expect(name)["features"];
    assert_eq!(features("codemode-sdk")["hermes"], json!(["dep:codemode-driver-hermes"]));
    assert_eq!(features("codemode-cli")["hermes"], json!(["codemode/hermes"]));
    assert_eq!(features("codemode-benches")["hermes"], json!(["codemode/hermes"]));
    let added = [
        ("codemode", "## Hermes.\nhermes = [\"dep:codemode-driver-hermes\"]\n"),
        ("codemode", "codemode-driver-hermes = { workspace = true, optional = true }\n"),
        ("codemode-cli", "hermes = [\"codemode/hermes\"]\n"),
        ("benches", "hermes = [\"codemode/hermes\"]\n"),
    ];
    for package in ["codemode", "codemode-cli", "benches"] {
        let read = |root: &Path| fs::read_to_string(root.join(package).join("Cargo.toml")).expect("a manifest");
        let after = added.iter().filter(|(of, _)| *of == package);
        let after = after.fold(read(place.path()), |text, (_, added)| text.replacen(added, "", 1));
        assert_eq!(after, read(&root()), "{package} is changed elsewhere");
    }
}

#[test]
fn what_is_left_to_do_names_files_that_are_there() {
    let steps = next_steps("quickjs");
    let by_hand = steps.lines().skip_while(|line| !line.starts_with("In the end"));
    let files: Vec<&str> = by_hand.filter_map(|line| line.strip_prefix("  ")?.split("  ").next()).collect();
    let files: Vec<&str> = files.into_iter().filter(|file| !file.is_empty()).collect();
    assert_eq!(files.len(), 6, "{steps}");
    assert!(files.iter().all(|file| root().join(file).is_file()), "{steps}");
}

#[test]
fn the_manifest_stays_as_it_was_but_for_the_driver() {
    let before = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let after = with_member(&before, "hermes").expect("a manifest");
    let dependency = "codemode-driver-hermes = { path = \"driver-hermes\" }\n";
    assert!(after.contains(dependency), "{after}");
    assert_eq!(after.replace(dependency, "").replace(", \"driver-hermes\"", ""), before);
}

#[test]
fn names_that_cargo_would_not_take_are_refused_and_nothing_is_overwritten() {
    let place = tempfile::tempdir().expect("a folder");
    for name in ["", "Hermes", "my engine", "../x", "9p", "a-b"] {
        assert!(create(name, place.path()).is_err_and(|why| why.contains("cannot be the name")), "{name}");
    }
    let place = workspace();
    assert!(create("quickjs", place.path()).is_err_and(|why| why.contains("exists already")));
}

/// The same as `codemode-conformance/tests/skeleton.rs` shows, in full: minutes of compiling, so only when asked for.
#[test]
#[ignore = "compiles core and the suite once more"]
fn a_new_driver_compiles_without_a_warning_and_its_suite_runs() {
    let place = workspace();
    create("hermes", place.path()).expect("a driver");
    let package = ["--offline", "--package", "codemode-driver-hermes"];
    let here = |args: &[&str]| {
        let mut command = cargo(args);
        command.args(package).current_dir(place.path()).env("CARGO_TARGET_DIR", root().join("target/new-driver"));
        command
    };
    let mut clippy = here(&["clippy", "--all-targets"]);
    clippy.args(["--", "--deny", "warnings"]);
    run(clippy).expect("no warnings");
    let mut suite = here(&["test", "--test", "conformance"]);
    let suite = suite.output().expect("cargo");
    let text = String::from_utf8_lossy(&suite.stdout);
    assert!(!suite.status.success() && text.contains("cannot create yet"), "{text}");
}
