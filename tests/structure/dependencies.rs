//! The dependencies between the top-level modules of a crate: every path in every file, in `use` declarations, in
//! code, and in the tokens of macros and attributes. Items with `#[cfg(test)]` are excluded.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit;
use syn::{Attribute, Item, ItemUse, Macro, UseTree, Visibility};

use crate::sources::Sources;

/// The top-level modules of a crate, and which of them uses which.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    pub(crate) modules: BTreeSet<String>,
    /// One example of a path for each pair of modules.
    pub(crate) edges: BTreeMap<(String, String), String>,
}

impl Dependencies {
    /// Parses the crate, beginning with `lib.rs`.
    pub(crate) fn of(sources: &Sources) -> Self {
        let root = parse(&sources.read("lib.rs").expect("the crate has a lib.rs"));
        let mut dependencies = Self::default();
        for item in root.items.iter().filter(|item| !is_test(attributes(item))) {
            if let Item::Mod(module) = item {
                dependencies.modules.insert(module.ident.to_string());
            }
        }
        let mut walk = Walk {
            sources,
            exports: exports(&root, &dependencies.modules),
            dependencies,
            file: String::new(),
            module: Vec::new(),
        };
        walk.module_files(&root.items, "lib.rs", "");
        walk.dependencies
    }

    /// Returns the modules that a module uses.
    pub(crate) fn of_module<'a>(&'a self, module: &'a str) -> impl Iterator<Item = &'a str> {
        let edges = self.edges.keys().filter(move |(from, _)| from == module);
        edges.map(|(_, to)| to.as_str())
    }
}

/// The names that the crate root exports from a module, as `crate::Id` from `id`.
fn exports(root: &syn::File, modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for item in &root.items {
        let Item::Use(item) = item else { continue };
        for path in use_paths(&item.tree) {
            let path: Vec<_> = path
                .into_iter()
                .skip_while(|name| name == "crate")
                .collect();
            if let [module, .., name] = path.as_slice()
                && modules.contains(module)
            {
                exports.insert(name.clone(), module.clone());
            }
        }
    }
    exports
}

struct Walk<'a> {
    sources: &'a Sources,
    exports: BTreeMap<String, String>,
    dependencies: Dependencies,
    file: String,
    /// The path of the current module from the crate root.
    module: Vec<String>,
}

impl Walk<'_> {
    /// Visits items, and the files of the modules that they declare in `folder`.
    fn module_files(&mut self, items: &[Item], file: &str, folder: &str) {
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            file.clone_into(&mut self.file);
            let Item::Mod(module) = item else {
                self.visit_item(item);
                continue;
            };
            let name = module.ident.to_string();
            let path = format!("{folder}{name}");
            self.module.push(name);
            if let Some((_, items)) = &module.content {
                self.module_files(items, file, &format!("{path}/"));
            } else {
                let files = [format!("{path}.rs"), format!("{path}/mod.rs")];
                let found = files
                    .iter()
                    .find_map(|file| Some((file, self.sources.read(file)?)));
                let (found, text) = found.unwrap_or_else(|| panic!("{path} has no file"));
                self.module_files(&parse(&text).items, found, &format!("{path}/"));
            }
            self.module.pop();
        }
    }

    /// Adds a dependency if the path leads to another top-level module.
    fn add(&mut self, path: &[String]) {
        let Some(from) = self.module.first() else {
            return;
        };
        let (first, rest) = match path.split_first() {
            Some((first, rest)) if first == "crate" => match rest.split_first() {
                Some(found) => found,
                None => return,
            },
            Some((first, _)) if first == "super" => {
                let supers = path.iter().take_while(|name| *name == "super").count();
                // A shorter chain stays inside the top-level module.
                if supers < self.module.len() {
                    return;
                }
                match path.get(supers..).and_then(<[_]>::split_first) {
                    Some(found) => found,
                    None => return,
                }
            }
            _ => return,
        };
        let to = if self.dependencies.modules.contains(first) {
            first
        } else if let Some(module) = self.exports.get(first) {
            module
        } else {
            assert!(
                first != "*",
                "{}: a glob import from the crate root",
                self.file
            );
            return;
        };
        if to != from {
            let example = [std::slice::from_ref(first), rest].concat().join("::");
            let example = format!("{}: {example}", self.file);
            let edge = (from.clone(), to.clone());
            self.dependencies.edges.entry(edge).or_insert(example);
        }
    }

    /// Adds the paths that begin with `crate` or `super` in tokens that are not parsed.
    fn add_tokens(&mut self, tokens: &str) {
        let text = tokens
            .replace(" :: ", "::")
            .replace(":: ", "::")
            .replace(" ::", "::");
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        for word in words {
            let path: Vec<String> = word.split("::").map(str::to_owned).collect();
            if path.len() > 1 {
                self.add(&path);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Const(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !is_test(attributes) {
            syn::visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for path in use_paths(&item.tree) {
            self.add(&path);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.add(&names);
        syn::visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(crate)` and `pub(super)` are not dependencies.
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        self.add_tokens(&item.tokens.to_string());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // Links in documentation are not dependencies.
        if let syn::Meta::List(list) = &attribute.meta {
            self.add_tokens(&list.tokens.to_string());
        }
    }
}

fn parse(text: &str) -> syn::File {
    syn::parse_file(text).expect("the file is Rust")
}

/// Returns every path of a `use` declaration.
fn use_paths(tree: &UseTree) -> Vec<Vec<String>> {
    let under = |name: String, tree: &UseTree| {
        let paths = use_paths(tree).into_iter();
        paths
            .map(|path| [vec![name.clone()], path].concat())
            .collect()
    };
    match tree {
        UseTree::Path(path) => under(path.ident.to_string(), &path.tree),
        UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        UseTree::Rename(rename) => vec![vec![rename.ident.to_string()]],
        UseTree::Glob(_) => vec![vec!["*".to_owned()]],
        UseTree::Group(group) => group.items.iter().flat_map(use_paths).collect(),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Returns whether the attributes contain `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return false;
        };
        let tokens = list.tokens.to_string().replace(' ', "");
        list.path.is_ident("cfg") && (tokens == "test" || tokens.starts_with("all(test,"))
    })
}
