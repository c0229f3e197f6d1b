//! Pages for people: readable without a script, in light and dark, with every name escaped by the templates.

mod overview;
mod parts;
mod target;
mod target_side;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub use overview::overview;
pub use target::single;
