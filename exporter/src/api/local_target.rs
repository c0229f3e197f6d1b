//! What `/api/v1/targets` has with `role: target`: the way of each target on this machine to its master.

use super::PortFacts;
use crate::diagnosis::TargetFleet;
use crate::model::UtcInstant;
use crate::target_side::{Forecast, MasterView, Presented};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct LocalTargetFacts<'a> {
    name: &'a str,
    master: &'a str,
    enlisted_to: Option<&'a str>,
    encrypt_channel_option: Option<u32>,
    settings: Vec<SettingFacts>,
    certificate: Option<PresentedFacts<'a>>,
    remarks: Vec<String>,
    ports: Vec<PortFacts<'a>>,
}

impl<'a> LocalTargetFacts<'a> {
    pub(super) fn of_each(fleet: &'a TargetFleet, details: bool) -> Vec<LocalTargetFacts<'a>> {
        let views = fleet.target_side.views.iter();
        let ports = |view: &MasterView| fleet.port_results.of(&view.local_target.target);
        views
            .map(|view| LocalTargetFacts::new(view, ports(view).iter().map(|port| PortFacts::new(port, details))))
            .collect()
    }

    fn new(view: &'a MasterView, ports: impl Iterator<Item = PortFacts<'a>>) -> LocalTargetFacts<'a> {
        let target = &view.local_target;
        let presented = view.presented.as_ref();
        LocalTargetFacts {
            name: &target.target,
            master: &target.master,
            enlisted_to: target.enlisted_to.as_deref(),
            encrypt_channel_option: target.encrypt_channel_option,
            settings: view.forecasts().into_iter().flatten().map(SettingFacts::from).collect(),
            certificate: presented.map(|presented| PresentedFacts::new(presented, target.checked_name())),
            remarks: view.remarks(),
            ports: ports.collect(),
        }
    }
}

/// What comes of a value of MsxEncryptChannelOptions.
#[derive(Serialize)]
struct SettingFacts {
    setting: u32,
    connects: Option<bool>,
    text: String,
}

impl From<Forecast> for SettingFacts {
    fn from(Forecast { setting, connects, words: text }: Forecast) -> SettingFacts {
        SettingFacts { setting, connects, text }
    }
}

/// What the master presents, as judged for the name by which the target knows it.
#[derive(Serialize)]
struct PresentedFacts<'a> {
    reason: &'static str,
    name: &'a str,
    store: &'static str,
    subject: Option<&'a str>,
    issuer: Option<&'a str>,
    not_after: Option<UtcInstant>,
    seen_at: UtcInstant,
}

impl<'a> PresentedFacts<'a> {
    fn new(presented: &'a Presented, name: &'a str) -> PresentedFacts<'a> {
        let certificate = presented.certificate.as_ref();
        PresentedFacts {
            reason: presented.verdict.name(),
            name,
            store: presented.store.name(),
            subject: certificate.map(|shown| shown.subject.as_str()),
            issuer: certificate.map(|shown| shown.issuer.as_str()),
            not_after: certificate.map(|shown| UtcInstant(shown.not_after)),
            seen_at: UtcInstant(presented.seen_at),
        }
    }
}
