//! What a path means: the module in which the item is defined that it names, through any number of `use`.

use super::source::{Definition, ModuleId, Source};

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Named {
    /// An item that this module defines, or something inside of it.
    Item(ModuleId),
    Module(ModuleId),
    /// Nothing of this target: another crate, a local name, the language's own.
    Other,
}

/// What `path` means in `module`.
pub fn resolve(source: &Source, module: ModuleId, path: &[String]) -> Named {
    from(source, module, path, 0)
}

fn from(source: &Source, module: ModuleId, path: &[String], depth: usize) -> Named {
    if depth > MAX_DEPTH {
        return Named::Other;
    }
    let (mut at, mut rest) = (module, path);
    let mut qualified = false;
    while let [first, after @ ..] = rest {
        at = match first.as_str() {
            "crate" => 0,
            "self" => at,
            "super" => match source.modules[at].parent {
                Some(parent) => parent,
                None => return Named::Other,
            },
            _ => break,
        };
        (rest, qualified) = (after, true);
    }
    while let [name, after @ ..] = rest {
        match step(source, at, name, after.is_empty(), depth) {
            Named::Module(inner) => (at, rest, qualified) = (inner, after, true),
            // A name that only a macro makes is still one of that module.
            Named::Other if qualified => return Named::Item(at),
            found => return found,
        }
    }
    if qualified { Named::Module(at) } else { Named::Other }
}

/// What one name is in a module. A module and an item may share a name; which is meant shows in what follows.
fn step(source: &Source, module: ModuleId, name: &str, last: bool, depth: usize) -> Named {
    let definitions = source.modules[module].names.get(name).map(Vec::as_slice).unwrap_or_default();
    let found: Vec<Named> = definitions
        .iter()
        .map(|definition| match definition {
            Definition::Item => Named::Item(module),
            Definition::Module(inner) => Named::Module(*inner),
            Definition::Use(path) => from(source, module, path, depth + 1),
        })
        .collect();
    let item = found.iter().copied().find(|found| matches!(found, Named::Item(_)));
    let inner = found.iter().copied().find(|found| matches!(found, Named::Module(_)));
    let best = if last { item.or(inner) } else { inner.or(item) };
    best.or_else(|| through_globs(source, module, name, last, depth)).unwrap_or(Named::Other)
}

fn through_globs(source: &Source, module: ModuleId, name: &str, last: bool, depth: usize) -> Option<Named> {
    if depth > MAX_DEPTH {
        return None;
    }
    let found = source.modules[module].globs.iter().map(|path| match from(source, module, path, depth + 1) {
        Named::Module(inner) if inner != module => step(source, inner, name, last, depth + 1),
        _ => Named::Other,
    });
    found.into_iter().find(|found| *found != Named::Other)
}

/// `use` of `use` of …: circles of them are no programs, but must not hang this one.
const MAX_DEPTH: usize = 12;
