//! Pages for people: in light and dark mode, by the keyboard, and without scripts, which only refresh them in place. The
//! templates escape every name.

pub(crate) mod assets;
mod error;
mod frame;
mod master_strip;
mod overview;
mod parts;
mod row;
mod target;
mod target_side;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub use error::error;
pub use overview::overview;
pub use target::single;
