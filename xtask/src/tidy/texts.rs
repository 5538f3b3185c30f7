//! Rules for the texts themselves: a head and a length for each `.rs` file, and a row for each package in the document that
//! explains the packages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::workspace::Workspace;

/// What is wrong with files and documents.
pub fn problems(workspace: &Workspace) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    find(&workspace.root, &mut files)?;
    files.sort();
    let mut problems = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let shown = workspace.shown(&file);
        if !text.starts_with("//!") {
            problems.push(format!("{shown}:1: it does not open with `//!`; say there what the file holds"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            problems.push(format!(
                "{shown}:{}: it has {lines} lines, over {MAX_LINES}; split it by what changes together",
                MAX_LINES + 1
            ));
        }
    }
    problems.extend(unnamed(workspace)?);
    Ok(problems)
}

/// Every package has a row in ARCHITECTURE.md's table of crates. Other documents may name whom they like: the README is for
/// users, who need not know what the workspace consists of.
fn unnamed(workspace: &Workspace) -> Result<Vec<String>, String> {
    let file = workspace.root.join(DOCUMENT);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let named = |name: &str| rows.iter().any(|row| row.contains(&format!("`{name}`")));
    let missing = workspace.packages.iter().filter(|package| !named(&package.name));
    Ok(missing
        .map(|package| format!("{DOCUMENT}:1: no row of its tables names the package `{}`; add one", package.name))
        .collect())
}

/// All `.rs` files but those that builds make.
fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let made = name == "target" || name.to_string_lossy().starts_with('.');
        let kind = entry.file_type().map_err(|error| format!("{}: {error}", path.display()))?;
        if kind.is_dir() && !made {
            find(&path, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

const DOCUMENT: &str = "ARCHITECTURE.md";
const MAX_LINES: usize = 500;
