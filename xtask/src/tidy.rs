//! `cargo xtask tidy`: what holds for the tree as a whole and no compiler checks.
//!
//! * `circles`: no circle of imports between the files of a package;
//! * `rooms`: in a package that gives its rooms floors, no import goes up, and none of a clock, thread or runtime into a pure room;
//! * `layers`: no dependency between packages goes up, and there is no circle of them;
//! * `texts`: every `.rs` file opens with `//!` and has at most 500 lines; ARCHITECTURE.md names every package.
//!
//! Which rooms and layers there are is data, and stands in the manifests: `[package.metadata.codemode]` and
//! `[workspace.metadata.codemode]`. How imports are read, and what is not seen, is in `source` and `arrows`.

mod arrows;
mod circles;
mod layers;
mod mentions;
mod resolve;
mod rooms;
mod source;
mod texts;

use std::path::Path;

use crate::workspace::Workspace;
use arrows::Arrows;
use source::Source;

/// The task.
pub fn tidy(root: &Path) -> Result<(), String> {
    let problems = problems(root)?;
    match problems.len() {
        0 => {
            println!("tidy: files, rooms and crates are in order");
            Ok(())
        }
        count => Err(format!("tidy found {count}:\n{}", problems.join("\n"))),
    }
}

/// All that is wrong in the workspace at `root`, each with the place and what to do.
fn problems(root: &Path) -> Result<Vec<String>, String> {
    let workspace = Workspace::read(root)?;
    let mut problems = layers::problems(&workspace)?;
    for package in &workspace.packages {
        let mut arrows = Vec::new();
        let rooms = rooms::Rooms::of(&workspace, package)?;
        for target in &package.targets {
            let source = match Source::read(&target.file) {
                Ok(source) => source,
                Err(problem) => {
                    problems.push(workspace.shown(Path::new(&problem)));
                    continue;
                }
            };
            let of_target = Arrows::of(&source);
            if let Some(rooms) = rooms.as_ref().filter(|_| target.is_library()) {
                problems.extend(rooms.problems(&source, &of_target));
            }
            arrows.extend(of_target.0);
        }
        problems.extend(circles::problems(&workspace, package, &arrows));
    }
    problems.extend(texts::problems(&workspace)?);
    Ok(problems)
}

#[cfg(test)]
mod tests;
