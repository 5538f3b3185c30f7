//! Who imports from whom, file by file.
//!
//! An arrow goes from the file that mentions an item to the file that *defines* it. So:
//!
//! * `mod x;` does not count, and neither does naming a module: only what is taken out of it counts.
//! * `pub use` of an item from a module inside does not count: it publishes the item and does not work with it. If the same
//!   file also uses that name in its code, that is an arrow.
//! * An import through a re-export goes to the file behind it.
//! * `use module::*` counts as what is then mentioned, and as one arrow to the module's own file if that defines anything.
//! * What stands under `#[cfg(test)]` is a file of its own here: tests may use everything, nothing uses them.
//!
//! Without circles, the files have an order in which a reader meets nothing that is not explained yet. Not seen: methods
//! and trait methods called on a value (their type or trait is imported somewhere, and that is seen), names that `macro_rules`
//! brings into scope without a path, single names inside a macro's call, and text in attributes.

use std::path::{Path, PathBuf};

use super::{
    mentions::Mention,
    resolve::{Named, resolve},
    source::{Definition, Module, ModuleId, Source},
};

/// The arrows of one target.
pub struct Arrows(pub Vec<Arrow>);

/// One mention that leaves its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrow {
    pub from: Node,
    pub to: Node,
    /// In `from`'s file.
    pub line: usize,
    /// As it stands there.
    pub path: String,
}

/// A file, or what stands in it for tests only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    pub file: PathBuf,
    pub test: bool,
}

impl Arrows {
    /// Finds them.
    pub fn of(source: &Source) -> Self {
        let mut arrows = Vec::new();
        for (id, module) in source.modules.iter().enumerate() {
            for mention in &module.mentions {
                if let Some(to) = target(source, id, mention)
                    && to.file != module.file
                {
                    arrows.push(Arrow {
                        from: Node { file: module.file.clone(), test: mention.test },
                        to: Node { file: to.file.clone(), test: to.test },
                        line: mention.line,
                        path: mention.path.join("::"),
                    });
                }
            }
        }
        Self(arrows)
    }

    /// Those between files that are there without tests.
    pub fn outside_tests(&self) -> impl Iterator<Item = (&Arrow, &Path, &Path)> {
        let all = self.0.iter().filter(|arrow| !arrow.from.test && !arrow.to.test);
        all.map(|arrow| (arrow, arrow.from.file.as_path(), arrow.to.file.as_path()))
    }
}

/// The module whose file a mention points to.
fn target<'a>(source: &'a Source, module: ModuleId, mention: &Mention) -> Option<&'a Module> {
    let named = resolve(source, module, &mention.path);
    let to = match (named, &mention.import) {
        (Named::Item(to), _) => to,
        (Named::Module(to), Some(import)) if import.glob && defines(&source.modules[to]) => to,
        _ => return None,
    };
    let only_shown = mention.import.as_ref().is_some_and(|import| import.public) && source.is_within(to, module);
    (!only_shown).then(|| &source.modules[to])
}

fn defines(module: &Module) -> bool {
    module.names.values().flatten().any(|definition| *definition == Definition::Item)
}
