//! The views of a fleet and the forms in which a client gets them.

use super::answer::{self, Answer};
use super::site::Settings;
use crate::api::{self, discovery};
use crate::collectors::{DetailResult, TargetDetail};
use crate::diagnosis::{EventSelection, Fleet, Selection};
use crate::doctor::{self, MasterSide, RequestFormat};
use crate::exposition::{self, Compressed, Compressor, ExporterFacts, Format};
use crate::metrics;
use crate::model::{query_value, without_steering};
use crate::pages::{self, Frame, Link, assets::Asset};
use crate::sqlserver::ReadError;
use hyper::StatusCode;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, AsHeaderName};
use hyper::http::request::Parts;
use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tracing::error;

const HTML: &str = "text/html; charset=utf-8";
/// The request headers that decide the form of an exposition.
const EXPOSITION_VARY: &str = "Accept, Accept-Encoding";
/// The request headers that decide the form of other documents.
const DOCUMENT_VARY: &str = "Accept-Encoding";
const JSON: &str = "application/json";
/// How long pages and documents share one reading.
const SHARED: Duration = Duration::from_secs(15);

/// A view of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// The page of the fleet.
    Overview(Selection),
    /// One target, by its name as asked for.
    Target(String),
    /// The exposition.
    Metrics,
    /// The facts as JSON.
    Targets(Selection),
    /// Multiserver jobs and their runs, as JSON.
    JobList,
    /// What happened since the exporter started, as JSON.
    EventList(EventSelection),
    /// The page of multiserver jobs.
    Jobs,
    /// A page of what happened.
    History(EventSelection),
    /// The firewall request: a page, or a document.
    Doctor(Option<RequestFormat>),
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

    /// A page for a request that asked for what there is not.
    pub(crate) fn bad_request(self, text: &str) -> Answer {
        self.error("", StatusCode::BAD_REQUEST, "Not understood", text)
    }

    /// A page for a browser that asked for a path that there is not. `root` leads from there to the first page.
    pub(crate) fn not_found(self, root: &str) -> Answer {
        self.error(
            root,
            StatusCode::NOT_FOUND,
            "No such page",
            "no page is at this address; hint: choose one of those above",
        )
    }

    fn error(self, root: &str, status: StatusCode, title: &str, text: &str) -> Answer {
        let page = error_page(Frame::alone(root), status, title, text, &[]);
        page.map_or_else(Answer::from, |page| answer::page(page, self.gzip))
    }

    fn finish(self, text: String, content_type: &'static str, vary: &'static str) -> Answer {
        if !self.gzip {
            return answer::plain(text, content_type, vary);
        }
        match exposition::gzip(text.as_bytes()) {
            Ok(body) => answer::page(Drawn::new(body, content_type, vary), true),
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
    pub(crate) status: StatusCode,
    /// The value of `ETag`, for what browsers ask for again.
    pub(crate) tag: Option<String>,
    /// The name of the file as which a browser keeps it.
    pub(crate) attachment: Option<&'static str>,
}

impl Drawn {
    pub(crate) fn new(body: Compressed, content_type: &'static str, vary: &'static str) -> Drawn {
        // Weak: the compressed bytes and the inflated ones share it.
        let tag = (content_type == HTML).then(|| format!("W/\"{}\"", body.tag()));
        Drawn { body, content_type, vary, status: StatusCode::OK, tag, attachment: None }
    }

    /// A file that pages refer to.
    pub(crate) fn of(asset: &Asset) -> Result<Drawn, DrawError> {
        let body = asset.body().ok_or(DrawError::Failed)?;
        let drawn = Drawn::new(body, asset.content_type, DOCUMENT_VARY);
        Ok(Drawn { tag: Some(format!("W/\"{}\"", asset.tag())), ..drawn })
    }
}

/// A page that says what is wrong.
fn error_page(frame: Frame, status: StatusCode, title: &str, text: &str, links: &[Link]) -> Result<Drawn, DrawError> {
    let page = pages::error(frame, title, text, links).map_err(|error| failed(&error))?;
    let body = exposition::gzip(without_steering(page).as_bytes()).map_err(|error| failed(&error))?;
    // Without a tag: that a client has an earlier one says nothing of what it asks for now.
    Ok(Drawn { status, tag: None, ..Drawn::new(body, HTML, DOCUMENT_VARY) })
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DrawError {
    /// There is no target of this name.
    NoTarget {
        asked: String,
        /// The names of those that are called much the same.
        similar: Vec<String>,
    },
    /// There are fewer pages.
    NoPage,
    /// The master was not read: nothing is known.
    NotRead,
    /// It is made of addresses and logins.
    Withheld,
    /// This exporter is on a target and reads no master.
    OnTarget,
    /// Rendering failed; the log has the reason.
    Failed,
}

impl DrawError {
    /// The head of the page that says so.
    fn title(&self) -> &'static str {
        match self {
            DrawError::NoTarget { .. } => "No such target",
            DrawError::NoPage => "No such page",
            DrawError::NotRead => "The master cannot be read",
            DrawError::Withheld => "Not shown without login",
            DrawError::OnTarget => "Not known on a target",
            DrawError::Failed => "Not drawn",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            DrawError::NoTarget { .. } | DrawError::NoPage => StatusCode::NOT_FOUND,
            DrawError::NotRead | DrawError::OnTarget => StatusCode::SERVICE_UNAVAILABLE,
            DrawError::Withheld => StatusCode::FORBIDDEN,
            DrawError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn text(&self) -> Cow<'static, str> {
        let text = match self {
            DrawError::NoTarget { asked, similar } => return no_target(asked, similar).into(),
            DrawError::NoPage => "a page beyond the last; hint: leave page out",
            DrawError::NotRead => "the master was not read; hint: the first page says why",
            DrawError::Withheld => {
                "the firewall request is made of addresses and logins; hint: it stands here with authentication, or with \
                 explain.details: true"
            }
            DrawError::OnTarget => {
                "with role: target no master is read, so there is no list of targets; hint: ask the exporter of the master"
            }
            DrawError::Failed => "the page could not be drawn; hint: see the log",
        };
        text.into()
    }

    /// Where what was asked for may be.
    fn links(&self) -> Vec<Link> {
        match self {
            DrawError::NoTarget { asked, similar } => pages::instead_of(asked, similar),
            DrawError::NotRead => vec![pages::first_page()],
            _ => Vec::new(),
        }
    }
}

fn no_target(asked: &str, similar: &[String]) -> String {
    let similar = match similar {
        [] => String::new(),
        names => format!("similar: {}; ", names.join(", ")),
    };
    format!("no such target: {asked:?}; hint: {similar}api/v1/targets?q={} searches for it", query_value(asked))
}

impl From<DrawError> for Answer {
    fn from(error: DrawError) -> Answer {
        match error.status() {
            StatusCode::SERVICE_UNAVAILABLE => answer::busy(error.text()),
            status => answer::text(status, error.text()),
        }
    }
}

/// What is to be asked for besides a fleet.
pub(crate) enum Needs<'a> {
    /// What was read of this target alone.
    Detail(&'a str),
    /// What the master says of itself.
    Master,
}

/// What a view needs besides a fleet.
#[derive(Debug, Default)]
pub(crate) enum Besides {
    #[default]
    Nothing,
    /// What was read of one target alone.
    Detail(Result<Arc<TargetDetail>, ReadError>),
    /// What the master says of itself.
    Master(Arc<MasterSide>),
}

impl Besides {
    fn detail(&self) -> DetailResult<'_> {
        match self {
            Besides::Detail(detail) => Some(detail.as_deref()),
            _ => None,
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
            Resource::Target(name) => Some(name),
            Resource::Targets(selection) => selection.name.as_deref(),
            _ => None,
        }
    }

    /// Whether people read it.
    fn is_page(&self) -> bool {
        use Resource::{Doctor, History, Jobs, Overview, Target};
        matches!(self, Overview(_) | Target(_) | Jobs | History(_) | Doctor(None))
    }

    /// How old the reading may be that it shows. A scrape gets its own; all others share one, so that however many look, the
    /// master is asked once in this time for them.
    pub(crate) fn oldest(&self) -> Duration {
        if *self == Resource::Metrics { Duration::ZERO } else { SHARED }
    }
}

impl RenderRequest {
    pub(crate) fn new(view: Resource, form: Representation) -> RenderRequest {
        RenderRequest { view, form }
    }

    /// What it needs besides a fleet. Without the right to see texts of errors and addresses it needs nothing.
    pub(crate) fn needs(&self) -> Option<Needs<'_>> {
        match &self.view {
            _ if !self.form.details => None,
            Resource::Doctor(_) => Some(Needs::Master),
            view => view.target().map(Needs::Detail),
        }
    }

    /// The key under which clients share the page. The page of one target is small, and there is one for each target,
    /// so it is not shared.
    pub(crate) fn key(&self, settings: Settings) -> Option<Key> {
        let Representation { details, format, .. } = self.form;
        let (details, format) = match &self.view {
            view if view.target().is_some() => return None,
            Resource::Metrics => (false, format),
            _ => (details, Format::Text004),
        };
        Some(Key { view: self.view.clone(), details, format, settings })
    }

    /// Renders the page. The time grows with the fleet. What is missing has a page too, where a page was asked for.
    ///
    /// # Errors
    /// Why there is no page.
    pub(crate) fn draw(
        &self,
        fleet: &Arc<Fleet>,
        besides: &Besides,
        facts: &ExporterFacts,
        settings: &Settings,
    ) -> Result<Drawn, DrawError> {
        match self.view(fleet, besides, facts, settings) {
            Err(error) if self.view.is_page() => {
                error_page(Frame::new(fleet, ""), error.status(), error.title(), &error.text(), &error.links())
            }
            drawn => drawn,
        }
    }

    fn view(
        &self,
        fleet: &Arc<Fleet>,
        besides: &Besides,
        facts: &ExporterFacts,
        settings: &Settings,
    ) -> Result<Drawn, DrawError> {
        let Representation { details, format, .. } = self.form;
        let document = |body: io::Result<Compressed>, content_type| {
            body.map(|body| Drawn::new(body, content_type, DOCUMENT_VARY)).map_err(|error| failed(&error))
        };
        let text = |text: String, content_type| {
            // A program takes a name as it is.
            let text = if content_type == JSON { text } else { without_steering(text) };
            document(exposition::gzip(text.as_bytes()), content_type)
        };
        match &self.view {
            Resource::Metrics => metrics::compressed_page(fleet, facts, &settings.limits, format)
                .map(|body| Drawn::new(body, format.content_type(), EXPOSITION_VARY))
                .map_err(|error| failed(&error)),
            Resource::Overview(selection) => {
                let page = pages::overview(fleet, selection, facts, details).map_err(|error| failed(&error))?;
                text(page.ok_or(DrawError::NoPage)?, HTML)
            }
            Resource::Target(name) => {
                let page = pages::single(fleet, name, besides.detail(), details).map_err(|error| failed(&error))?;
                text(page.ok_or_else(|| missing(fleet, name))?, HTML)
            }
            Resource::Targets(selection) => {
                let mut out = Compressor::new();
                let written = api::write_targets(&mut out, fleet, selection, besides.detail(), facts.passive, details);
                let asked = selection.name.as_deref().unwrap_or_default();
                written.map_err(|error| failed(&error))?.ok_or_else(|| missing(fleet, asked))?;
                document(out.finish(), JSON)
            }
            Resource::JobList => {
                let mut out = Compressor::new();
                api::write_jobs(&mut out, fleet, details).map_err(|error| failed(&error))?;
                document(out.finish(), JSON)
            }
            Resource::EventList(selection) => {
                in_which_groups(fleet, selection)?;
                let mut out = Compressor::new();
                let written = api::write_history(&mut out, fleet, selection, details);
                written.map_err(|error| failed(&error))?.ok_or(DrawError::OnTarget)?;
                document(out.finish(), JSON)
            }
            Resource::Jobs => {
                let page = pages::jobs(fleet).map_err(|error| failed(&error))?;
                text(page.ok_or_else(|| unlisted(fleet))?, HTML)
            }
            Resource::History(selection) => {
                in_which_groups(fleet, selection)?;
                let beyond = if fleet.of_master().is_some() { DrawError::NoPage } else { DrawError::OnTarget };
                let page = pages::history(fleet, selection, details).map_err(|error| failed(&error))?;
                text(page.ok_or(beyond)?, HTML)
            }
            Resource::Doctor(_) if !details => Err(DrawError::Withheld),
            Resource::Doctor(format) => {
                let (Besides::Master(side), Some(read)) = (besides, fleet.of_master()) else {
                    return Err(unlisted(fleet));
                };
                let request = doctor::aggregate(side.request(read));
                match format {
                    None => {
                        let frame = Frame::new(fleet, pages::DOCTOR);
                        text(doctor::page(&request, frame).map_err(|error| failed(&error))?, HTML)
                    }
                    Some(format) => {
                        let drawn = text(doctor::draw(&request, *format), format.content_type())?;
                        Ok(Drawn { attachment: Some(format.file_name()), ..drawn })
                    }
                }
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

/// While the master is not read it is not known which targets are in a group.
fn in_which_groups(fleet: &Fleet, selection: &EventSelection) -> Result<(), DrawError> {
    let is_read = fleet.of_master().is_none_or(|read| read.master.is_some());
    if is_read || !selection.needs_targets() { Ok(()) } else { Err(DrawError::NotRead) }
}

/// Why the targets are not known.
fn unlisted(fleet: &Fleet) -> DrawError {
    match fleet {
        Fleet::Master(_) => DrawError::NotRead,
        Fleet::Target(_) => DrawError::OnTarget,
    }
}

/// Why a target is not found: while the master is not read, it is unknown whether it exists.
fn missing(fleet: &Fleet, asked: &str) -> DrawError {
    let similar = match fleet {
        Fleet::Master(fleet) if fleet.master.is_none() => return DrawError::NotRead,
        Fleet::Master(fleet) => fleet.similar(asked),
        // Those of this machine, a few.
        Fleet::Target(fleet) => fleet.target_side.views.iter().map(|view| view.local_target.target.as_str()).collect(),
    };
    DrawError::NoTarget { asked: asked.to_owned(), similar: similar.into_iter().map(str::to_owned).collect() }
}

/// A header that may come in several lines, as one list (RFC 9110, section 5.3).
fn joined(request: &Parts, name: impl AsHeaderName) -> Option<String> {
    let values: Vec<&str> = request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}
