//! One function for each command: from an invocation to the text that it prints, or to the reason why it failed.

mod catalogue;
mod doctor;
mod service;

pub use catalogue::catalogue;
pub use doctor::doctor;
pub use service::{run_service, service};

use crate::app::{App, BUILD};
use crate::cli::{self, Grants, Invocation};
use crate::config::{self, Auth, Config, ConfigFile};
use crate::diagnosis::Fleet;
use crate::events;
use crate::exit::{Done, Failure};
use crate::exposition::ConstantLabel;
use crate::files;
use crate::http::{self, ListenAddress, Options, Site, TrustedClients, Web};
use crate::metrics::{self, Origin};
use crate::probe::Extent;
use crate::process;
use crate::signal::{Reloads, Stop};
use crate::sqlserver::{self, Grantee, Release};
use rustls::crypto::aws_lc_rs;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// Threads that read, assess and answer. Usually one scrape is under way; the second thread keeps health checks
/// answering while a large page is drawn.
const WORKERS: usize = 2;

/// `check-config`: every fault of the configuration, or the configuration in force.
///
/// # Errors
/// Code 64 where there is a fault.
pub fn check_config(invocation: &Invocation) -> Done {
    let text = config::check(&invocation.sources());
    let web = Web::open(invocation.web.config_file.as_deref());
    let (addresses, options) = (addresses(&invocation.web), options(&invocation.web));
    match (text, web, addresses, options) {
        (Ok(text), Ok(web), Ok(_), Ok(_)) => {
            web.warnings().iter().for_each(|warning| warn!("{warning}"));
            Ok(text)
        }
        (text, web, addresses, options) => {
            let config = text.err().map(|faults| faults.to_string());
            let web = web.err().map(|faults| faults.to_string());
            let faults = [config, web, addresses.err(), options.err()];
            let faults: Vec<String> = faults.into_iter().flatten().map(|text| text.trim_end().to_owned()).collect();
            Err(Failure::usage(faults.join("\n")))
        }
    }
}

fn addresses(flags: &cli::Web) -> Result<Vec<ListenAddress>, String> {
    let parse = |text: &String| text.parse().map_err(|error| format!("--web.listen-address {text}: {error}"));
    flags.listen_addresses.iter().map(parse).collect()
}

fn options(flags: &cli::Web) -> Result<Options, String> {
    let options = Options::under(flags.external_url.as_deref(), flags.route_prefix.as_deref())?;
    let trusted = TrustedClients::with(flags.trusted_clients.iter().map(String::as_str))?;
    Ok(Options { lifecycle: flags.enable_lifecycle, probe: flags.enable_probe, trusted, ..options })
}

/// `grants`: the script that grants or revokes the login's rights; where that login can ask, only what is missing.
///
/// # Errors
/// Code 64 where the configuration has faults or the flags contradict each other.
pub fn grants(invocation: &Invocation, flags: &Grants) -> Done {
    let release = flags.version.map(|year| Release::of_year(year).ok_or(year)).transpose();
    let release = release.map_err(|year| {
        Failure::usage(format!(
            "--server.version={year}: no version of that year is known; hint: 2012, 2014, 2016, 2017, 2019, 2022 or 2025"
        ))
    })?;
    let (config, no_password) = match config::load_before_password(&invocation.sources()) {
        Ok((config, no_password)) => (Some(config), no_password),
        Err(_) if is_absent(&invocation.file) => (None, None),
        Err(faults) => return Err(Failure::usage(faults)),
    };
    let grantee = flags.grantee(config.as_ref().map(Grantee::from_config).unwrap_or_default());
    if flags.revoke {
        return Ok(sqlserver::revocation(&grantee, release));
    }
    // A named version asks for the script of that version, so no server is asked.
    let (Some(config), None) = (config, release) else { return Ok(sqlserver::grants_for(&grantee, release)) };
    let missing = match no_password {
        Some(faults) => Err(faults.to_string()),
        None if !connects_as(&config, &grantee) => {
            Err(format!("it answers for the login that asks, and {} may be another one", grantee.login))
        }
        None => run(sqlserver::missing_grants(&config, &grantee))?.map_err(|fault| fault.to_string()),
    };
    Ok(missing.unwrap_or_else(|why| {
        warn!("the master cannot be asked what is missing, so this is the complete script: {why}");
        sqlserver::grants_for(&grantee, None)
    }))
}

/// Whether a connection says what that login may. With `auth: windows` it is made as the account that runs this command,
/// which need not be that of the service.
fn connects_as(config: &Config, login: &Grantee) -> bool {
    matches!(config.master.auth, Auth::Sql { .. }) && *login == Grantee::from_config(config)
}

/// `once`: one page, with these labels on each series.
///
/// # Errors
/// Code 64 where the configuration has faults or a label is given twice; code 1 where the master could not be read (the
/// page is written and says so).
pub fn once(invocation: &Invocation, labels: &[ConstantLabel], interval: Option<Duration>) -> Done {
    let config = load(invocation)?;
    no_doubles(&config, labels)?;
    let web = Web::open(None).map_err(Failure::usage)?;
    let origin = Origin { node: process::computer(), interval };
    let (page, complaint) = run(async {
        let app = App::new(config.clone(), invocation.sources(), Arc::new(web));
        let fleet = app.once(Extent::Sweep).await;
        let complaint = match fleet.as_ref() {
            Fleet::Target(fleet) => fleet.target_side.views.is_empty().then(|| {
                "no target was found on this machine: no instance has a master in its registry; hint: --local.name"
                    .to_owned()
            }),
            // On the passive node of a cluster the absence of the master is expected.
            Fleet::Master(fleet) => (fleet.master.is_none() && !app.is_passive()).then(|| {
                let faults = fleet.reports.iter().filter_map(|report| report.fault.as_ref());
                let fault = faults.map(ToString::to_string).next().unwrap_or_default();
                format!("the master cannot be read: {fault}")
            }),
        };
        (metrics::textfile_page(&fleet, &app.facts(), &config.limits, labels, origin), complaint)
    })?;
    match complaint {
        None => Ok(page),
        Some(fault) => Err(Failure { data: page, ..Failure::running(fault) }),
    }
}

/// A series with two labels of one name would make the complete page unreadable.
fn no_doubles(config: &Config, labels: &[ConstantLabel]) -> Result<(), Failure> {
    let configured = |name: &str| config.targets.labels.iter().any(|rule| rule.labels.contains_key(name));
    for (index, label) in labels.iter().enumerate() {
        let why = match () {
            () if labels.iter().take(index).any(|other| other.name == label.name) => "is given twice",
            () if configured(&label.name) => "is one of targets.labels in the configuration",
            () => continue,
        };
        return Err(Failure::usage(format!(
            "--output.label: the label {} {why}; hint: choose another name",
            label.name
        )));
    }
    Ok(())
}

/// Replaces the file that `--output.file` names with the output of a command. A failed command may have output too;
/// where it has none, the file stays as it is.
///
/// # Errors
/// The error of the command; code 1 where the file could not be written.
pub fn deliver(done: Done, output: Option<&Path>) -> Done {
    let (document, failure) = match done {
        Ok(document) => (document, None),
        Err(failure) => (failure.data.clone(), Some(Failure { data: String::new(), ..failure })),
    };
    let Some(path) = output.filter(|_| !document.is_empty()) else {
        return match failure {
            Some(failure) => Err(Failure { data: document, ..failure }),
            None => Ok(document),
        };
    };
    let unwritten = files::replace(path, document).err();
    let unwritten = unwritten.map(|error| format!("--output.file={}: {error}", path.display()));
    match (failure, unwritten) {
        (None, None) => Ok(String::new()),
        (None, Some(unwritten)) => Err(Failure::running(unwritten)),
        (Some(failure), None) => Err(failure),
        (Some(failure), Some(unwritten)) => {
            let complaint = format!("{}\n{unwritten}", failure.complaint.trim_end());
            Err(Failure { complaint, ..failure })
        }
    }
}

/// `serve`: answers requests until it is asked to stop.
///
/// # Errors
/// Code 64 where the configuration or a flag has faults; code 1 where an address cannot be bound.
pub fn serve(invocation: &Invocation) -> Done {
    let stop_signal = || Stop::listen().map(|mut stop| async move { stop.requested().await });
    serve_until(invocation, stop_signal, || {})
}

/// Serves until the future that `stop_signal` makes ends. Calls `bound` once every address is bound.
///
/// # Errors
/// As [`serve()`].
pub fn serve_until<S>(
    invocation: &Invocation,
    stop_signal: impl FnOnce() -> io::Result<S>,
    bound: impl FnOnce(),
) -> Done
where
    S: Future<Output = &'static str>,
{
    let config = load(invocation)?;
    let flags = &invocation.web;
    let addresses = addresses(flags).map_err(Failure::usage)?;
    let descriptors = process::read().and_then(|process| process.max_fds);
    let options = options(flags).map_err(Failure::usage)?.within(descriptors);
    let web = Arc::new(Web::open(flags.config_file.as_deref()).map_err(Failure::usage)?);
    run(async {
        // The signal handler comes before any socket, so that a signal cannot end the process half-way.
        let stop = stop_signal().map_err(Failure::running)?;
        // The first random number takes the cryptography a hundred million instructions, for it measures the processor's
        // jitter: the first handshake need not wait for that.
        tokio::task::spawn_blocking(|| aws_lc_rs::default_provider().secure_random.fill(&mut [0; 32]));
        let reloads = Reloads::listen().map_err(Failure::running)?;
        let listeners = http::bind(&addresses).map_err(Failure::running)?;
        let app = Arc::new(App::new(config, invocation.sources(), web.clone()));
        let background = app.clone();
        let background =
            tokio::spawn(async move { tokio::join!(background.background(), reload_on_demand(&background, reloads)) });
        info!(event = events::STARTED, version = BUILD.version, "serving");
        bound();
        let shutdown = async move { info!(event = events::STOPPING, signal = stop.await, "stopping") };
        http::run(listeners, app, options, web, shutdown).await;
        background.abort();
        Ok(String::new())
    })?
}

async fn reload_on_demand(app: &App, mut reloads: Reloads) {
    loop {
        reloads.next().await;
        // The reload logs its own outcome.
        let _ = app.reload_in_turn().await;
    }
}

fn load(invocation: &Invocation) -> Result<Config, Failure> {
    config::load(&invocation.sources()).map_err(Failure::usage)
}

fn is_absent(file: &ConfigFile) -> bool {
    matches!(file, ConfigFile::Usual(path) if !path.exists())
}

fn run<T>(what: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::running(format!("no threads: {error}")))?;
    let done = runtime.block_on(what);
    // A name server that does not answer must not delay the exit.
    runtime.shutdown_background();
    Ok(done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{LabelRule, Pattern};
    use crate::exit::{CLOSED, FAILED, USAGE};

    #[test]
    fn check_config_judges_the_flags_of_the_server_too() {
        let flags = ["--web.listen-address=1.2.3.4", "--web.route-prefix=/a/./b", "--web.config.file=/nowhere/web.yml"];
        let line = ["msx_exporter", "check-config", "--config.file=/nowhere/c.yml"].into_iter().chain(flags);
        let failure = check_config(&cli::parse(line).unwrap()).unwrap_err();
        assert_eq!(failure.code, USAGE);
        for start in ["/nowhere/c.yml: ", "/nowhere/web.yml: ", "--web.listen-address ", "--web.route-prefix: "] {
            assert!(failure.complaint.lines().any(|line| line.starts_with(start)), "{start}: {}", failure.complaint);
        }
    }

    #[test]
    fn only_the_rights_of_the_login_that_connects_can_be_asked() {
        let mut config = config::defaults();
        let own = Grantee::from_config(&config);
        assert!(connects_as(&config, &own));
        assert!(!connects_as(&config, &Grantee { login: "other".to_owned(), ..own }));
        config.master.auth = Auth::Windows;
        assert!(!connects_as(&config, &Grantee::from_config(&config)));
    }

    #[test]
    fn a_label_stands_on_a_series_once() {
        let mut config = config::defaults();
        let labels = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<ConstantLabel>>();
        assert_eq!(no_doubles(&config, &labels(&["msx=a", "site=b"])), Ok(()));
        let twice = no_doubles(&config, &labels(&["msx=a", "msx=b"])).unwrap_err();
        assert_eq!((twice.code, twice.complaint.contains("msx is given twice")), (USAGE, true));
        let route = [("route".to_owned(), "payroll".to_owned())].into();
        let matches = Pattern::new(".*").unwrap();
        config.targets.labels.push(LabelRule { matches, labels: route });
        let configured = no_doubles(&config, &labels(&["route=x"])).unwrap_err();
        assert!(configured.complaint.contains("route is one of targets.labels"), "{}", configured.complaint);
    }

    #[test]
    fn what_a_command_says_although_it_failed_goes_into_its_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("request.json");
        let closed = || Failure { code: CLOSED, data: "rows".to_owned(), complaint: "closed".to_owned() };
        assert_eq!(deliver(Err(closed()), None), Err(closed()));
        assert_eq!(deliver(Err(closed()), Some(&path)), Err(Failure { data: String::new(), ..closed() }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "rows");
        let nothing = Failure::usage("faults");
        assert_eq!(deliver(Err(nothing.clone()), Some(&path)), Err(nothing));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "rows");
        let both = deliver(Err(closed()), Some(Path::new("/nonexistent/x"))).unwrap_err();
        assert_eq!((both.code, both.complaint.lines().count()), (CLOSED, 2), "{}", both.complaint);
        assert_eq!(deliver(Ok("script".into()), Some(Path::new("/nonexistent/x"))).unwrap_err().code, FAILED);
    }
}
