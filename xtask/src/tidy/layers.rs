//! Which packages of the workspace may depend on which.
//!
//! The manifest of the workspace says it:
//!
//! ```toml
//! [workspace.metadata.codemode]
//! layers = [["core"], ["driver-*", "mcp"], ["facade"]]  # lowest first
//! apart = ["xtask"]
//! ```
//!
//! A package depends on packages of lower layers alone. One that is apart depends on none and none depends on it: the tasks
//! must build while the rest does not. A dev-dependency may go sideways and up (a test of a driver compares it with another),
//! but no circle may come of it, though cargo would allow that: cargo then compiles the package twice, its types exist twice
//! and do not match, and none of the packages in the circle can be published first.

use std::fs;

use serde::Deserialize;

use super::circles::shortest;
use crate::workspace::{Dependency, Package, Workspace};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    layers: Vec<Vec<String>>,
    #[serde(default)]
    apart: Vec<String>,
}

/// Where a package stands.
#[derive(Clone, Copy, PartialEq)]
enum Layer {
    At(usize),
    Apart,
}

/// What is wrong between packages.
pub fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let manifest = workspace.shown(&workspace.root.join("Cargo.toml"));
    let Some(settings) = workspace.settings::<Settings>()? else {
        return Ok(vec![format!(
            "{manifest}:1: it has no `layers` in [workspace.metadata.codemode]; list all packages there"
        )]);
    };
    let mut problems = Vec::new();
    let mut arrows = Vec::new();
    for package in &workspace.packages {
        let Some(layer) = settings.layer(&package.name) else {
            problems.push(format!(
                "{}:1: the package `{}` has no layer; give it one in `layers` of {manifest}",
                workspace.shown(&package.manifest),
                package.name
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|to| workspace.package(&to.name).is_some()) {
            arrows.push((package.name.as_str(), dependency.name.as_str()));
            let Some(other) = settings.layer(&dependency.name) else { continue };
            if let Some(why) = wrong(layer, other, dependency.kind.as_deref() == Some("dev")) {
                problems.push(format!(
                    "{}: `{}` depends on `{}`, {why}",
                    place(workspace, package, dependency),
                    package.name,
                    dependency.name
                ));
            }
        }
    }
    problems.extend(shortest(&arrows).into_iter().map(|circle| {
        let names: Vec<&str> = circle.iter().chain(circle.first()).copied().collect();
        let dependency = workspace.package(names[0]).and_then(|package| {
            let dependency = package.dependencies.iter().find(|to| to.name == names[1])?;
            Some(place(workspace, package, dependency))
        });
        format!(
            "{}: circle of dependencies, dev-dependencies among them: {}; move the test to the package above",
            dependency.unwrap_or_else(|| manifest.clone()),
            names.join(" → ")
        )
    }));
    Ok(problems)
}

impl Settings {
    fn layer(&self, package: &str) -> Option<Layer> {
        let is = |listed: &String| match listed.strip_suffix('*') {
            Some(start) => package.starts_with(start),
            None => listed == package,
        };
        if self.apart.iter().any(is) {
            return Some(Layer::Apart);
        }
        self.layers.iter().position(|layer| layer.iter().any(is)).map(|at| Layer::At(at + 1))
    }
}

fn wrong(layer: Layer, other: Layer, dev: bool) -> Option<String> {
    match (layer, other) {
        (Layer::Apart, _) => Some("and is to depend on no package of the workspace".into()),
        (_, Layer::Apart) => Some("on which no package of the workspace is to depend".into()),
        (Layer::At(layer), Layer::At(other)) if other >= layer && !dev => Some(format!(
            "from layer {layer} on layer {other}; only lower layers may be used: move what is shared down"
        )),
        _ => None,
    }
}

/// The line of a manifest that names a dependency.
fn place(workspace: &Workspace, package: &Package, dependency: &Dependency) -> String {
    let name = dependency.rename.as_ref().unwrap_or(&dependency.name);
    let text = fs::read_to_string(&package.manifest).unwrap_or_default();
    let names = |line: &str| line.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    let mut section = String::new();
    let dev = dependency.kind.as_deref() == Some("dev");
    let line = text.lines().position(|line| {
        if line.starts_with('[') {
            line.clone_into(&mut section);
        }
        names(line) && section.contains("dependencies") && section.contains("dev-dependencies") == dev
    });
    format!("{}:{}", workspace.shown(&package.manifest), line.unwrap_or(0) + 1)
}
