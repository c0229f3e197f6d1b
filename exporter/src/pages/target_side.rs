//! The page of an exporter on a target: the way to its master, and the master's certificate.

use super::frame::Frame;
use super::parts::{NONE, state};
use super::words::Tone;
use crate::diagnosis::TargetFleet;
use crate::model::figures::{ago, readable_instant};
use crate::probe::Finding;
use crate::probe::protocol::Verdict;
use crate::target_side::{Forecast, LocalTarget, MasterView};
use askama::Template;
use jiff::Timestamp;

/// The page as HTML. Evidence of the ports is shown only with `details`.
///
/// # Errors
/// None that the data can cause.
pub(super) fn page(fleet: &TargetFleet, frame: Frame, details: bool) -> Result<String, askama::Error> {
    let views = fleet.target_side.views.iter().map(|view| {
        let findings = fleet.port_results.of(&view.local_target.target);
        ViewRow::new(view, findings.iter().map(|finding| PortRow::new(finding, fleet.began, details)).collect())
    });
    Page { frame, views: views.collect() }.render()
}

#[derive(Template)]
#[template(path = "target_side.html")]
struct Page<'a> {
    frame: Frame,
    views: Vec<ViewRow<'a>>,
}

struct ViewRow<'a> {
    target: &'a str,
    master: &'a str,
    enlisted_to: &'a str,
    option: String,
    settings: Vec<SettingRow>,
    checked_name: &'a str,
    class: &'static str,
    verdict: &'static str,
    certificate: Vec<String>,
    remarks: Vec<String>,
    ports: Vec<PortRow<'a>>,
}

impl<'a> ViewRow<'a> {
    fn new(view: &'a MasterView, ports: Vec<PortRow<'a>>) -> ViewRow<'a> {
        let (tone, verdict) = match view.presented.as_ref().map(|presented| presented.verdict) {
            Some(Verdict::Ok) => (Tone::Good, "good: a target that verifies would go on"),
            Some(Verdict::Untrusted) => (Tone::Bad, "no authority that this machine trusts signed it"),
            Some(Verdict::NameMismatch) => (Tone::Bad, "it is for another name"),
            Some(Verdict::Expired) => (Tone::Bad, "it has ended, or not begun"),
            Some(Verdict::NoTls) => (Tone::Bad, "the master offers no encryption"),
            None => (Tone::Unknown, "not seen"),
        };
        let mut certificate = Vec::new();
        if let Some(presented) = &view.presented {
            if let Some(shown) = &presented.certificate {
                certificate.push(format!("Subject {}", shown.subject));
                certificate.push(format!("Issuer {}", shown.issuer));
                certificate.push(format!("Ends {}", readable_instant(shown.not_after)));
            }
            certificate.push(format!("Seen {}", readable_instant(presented.seen_at)));
        }
        let local_target = &view.local_target;
        ViewRow {
            target: &local_target.target,
            master: &local_target.master,
            enlisted_to: local_target.enlisted_to.as_deref().unwrap_or(NONE),
            option: local_target.encrypt_channel_option.map_or_else(|| NONE.to_owned(), |option| option.to_string()),
            settings: view.forecasts().into_iter().flatten().map(|it| SettingRow::new(it, local_target)).collect(),
            checked_name: local_target.checked_name(),
            class: tone.class(),
            verdict,
            certificate,
            remarks: view.remarks(),
            ports,
        }
    }
}

/// The outcome of one setting of MsxEncryptChannelOptions.
struct SettingRow {
    setting: u32,
    in_force: bool,
    class: &'static str,
    outcome: &'static str,
    words: String,
}

impl SettingRow {
    fn new(forecast: Forecast, local_target: &LocalTarget) -> SettingRow {
        let in_force = local_target.encrypt_channel_option == Some(forecast.setting);
        let (tone, outcome) = match forecast.connects {
            Some(true) => (Tone::Good, "connects"),
            // A setting that is not in force does no harm.
            Some(false) if !in_force => (Tone::Unknown, "would be refused"),
            Some(false) => (Tone::Bad, "is refused"),
            None => (Tone::Unknown, "not known"),
        };
        SettingRow { setting: forecast.setting, in_force, class: tone.class(), outcome, words: forecast.words }
    }
}

struct PortRow<'a> {
    name: String,
    required: &'static str,
    class: &'static str,
    state: &'static str,
    evidence: Option<&'a str>,
    checked: String,
}

impl<'a> PortRow<'a> {
    fn new(finding: &'a Finding, now: Timestamp, details: bool) -> PortRow<'a> {
        let number = finding.port.map(|port| format!(" {} {port}", finding.transport)).unwrap_or_default();
        let tone = match (finding.state.open(), finding.required) {
            (Some(true), _) => Tone::Good,
            (Some(false), true) => Tone::Bad,
            _ => Tone::Unknown,
        };
        PortRow {
            name: format!("{}{number}", finding.check.name()),
            required: if finding.required { "for polling" } else { "no" },
            class: tone.class(),
            state: state(finding.state),
            evidence: details.then_some(finding.evidence.as_str()),
            checked: ago(now, finding.checked_at),
        }
    }
}
