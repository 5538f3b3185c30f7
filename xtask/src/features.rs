//! `cargo xtask features`: each driver's feature pulls in its own engine and no other, and core none at all.
//!
//! Which crate is a driver's engine stands in the driver's manifest: `engine` in `[package.metadata.codemode]`.

use crate::{
    commands::{cargo, output},
    drivers::{self, Driver},
    places::root,
    workspace::Workspace,
};

/// What is asked for, and what it must pull in and must not.
#[derive(Debug, PartialEq)]
struct Rule<'a> {
    package: &'a str,
    features: &'a str,
    with: Option<&'a str>,
    without: Vec<&'a str>,
}

/// The task.
pub fn features() -> Result<(), String> {
    let workspace = Workspace::read(&root())?;
    let facade = workspace.package(FACADE).ok_or_else(|| format!("the workspace has no package {FACADE}"))?;
    let drivers = drivers::of(&workspace)?;
    if let Some(driver) = drivers.iter().find(|driver| !facade.features.contains_key(&driver.name)) {
        let manifest = workspace.shown(&facade.manifest);
        return Err(format!("{manifest}: it has no feature \"{}\" for {}", driver.name, driver.package));
    }
    let rules = rules(&drivers, facade.features.keys().map(String::as_str));
    let mut wrong = Vec::new();
    for rule in &rules {
        let tree = ["tree", "--locked", "--edges", "normal", "--prefix", "depth", "--no-default-features"];
        let mut command = cargo(&tree);
        command.args(["--package", rule.package, "--features", rule.features]);
        wrong.extend(broken(rule, &output(command)?));
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    println!("features: each pulls in its own engine alone ({} looked at)", rules.len());
    Ok(())
}

/// Core and the facade without features pull in no engine; of the facade's features each pulls in the engine of the
/// driver that it is named after, and no other.
fn rules<'a>(drivers: &'a [Driver], features: impl Iterator<Item = &'a str>) -> Vec<Rule<'a>> {
    let engines: Vec<&str> = drivers.iter().filter_map(|driver| driver.facts.engine.as_deref()).collect();
    let none = |package| Rule { package, features: "", with: None, without: engines.clone() };
    let one = |features: &'a str| {
        let driver = drivers.iter().find(|driver| driver.name == features);
        let with = driver.and_then(|driver| driver.facts.engine.as_deref());
        let without = engines.iter().copied().filter(|engine| Some(*engine) != with).collect();
        Rule { package: FACADE, features, with, without }
    };
    let mut rules = vec![none("codemode-core"), none(FACADE)];
    rules.extend(features.filter(|feature| *feature != "default").map(one));
    rules
}

/// The facade's package.
const FACADE: &str = "codemode-sdk";

/// How a tree breaks the rule. A line of it is a depth, a name and more, such as `2v8 v152.2.0`.
fn broken(rule: &Rule<'_>, tree: &str) -> Vec<String> {
    let Rule { package, features, without, with } = rule;
    let what =
        if features.is_empty() { format!("{package} without features") } else { format!("{package} with {features}") };
    let mut path: Vec<&str> = Vec::new();
    let (mut wrong, mut seen) = (Vec::new(), Vec::new());
    for line in tree.lines() {
        let name = line.trim_start_matches(|c: char| c.is_ascii_digit());
        // A name that begins with a digit cannot be: crates.io refuses it.
        let Ok(depth) = line[..line.len() - name.len()].parse() else { continue };
        let name = name.split(' ').next().unwrap_or_default();
        path.truncate(depth);
        path.push(name);
        if without.contains(&name) && !seen.contains(&name) {
            wrong.push(format!("{what} must not pull in {name}, and does: {}", path.join(" → ")));
        }
        seen.push(name);
    }
    let absent = with.iter().filter(|name| !seen.contains(name));
    wrong
        .extend(absent.map(|name| format!("{what} does not pull in {name}: has the engine's crate another name now?")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::Facts;

    fn rule() -> Rule<'static> {
        Rule { package: FACADE, features: "quickjs", with: Some("rquickjs"), without: vec!["v8"] }
    }

    #[test]
    fn each_engine_is_refused_wherever_its_own_feature_is_not_asked_for() {
        let driver = |name: &str, engine: Option<&str>| Driver {
            name: name.into(),
            package: format!("codemode-driver-{name}"),
            facts: Facts { engine: engine.map(str::to_owned), ..Facts::default() },
        };
        let drivers = [driver("quickjs", Some("rquickjs")), driver("skeleton", None), driver("v8", Some("v8"))];
        let rules = rules(&drivers, ["default", "mcp", "quickjs", "skeleton"].into_iter());
        let both = || vec!["rquickjs", "v8"];
        let of = |package, features, without| Rule { package, features, with: None, without };
        assert_eq!(
            rules,
            [
                of("codemode-core", "", both()),
                of(FACADE, "", both()),
                of(FACADE, "mcp", both()),
                rule(),
                of(FACADE, "skeleton", both())
            ]
        );
    }

    #[test]
    fn the_path_to_an_engine_that_must_not_be_there_is_named() {
        let tree = "0codemode-sdk v0.1.0 (/somewhere)\n1codemode-core v0.1.0\n2serde v1.0.0\n1codemode-driver-quickjs v0.1.0\n2rquickjs v0.14.0\n3v8 v1.0.0\n3v8 v1.0.0 (*)\n";
        let wrong = "codemode-sdk with quickjs must not pull in v8, and does: codemode-sdk → codemode-driver-quickjs → rquickjs → v8";
        assert_eq!(broken(&rule(), tree), [wrong]);
    }

    #[test]
    fn a_tree_without_the_engine_that_was_asked_for_proves_nothing() {
        assert_eq!(broken(&rule(), "0codemode-sdk v0.1.0\n1rquickjs v0.14.0\n"), Vec::<String>::new());
        assert_eq!(broken(&rule(), "0codemode-sdk v0.1.0\n").len(), 1);
    }
}
