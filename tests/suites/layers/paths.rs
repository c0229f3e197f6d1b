//! The paths between the modules of a crate, found by parsing its files.

use proc_macro2::{TokenStream, TokenTree};
use std::fs;
use std::path::Path;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, UseTree};

/// A module that names something of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The module that names it, from the root of the crate.
    pub(crate) from: Vec<String>,
    /// The path that it names, from the root of the crate.
    pub(crate) to: Vec<String>,
    /// File and line.
    pub(crate) place: String,
}

/// Every path below these sources that begins at the root of the crate, or above its own module.
pub(crate) fn references(sources: &Path) -> Result<Vec<Reference>, String> {
    let (mut files, mut test_modules) = (Vec::new(), Vec::new());
    let mut folders = vec![sources.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                let relative = path.strip_prefix(sources).map_err(|error| error.to_string())?;
                let is_root = relative == Path::new("lib.rs");
                let module = if is_root { Vec::new() } else { module_of(relative) };
                test_modules.extend(modules_for_tests(&text, &module)?);
                // The root names its modules and belongs to no room.
                if !is_root {
                    files.push((module, relative.display().to_string(), text));
                }
            }
        }
    }
    let shipped = files.iter().filter(|(module, ..)| !test_modules.iter().any(|test| module.starts_with(test)));
    let mut found = Vec::new();
    for (module, file, text) in shipped {
        found.extend(in_text(text, module, file)?);
    }
    Ok(found)
}

/// The modules that a file declares for tests alone.
fn modules_for_tests(text: &str, module: &[String]) -> Result<Vec<Vec<String>>, String> {
    let parsed = syn::parse_file(text).map_err(|error| format!("{}: {error}", module.join("::")))?;
    let declared = parsed.items.iter().filter_map(|item| match item {
        syn::Item::Mod(item) if item.content.is_none() && for_tests(&item.attrs) => Some(item.ident.to_string()),
        _ => None,
    });
    Ok(declared.map(|name| module.iter().cloned().chain([name]).collect()).collect())
}

fn module_of(relative: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        relative.with_extension("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// The paths in one text.
pub(crate) fn in_text(text: &str, module: &[String], file: &str) -> Result<Vec<Reference>, String> {
    let parsed = syn::parse_file(text).map_err(|error| format!("{file}: {error}"))?;
    let mut finder = Finder { module: module.to_vec(), file, found: Vec::new() };
    finder.visit_file(&parsed);
    Ok(finder.found)
}

struct Finder<'a> {
    module: Vec<String>,
    file: &'a str,
    found: Vec<Reference>,
}

impl Finder<'_> {
    /// Takes a path, where it begins at the root of this crate or above this module.
    fn take(&mut self, path: &[String], line: usize) {
        let Some((first, rest)) = path.split_first() else { return };
        let to = match first.as_str() {
            "crate" | "msx_exporter" => rest.to_vec(),
            "super" => {
                let up = path.iter().take_while(|name| *name == "super").count();
                let kept = self.module.len().saturating_sub(up);
                self.module[..kept].iter().chain(&path[up..]).cloned().collect()
            }
            _ => return,
        };
        let place = format!("{}:{line}", self.file);
        self.found.push(Reference { from: self.module.clone(), to, place });
    }

    fn take_tree(&mut self, tree: &UseTree, before: &[String], line: usize) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.take_tree(&path.tree, &with(&path.ident), line),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.take_tree(tree, before, line)),
            UseTree::Name(name) if name.ident == "self" => self.take(before, line),
            UseTree::Name(name) => self.take(&with(&name.ident), line),
            UseTree::Rename(rename) => self.take(&with(&rename.ident), line),
            UseTree::Glob(_) => self.take(before, line),
        }
    }

    /// Macros hold tokens, not paths: `crate :: name :: …` and `$crate :: name :: …`.
    fn take_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.take_tokens(group.stream()),
                TokenTree::Ident(first) if first == "crate" || first == "super" => {
                    let mut path = vec![first.to_string()];
                    let mut rest = tokens[at + 1..].iter();
                    while let (Some(TokenTree::Punct(one)), Some(TokenTree::Punct(two)), Some(TokenTree::Ident(name))) =
                        (rest.next(), rest.next(), rest.next())
                    {
                        if one.as_char() != ':' || two.as_char() != ':' {
                            break;
                        }
                        path.push(name.to_string());
                    }
                    if path.len() > 1 {
                        self.take(&path, first.span().start().line);
                    }
                }
                _ => {}
            }
        }
    }
}

fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    })
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            _ => &Vec::new(),
        };
        if !for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.take_tree(&item.tree, &[], item.span().start().line);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.take(&names, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, found: &'ast Macro) {
        self.take_tokens(found.tokens.clone());
        visit::visit_macro(self, found);
    }
}
