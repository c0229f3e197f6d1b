//! Pages for people: in light and dark mode, by the keyboard, and without scripts, which only refresh them in place
//! and copy what is to be pasted elsewhere. The templates escape every name.

pub(crate) mod assets;
mod error;
mod few;
mod frame;
mod history;
mod jobs;
mod master_strip;
mod overview;
mod parts;
mod rights;
mod row;
mod story;
mod target;
mod target_context;
mod target_jobs;
mod target_side;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub(crate) use error::{Link, error, first_page, instead_of};
pub(crate) use few::Few;
pub(crate) use frame::{DOCTOR, Frame};
pub use history::history;
pub use jobs::jobs;
pub use overview::overview;
pub use target::single;
