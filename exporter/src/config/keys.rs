//! The table of keys. Shapes, names of variables, "did you mean", the reference and the example all come from it.

use super::keys::Kind::*;

/// One key of the configuration.
pub(crate) struct Key {
    /// Sections and name, with dots.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    /// As it would be written in YAML; `None` where the key may be left out and then means nothing.
    pub(crate) default: Option<&'static str>,
    /// The first version that knows the key.
    pub(crate) since: &'static str,
    pub(crate) help: &'static str,
    /// What the example file shows where the default is not an example.
    pub(crate) example: Option<&'static str>,
}

/// What may be written for a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A text that is never shown.
    Secret,
    File,
    Address,
    Host,
    Flag,
    Choice(&'static [&'static str]),
    Duration,
    Count,
    Port,
    Zone,
    Instant,
    Pattern,
    /// A list of names.
    Names,
    /// A list of mappings with these fields, and, where open, with others that hold texts.
    Items {
        fields: &'static [Field],
        open: bool,
    },
}

/// One field of a mapping in a list.
#[derive(PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether a mapping without it is a fault.
    pub(crate) required: bool,
    pub(crate) help: &'static str,
}

impl Kind {
    /// What to write, in words.
    pub(super) fn describe(self) -> String {
        match self {
            Text => "text".to_owned(),
            Secret => "text, never shown".to_owned(),
            File => "the path of a file".to_owned(),
            Address => r"an address: `host`, `host:port` or `host\instance`".to_owned(),
            Host => "the name or address of a host".to_owned(),
            Flag => "`true` or `false`".to_owned(),
            Choice(words) => {
                "one of ".to_owned() + &words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            }
            Duration => "a duration, such as `8s`, `5m` or `250ms`".to_owned(),
            Count => "a whole number from 1".to_owned(),
            Port => "a port from 1 to 65535".to_owned(),
            Zone => "a time zone, by its IANA or Windows name".to_owned(),
            Instant => "an instant, such as `2026-12-01T22:00:00Z`".to_owned(),
            Pattern => "a regular expression, anchored, ignoring case".to_owned(),
            Names => "a list of names".to_owned(),
            Items { fields, open } => {
                let mut names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
                if open {
                    names.push("others".to_owned());
                }
                format!("a list of mappings with {}", names.join(", "))
            }
        }
    }

    pub(super) fn is_list(self) -> bool {
        matches!(self, Names | Items { .. })
    }
}

impl Key {
    const fn new(path: &'static str, kind: Kind, default: Option<&'static str>, help: &'static str) -> Key {
        Key { path, kind, default, since: "0.1.0", help, example: None }
    }

    const fn example(mut self, example: &'static str) -> Key {
        self.example = Some(example);
        self
    }

    /// The variable that sets this key.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.path.to_ascii_uppercase().replace('.', "__"))
    }

    /// The last part of the path.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The path without its last part.
    pub(super) fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }
}

/// How the names of our variables begin. With two underscores: in a cluster that has a service `msx-exporter`, Kubernetes
/// sets `MSX_EXPORTER_SERVICE_HOST` and the like, and those are not ours.
pub(super) const PREFIX: &str = "MSX_EXPORTER__";

/// The key with this path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether keys stand below this path.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// What each section is for, in the order of the table.
pub(crate) const SECTIONS: &[(&str, &str)] = &[
    ("master", "The master and the way to it."),
    ("local", "The target on which this runs; only with `role: target`."),
    ("collectors", "What is read from the master. With `role: target` nothing is read."),
    ("targets", "Which targets are shown, and what is added to them."),
    ("jobs", "Which jobs are shown."),
    ("ports", "Port checks."),
    ("ports.checks.engine", "TCP to the instance's port."),
    ("ports.checks.browser", "SQL Browser, UDP 1434: asked for one named instance without a configured port."),
    ("ports.checks.rpc_mapper", "The RPC endpoint mapper, TCP 135."),
    ("ports.checks.rpc_scm", "The port that the mapper names for the service control manager."),
    ("ports.checks.netbios", "The NetBIOS session service, TCP 139."),
    ("ports.checks.smb", "SMB, TCP 445."),
    ("explain", "The pages for people."),
    ("limits", "Bounds. What lies beyond is left out, counted and logged."),
];

const ENCRYPT: Kind = Choice(&["strict", "required", "login_only", "off"]);
const TRUST: Kind = Choice(&["auto", "true", "false"]);
const AUTH: Kind = Choice(&["sql", "windows"]);
const DEPTH: Kind = Choice(&["connect", "protocol"]);

const MATCH: Field = Field { name: "match", kind: Pattern, required: true, help: "which targets" };

const LABELS: Kind = Items { fields: &[MATCH], open: true };
const ADDRESSES: Kind = Items {
    fields: &[MATCH, Field { name: "address", kind: Text, required: true, help: "an IPv4 or IPv6 address" }],
    open: false,
};
const MAINTENANCE: Kind = Items {
    fields: &[
        MATCH,
        Field { name: "from", kind: Instant, required: true, help: "its first instant" },
        Field { name: "until", kind: Instant, required: true, help: "the first instant after it" },
        Field { name: "reason", kind: Text, required: false, help: "why; may be left out" },
    ],
    open: false,
};
const OVERRIDES: Kind = Items {
    fields: &[
        MATCH,
        Field {
            name: "host",
            kind: Host,
            required: false,
            help: "the host to ask instead of the one in the target's name",
        },
        Field { name: "engine_port", kind: Port, required: false, help: "the port of the engine" },
        Field { name: "required", kind: Flag, required: false, help: "whether the engine's port must be open" },
    ],
    open: false,
};

/// All keys, in the order of the reference.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    Key::new("role", Choice(&["master", "target"]), Some("master"), "Beside the master, or on a target."),

    Key::new("master.address", Address, Some("localhost"), r"Where the master is. `.` and `localhost` are this host, `host,port` is read as `host:port`, and `host\instance` asks SQL Browser for the port. Required with `role: target`."),
    Key::new("master.msdb", Text, Some("msdb"), "The database to read. The session itself stays in `master`, so that msdb can be restored."),
    Key::new("master.auth", AUTH, Some("sql"), "`sql`: a SQL login. `windows`: the account under which the exporter runs; on Windows only, and NTLM, not Kerberos. Where NTLM is refused, or Extended Protection is required, use a SQL login."),
    Key::new("master.user", Text, None, "The SQL login.").example("msx_exporter"),
    Key::new("master.password", Secret, None, "Its password. Better in the environment than here, and better in a file than there. There is no flag for it."),
    Key::new("master.password_file", File, None, "A file with its password. One line break at its end is not part of it. Read at each login, so that it can be rotated.").example("/run/secrets/msx"),
    Key::new("master.encrypt", ENCRYPT, Some("required"), "`strict`: TDS 8.0, TLS before anything else (SQL Server 2022 and later). `required`: everything. `login_only`: the login. `off`: nothing unless the server insists; `false` and `no` mean `off`."),
    Key::new("master.ca_file", File, None, "Certificates, as PEM, that are trusted besides the system's."),
    Key::new("master.host_name_in_certificate", Host, None, "The name to look for in the certificate where it is not the host of the address."),
    Key::new("master.trust_server_certificate", TRUST, Some("auto"), "`true`: accept any certificate. `false`: verify it. `auto`: accept any on this host's own addresses, verify elsewhere."),
    Key::new("master.timeout", Duration, Some("8s"), "For a whole reading, connecting included. Keep it below the scrape time-out of Prometheus."),
    Key::new("master.timezone", Zone, None, "The master's time zone, where the server does not report it (before SQL Server 2022, read from another host)."),
    Key::new("master.only_if_local", Flag, Some("false"), "On a failover cluster: stay passive on the node that does not hold the instance."),

    Key::new("local.name", Text, None, "Its name as enlisted. On Windows it is found in the registry, for every instance that is a target; elsewhere it is required."),
    Key::new("local.address", Address, None, "Its own instance, for a local login: the account of its Agent, its listening ports, its version. May be left out."),
    Key::new("local.auth", AUTH, Some("windows"), "As `master.auth`."),
    Key::new("local.user", Text, None, "As `master.user`."),
    Key::new("local.password", Secret, None, "As `master.password`."),
    Key::new("local.password_file", File, None, "As `master.password_file`."),

    Key::new("collectors.targets", Flag, Some("true"), "The targets. Downloads, expected targets and port checks need it."),
    Key::new("collectors.downloads", Flag, Some("true"), "The download list: pending and failed instructions."),
    Key::new("collectors.jobs", Flag, Some("true"), "Multiserver jobs and their outcomes."),
    Key::new("collectors.server", Flag, Some("true"), "Facts about the master itself."),
    Key::new("collectors.arrivals", Flag, Some("true"), "Who arrives at the master, and why a login is refused: asked for only while a target is silent. Needs VIEW SERVER STATE, from SQL Server 2022 VIEW SERVER PERFORMANCE STATE; without it the rest goes on."),

    Key::new("targets.include", Pattern, Some("'.*'"), "Targets that are shown."),
    Key::new("targets.exclude", Pattern, Some("'^$'"), "Targets that are left out of these."),
    Key::new("targets.labels", LABELS, Some("[]"), "Labels for `msx_target_info`, such as `{ match: 'PAY.*', route: payroll-team }`. The first rule that sets a label wins."),
    Key::new("targets.addresses", ADDRESSES, Some("[]"), "Addresses from which targets arrive at the master besides those of their names, such as `{ match: SQL03, address: 10.1.0.8 }`: behind NAT, and the nodes of a failover cluster. Every rule that matches adds its address."),

    Key::new("jobs.include", Pattern, Some("'.*'"), "Jobs that are shown."),
    Key::new("jobs.exclude", Pattern, Some("'^$'"), "Jobs that are left out of these."),

    Key::new("expected_targets", Names, Some("[]"), "Names that must be enlisted, and may be probed."),
    Key::new("maintenance", MAINTENANCE, Some("[]"), "Windows of time during which no alert fires, such as `{ match: 'SQL0[1-4]', from: 2026-12-01T22:00:00Z, until: 2026-12-02T04:00:00Z, reason: patching }`."),

    Key::new("ports.enabled", Flag, Some("true"), "Whether ports are checked in the background."),
    Key::new("ports.interval", Duration, Some("5m"), "How often each target is checked. A target that turns stale is checked at once."),
    Key::new("ports.timeout", Duration, Some("3s"), "For one check."),
    Key::new("ports.concurrency", Count, Some("256"), "Sockets that are open at once."),
    Key::new("ports.checks.engine.sweep", Flag, Some("true"), "In the background. Else only on request."),
    Key::new("ports.checks.engine.depth", DEPTH, Some("connect"), "`connect`: a TCP connection, closed in an orderly way. `protocol`: the first messages too, never a login."),
    Key::new("ports.checks.engine.required", Flag, Some("false"), "Whether the port must be open. Polling does not need it."),
    Key::new("ports.checks.browser.sweep", Flag, Some("true"), "In the background."),
    Key::new("ports.checks.browser.required", Flag, Some("false"), "Whether it must answer."),
    Key::new("ports.checks.rpc_mapper.sweep", Flag, Some("false"), "In the background."),
    Key::new("ports.checks.rpc_mapper.depth", DEPTH, Some("protocol"), "How deep the check looks."),
    Key::new("ports.checks.rpc_mapper.required", Flag, Some("false"), "Whether the port must be open."),
    Key::new("ports.checks.rpc_scm.sweep", Flag, Some("false"), "In the background."),
    Key::new("ports.checks.rpc_scm.required", Flag, Some("false"), "Whether the port must be open."),
    Key::new("ports.checks.netbios.sweep", Flag, Some("false"), "In the background."),
    Key::new("ports.checks.netbios.depth", DEPTH, Some("protocol"), "How deep the check looks."),
    Key::new("ports.checks.netbios.required", Flag, Some("false"), "Whether the port must be open."),
    Key::new("ports.checks.smb.sweep", Flag, Some("false"), "In the background."),
    Key::new("ports.checks.smb.depth", DEPTH, Some("protocol"), "How deep the check looks."),
    Key::new("ports.checks.smb.required", Flag, Some("false"), "Whether the port must be open."),
    Key::new("ports.overrides", OVERRIDES, Some("[]"), r"What differs for some targets, such as `{ match: 'SQL01\\PAYROLL', host: sql01.corp.example, engine_port: 14331, required: true }`. The first match wins."),

    Key::new("explain.details", Flag, Some("false"), "Texts of errors, addresses and traces on pages without authentication."),

    Key::new("limits.targets", Count, Some("10000"), "Targets that are shown."),
    Key::new("limits.job_pairs", Count, Some("20000"), "Pairs of job and target that are shown."),
    Key::new("limits.series", Count, Some("500000"), "Series on a page."),
    Key::new("limits.scrapes_in_flight", Count, Some("32"), "Scrapes at once."),
    Key::new("limits.scrapes_in_flight_per_client", Count, Some("4"), "Scrapes at once from one address."),
];
