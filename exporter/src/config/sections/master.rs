//! `master`: where it is, how to log in, and how far its certificate is believed.

use super::Role;
use super::login::{Auth, LoginRows};
use crate::config::error::ValueError;
use crate::config::readers::{ADDRESS, DURATION, FILE, FLAG, HOST, NAME, ZONE};
use crate::config::scope::Scope;
use crate::config::section::{Context, Reader, choice, section};
use crate::model::Address;
use std::path::PathBuf;
use std::time::Duration;
use x509_cert::Certificate;

section! {
    /// The master and the way to it.
    pub struct Master {
        /// Where the master is. `.` and `localhost` are this host, `host,port` is read as `host:port`, and
        /// `host\instance` asks SQL Browser for the port. Required with `role: target`.
        address: Address = ADDRESS.or("localhost");
        /// The database to read. The session itself stays in `master`, so that msdb can be restored.
        msdb: String = NAME.or("msdb");
        /// How to log in.
        auth: Auth = LOGIN;
        /// `strict`: TDS 8.0, TLS before anything else (SQL Server 2022 and later). `required`: everything.
        /// `login_only`: the login. `off`: nothing unless the server insists; `false` and `no` mean `off`.
        encrypt: Encrypt = ENCRYPT.or("required");
        /// Certificates, as PEM, that are trusted besides the system's.
        ca_file: Option<PathBuf> = FILE.optional();
        /// The name to look for in the certificate where it is not the host of the address.
        host_name_in_certificate: Option<String> = HOST.optional();
        /// `true`: accept any certificate. `false`: verify it. `auto`: accept any on this host's own addresses, verify
        /// elsewhere.
        trust_server_certificate: Trust = Trust::KIND.or("auto");
        /// For a complete reading, connecting included. Keep it below the scrape time-out of Prometheus.
        timeout: Duration = DURATION.or("8s");
        /// The master's time zone, where the server does not report it (before SQL Server 2022, read from another
        /// host).
        timezone: Option<String> = ZONE.optional();
        /// On a failover cluster: stay passive on the node that does not hold the instance.
        only_if_local: bool = FLAG.or("false");
    }
    check address_is_known {}
    check certificates_are_there { ca_file }
    check certificate_is_looked_at { encrypt, trust_server_certificate }
}

/// On a target nothing logs in to the master: only its ports and its certificate are looked at.
const LOGIN: LoginRows = LoginRows {
    auth: (
        "sql",
        "`sql`: a SQL login. `windows`: the account under which the exporter runs; on Windows only, and NTLM, not \
         Kerberos. Where NTLM is refused, or Extended Protection is required, use a SQL login.",
    ),
    user: (Some("msx_exporter"), "The SQL login."),
    password: "Its password. Better in the environment than here, and better in a file than there. There is no flag for it.",
    password_file: (
        Some("/run/secrets/msx"),
        "A file with its password. One line break at its end is not part of it. Read at each login, so that it can be \
         rotated.",
    ),
    logs_in: |_, context| context.role == Some(Role::Master),
};

choice! {
    /// How much of the session with the master is encrypted.
    pub enum Encrypt {
        /// TDS 8.0: TLS before the first byte of TDS.
        Strict = "strict",
        /// TDS 7.4 with everything encrypted.
        Required = "required",
        /// TDS 7.4 with the login encrypted.
        LoginOnly = "login_only",
        /// Nothing, unless the server insists.
        Off = "off",
    }
}

/// The words of YAML for no are understood; those for yes do not say how.
const ENCRYPT: Reader<Encrypt> = Reader {
    kind: Encrypt::KIND.kind,
    parse: |written| match written.to_ascii_lowercase().as_str() {
        "false" | "no" => Ok(Encrypt::Off),
        "true" | "yes" | "on" => {
            Err(ValueError::new("does not say how").expected("required encrypts everything; strict is TDS 8.0"))
        }
        _ => (Encrypt::KIND.parse)(written),
    },
};

choice! {
    /// Whether the master's certificate is verified.
    pub enum Trust {
        /// Accept any on this host's own addresses and verify elsewhere.
        Auto = "auto",
        /// Accept any.
        Always = "true",
        /// Verify.
        Never = "false",
    }
}

fn address_is_known(scope: &mut Scope<'_>, context: &Context<'_>) {
    if context.role == Some(Role::Target) && scope.is_missing("master.address") {
        let wrong = ValueError::new("is missing, and a target cannot guess where its master is");
        scope.fault("master.address", wrong.expected("set it, or give --master.address"));
    }
}

fn certificates_are_there(scope: &mut Scope<'_>, context: &Context<'_>, file: Option<&Option<PathBuf>>) {
    let Some(Some(path)) = file else { return };
    let wrong = match (context.sources.read)(path) {
        Err(error) => ValueError::new(format!("the file that it names cannot be read: {error}")),
        Ok(bytes) => match Certificate::load_pem_chain(&crate::files::unmarked(bytes)) {
            Ok(found) if !found.is_empty() => return,
            _ => ValueError::new("the file that it names holds no certificate")
                .expected("PEM: -----BEGIN CERTIFICATE-----"),
        },
    };
    scope.fault("master.ca_file", wrong);
}

/// How to verify a certificate has no meaning where it is not verified.
fn certificate_is_looked_at(scope: &mut Scope<'_>, _: &Context<'_>, encrypt: Option<&Encrypt>, trust: Option<&Trust>) {
    if encrypt == Some(&Encrypt::Strict) && trust == Some(&Trust::Always) {
        let wrong = ValueError::new("encrypt: strict always verifies the certificate");
        scope.fault(
            "master.trust_server_certificate",
            wrong.expected("set it to false, and name ca_file where the certificate needs it"),
        );
    }
    let why = match (encrypt, trust) {
        (Some(Encrypt::Off), _) => "has no meaning with encrypt: off",
        (Some(Encrypt::Required | Encrypt::LoginOnly), Some(Trust::Always)) => {
            "has no meaning with trust_server_certificate: true"
        }
        _ => return,
    };
    for path in ["master.ca_file", "master.host_name_in_certificate"] {
        if scope.is_written(path) {
            scope.fault(path, why);
        }
    }
}
