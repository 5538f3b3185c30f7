//! `cargo xtask new-driver NAME`: the skeleton of a driver, which compiles and runs the suite with every case red.
//!
//! The skeleton is a driver itself, called `skeleton`: what is written is its files with another name. So
//! `codemode-conformance/tests/skeleton.rs` can compile it where it lies and hold it to being red.

use std::{fs, path::Path};

use toml_edit::{DocumentMut, InlineTable, value};

/// Place in the driver's folder, and text.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../skeleton/manifest.toml")),
    ("README.md", include_str!("../skeleton/README.md")),
    ("src/lib.rs", include_str!("../skeleton/src/lib.rs")),
    ("tests/conformance.rs", include_str!("../skeleton/tests/conformance.rs")),
    ("tests/hostile.rs", include_str!("../skeleton/tests/hostile.rs")),
    ("tests/known.toml", include_str!("../skeleton/tests/known.toml")),
    ("tests/soak.rs", include_str!("../skeleton/tests/soak.rs")),
];

/// The task.
pub fn run(args: &[String], root: &Path) -> Result<(), String> {
    let [name] = args else { return Err("new-driver wants one name, such as: cargo xtask new-driver hermes".into()) };
    create(name, root)?;
    println!(
        "driver-{name} is a member of the workspace. Now:\n  \
         cargo xtask conformance --driver {name}    holds it to the suite: nearly all red\n  \
         docs/driver-author.md{:20}says how to turn it green",
        ""
    );
    Ok(())
}

fn create(name: &str, root: &Path) -> Result<(), String> {
    check_name(name)?;
    let folder = root.join(format!("driver-{name}"));
    if folder.exists() {
        return Err(format!("{} exists already", folder.display()));
    }
    let manifest = root.join("Cargo.toml");
    let workspace = fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let workspace = with_member(&workspace, name).map_err(|problem| format!("{}: {problem}", manifest.display()))?;
    for (place, text) in FILES {
        write(&folder.join(place), &renamed(text, name))?;
    }
    write(&manifest, &workspace)
}

/// What can be a part of package names and, in capitals, of a type's name.
fn check_name(name: &str) -> Result<(), String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    match name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(letters) {
        true => Ok(()),
        false => Err(format!("{name:?} cannot be the name of a driver: lower-case letters and digits, a letter first")),
    }
}

fn renamed(text: &str, name: &str) -> String {
    let (first, rest) = name.split_at(1);
    text.replace("skeleton", name).replace("Skeleton", &format!("{}{rest}", first.to_ascii_uppercase()))
}

/// The workspace's manifest with the driver as a member and as a dependency that others can name.
fn with_member(manifest: &str, name: &str) -> Result<String, String> {
    let mut document: DocumentMut = manifest.parse().map_err(|error| format!("{error}"))?;
    let folder = format!("driver-{name}");
    let members = document["workspace"]["members"].as_array_mut().ok_or("it has no workspace.members")?;
    let is_driver = |member: &toml_edit::Value| member.as_str().is_some_and(|member| member.starts_with("driver-"));
    let after = members.iter().zip(1..).filter(|(member, _)| is_driver(member)).map(|(_, at)| at).last();
    members.insert(after.unwrap_or(0), folder.as_str());
    let mut dependency = InlineTable::new();
    dependency.insert("path", folder.into());
    document["workspace"]["dependencies"][&format!("codemode-driver-{name}")] = value(dependency);
    Ok(document.to_string())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    file.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(file, text))
        .map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests;
