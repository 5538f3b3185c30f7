//! One target of a package (library, program, test, …) as modules: which file each lies in, what names it defines, what
//! paths its text mentions.
//!
//! Files are found as rustc finds them: by `mod x;`, beginning at the target's first file. Every `cfg` counts as met, but
//! what stands under `#[cfg(test)]` is marked: it is a part of the program of its own, which all may be imported into and
//! nothing imports from. Names that only a macro makes are not known; a path to such a name counts as one to the module.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta, ext::IdentExt};

use super::mentions::{Mention, mentions, only_in_tests};

/// All modules of a target; the first is its root.
pub struct Source {
    pub modules: Vec<Module>,
}

/// Where a module is in [`Source::modules`].
pub type ModuleId = usize;

/// A module, in a file of its own or inline.
pub struct Module {
    pub parent: Option<ModuleId>,
    pub file: PathBuf,
    /// The line in the parent's file that declares it.
    pub declared: usize,
    /// Whether it exists in tests only.
    pub test: bool,
    pub names: HashMap<String, Vec<Definition>>,
    /// What `use …::*` names.
    pub globs: Vec<Vec<String>>,
    pub mentions: Vec<Mention>,
}

/// What a name is in a module.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    /// A type, function, constant, … of this module.
    Item,
    Module(ModuleId),
    /// `use` of this path.
    Use(Vec<String>),
}

impl Source {
    /// Reads the target that begins with `file`.
    pub fn read(file: &Path) -> Result<Self, String> {
        let mut source = Self { modules: Vec::new() };
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        source.file(Place { parent: None, line: 1, test: false }, file, folder)?;
        Ok(source)
    }

    /// Reads a module from a file of its own. Its children's files are in `folder`.
    fn file(&mut self, place: Place, file: &Path, folder: PathBuf) -> Result<ModuleId, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let parsed = syn::parse_file(&text)
            .map_err(|error| format!("{}:{}: {error}", file.display(), error.span().start().line))?;
        self.module(place, file, &folder, &parsed.items)
    }

    fn module(&mut self, place: Place, file: &Path, folder: &Path, items: &[Item]) -> Result<ModuleId, String> {
        let id = self.modules.len();
        self.modules.push(Module {
            parent: place.parent,
            file: file.to_owned(),
            declared: place.line,
            test: place.test,
            names: HashMap::new(),
            globs: Vec::new(),
            mentions: Vec::new(),
        });
        for item in items {
            if let Item::Mod(module) = item {
                let child = self.child(id, file, folder, module)?;
                self.define(id, module.ident.unraw().to_string(), Definition::Module(child));
            } else if let Some(name) = defined(item) {
                self.define(id, name, Definition::Item);
            }
        }
        let mentions = mentions(items, place.test);
        for Mention { path, import, .. } in &mentions {
            match import {
                Some(import) if import.glob => self.modules[id].globs.push(path.clone()),
                Some(import) => self.define(id, import.name.clone(), Definition::Use(path.clone())),
                None => {}
            }
        }
        self.modules[id].mentions = mentions;
        Ok(id)
    }

    fn child(&mut self, parent: ModuleId, file: &Path, folder: &Path, module: &ItemMod) -> Result<ModuleId, String> {
        let name = module.ident.unraw().to_string();
        let line = module.ident.span().start().line;
        let test = self.modules[parent].test || only_in_tests(&module.attrs);
        let place = Place { parent: Some(parent), line, test };
        if let Some((_, items)) = &module.content {
            return self.module(place, file, &folder.join(name), items);
        }
        if let Some(path) = path_of(&module.attrs) {
            let file = normal(&file.parent().unwrap_or(Path::new("")).join(path));
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            return self.file(place, &file, folder);
        }
        let inside = folder.join(&name);
        for file in [folder.join(format!("{name}.rs")), inside.join("mod.rs")] {
            if file.is_file() {
                return self.file(place, &file, inside);
            }
        }
        Err(format!("{}:{line}: the file of `mod {name};` is not there", file.display()))
    }

    fn define(&mut self, id: ModuleId, name: String, definition: Definition) {
        self.modules[id].names.entry(name).or_default().push(definition);
    }

    /// Whether `module` is `above` or inside it.
    pub fn is_within(&self, module: ModuleId, above: ModuleId) -> bool {
        let mut at = Some(module);
        while let Some(id) = at {
            if id == above {
                return true;
            }
            at = self.modules[id].parent;
        }
        false
    }
}

/// How a module is declared.
struct Place {
    parent: Option<ModuleId>,
    line: usize,
    test: bool,
}

/// The value of `#[path = "…"]`.
fn path_of(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// The path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

/// The name that an item gives to something in its module.
fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.unraw().to_string())
}
