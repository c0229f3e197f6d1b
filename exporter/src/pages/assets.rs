//! The style sheet, the script and the icon of all pages: files of their own, because the pages allow nothing inline.

use crate::exposition::{Compressed, gzip};
use std::sync::LazyLock;

/// A file that pages refer to. Browsers keep it for as long as its tag stays.
pub(crate) struct Asset {
    /// Its path after the prefix, without a slash before it: links within pages are relative.
    path: &'static str,
    pub(crate) content_type: &'static str,
    body: LazyLock<Option<Compressed>>,
}

impl Asset {
    /// Its contents; `None` where they could not be compressed.
    pub(crate) fn body(&self) -> Option<Compressed> {
        self.body.clone()
    }

    /// Changes with its contents.
    pub(crate) fn tag(&self) -> String {
        self.body.as_ref().map(Compressed::tag).unwrap_or_default()
    }

    /// Its address in a page, which changes with its contents.
    pub(crate) fn link(&self) -> String {
        format!("{}?v={}", self.path, self.tag())
    }
}

macro_rules! asset {
    ($name:ident, $file:literal, $content_type:literal) => {
        pub(crate) static $name: Asset = Asset {
            path: concat!("static/", $file),
            content_type: $content_type,
            body: LazyLock::new(|| gzip(include_bytes!(concat!("../../templates/static/", $file))).ok()),
        };
    };
}

asset!(STYLE, "style.css", "text/css; charset=utf-8");
asset!(SCRIPT, "page.js", "text/javascript; charset=utf-8");
asset!(ICON, "icon.svg", "image/svg+xml");
