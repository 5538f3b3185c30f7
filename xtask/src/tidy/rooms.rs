//! The rooms of a package, the files and folders at the top of its library, and who may use whom.
//!
//! A package sets its rules in its manifest:
//!
//! ```toml
//! [package.metadata.codemode]
//! floors = [["engine"], ["types"], ["tool", "stubs"]]  # lowest first
//! pure = ["types"]
//! ```
//!
//! A room may use the rooms on lower floors, so neither its neighbours nor those above. `lib.rs` is the map of all: it may
//! use any room, and nothing may be defined in it that a room uses. A pure room uses no runtime, thread or clock:
//! what it does follows from its arguments, so it can be tested over all orders of events. What stands under
//! `#[cfg(test)]` is free of both rules.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{arrows::Arrows, source::Source};
use crate::workspace::{Package, Workspace};

/// The rooms of one package.
pub struct Rooms<'a> {
    workspace: &'a Workspace,
    manifest: &'a Path,
    settings: Settings,
}

/// What its manifest says.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    floors: Vec<Vec<String>>,
    #[serde(default)]
    pure: Vec<String>,
}

impl<'a> Rooms<'a> {
    /// Those of a package, if its manifest has floors. That of a driver says other things in the same place.
    pub fn of(workspace: &'a Workspace, package: &'a Package) -> Result<Option<Self>, String> {
        let all: Option<BTreeMap<String, serde::de::IgnoredAny>> = package.settings()?;
        if !all.is_some_and(|all| all.contains_key("floors") || all.contains_key("pure")) {
            return Ok(None);
        }
        let settings = package.settings()?;
        Ok(settings.map(|settings| Self { workspace, manifest: &package.manifest, settings }))
    }

    /// What is wrong in the library.
    pub fn problems(&self, source: &Source, arrows: &Arrows) -> Vec<String> {
        let Some(root) = source.modules.first() else { return Vec::new() };
        let library = Library { root: &root.file, folder: root.file.parent().unwrap_or(Path::new("")) };
        let mut problems = self.unlisted(source, &library);
        problems.extend(self.upward(arrows, &library));
        problems.extend(self.impure(source, &library));
        problems
    }

    fn floor(&self, room: &str) -> Option<usize> {
        let floors = self.settings.floors.iter().zip(1..);
        floors.into_iter().find(|(rooms, _)| rooms.iter().any(|listed| listed == room)).map(|(_, floor)| floor)
    }

    /// Rooms without a floor, and floors without a room.
    fn unlisted(&self, source: &Source, library: &Library<'_>) -> Vec<String> {
        let (manifest, root) = (self.workspace.shown(self.manifest), self.workspace.shown(library.root));
        let mut rooms: BTreeMap<String, usize> = BTreeMap::new();
        for module in source.modules.iter().filter(|module| module.parent == Some(0) && !module.test) {
            if let Some(room) = library.room(&module.file) {
                rooms.entry(room).or_insert(module.declared);
            }
        }
        let unlisted = rooms.iter().filter(|(room, _)| self.floor(room).is_none()).map(|(room, line)| {
            format!("{root}:{line}: the room `{room}` has no floor; give it one in `floors` of {manifest}")
        });
        let listed: BTreeSet<&String> = self.settings.floors.iter().flatten().chain(&self.settings.pure).collect();
        let gone = listed
            .into_iter()
            .filter(|room| !rooms.contains_key(room.as_str()))
            .map(|room| format!("{manifest}:1: there is no room `{room}`; take it out of `floors` and `pure`"));
        unlisted.chain(gone).collect()
    }

    fn upward(&self, arrows: &Arrows, library: &Library<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        let mut seen = BTreeSet::new();
        // The first arrow between two files is enough: who mends it looks for the others.
        for (arrow, from, to) in arrows.outside_tests().filter(|(_, from, to)| seen.insert((*from, *to))) {
            let Some(room) = library.room(from) else { continue };
            let place = format!("{}:{}", self.workspace.shown(from), arrow.line);
            let Some(other) = library.room(to) else {
                problems.push(format!(
                    "{place}: the room `{room}` uses {} of {}, which is the map of all rooms; define it in a room",
                    arrow.path,
                    self.workspace.shown(to)
                ));
                continue;
            };
            if room == other {
                continue;
            }
            // Rooms without a floor are refused by name already.
            let (Some(floor), Some(above)) = (self.floor(&room), self.floor(&other)) else { continue };
            if above >= floor {
                problems.push(format!(
                    "{place}: the room `{room}` on floor {floor} uses {} of `{other}` on floor {above}; only lower floors \
                     may be used: move that down, or hand it over from above",
                    arrow.path
                ));
            }
        }
        problems
    }

    fn impure(&self, source: &Source, library: &Library<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        let mut seen = BTreeSet::new();
        for module in source.modules.iter().filter(|module| !module.test) {
            let Some(room) = library.room(&module.file).filter(|room| self.settings.pure.contains(room)) else {
                continue;
            };
            for mention in module.mentions.iter().filter(|mention| !mention.test) {
                let glob = mention.import.as_ref().is_some_and(|import| import.glob);
                if impure(&mention.path, glob) && seen.insert((&module.file, mention.line)) {
                    problems.push(format!(
                        "{}:{}: the room `{room}` is pure and mentions {}; no runtime, thread or clock here: let the caller \
                         hand over what it says",
                        self.workspace.shown(&module.file),
                        mention.line,
                        mention.path.join("::").trim_start_matches("::")
                    ));
                }
            }
        }
        problems
    }
}

/// Whether a path leads to a runtime, thread or clock.
fn impure(path: &[String], glob: bool) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let clock = |name: &&str| matches!(*name, "Instant" | "SystemTime");
    match path[..] {
        ["tokio", ..] | ["std", "thread", ..] => true,
        ["std" | "core", "time"] => true,
        ["std" | "core", "time", "Duration", ..] => false,
        ["std" | "core", "time", ..] => true,
        ["std"] => glob,
        _ => path.iter().any(clock),
    }
}

/// Where rooms lie.
struct Library<'a> {
    root: &'a PathBuf,
    folder: &'a Path,
}

impl Library<'_> {
    /// The room of a file; the root is in none, and neither is what lies elsewhere.
    fn room(&self, file: &Path) -> Option<String> {
        if file == self.root {
            return None;
        }
        let first = file.strip_prefix(self.folder).ok()?.components().next()?;
        Some(Path::new(&first).file_stem()?.to_str()?.to_owned())
    }
}
