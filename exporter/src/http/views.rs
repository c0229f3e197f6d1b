//! What is drawn of a fleet, and in which form.

use super::answer::{self, Answer, Drawn};
use super::site::Settings;
use crate::api::{self, discovery};
use crate::diagnosis::Fleet;
use crate::exposition::{self, ExporterFacts, Format};
use crate::metrics;
use crate::pages;
use hyper::StatusCode;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, AsHeaderName};
use hyper::http::request::Parts;
use std::sync::Arc;
use tracing::error;

const HTML: &str = "text/html; charset=utf-8";
/// The headers of a request on which an exposition hangs.
const EXPOSITION_VARY: &str = "Accept, Accept-Encoding";
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
    /// The enlisted targets or their hosts, for Prometheus' service discovery.
    Discovery(discovery::Entries),
}

/// The form that one client wants and may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// Whether texts of errors, addresses and traces are shown.
    pub(crate) details: bool,
    pub(crate) format: Format,
    gzip: bool,
}

impl Form {
    /// What a request's headers say about it.
    pub(crate) fn new(details: bool, request: &Parts) -> Form {
        Form {
            details,
            format: exposition::negotiate(joined(request, ACCEPT).as_deref()),
            gzip: exposition::accepts_gzip(joined(request, ACCEPT_ENCODING).as_deref()),
        }
    }

    /// An exposition, whose format hangs on `Accept`.
    pub(crate) fn exposition(self, text: String) -> Answer {
        self.finish(text, self.format.content_type(), EXPOSITION_VARY)
    }

    /// An exposition that was compressed while it was written.
    fn compressed(self, body: Vec<u8>) -> Answer {
        let content_type = self.format.content_type();
        answer::view(Drawn { body: body.into(), gzip: true, content_type, vary: EXPOSITION_VARY })
    }

    /// Anything else.
    pub(crate) fn document(self, text: String, content_type: &'static str) -> Answer {
        self.finish(text, content_type, "Accept-Encoding")
    }

    fn finish(self, text: String, content_type: &'static str, vary: &'static str) -> Answer {
        let body = if self.gzip { exposition::gzip(text.as_bytes()).into() } else { text.into() };
        answer::view(Drawn { body, gzip: self.gzip, content_type, vary })
    }
}

/// A view as one client wants it.
#[derive(Debug)]
pub(crate) struct RenderRequest {
    view: View,
    form: Form,
}

impl RenderRequest {
    pub(crate) fn new(view: View, form: Form) -> RenderRequest {
        RenderRequest { view, form }
    }

    /// Draws it. Takes the processor for as long as the fleet is large.
    pub(crate) fn draw(&self, fleet: &Arc<Fleet>, facts: &ExporterFacts, settings: &Settings) -> Answer {
        let form = self.form;
        let drawn = match &self.view {
            View::Metrics if form.gzip => {
                return form.compressed(metrics::zipped_page(fleet, facts, &settings.limits, form.format));
            }
            View::Metrics => return form.exposition(metrics::page(fleet, facts, &settings.limits, form.format)),
            View::Overview => {
                pages::overview(fleet, facts, form.details).map(|text| (text, HTML)).map_err(|error| error.to_string())
            }
            View::Target(name) => match pages::single(fleet, name, facts, form.details) {
                Ok(Some(text)) => Ok((text, HTML)),
                Ok(None) => return missing(fleet),
                Err(error) => Err(error.to_string()),
            },
            View::Targets => {
                api::targets(fleet, form.details).map(|text| (text, JSON)).map_err(|error| error.to_string())
            }
            View::Discovery(entries) => match discovery::targets(fleet, *entries) {
                Ok(Some(text)) => Ok((text, JSON)),
                Ok(None) => return answer::busy("the master was not read; hint: the first page says why"),
                Err(error) => Err(error.to_string()),
            },
        };
        match drawn {
            Ok((text, content_type)) => form.document(text, content_type),
            Err(error) => {
                error!(%error, view = ?self.view, "a page could not be drawn");
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn; hint: see the log")
            }
        }
    }
}

/// While the master is not read nobody knows whether there is such a target.
fn missing(fleet: &Fleet) -> Answer {
    let known = match fleet {
        Fleet::Master(fleet) => fleet.master.is_some(),
        Fleet::Target(_) => true,
    };
    if known {
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
