//! What a person reads in place of a page.

use super::frame::Frame;
use crate::model::query_value;
use askama::Template;

/// A page that says what is wrong; what to do stands behind a hint in the text, or is one of the links.
///
/// # Errors
/// None that the data can cause.
pub(crate) fn error(frame: Frame, title: &str, text: &str, links: &[Link]) -> Result<String, askama::Error> {
    let (text, next) = text.split_once("; hint: ").unwrap_or((text, ""));
    ErrorPage { frame, title, text, next: if links.is_empty() { next } else { "" }, links }.render()
}

/// Where what was asked for may be.
pub(crate) struct Link {
    title: String,
    address: String,
}

/// The page that says why the master is not read.
pub(crate) fn first_page() -> Link {
    Link { title: "The first page says why".to_owned(), address: "./".to_owned() }
}

/// The search for a name that no target has, and the pages of targets that are called much the same.
pub(crate) fn instead_of(asked: &str, similar: &[String]) -> Vec<Link> {
    let search = Link { title: format!("Search for {asked}"), address: format!("./?q={}", query_value(asked)) };
    let target = |name: &String| Link { title: name.clone(), address: format!("target?name={}", query_value(name)) };
    similar.iter().map(target).chain([search]).collect()
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    /// What to do; empty where nothing is known, or where links say it.
    next: &'a str,
    links: &'a [Link],
}
