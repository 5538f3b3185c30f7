//! `cargo xtask new-driver NAME`: the skeleton of a driver, which compiles and runs the suite with every case red.
//!
//! It also writes the driver into the manifests that name all drivers, and prints what no program can decide: Rust code of the
//! facade, and whether a plain `cargo test` is to build the driver.
//!
//! The skeleton is a driver itself, called `skeleton`: what is written is its files with another name. So
//! `codemode-conformance/tests/skeleton.rs` can compile it where it lies and hold it to being red.

use std::{
    fs,
    path::{Path, PathBuf},
};

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
    print!("{}", next_steps(name));
    Ok(())
}

/// What to do now, and what is left to do by hand in the end.
fn next_steps(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    let engine = format!("{}{rest}", first.to_ascii_uppercase());
    format!(
        "\
driver-{name} is a member of the workspace, and {name} a feature of codemode-sdk, codemode-cli and codemode-benches. Now:
  cargo xtask conformance --driver {name}    holds it to the suite: nearly all red
  docs/driver-author.md                      says how to turn it green

In the end, by hand:
  driver-{name}/Cargo.toml    [package.metadata.codemode]: the engine's crate, and what its build needs of `cargo xtask setup`
  codemode/Cargo.toml         what the feature {name} is for
  codemode/src/lib.rs         pub fn {name}() -> Threaded<codemode_driver_{name}::{engine}>, an arm in `driver`, an entry in
                              `names`, the name in the text of `default_driver`; all behind the feature
  benches/src/drivers.rs      an arm \"{name}-warm\" in `open`, if a warm pool is worth measuring
  ARCHITECTURE.md             a row in the table of crates
  Cargo.toml                  `default-members`, if it needs Rust and a C compiler alone
"
    )
}

fn create(name: &str, root: &Path) -> Result<(), String> {
    check_name(name)?;
    let folder = root.join(format!("driver-{name}"));
    if folder.exists() {
        return Err(format!("{} exists already", folder.display()));
    }
    let mut manifests = vec![changed(root, "Cargo.toml", |manifest| with_member(manifest, name))?];
    for (place, lines) in LINES {
        manifests.push(changed(root, place, |manifest| {
            lines.iter().try_fold(manifest.to_owned(), |manifest, (neighbour, line)| {
                after_last(&manifest, neighbour, &renamed(line, name))
            })
        })?);
    }
    for (place, text) in FILES {
        write(&folder.join(place), &renamed(text, name))?;
    }
    manifests.iter().try_for_each(|(manifest, text)| write(manifest, text))
}

/// Manifests that have lines for every driver: what those have in them, and the line of a new one.
const LINES: &[(&str, &[(&str, &str)])] = &[
    (
        "codemode/Cargo.toml",
        &[
            ("= [\"dep:codemode-driver-", "## Skeleton.\nskeleton = [\"dep:codemode-driver-skeleton\"]"),
            ("codemode-driver-", "codemode-driver-skeleton = { workspace = true, optional = true }"),
        ],
    ),
    ("codemode-cli/Cargo.toml", &[("= [\"codemode/", "skeleton = [\"codemode/skeleton\"]")]),
    ("benches/Cargo.toml", &[("= [\"codemode/", "skeleton = [\"codemode/skeleton\"]")]),
];

/// A manifest and what it is to become.
fn changed(
    root: &Path,
    place: &str,
    change: impl FnOnce(&str) -> Result<String, String>,
) -> Result<(PathBuf, String), String> {
    let file = root.join(place);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = change(&text).map_err(|problem| format!("{}: {problem}", file.display()))?;
    Ok((file, text))
}

/// The text with `line` after the last one that has `neighbour` in it.
fn after_last(text: &str, neighbour: &str, line: &str) -> Result<String, String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(|line| line.contains(neighbour));
    let last = last.ok_or_else(|| format!("it has no line with {neighbour:?}, after which the driver's belongs"))?;
    lines.insert(last + 1, line);
    Ok(lines.join("\n") + "\n")
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
