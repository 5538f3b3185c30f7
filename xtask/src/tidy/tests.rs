//! Workspaces in temporary folders, made to keep or to break the rules.

mod circles;
mod layers;
mod rooms;
mod texts;

use std::fs;

use super::*;

/// What tidy says of a workspace with these files. Each has a row in ARCHITECTURE.md and a head unless the test gives another.
fn said(files: &[(&str, &str)]) -> Vec<String> {
    let place = tempfile::tempdir().expect("a folder");
    let root = place.path().canonicalize().expect("a folder");
    let folders: Vec<&str> = files.iter().filter_map(|(file, _)| file.strip_suffix("/Cargo.toml")).collect();
    let rows: String = folders.iter().map(|name| format!("| `{name}` |\n")).collect();
    let settings =
        "[workspace.metadata.codemode]\nlayers = [[\"low\"], [\"one\", \"two\"], [\"high\"]]\napart = [\"tasks\"]\n";
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = {folders:?}\n{settings}");
    for (file, text) in [("ARCHITECTURE.md", rows.as_str()), ("Cargo.toml", &manifest)].iter().chain(files) {
        let to = root.join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        let head = if file.ends_with(".rs") && !text.starts_with("//") { "//! Head.\n" } else { "" };
        fs::write(to, format!("{head}{text}")).expect("a file");
    }
    problems(&root).expect("a workspace")
}

/// The manifest of a package.
fn manifest(name: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
}

/// What tidy says of one package with these files.
fn of_package(files: &[(&str, &str)]) -> Vec<String> {
    let manifest = manifest("one", "");
    let files = files.iter().map(|(file, text)| (format!("one/{file}"), *text));
    let all: Vec<(String, &str)> = files.chain([("one/Cargo.toml".to_owned(), manifest.as_str())]).collect();
    said(&all.iter().map(|(file, text)| (file.as_str(), *text)).collect::<Vec<_>>())
}

const NOTHING: [&str; 0] = [];
