//! `cargo xtask features`: each driver's feature pulls in its own engine and no other, and core none at all.

use crate::commands::{cargo, output};

/// What is asked for, and what it must not pull in.
struct Rule {
    package: &'static str,
    features: &'static str,
    without: &'static [&'static str],
    with: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule { package: "codemode-core", features: "", with: &[], without: &["rquickjs", "v8", "wasmtime", "boa_engine"] },
    Rule { package: "codemode-sdk", features: "", with: &[], without: &["rquickjs", "v8", "wasmtime", "boa_engine"] },
    Rule {
        package: "codemode-sdk",
        features: "quickjs",
        with: &["rquickjs"],
        without: &["v8", "wasmtime", "boa_engine"],
    },
    Rule { package: "codemode-sdk", features: "wasm", with: &["wasmtime"], without: &["rquickjs", "v8", "boa_engine"] },
    Rule { package: "codemode-sdk", features: "v8", with: &["v8"], without: &["rquickjs", "wasmtime", "boa_engine"] },
    Rule { package: "codemode-sdk", features: "boa", with: &["boa_engine"], without: &["rquickjs", "v8", "wasmtime"] },
    Rule {
        package: "codemode-sdk",
        features: "mcp",
        with: &[],
        without: &["rquickjs", "v8", "wasmtime", "boa_engine"],
    },
];

/// The task.
pub fn features() -> Result<(), String> {
    let mut wrong = Vec::new();
    for rule in RULES {
        let tree = ["tree", "--locked", "--edges", "normal", "--prefix", "depth", "--no-default-features"];
        let mut command = cargo(&tree);
        command.args(["--package", rule.package, "--features", rule.features]);
        wrong.extend(broken(rule, &output(command)?));
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    println!("features: each pulls in its own engine alone ({} looked at)", RULES.len());
    Ok(())
}

/// How a tree breaks the rule. A line of it is a depth, a name and more, such as `2v8 v152.2.0`.
fn broken(rule: &Rule, tree: &str) -> Vec<String> {
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

    const RULE: Rule = Rule { package: "codemode-sdk", features: "quickjs", with: &["rquickjs"], without: &["v8"] };

    #[test]
    fn the_path_to_an_engine_that_must_not_be_there_is_named() {
        let tree = "0codemode-sdk v0.1.0 (/somewhere)\n1codemode-core v0.1.0\n2serde v1.0.0\n1codemode-driver-quickjs v0.1.0\n2rquickjs v0.14.0\n3v8 v1.0.0\n3v8 v1.0.0 (*)\n";
        let wrong = "codemode-sdk with quickjs must not pull in v8, and does: codemode-sdk → codemode-driver-quickjs → rquickjs → v8";
        assert_eq!(broken(&RULE, tree), [wrong]);
    }

    #[test]
    fn a_tree_without_the_engine_that_was_asked_for_proves_nothing() {
        assert_eq!(broken(&RULE, "0codemode-sdk v0.1.0\n1rquickjs v0.14.0\n"), Vec::<String>::new());
        assert_eq!(broken(&RULE, "0codemode-sdk v0.1.0\n").len(), 1);
    }
}
