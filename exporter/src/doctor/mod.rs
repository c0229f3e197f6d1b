//! The firewall request: which ports, from whom to whom, why, and their present state. Pure except for
//! [`MasterSide::look`] and [`look_at_master`], which ask the master and the network.

mod aggregate;
mod csv;
mod gather;
mod lists;
mod logins;
mod markdown;
mod on_master;
mod on_target;
mod page;
mod request;
mod rules;
mod silence;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod verify;

pub use aggregate::aggregate;
pub use gather::{MasterSide, look_at_master};
pub use on_master::{MasterEnd, examine};
pub use on_target::{TargetEnd, examine_on_target};
pub(crate) use page::page;
pub use request::{End, NamesInState, Need, Readiness, Request, Row, Seen, Suspicion, Transport, together};
pub(crate) use rules::patterns;
pub(crate) use table::HEADS;
pub use verify::verify;

/// The formats of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RequestFormat {
    /// For people
    Text,
    /// For a ticket
    Markdown,
    /// For a spreadsheet: the rows alone
    Csv,
    /// For programs, and as input of --verify
    Json,
}

impl RequestFormat {
    /// The value of `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            RequestFormat::Text => "text/plain; charset=utf-8",
            RequestFormat::Markdown => "text/markdown; charset=utf-8",
            RequestFormat::Csv => "text/csv; charset=utf-8",
            RequestFormat::Json => "application/json",
        }
    }

    /// What its file is called.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            RequestFormat::Text => "firewall-request.txt",
            RequestFormat::Markdown => "firewall-request.md",
            RequestFormat::Csv => "firewall-request.csv",
            RequestFormat::Json => "firewall-request.json",
        }
    }
}

/// Writes a request.
pub fn draw(request: &Request, form: RequestFormat) -> String {
    match form {
        RequestFormat::Text => text::draw(request),
        RequestFormat::Markdown => markdown::draw(request),
        RequestFormat::Csv => csv::draw(request),
        // Serialisation fails only for maps whose keys are not texts, and a request has none.
        RequestFormat::Json => serde_json::to_string_pretty(request).unwrap_or_default() + "\n",
    }
}

fn yes_no(fine: Option<bool>) -> &'static str {
    match fine {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}
