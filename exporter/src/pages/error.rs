//! What a person reads in place of a page.

use super::frame::Frame;
use crate::diagnosis::Fleet;
use askama::Template;

/// A page that says what is wrong. `fleet` is that of the request, where it got so far.
///
/// # Errors
/// None that the data can cause.
pub fn error(fleet: Option<&Fleet>, title: &str, text: &str) -> Result<String, askama::Error> {
    let frame = fleet.map_or_else(Frame::alone, |fleet| Frame::new(fleet, ""));
    let (text, next) = text.split_once("; hint: ").unwrap_or((text, ""));
    ErrorPage { frame, title, text, next }.render()
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    /// What to do; empty where nothing is known.
    next: &'a str,
}
