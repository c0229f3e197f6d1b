//! Pages for people: readable without a script, in light and dark, with every name escaped by the templates.

mod far;
mod overview;
mod parts;
mod single;

pub use overview::overview;
pub use single::single;
