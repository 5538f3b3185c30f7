//! The paths that a module's text mentions: in `use`, and anywhere in its items.
//!
//! Inside a macro's call there are only tokens. Whatever looks like a path of two names or more counts there; a single name
//! does not, because it may be anything.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Attribute, ImplItemFn, Item, ItemUse, Macro, Meta, Path, UseName, UseRename, UseTree, Visibility,
    ext::IdentExt,
    visit::{self, Visit},
};

/// A path in a module's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Mention {
    /// Its names. One that begins with `::` begins with an empty name here.
    pub path: Vec<String>,
    pub line: usize,
    /// Whether it stands under `#[cfg(test)]`.
    pub test: bool,
    /// What it is in a `use`; nothing for a path in an item.
    pub import: Option<Import>,
}

/// What one name of a `use` does.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The name that it has from here on.
    pub name: String,
    /// `use …::*`
    pub glob: bool,
    /// `pub use`, whoever may see it.
    pub public: bool,
}

/// The mentions of a module's items, without those of modules inside it.
pub fn mentions(items: &[Item], test: bool) -> Vec<Mention> {
    let mut reader = Reader { found: Vec::new(), test };
    for item in items.iter().filter(|item| !matches!(item, Item::Mod(_))) {
        reader.visit_item(item);
    }
    reader.found
}

/// Whether attributes say `#[cfg(test)]`.
pub fn only_in_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

struct Reader {
    found: Vec<Mention>,
    test: bool,
}

impl Reader {
    fn import(&mut self, tree: &UseTree, before: &[String], public: bool) {
        let with = |name: &Ident| [before, &[plain(name)]].concat();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), public),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before, public)),
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.add(before.to_vec(), line, Some(Import { name: "*".into(), glob: true, public }));
            }
            // `use a::{self, b}` brings `a` under its own name.
            UseTree::Name(UseName { ident }) if ident == "self" => {
                let name = before.last().cloned().unwrap_or_default();
                self.add(before.to_vec(), line_of(ident), Some(Import { name, glob: false, public }));
            }
            UseTree::Name(UseName { ident }) => {
                self.add(with(ident), line_of(ident), Some(Import { name: plain(ident), glob: false, public }));
            }
            UseTree::Rename(UseRename { ident, rename, .. }) => {
                let path = if ident == "self" { before.to_vec() } else { with(ident) };
                self.add(path, line_of(ident), Some(Import { name: plain(rename), glob: false, public }));
            }
        }
    }

    fn add(&mut self, path: Vec<String>, line: usize, import: Option<Import>) {
        self.found.push(Mention { path, line, test: self.test, import });
    }

    /// Whatever looks like `a::b` among tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<Ident> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(ident);
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                other => {
                    self.end(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Vec<Ident>) {
        if let [first, _, ..] = &path[..] {
            let line = line_of(first);
            self.add(path.iter().map(plain).collect(), line, None);
        }
        path.clear();
    }

    /// Visits what stands under `attributes`.
    fn under(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.test;
        self.test |= only_in_tests(attributes);
        visit(self);
        self.test = before;
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        self.under(attributes(item), |reader| visit::visit_item(reader, item));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.under(&function.attrs, |reader| visit::visit_impl_item_fn(reader, function));
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let public = !matches!(item.vis, Visibility::Inherited);
        let before = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
        self.import(&item.tree, &before, public);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let mut names: Vec<String> = path.segments.iter().map(|segment| plain(&segment.ident)).collect();
        if path.leading_colon.is_some() {
            names.insert(0, String::new());
        }
        if let Some(first) = path.segments.first() {
            self.add(names, line_of(&first.ident), None);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name without `r#`.
fn plain(name: &Ident) -> String {
    name.unraw().to_string()
}

fn line_of(name: &Ident) -> usize {
    name.span().start().line
}
