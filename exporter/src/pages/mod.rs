//! Pages for people: they work without scripts and in light and dark mode; the templates escape every name.

mod overview;
mod parts;
mod target;
mod target_side;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub use overview::overview;
pub use target::single;
