//! The views of a fleet and the forms in which a client gets them.

use super::answer::{self, Answer};
use super::site::Settings;
use crate::api::{self, discovery};
use crate::diagnosis::Fleet;
use crate::exposition::{self, Compressed, Compressor, ExporterFacts, Format};
use crate::metrics;
use crate::pages;
use hyper::StatusCode;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, AsHeaderName};
use hyper::http::request::Parts;
use std::error::Error;
use std::io;
use std::sync::Arc;
use tracing::error;

const HTML: &str = "text/html; charset=utf-8";
/// The request headers that decide the form of an exposition.
const EXPOSITION_VARY: &str = "Accept, Accept-Encoding";
/// The request headers that decide the form of other documents.
const DOCUMENT_VARY: &str = "Accept-Encoding";
const JSON: &str = "application/json";

/// A view of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// The explain page.
    Overview,
    /// One target, by its name as asked for.
    Target(String),
    /// The exposition.
    Metrics,
    /// The facts as JSON: of all targets, or of the one that is named.
    Targets(Option<String>),
    /// Multiserver jobs and their runs, as JSON.
    JobList,
    /// What happened since the exporter started, as JSON.
    EventList,
    /// The enlisted targets or their hosts, for Prometheus' service discovery.
    Discovery(discovery::Entries),
}

/// The form that one client asks for and may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Representation {
    /// Whether texts of errors, addresses and traces are shown.
    pub(crate) details: bool,
    pub(crate) format: Format,
    /// Whether the client accepts gzip.
    pub(crate) gzip: bool,
}

impl Representation {
    /// Reads the request headers.
    pub(crate) fn new(details: bool, request: &Parts) -> Representation {
        Representation {
            details,
            format: exposition::negotiate(joined(request, ACCEPT).as_deref()),
            gzip: exposition::accepts_gzip(joined(request, ACCEPT_ENCODING).as_deref()),
        }
    }

    /// An exposition that is not shared, whose format depends on `Accept`.
    pub(crate) fn exposition(self, text: String) -> Answer {
        self.finish(text, self.format.content_type(), EXPOSITION_VARY)
    }

    /// Another document that is not shared.
    pub(crate) fn document(self, text: String, content_type: &'static str) -> Answer {
        self.finish(text, content_type, DOCUMENT_VARY)
    }

    fn finish(self, text: String, content_type: &'static str, vary: &'static str) -> Answer {
        if !self.gzip {
            return answer::plain(text, content_type, vary);
        }
        match exposition::gzip(text.as_bytes()) {
            Ok(body) => answer::page(Drawn { body, content_type, vary }, true),
            Err(error) => failed(&error).into(),
        }
    }
}

/// The inputs of a page besides its fleet: clients with equal keys share one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    view: Resource,
    details: bool,
    format: Format,
    settings: Settings,
}

/// A compressed page. Clones share its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    pub(crate) body: Compressed,
    /// The value of `Content-Type`.
    pub(crate) content_type: &'static str,
    /// The value of `Vary`: the request headers that decided its form.
    pub(crate) vary: &'static str,
}

/// Why there is no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DrawError {
    /// There is no such target.
    NoTarget,
    /// The master was not read: nothing is known.
    NotRead,
    /// This exporter is on a target and reads no master.
    OnTarget,
    /// Rendering failed; the log has the reason.
    Failed,
}

impl From<DrawError> for Answer {
    fn from(error: DrawError) -> Answer {
        match error {
            DrawError::NoTarget => {
                answer::text(StatusCode::NOT_FOUND, "no such target; hint: the names stand on the first page")
            }
            DrawError::NotRead => answer::busy("the master was not read; hint: the first page says why"),
            DrawError::OnTarget => answer::busy(
                "with role: target no master is read, so there is no list of targets; hint: ask the exporter of the master",
            ),
            DrawError::Failed => {
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be drawn; hint: see the log")
            }
        }
    }
}

/// A view in the form that one client wants.
#[derive(Debug)]
pub(crate) struct RenderRequest {
    view: Resource,
    form: Representation,
}

impl Resource {
    /// The one target that it is about.
    pub(crate) fn target(&self) -> Option<&str> {
        match self {
            Resource::Target(name) | Resource::Targets(Some(name)) => Some(name),
            _ => None,
        }
    }
}

impl RenderRequest {
    pub(crate) fn new(view: Resource, form: Representation) -> RenderRequest {
        RenderRequest { view, form }
    }

    /// The key under which clients share the page. The page of one target is small, and there is one for each target,
    /// so it is not shared.
    pub(crate) fn key(&self, settings: Settings) -> Option<Key> {
        let Representation { details, format, .. } = self.form;
        let (details, format) = match self.view {
            Resource::Target(_) | Resource::Targets(Some(_)) => return None,
            Resource::Metrics => (false, format),
            _ => (details, Format::Text004),
        };
        Some(Key { view: self.view.clone(), details, format, settings })
    }

    /// Renders the page. The time grows with the fleet.
    ///
    /// # Errors
    /// Why there is no page.
    pub(crate) fn draw(
        &self,
        fleet: &Arc<Fleet>,
        facts: &ExporterFacts,
        settings: &Settings,
    ) -> Result<Drawn, DrawError> {
        let Representation { details, format, .. } = self.form;
        let document = |body: io::Result<Compressed>, content_type| {
            body.map(|body| Drawn { body, content_type, vary: DOCUMENT_VARY }).map_err(|error| failed(&error))
        };
        let text = |text: String, content_type| document(exposition::gzip(text.as_bytes()), content_type);
        match &self.view {
            Resource::Metrics => metrics::compressed_page(fleet, facts, &settings.limits, format)
                .map(|body| Drawn { body, content_type: format.content_type(), vary: EXPOSITION_VARY })
                .map_err(|error| failed(&error)),
            Resource::Overview => text(pages::overview(fleet, facts, details).map_err(|error| failed(&error))?, HTML),
            Resource::Target(name) => {
                let page = pages::single(fleet, name, facts, details).map_err(|error| failed(&error))?;
                text(page.ok_or_else(|| missing(fleet))?, HTML)
            }
            Resource::Targets(only) => {
                let mut out = Compressor::new();
                let only = only.as_deref().map(|name| api::Only { name, detail: None });
                let written = api::write_targets(&mut out, fleet, only, details);
                written.map_err(|error| failed(&error))?.ok_or(DrawError::NoTarget)?;
                document(out.finish(), JSON)
            }
            Resource::JobList => {
                let mut out = Compressor::new();
                api::write_jobs(&mut out, fleet, details).map_err(|error| failed(&error))?;
                document(out.finish(), JSON)
            }
            Resource::EventList => {
                let mut out = Compressor::new();
                let written = api::write_history(&mut out, fleet, details);
                written.map_err(|error| failed(&error))?.ok_or(DrawError::OnTarget)?;
                document(out.finish(), JSON)
            }
            Resource::Discovery(entries) => {
                let list = discovery::targets(fleet, *entries).map_err(|error| failed(&error))?;
                text(list.ok_or_else(|| unlisted(fleet))?, JSON)
            }
        }
    }
}

fn failed(error: &dyn Error) -> DrawError {
    error!(%error, "a page could not be drawn");
    DrawError::Failed
}

/// Why the targets are not known.
fn unlisted(fleet: &Fleet) -> DrawError {
    match fleet {
        Fleet::Master(_) => DrawError::NotRead,
        Fleet::Target(_) => DrawError::OnTarget,
    }
}

/// Why a target is not found: while the master is not read, it is unknown whether it exists.
fn missing(fleet: &Fleet) -> DrawError {
    let known = match fleet {
        Fleet::Master(fleet) => fleet.master.is_some(),
        Fleet::Target(_) => true,
    };
    if known { DrawError::NoTarget } else { DrawError::NotRead }
}

/// A header that may come in several lines, as one list (RFC 9110, section 5.3).
fn joined(request: &Parts, name: impl AsHeaderName) -> Option<String> {
    let values: Vec<&str> = request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}
