//! The routes, and what answers each.

use super::answer::{self, Answer, TEXT};
use super::client::Visitor;
use super::deadline;
use super::limiter::{Bounds, Full, Permit};
use super::options::Options;
use super::places::Places;
use super::probe_tally::ProbeTally;
use super::refusals::Refusals;
use super::shared_pages::SharedPages;
use super::site::{ReloadError, Site};
use super::views::{Besides, DrawError, Drawn, Needs, RenderRequest, Representation, Resource};
use crate::api;
use crate::api::discovery::Entries;
use crate::config::Limits;
use crate::diagnosis::{EventSelection, Fleet, Parameters, Selection};
use crate::doctor::RequestFormat;
use crate::model::{ProbeFailure, Refusal, ServerName};
use crate::pages::assets::{self, Asset};
use crate::process;
use clap::ValueEnum;
use hyper::header::{ACCEPT, HOST, HeaderName, HeaderValue, IF_NONE_MATCH, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tracing::error;

/// The time of a probe whose client states none: longer than all checks of a host that drops every packet.
const UNHURRIED: Duration = Duration::from_secs(30);

/// No page stands as deep as this.
const DEEPEST: usize = 16;

const NOT_RELOADED: &str =
    "not reloaded, the configuration before stays in force; hint: the log and check-config say what is wrong";

/// One route.
struct Route {
    /// The path after the prefix.
    path: &'static str,
    method: Methods,
    action: Action,
}

/// The method that a route accepts.
#[derive(Clone, Copy)]
enum Methods {
    Read,
    Post,
}

/// The action of a route.
#[derive(Clone, Copy)]
enum Action {
    /// Renders a view of a fleet; limited as a scrape.
    Overview,
    Target,
    Metrics,
    Targets,
    JobList,
    EventList,
    RequestDocument,
    Jobs,
    History,
    Doctor,
    Discovery,
    /// Checks the ports of one target; limited as a scrape too.
    Probe,
    /// Answers whether the server is alive, whatever the state of the master.
    Healthy,
    Ready,
    Reload,
    /// A file that pages refer to.
    Asset(&'static Asset),
}

const PROBE: &str = "/probe";

static ROUTES: &[Route] = &[
    Route { path: "/", method: Methods::Read, action: Action::Overview },
    Route { path: "/target", method: Methods::Read, action: Action::Target },
    Route { path: "/metrics", method: Methods::Read, action: Action::Metrics },
    Route { path: "/api/v1/targets", method: Methods::Read, action: Action::Targets },
    Route { path: "/api/v1/jobs", method: Methods::Read, action: Action::JobList },
    Route { path: "/api/v1/history", method: Methods::Read, action: Action::EventList },
    Route { path: "/api/v1/doctor", method: Methods::Read, action: Action::RequestDocument },
    Route { path: "/jobs", method: Methods::Read, action: Action::Jobs },
    Route { path: "/history", method: Methods::Read, action: Action::History },
    Route { path: "/doctor", method: Methods::Read, action: Action::Doctor },
    Route { path: "/sd", method: Methods::Read, action: Action::Discovery },
    Route { path: PROBE, method: Methods::Read, action: Action::Probe },
    Route { path: "/-/healthy", method: Methods::Read, action: Action::Healthy },
    Route { path: "/-/ready", method: Methods::Read, action: Action::Ready },
    Route { path: "/-/reload", method: Methods::Post, action: Action::Reload },
    Route { path: "/static/style.css", method: Methods::Read, action: Action::Asset(&assets::STYLE) },
    Route { path: "/static/page.js", method: Methods::Read, action: Action::Asset(&assets::SCRIPT) },
    Route { path: "/static/icon.svg", method: Methods::Read, action: Action::Asset(&assets::ICON) },
];

/// Each path after the prefix, with its methods in a list with commas.
pub(crate) fn paths() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROUTES.iter().map(|route| (route.path, route.method.names()))
}

impl Methods {
    fn allow(self, method: &Method) -> bool {
        match self {
            Methods::Read => method == Method::GET || method == Method::HEAD,
            Methods::Post => method == Method::POST,
        }
    }

    fn names(self) -> &'static str {
        match self {
            Methods::Read => "GET, HEAD",
            Methods::Post => "POST",
        }
    }
}

/// The sender of a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) visitor: Visitor,
    /// Whether the request arrived at a loopback address, so that it comes from this machine.
    pub(crate) loopback: bool,
    /// Whether a password or a verified certificate authenticated the client.
    pub(crate) proved: bool,
}

/// Answers requests that were authenticated where that is required.
pub(crate) struct Router<S> {
    site: Arc<S>,
    options: Arc<Options>,
    /// The places of scrapes, which neither probes nor pages can take.
    scrapes: Places,
    probes: Places,
    pages: Places,
    probe_tally: Arc<ProbeTally>,
    shared_pages: SharedPages,
}

impl<S: Site> Router<S> {
    pub(crate) fn new(
        site: Arc<S>,
        options: Arc<Options>,
        refusals: &Arc<Refusals>,
        probe_tally: Arc<ProbeTally>,
    ) -> Router<S> {
        let places = |refusal| Places::new(refusal, refusals);
        let [scrapes, probes, pages] = [Refusal::Metrics, Refusal::Probe, Refusal::Page].map(places);
        Router { site, options, scrapes, probes, pages, probe_tally, shared_pages: SharedPages::default() }
    }

    /// Counts a request that was refused before it got here, where it asked for a probe.
    pub(crate) fn kept_out(&self, request: &Parts, why: ProbeFailure) {
        if request.uri.path().strip_prefix(self.options.route_prefix.as_str()) == Some(PROBE) {
            self.probe_tally.count(Err(why));
        }
    }

    /// Answers one request; `HEAD` as `GET` without the body.
    pub(crate) async fn answer(&self, request: &Parts, caller: Caller) -> Answer {
        let answer = self.dispatch(request, caller).await;
        if request.method == Method::HEAD { answer::headers_alone(answer) } else { answer }
    }

    async fn dispatch(&self, request: &Parts, caller: Caller) -> Answer {
        let prefix = self.options.route_prefix.as_str();
        let full = request.uri.path();
        let path = match full.strip_prefix(prefix) {
            Some(path) if path.starts_with('/') => path,
            _ if full == prefix || full == "/" => return answer::moved(&format!("{}/", self.options.base)),
            _ => return answer::text(StatusCode::NOT_FOUND, "not found"),
        };
        let Some(route) = ROUTES.iter().find(|route| route.path == path) else { return not_found(request, path) };
        if !route.method.allow(&request.method) {
            return answer::wrong_method(route.method.names());
        }
        let query = request.uri.query();
        match route.action {
            Action::Overview => self.page(request, caller, selection(query).map(Resource::Overview)).await,
            Action::Target => self.page(request, caller, target_of_page(query).map(Resource::Target)).await,
            Action::Metrics => self.view(request, caller, Resource::Metrics).await,
            Action::Targets => self.document(request, caller, selection(query).map(Resource::Targets)).await,
            Action::JobList => self.document(request, caller, none(query).map(|()| Resource::JobList)).await,
            Action::EventList => self.document(request, caller, events(query).map(Resource::EventList)).await,
            Action::RequestDocument => {
                let wanted = none(query).map(|()| Resource::Doctor(Some(RequestFormat::Json)));
                self.document(request, caller, wanted).await
            }
            Action::Jobs => self.page(request, caller, none(query).map(|()| Resource::Jobs)).await,
            Action::History => self.page(request, caller, events(query).map(Resource::History)).await,
            Action::Doctor => self.page(request, caller, request_format(query).map(Resource::Doctor)).await,
            Action::Discovery => self.document(request, caller, entries(query).map(Resource::Discovery)).await,
            Action::Probe => self.probe(request, caller).await,
            Action::Healthy => answer::text(StatusCode::OK, "healthy"),
            Action::Ready => answer::text(StatusCode::OK, "ready"),
            Action::Reload => self.reload(request, caller).await,
            Action::Asset(asset) => file(request, asset),
        }
    }

    /// A view for people, or a page that says what of the query is not understood.
    async fn page(&self, request: &Parts, caller: Caller, wanted: Result<Resource, impl AsRef<str>>) -> Answer {
        match wanted {
            Ok(view) => self.view(request, caller, view).await,
            Err(fault) => Representation::new(false, request).bad_request(fault.as_ref()),
        }
    }

    /// A view for programs, or a text that says what of the query is not understood.
    async fn document(&self, request: &Parts, caller: Caller, wanted: Result<Resource, impl AsRef<str>>) -> Answer {
        match wanted {
            Ok(view) => self.view(request, caller, view).await,
            Err(fault) => answer::text(StatusCode::BAD_REQUEST, fault.as_ref().to_owned()),
        }
    }

    /// Waits for a fleet and answers with a page of it. The permit is held until the client has taken the page.
    async fn view(&self, request: &Parts, caller: Caller, view: Resource) -> Answer {
        let settings = self.site.settings();
        let places = if view == Resource::Metrics { &self.scrapes } else { &self.pages };
        let pass = match admit(places, &caller, &settings.limits) {
            Ok(pass) => pass,
            Err(why) => return answer::busy(why),
        };
        let form = Representation::new(caller.proved || settings.explain_details, request);
        let oldest = view.oldest();
        let wait = deadline::wait(&request.headers, settings.reading_timeout);
        let fleet = self.site.fleet(wait, oldest, view.target()).await;
        let request_to_render = RenderRequest::new(view, form);
        let besides = self.besides(&request_to_render, &fleet, wait).await;
        let (site, of, key) = (Arc::clone(&self.site), Arc::clone(&fleet), request_to_render.key(settings));
        let drawing = self
            .shared_pages
            .get(&fleet, key, pass, move || request_to_render.draw(&of, &besides, &site.facts(), &settings))
            .await;
        let (drawn, pass) = match drawing {
            Ok((Ok(drawn), pass)) => (drawn, pass),
            Ok((Err(error), _)) => return error.into(),
            Err(failure) => {
                error!(%failure, "a page could not be drawn");
                return DrawError::Failed.into();
            }
        };
        if has_already(request, drawn.tag.as_deref()) {
            return answer::not_modified(drawn);
        }
        let mut answer = answer::page(drawn, form.gzip);
        answer.body_mut().hold(pass);
        answer
    }

    /// What a view needs besides its fleet, and only those see who may see texts of errors and addresses.
    async fn besides(&self, wanted: &RenderRequest, fleet: &Fleet, wait: Duration) -> Besides {
        match wanted.needs() {
            Some(Needs::Detail(name)) => {
                let detail = self.site.target_detail(fleet, name, wait).await;
                detail.map_or(Besides::Nothing, Besides::Detail)
            }
            Some(Needs::Master) => self.site.master_side(fleet).await.map_or(Besides::Nothing, Besides::Master),
            None => Besides::Nothing,
        }
    }

    /// Checks the ports of one target. Because this makes the machine connect to another, it needs authentication, a
    /// loopback address or `--web.enable-probe`.
    async fn probe(&self, request: &Parts, caller: Caller) -> Answer {
        let refused = |why| {
            self.probe_tally.count(Err(why));
            no_probe(why)
        };
        if !may_probe(&caller, &self.options) {
            return refused(ProbeFailure::Forbidden);
        }
        let query = request.uri.query();
        let Some(name) = target(query, "target") else { return refused(ProbeFailure::NoTarget) };
        let settings = self.site.settings();
        let pass = match admit(&self.probes, &caller, &settings.limits) {
            Ok(pass) => pass,
            Err(why) => {
                self.probe_tally.count(Err(ProbeFailure::Busy));
                return answer::busy(why);
            }
        };
        let form = Representation::new(caller.proved || settings.explain_details, request);
        let result = self.site.probe(&name, deadline::wait(&request.headers, UNHURRIED)).await;
        self.probe_tally.count(result.as_ref().map(|_| ()).map_err(|why| *why));
        let mut answer = match result {
            Ok(probe) if parameter(query, "debug").is_some_and(|debug| debug == "true") => {
                form.document(api::probe_trace(&probe, form.details), TEXT)
            }
            Ok(probe) => form.exposition(api::probe(&probe, form.format)),
            Err(why) => no_probe(why),
        };
        answer.body_mut().hold(pass);
        answer
    }

    /// Reloads. Only an authenticated client gets the places of the faults; the log has their texts.
    async fn reload(&self, request: &Parts, caller: Caller) -> Answer {
        if !self.options.lifecycle {
            return answer::text(StatusCode::FORBIDDEN, "reloading over HTTP is off; hint: --web.enable-lifecycle");
        }
        if comes_from_another_site(request) {
            return answer::text(StatusCode::FORBIDDEN, "a page of another site may not ask for a reload");
        }
        match self.site.reload().await {
            Ok(()) => answer::text(StatusCode::OK, "reloaded"),
            Err(ReloadError::UnderWay) => {
                answer::busy("another reload is under way; hint: try again when it has ended")
            }
            Err(ReloadError::Faults(faults)) if caller.proved => {
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{NOT_RELOADED}, at:\n{}", faults.places()))
            }
            Err(ReloadError::Faults(_) | ReloadError::Reading(_)) => {
                answer::text(StatusCode::INTERNAL_SERVER_ERROR, NOT_RELOADED)
            }
        }
    }
}

/// Where nothing is: a page for a browser, and a text for a program.
fn not_found(request: &Parts, path: &str) -> Answer {
    let depth = path.matches('/').count().saturating_sub(1);
    if path.starts_with("/api/") || depth > DEEPEST || !asks_for_a_page(request) {
        return answer::text(StatusCode::NOT_FOUND, "not found");
    }
    // Relative, so that its links hold behind any prefix.
    Representation::new(false, request).not_found(&"../".repeat(depth))
}

/// Whether a browser wants to show the answer (RFC 9110, section 12.5.1).
fn asks_for_a_page(request: &Parts) -> bool {
    let kinds = request.headers.get_all(ACCEPT).iter().filter_map(|kinds| kinds.to_str().ok());
    let mut kinds = kinds.flat_map(|kinds| kinds.split(',')).filter_map(|kind| kind.split(';').next());
    kinds.any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}

/// A file that pages refer to: small, the same for all, and kept by browsers, so it takes no place.
fn file(request: &Parts, asset: &Asset) -> Answer {
    let drawn = match Drawn::of(asset) {
        Ok(drawn) => drawn,
        Err(error) => return error.into(),
    };
    let answer = if has_already(request, drawn.tag.as_deref()) {
        answer::not_modified(drawn)
    } else {
        answer::page(drawn, Representation::new(false, request).gzip)
    };
    if raw(request.uri.query(), "v") == Some(asset.tag().as_str()) { answer::kept(answer) } else { answer }
}

/// Whether the client has what bears this tag (RFC 9110, section 13.1.2).
fn has_already(request: &Parts, tag: Option<&str>) -> bool {
    let known = request.headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    tag.zip(known).is_some_and(|(tag, known)| known.split(',').any(|known| known.trim() == tag))
}

/// What a client reads in place of a probe.
fn no_probe(why: ProbeFailure) -> Answer {
    match why {
        ProbeFailure::Credentials => answer::unauthorized(),
        ProbeFailure::Forbidden => answer::text(
            StatusCode::FORBIDDEN,
            "probing from another machine needs authentication; hint: users or client certificates in \
             --web.config.file, or --web.enable-probe to allow it to everybody",
        ),
        ProbeFailure::Busy => answer::busy("too many requests in flight"),
        ProbeFailure::NoTarget => answer::text(StatusCode::BAD_REQUEST, "no target named; hint: /probe?target=NAME"),
        ProbeFailure::NotListed => answer::text(
            StatusCode::FORBIDDEN,
            "this name is not probed: it is neither enlisted nor listed in expected_targets",
        ),
        ProbeFailure::NoRoster => {
            answer::busy("the targets are not known: the master was not read; hint: the first page says why")
        }
        ProbeFailure::NoTime => {
            answer::busy("another probe of this target is under way and takes longer than this scrape may")
        }
    }
}

fn admit(places: &Places, caller: &Caller, limits: &Limits) -> Result<Permit, &'static str> {
    let bounds = Bounds { in_all: limits.scrapes_in_flight, for_client: limits.scrapes_in_flight_per_client };
    places.enter(&caller.visitor, bounds).map_err(|full| match full {
        Full::ForClient => "too many requests in flight from this client; hint: limits.scrapes_in_flight_per_client",
        Full::InAll => "too many requests in flight; hint: limits.scrapes_in_flight",
    })
}

/// Whether a browser sent the request for a page of another site. A browser sends `Origin` with every POST, and the
/// user's password with it.
fn comes_from_another_site(request: &Parts) -> bool {
    let header = |name| request.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let same = |origin: &str| origin.split_once("://").map(|(_, host)| host) == header(HOST);
    header(ORIGIN).is_some_and(|origin| !same(origin))
        || header(HeaderName::from_static("sec-fetch-site")).is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

fn may_probe(caller: &Caller, options: &Options) -> bool {
    caller.loopback || caller.proved || options.probe
}

/// The form of the firewall request; a page where none is named.
fn request_format(query: Option<&str>) -> Result<Option<RequestFormat>, String> {
    let Some(name) = only(query, "format")? else { return Ok(None) };
    let unknown = |_| "this format is not known; hint: text, markdown, csv and json are".to_owned();
    RequestFormat::from_str(&name, false).map(Some).map_err(unknown)
}

/// The target that a page is about.
fn target_of_page(query: Option<&str>) -> Result<String, String> {
    only(query, "name")?.ok_or_else(|| "no target named; hint: /target?name=NAME".to_owned())
}

/// The value of the only parameter of an address.
fn only(query: Option<&str>, name: &'static str) -> Result<Option<String>, String> {
    let mut given = Parameters::new(parameters(query)?)?;
    let value = given.name(name);
    given.end().map(|()| value)
}

/// An address without parameters.
fn none(query: Option<&str>) -> Result<(), String> {
    Parameters::new(parameters(query)?)?.end()
}

/// The parameters of `/sd`.
fn entries(query: Option<&str>) -> Result<Entries, &'static str> {
    const BAD_PORT: &str =
        "the port must be a number from 1 to 65535; hint: /sd?port=9182, or /sd?per=target, which needs none";
    // An invalid port must not be treated as a missing one.
    let given = query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("port")));
    let port = parameter(query, "port").and_then(|port| port.parse().ok());
    let port = if given { Some(port.ok_or(BAD_PORT)?) } else { None };
    match parameter(query, "per").as_deref() {
        None | Some("host") => port.map(Entries::Hosts).ok_or(BAD_PORT),
        Some("target") => Ok(Entries::Targets(port)),
        Some(_) => Err("there is an entry per host or per target; hint: /sd?port=9182&per=host or /sd?per=target"),
    }
}

/// Reads any query, for fuzzing.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn read_any(query: Option<&str>) {
    parameter(query, "name");
    let _ = selection(query);
    let _ = events(query);
    let _ = entries(query);
    let _ = target_of_page(query);
    let _ = request_format(query);
    let _ = none(query);
}

/// The name of a target in a parameter of the query, in the form in which targets are enlisted.
fn target(query: Option<&str>, parameter_name: &str) -> Option<String> {
    parameter(query, parameter_name).map(|typed| ServerName::enlisted(&typed, process::computer()))
}

/// The parameters of the pages and documents that show targets.
fn selection(query: Option<&str>) -> Result<Selection, String> {
    Selection::read(parameters(query)?)
}

/// The parameters of the history.
fn events(query: Option<&str>) -> Result<EventSelection, String> {
    EventSelection::read(parameters(query)?)
}

/// All parameters, decoded.
fn parameters(query: Option<&str>) -> Result<Vec<(String, String)>, String> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = decode(name).zip(decode(value)).ok_or("the query is not UTF-8, percent-encoded")?;
        Ok((name, value))
    });
    decoded.collect()
}

/// The first value of a query parameter, as it stands there.
fn raw<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
}

/// The first value of a query parameter, decoded as forms are (`+` is a space). `None` where it is missing, empty or
/// not UTF-8.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    decode(raw(query, name)?).filter(|value| !value.is_empty())
}

/// A name or a value of a query; `None` where it is not UTF-8, percent-encoded.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn who_comes_from_elsewhere_must_be_known_or_allowed() {
        let may = |loopback, proved, probe| {
            let visitor = Visitor::new([192, 0, 2, 7].into(), &Options::default().trusted);
            let caller = Caller { visitor, loopback, proved };
            may_probe(&caller, &Options { probe, ..Options::default() })
        };
        assert!(!may(false, false, false));
        assert!(may(true, false, false) && may(false, true, false) && may(false, false, true));
    }

    #[test]
    fn service_discovery_is_per_host_unless_it_is_asked_per_target() {
        let port = std::num::NonZeroU16::new(9182);
        assert_eq!(entries(Some("port=9182")), Ok(Entries::Hosts(port.unwrap())));
        assert_eq!(entries(Some("per=host&port=9182")), Ok(Entries::Hosts(port.unwrap())));
        assert_eq!(entries(Some("port=9182&per=target")), Ok(Entries::Targets(port)));
        assert_eq!(entries(Some("per=target")), Ok(Entries::Targets(None)));
        for bad in ["", "per=host", "per=targets&port=1", "per=target&port=", "per=target&port", "per=target&port=0"] {
            assert!(entries(Some(bad)).is_err(), "{bad}");
        }
        assert!(entries(None).is_err());
    }

    #[test]
    fn a_parameter_that_an_address_does_not_have_is_refused_with_those_that_it_has() {
        let refused = |fault: Result<_, String>| fault.unwrap_err();
        assert_eq!(refused(none(Some("page=9"))), "\"page\" is not a parameter here; hint: this address has none");
        assert!(refused(target_of_page(Some("name=A&x=1")).map(drop)).ends_with("hint: name is"));
        assert!(refused(request_format(Some("form=csv")).map(drop)).ends_with("hint: format is"));
        assert_eq!(request_format(Some("format=")), Ok(None));
        assert_eq!(target_of_page(Some("name=tcp:sql01.%2C1433")).as_deref(), Ok("tcp:sql01.,1433"));
    }

    #[test]
    fn parameters_are_decoded() {
        let name = |query| parameter(Some(query), "name");
        assert_eq!(name("name=SQL01%5CPAYROLL").as_deref(), Some("SQL01\\PAYROLL"));
        assert_eq!(name("a=b&name=a+b%C3%A9&name=c").as_deref(), Some("a bé"));
        for bad in ["", "name", "name=", "name=%", "name=%4", "name=%zz", "name=%ff", "rename=x"] {
            assert_eq!(name(bad), None, "{bad}");
        }
        assert_eq!(target(Some("name=tcp:sql01.%2C1433"), "name").as_deref(), Some("sql01"));
        assert_eq!(parameter(None, "name"), None);
    }
}
