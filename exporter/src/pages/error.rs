//! What a person reads in place of a page.

use super::frame::Frame;
use askama::Template;

/// A page that says what is wrong; what to do stands behind a hint in the text.
///
/// # Errors
/// None that the data can cause.
pub(crate) fn error(frame: Frame, title: &str, text: &str) -> Result<String, askama::Error> {
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
