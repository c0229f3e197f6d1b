//! From values to meaning: every section, and what contradicts what.

use super::fault::{Fault, ValueError};
use super::layers::Sources;
use super::parse::{self, choice};
use super::scope::Scope;
use super::{
    CheckSettings, Collectors, Config, Depth, Filter, LabelRule, Limits, Local, Maintenance, PortOverride, Ports, Role,
    SourceAddress, Targets, address, master,
};
use crate::model::Check;
use std::collections::{BTreeMap, HashMap};

/// Reads everything. `None` only where a fault was told.
pub(super) fn config(scope: &mut Scope<'_>, sources: &Sources) -> Option<Config> {
    let role = scope.required("role", choice(&[("master", Role::Master), ("target", Role::Target)]));
    let master = master::master(scope, sources, role);
    let local = local(scope, sources, role);
    let collectors = collectors(scope);
    let targets = targets(scope);
    let jobs = filter(scope, "jobs");
    let expected_targets = expected_targets(scope);
    let maintenance = scope.items("maintenance", window);
    let ports = ports(scope);
    let explain_details = scope.required("explain.details", parse::flag);
    let limits = limits(scope);
    if role == Some(Role::Master) {
        collectors_fit(scope, collectors, ports.as_ref());
    }
    Some(Config {
        role: role?,
        master: master?,
        local: local?,
        collectors: collectors?,
        targets: targets?,
        jobs: jobs?,
        expected_targets,
        maintenance: maintenance?,
        ports: ports?,
        explain_details: explain_details?,
        limits: limits?,
    })
}

fn local(scope: &mut Scope<'_>, sources: &Sources, role: Option<Role>) -> Option<Local> {
    let name = scope.optional("local.name", parse::name);
    let address = scope.optional("local.address", address::parse);
    if role == Some(Role::Target) && !sources.windows && scope.is_missing("local.name") {
        let wrong = ValueError::new("is missing, and only the registry of Windows could supply it");
        scope.fault("local.name", wrong.expected("set it to the name as enlisted, or give --local.name"));
    }
    if role == Some(Role::Master) {
        for path in ["local.name", "local.address", "local.user", "local.password", "local.password_file"] {
            if scope.is_written(path) {
                scope.fault(
                    path,
                    ValueError::new("has no meaning with role: master").expected("set role: target or leave it out"),
                );
            }
        }
    }
    let auth = master::auth(scope, sources, "local", role == Some(Role::Target) && matches!(address, Some(Some(_))));
    Some(Local { name: name?, address: address?, auth: auth? })
}

fn collectors(scope: &mut Scope<'_>) -> Option<Collectors> {
    let targets = scope.required("collectors.targets", parse::flag);
    let downloads = scope.required("collectors.downloads", parse::flag);
    let jobs = scope.required("collectors.jobs", parse::flag);
    let server = scope.required("collectors.server", parse::flag);
    let arrivals = scope.required("collectors.arrivals", parse::flag);
    Some(Collectors { targets: targets?, downloads: downloads?, jobs: jobs?, server: server?, arrivals: arrivals? })
}

/// The list of targets comes from one collector; what lives on that list cannot do without it.
fn collectors_fit(scope: &mut Scope<'_>, collectors: Option<Collectors>, ports: Option<&Ports>) {
    let Some(collectors) = collectors else { return };
    let Collectors { targets, downloads, jobs, server, arrivals: _ } = collectors;
    if !(targets || downloads || jobs || server) {
        scope.fault(
            "collectors.targets",
            ValueError::new("all collectors are switched off").expected("leave at least one on"),
        );
    } else if !collectors.targets {
        let needs = [
            (collectors.downloads, "collectors.downloads: false"),
            (ports.is_some_and(|ports| ports.enabled), "ports.enabled: false"),
            (scope.has_items("expected_targets"), "an empty expected_targets"),
        ];
        let needs: Vec<_> = needs.iter().filter(|(in_use, _)| *in_use).map(|(_, remedy)| *remedy).collect();
        if !needs.is_empty() {
            let wrong = ValueError::new("is off, and what is on needs the list of targets");
            scope.fault("collectors.targets", wrong.expected(format!("switch it on, or set {}", needs.join(" and "))));
        }
    }
}

fn targets(scope: &mut Scope<'_>) -> Option<Targets> {
    let filter = filter(scope, "targets");
    let labels = scope.items("targets.labels", label_rule);
    let addresses = scope.items("targets.addresses", source_address);
    Some(Targets { filter: filter?, labels: labels?, addresses: addresses? })
}

fn source_address(item: &mut Scope<'_>) -> Option<SourceAddress> {
    let matches = item.required("match", parse::pattern);
    let address = item.required("address", parse::ip_address);
    Some(SourceAddress { matches: matches?, address: address? })
}

fn label_rule(item: &mut Scope<'_>) -> Option<LabelRule> {
    let matches = item.required("match", parse::pattern);
    let mut labels = BTreeMap::new();
    let names: Vec<_> = item.fields().into_iter().filter(|field| field != "match").collect();
    if names.is_empty() {
        item.fault(
            "",
            ValueError::new("adds no label").expected("write it as { match: 'PAY.*', route: payroll-team }"),
        );
    }
    for name in names {
        if let Err(wrong) = parse::label(&name) {
            item.fault(&name, wrong);
        } else if let Some(Some(value)) = item.optional(&name, parse::text) {
            labels.insert(name, value);
        }
    }
    Some(LabelRule { matches: matches?, labels })
}

fn filter(scope: &mut Scope<'_>, section: &str) -> Option<Filter> {
    let include = scope.required(&format!("{section}.include"), parse::pattern);
    let exclude = scope.required(&format!("{section}.exclude"), parse::pattern);
    Some(Filter { include: include?, exclude: exclude? })
}

/// SQL Server stores the names of targets in upper case, so names that differ in case only are one name.
fn expected_targets(scope: &mut Scope<'_>) -> Vec<String> {
    let mut seen = HashMap::new();
    let mut names = Vec::new();
    for (name, origin) in scope.names("expected_targets", parse::name) {
        match seen.insert(name.to_uppercase(), origin.clone()) {
            None => names.push(name),
            Some(first) => {
                let first = first.map(|first| format!(", first at {first}")).unwrap_or_default();
                let wrong = format!("{} stands there twice{first}", super::fault::quoted(&name));
                scope.faults.push(Fault::new(origin.as_deref(), "expected_targets", wrong));
            }
        }
    }
    names
}

fn window(item: &mut Scope<'_>) -> Option<Maintenance> {
    let matches = item.required("match", parse::pattern);
    let from = item.required("from", parse::instant);
    let until = item.required("until", parse::instant);
    let reason = item.optional("reason", parse::text);
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        item.fault(
            "until",
            ValueError::new("is not after from").expected("until is the first instant after the window"),
        );
    }
    Some(Maintenance { matches: matches?, from: from?, until: until?, reason: reason?.unwrap_or_default() })
}

fn ports(scope: &mut Scope<'_>) -> Option<Ports> {
    let enabled = scope.required("ports.enabled", parse::flag);
    let interval = scope.required("ports.interval", parse::duration);
    let timeout = scope.required("ports.timeout", parse::duration);
    let concurrency = scope.required("ports.concurrency", parse::count);
    if let (Some(interval), Some(timeout)) = (interval, timeout)
        && timeout >= interval
    {
        scope.fault("ports.timeout", "is not shorter than ports.interval");
    }
    let checks: Vec<_> = Check::ALL.iter().map(|check| (*check, settings(scope, *check))).collect();
    let checks =
        checks.into_iter().map(|(check, settings)| Some((check, settings?))).collect::<Option<BTreeMap<_, _>>>();
    let overrides = scope.items("ports.overrides", port_override);
    Some(Ports {
        enabled: enabled?,
        interval: interval?,
        timeout: timeout?,
        concurrency: concurrency?,
        checks: checks?,
        overrides: overrides?,
    })
}

fn settings(scope: &mut Scope<'_>, check: Check) -> Option<CheckSettings> {
    let path = |key: &str| format!("ports.checks.{}.{key}", check.name());
    let sweep = scope.required(&path("sweep"), parse::flag);
    let depth = match check {
        // A datagram has no connection to stop at, and the mapper names a port without saying what listens there.
        Check::Browser => Some(Depth::Protocol),
        Check::RpcScm => Some(Depth::Connect),
        _ => scope.required(&path("depth"), choice(&[("connect", Depth::Connect), ("protocol", Depth::Protocol)])),
    };
    let required = scope.required(&path("required"), parse::flag);
    Some(CheckSettings { sweep: sweep?, depth: depth?, required: required? })
}

fn port_override(item: &mut Scope<'_>) -> Option<PortOverride> {
    let matches = item.required("match", parse::pattern);
    let host = item.optional("host", address::host);
    let engine_port = item.optional("engine_port", parse::port);
    let required = item.optional("required", parse::flag);
    if !["host", "engine_port", "required"].iter().any(|field| item.is_written(field)) {
        item.fault("", ValueError::new("changes nothing").expected("add host, engine_port or required"));
    }
    Some(PortOverride { matches: matches?, host: host?, engine_port: engine_port?, required: required? })
}

fn limits(scope: &mut Scope<'_>) -> Option<Limits> {
    let targets = scope.required("limits.targets", parse::count);
    let job_pairs = scope.required("limits.job_pairs", parse::count);
    let series = scope.required("limits.series", parse::count);
    let scrapes_in_flight = scope.required("limits.scrapes_in_flight", parse::count);
    let per_client = scope.required("limits.scrapes_in_flight_per_client", parse::count);
    if let (Some(all), Some(one)) = (scrapes_in_flight, per_client)
        && one > all
    {
        scope.fault("limits.scrapes_in_flight_per_client", "is larger than limits.scrapes_in_flight");
    }
    Some(Limits {
        targets: targets?,
        job_pairs: job_pairs?,
        series: series?,
        scrapes_in_flight: scrapes_in_flight?,
        scrapes_in_flight_per_client: per_client?,
    })
}
