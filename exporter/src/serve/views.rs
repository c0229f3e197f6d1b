//! What is drawn of a fleet, and in which form.

use super::answer::{self, Answer, Drawn};
use super::site::Settings;
use crate::fleet::Fleet;
use crate::render::{self, ExporterFacts, Format, api, explain};
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, AsHeaderName};
use hyper::http::request::Parts;
use std::sync::Arc;
use tracing::error;

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// A view of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    /// The explain page.
    Overview,
    /// One target, by its name as asked for.
    Target(String),
    /// The exposition.
    Metrics,
    /// The facts as JSON.
    Targets,
}

/// A view as one client wants it.
#[derive(Debug)]
pub(crate) struct Wish {
    view: View,
    /// Whether texts of errors, addresses and traces are shown.
    details: bool,
    format: Format,
    gzip: bool,
}

impl Wish {
    /// What a request's headers say about the form.
    pub(crate) fn new(view: View, details: bool, request: &Parts) -> Wish {
        Wish {
            view,
            details,
            format: render::negotiate(joined(request, ACCEPT).as_deref()),
            gzip: render::accepts_gzip(joined(request, ACCEPT_ENCODING).as_deref()),
        }
    }

    /// Draws it. Takes the processor for as long as the fleet is large.
    pub(crate) fn draw(&self, fleet: &Arc<Fleet>, facts: &ExporterFacts, settings: &Settings) -> Answer {
        if self.gzip && self.view == View::Metrics {
            let body = render::zipped_page(fleet, facts, &settings.limits, self.format).into();
            return self.answer(body);
        }
        let drawn = match &self.view {
            View::Overview => explain::overview(fleet, facts, self.details).map_err(|error| error.to_string()),
            View::Target(name) => match explain::single(fleet, name, facts, self.details) {
                Ok(Some(text)) => Ok(text),
                Ok(None) => return missing(fleet),
                Err(error) => Err(error.to_string()),
            },
            View::Metrics => Ok(render::page(fleet, facts, &settings.limits, self.format)),
            View::Targets => api::targets(fleet, self.details).map_err(|error| error.to_string()),
        };
        match drawn {
            Ok(text) => self.answer(if self.gzip { render::gzip(text.as_bytes()).into() } else { text.into() }),
            Err(error) => {
                error!(%error, view = ?self.view, "a page could not be drawn");
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn; hint: see the log")
            }
        }
    }

    fn answer(&self, body: Bytes) -> Answer {
        answer::view(Drawn { body, gzip: self.gzip, content_type: self.content_type(), vary: self.vary() })
    }

    fn content_type(&self) -> &'static str {
        match self.view {
            View::Overview | View::Target(_) => HTML,
            View::Metrics => self.format.content_type(),
            View::Targets => JSON,
        }
    }

    /// The headers of a request on which the answer hangs.
    fn vary(&self) -> &'static str {
        match self.view {
            View::Metrics => "Accept, Accept-Encoding",
            View::Overview | View::Target(_) | View::Targets => "Accept-Encoding",
        }
    }
}

/// While the master is not read nobody knows whether there is such a target.
fn missing(fleet: &Fleet) -> Answer {
    if fleet.master.is_some() {
        answer::text(StatusCode::NOT_FOUND, "no such target; hint: the names stand on the first page")
    } else {
        answer::busy("the master was not read; hint: the first page says why")
    }
}

/// A header that may stand in several lines, as one list (RFC 9110, section 5.3).
fn joined(request: &Parts, name: impl AsHeaderName) -> Option<String> {
    let values: Vec<&str> = request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}
