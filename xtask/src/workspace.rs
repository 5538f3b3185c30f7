//! The workspace as cargo sees it: its packages, what they depend on, and what their manifests say to these tasks.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use crate::commands::{cargo, output};

/// All packages of a workspace.
#[derive(Debug, Deserialize)]
pub struct Workspace {
    /// Its folder.
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    /// In the order of cargo.
    pub packages: Vec<Package>,
    /// The table `[workspace.metadata]`.
    #[serde(default)]
    metadata: Value,
}

/// One of its packages.
#[derive(Debug, Deserialize)]
pub struct Package {
    pub name: String,
    #[serde(rename = "manifest_path")]
    pub manifest: PathBuf,
    pub dependencies: Vec<Dependency>,
    pub targets: Vec<Target>,
    pub features: BTreeMap<String, Vec<String>>,
    /// The table `[package.metadata]`.
    #[serde(default)]
    metadata: Value,
}

/// One of a package's dependencies.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// The name it has in the manifest, where that is another.
    pub rename: Option<String>,
    /// `dev`, `build`, or nothing for a normal one.
    pub kind: Option<String>,
}

/// A library, program, test, example or benchmark.
#[derive(Debug, Deserialize)]
pub struct Target {
    pub kind: Vec<String>,
    /// The file it begins with.
    #[serde(rename = "src_path")]
    pub file: PathBuf,
}

impl Workspace {
    /// The workspace whose manifest is in `root`.
    pub fn read(root: &Path) -> Result<Self, String> {
        let mut command = cargo(&["metadata", "--no-deps", "--offline", "--format-version", "1"]);
        command.current_dir(root);
        serde_json::from_str(&output(command)?).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// `[workspace.metadata.codemode]`.
    pub fn settings<T: for<'a> Deserialize<'a>>(&self) -> Result<Option<T>, String> {
        settings(&self.metadata, "workspace", &self.root.join("Cargo.toml"))
    }

    /// The package called `name`.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// A file as it is named in messages: from the workspace's folder on, with `/`.
    pub fn shown(&self, file: &Path) -> String {
        file.strip_prefix(&self.root).unwrap_or(file).display().to_string().replace('\\', "/")
    }
}

impl Target {
    /// Whether other packages can depend on it.
    pub fn is_library(&self) -> bool {
        self.kind.iter().any(|kind| kind.ends_with("lib") || kind == "proc-macro")
    }
}

impl Package {
    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new(""))
    }

    /// `[package.metadata.codemode]`.
    pub fn settings<T: for<'a> Deserialize<'a>>(&self) -> Result<Option<T>, String> {
        settings(&self.metadata, "package", &self.manifest)
    }
}

fn settings<T: for<'a> Deserialize<'a>>(metadata: &Value, of: &str, manifest: &Path) -> Result<Option<T>, String> {
    match metadata.get("codemode") {
        None => Ok(None),
        Some(table) => T::deserialize(table)
            .map(Some)
            .map_err(|error| format!("{}: [{of}.metadata.codemode]: {error}", manifest.display())),
    }
}
