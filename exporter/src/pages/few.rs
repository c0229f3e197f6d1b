//! Lists for which a line has no room: a few at once, the others behind a click.

use crate::model::query_value;

/// What a click opens at most.
const MOST_OPENED: usize = 200;

/// What a line has room for, and what stands behind a click.
pub(crate) struct Few<T> {
    pub(crate) shown: Vec<T>,
    pub(crate) opened: Vec<T>,
    /// More of them, which are only counted.
    pub(crate) more: usize,
}

impl<T> Few<T> {
    /// Of `all`, from which `items` may leave some out.
    pub(crate) fn new(mut items: impl Iterator<Item = T>, room: usize, all: usize) -> Few<T> {
        let shown: Vec<T> = items.by_ref().take(room).collect();
        let opened: Vec<T> = items.take(MOST_OPENED).collect();
        Few { more: all.saturating_sub(shown.len() + opened.len()), shown, opened }
    }

    /// How many are not shown at once.
    pub(crate) fn others(&self) -> usize {
        self.opened.len() + self.more
    }
}

/// A name that is a link.
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) link: String,
}

impl<'a> Named<'a> {
    pub(super) fn new(name: &'a str) -> Named<'a> {
        Named { name, link: query_value(name) }
    }
}
