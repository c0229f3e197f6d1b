//! `doctor`: the firewall request, on the master's side or on a target.

use super::{load, run};
use crate::app::App;
use crate::cli::{self, Invocation};
use crate::config::{Config, Role};
use crate::diagnosis::Fleet;
use crate::doctor::{self, MasterSide, Request};
use crate::exit::{CLOSED, Done, FAILED, Failure, UNSEEN};
use crate::files;
use crate::http::Web;
use crate::probe::{Extent, Prober};
use crate::target_side;
use jiff::Timestamp;
use std::sync::Arc;

/// In bytes. A request for 10,000 targets without `--aggregate` is a few dozen MiB.
const LARGEST_REQUEST: u64 = 256 << 20;
/// Lines of a complaint.
const MOST: usize = 5;

/// Every port in both directions: who calls whom, what needs it, and what is known of it now.
///
/// # Errors
/// Code 2 where a required port is not open, code 1 where the master could not be read, code 3 where a required port could
/// not be looked at (the request is printed nevertheless), code 64 where the configuration or the earlier request has
/// faults.
pub fn doctor(invocation: &Invocation, how: &cli::Doctor) -> Done {
    let config = load(invocation)?;
    let earlier = how.verify.as_ref().map(|path| {
        let wrong = |why: String| Failure::usage(format!("--verify={}: {why}", path.display()));
        let bytes =
            files::read_up_to(path, LARGEST_REQUEST).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        files::text(bytes).map_err(|why| wrong(format!("{why}; hint: save it as UTF-8")))
    });
    let earlier = earlier.transpose()?;
    let (mut request, unread) = match config.role {
        Role::Master => run(on_master(invocation, &config))??,
        Role::Target => (run(on_target(&config))??, None),
    };
    if let Some(earlier) = earlier {
        request = doctor::verify(request, &earlier).map_err(|wrong| Failure::usage(format!("--verify: {wrong}")))?;
    }
    let (closed, unseen) = (request.closed(), request.unseen());
    if !how.each {
        request = doctor::aggregate(request);
    }
    let data = doctor::draw(&request, how.form);
    let (code, complaint) = if !closed.is_empty() {
        (CLOSED, format!("required and not open: {}", few(closed)))
    } else if let Some(fault) = unread {
        (FAILED, format!("the master cannot be read: {fault}"))
    } else if !unseen.is_empty() {
        (UNSEEN, format!("required and could not be looked at: {}", few(unseen)))
    } else {
        return Ok(data);
    };
    Err(Failure { code, data, complaint })
}

/// The first of these lines; the document has all of them.
fn few(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    lines.extend((more > 0).then(|| format!("{more} more")));
    lines.join("; ")
}

/// One reading, one sweep of all checks at once, and the questions that only the doctor asks. Also returns why the
/// master could not be read.
async fn on_master(invocation: &Invocation, config: &Config) -> Result<(Request, Option<String>), Failure> {
    let web = Web::open(None).map_err(Failure::usage)?;
    let mut asked = config.clone();
    // The doctor exists to explain silent targets, so the search for arrivals is always on.
    asked.collectors.arrivals = true;
    let app = App::new(asked, invocation.sources(), Arc::new(web));
    let fleet = app.once(Extent::Full).await;
    let Fleet::Master(fleet) = fleet.as_ref() else {
        return Err(Failure::usage("this is the report of a master, and the configuration says `role: target`"));
    };
    let prober = Prober::new(config.ports.clone());
    let master = MasterSide::look(config, &prober, fleet).await;
    let faults = fleet.reports.iter().filter_map(|report| report.fault.as_ref());
    let unread = fleet.master.is_none().then(|| faults.map(ToString::to_string).next().unwrap_or_default());
    Ok((master.request(fleet), unread))
}

/// The target that is configured, or every target that the registry of this machine has.
async fn on_target(config: &Config) -> Result<Request, Failure> {
    let prober = Prober::new(config.ports.clone());
    let mut requests = Vec::new();
    for local_target in target_side::local_targets(config, target_side::of_this_machine().as_ref()) {
        let end = doctor::look_at_master(config, &prober, &local_target).await;
        requests.push(doctor::examine_on_target(&end, Timestamp::now()));
    }
    doctor::together(requests).ok_or_else(|| {
        Failure::usage("no target is known on this machine: give --local.name, the name under which it is enlisted")
    })
}
