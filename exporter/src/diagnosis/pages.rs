//! What the pages of a silent target prove. A page that is not fresh proves nothing.

use super::target::Enlisted;
use crate::collectors::ServerFacts;
use crate::model::{Address, Check, DEFAULT_PORT, ServerName, StartMode, Store};
use crate::probe::Finding;
use crate::probe::protocol::Verdict;
use crate::target_pages::{CertificateLook, PagesOfTarget, TargetPage};
use jiff::{SignedDuration, Timestamp};

/// What arrives at the master so close to a look from that host may be the look.
const NEAR_A_LOOK: SignedDuration = SignedDuration::from_mins(1);

/// The master as targets know it.
pub(crate) struct ThisMaster<'a> {
    /// Where the exporter finds it.
    pub(crate) address: &'a Address,
    pub(crate) server: Option<&'a ServerFacts>,
}

impl ThisMaster<'_> {
    /// Whether a name on a target means this master, as far as names can show.
    pub(crate) fn is(&self, name: &str) -> bool {
        let known_as = self.server.map(|server| ServerName::of(&server.name));
        let name_on_target = ServerName::of(name);
        let same_instance = |own: ServerName<'_>| match (name_on_target.port, self.address.port) {
            (None, _) => own.same_instance(name_on_target),
            (Some(port), Some(own)) => port == own,
            (Some(port), None) => self.address.instance.is_some() || port == DEFAULT_PORT,
        };
        let is_known_as = |own: ServerName<'_>| own.same_host(name_on_target, "") && same_instance(own);
        self.address.is_called(name, "") || known_as.is_some_and(is_known_as)
    }

    /// The fingerprint of the certificate that it presents.
    fn certificate(&self) -> Option<&str> {
        Some(self.server?.certificate.as_ref()?.sha256.as_str())
    }
}

/// The fresh pages of one silent target.
#[derive(Default)]
pub(crate) struct PageEvidence<'a> {
    /// The newest of the node on which the instance runs.
    active: Option<&'a TargetPage>,
    /// The port of the engine of this master, as that page shows it.
    way: Option<&'a Finding>,
    /// What the newest page makes of the certificate that this master presents now, where an Agent judges in the same
    /// way.
    certificate: Option<(&'a TargetPage, &'a CertificateLook)>,
    starts_manually: bool,
    looks: &'a [Timestamp],
}

impl<'a> PageEvidence<'a> {
    /// `now` is the time of this computer, by which pages are known.
    pub(crate) fn of(
        pages: &'a PagesOfTarget,
        target: &Enlisted,
        now: Timestamp,
        master: &ThisMaster<'_>,
    ) -> PageEvidence<'a> {
        let last_poll = target.last_poll_by_its_clock(now);
        let newest = |wanted: fn(Option<bool>) -> bool| {
            let fresh = pages.pages.iter().filter(|known| known.is_fresh(now, last_poll)).map(|known| &known.page);
            fresh.filter(|page| wanted(page.instance_running)).max_by_key(|page| page.taken_at)
        };
        let active = newest(|running| running == Some(true));
        let way = active.filter(|page| page.master.as_deref().is_none_or(|name| master.is(name))).and_then(|page| {
            page.ports.iter().find(|finding| {
                let is_engine = finding.check == Check::Engine && finding.checked_at >= last_poll;
                is_engine && finding.master.as_deref().is_some_and(|name| master.is(name))
            })
        });
        let certificate = newest(|running| running != Some(false));
        let certificate = certificate.and_then(|page| Some((page, judged_as_by_its_agent(page, master)?)));
        // On a cluster it always does, for the cluster starts it.
        let starts_manually =
            matches!(pages.pages.as_slice(), [known] if known.page.agent_start_mode == Some(StartMode::Manual));
        PageEvidence { active, way, certificate, starts_manually, looks: &pages.looks }
    }

    /// The page by which its Agent runs, or does not, where its instance runs.
    pub(crate) fn agent(&self) -> Option<(&'a TargetPage, bool)> {
        self.active.and_then(|page| Some((page, page.agent_running?)))
    }

    /// The engine port of this master by a page, and whether it is open.
    pub(crate) fn way(&self) -> Option<(&'a TargetPage, &'a Finding, bool)> {
        let finding = self.way?;
        Some((self.active?, finding, finding.state.open()?))
    }

    /// What an Agent would make of the certificate, and whether it refuses it.
    pub(crate) fn certificate(&self) -> Option<(&'a TargetPage, &'a CertificateLook, bool)> {
        let (page, look) = self.certificate?;
        match look.verdict {
            Verdict::Ok => Some((page, look, false)),
            Verdict::Untrusted | Verdict::NameMismatch | Verdict::Expired => Some((page, look, true)),
            Verdict::NoTls => None,
        }
    }

    /// Whether its Agent starts manually, by the last page of its only node, fresh or not.
    pub(crate) fn starts_manually(&self) -> bool {
        self.starts_manually
    }

    /// Whether something on its host looked at the master at about that time of its own clock.
    pub(crate) fn looked_at(&self, at: Timestamp) -> bool {
        self.looks.iter().any(|look| look.duration_since(at).abs() <= NEAR_A_LOOK)
    }
}

/// A verdict counts where it is the one of the Agent: option 2 in force, by the store of Windows, for the name as
/// MSXServerName has it, on the certificate that this master presents now.
fn judged_as_by_its_agent<'a>(page: &'a TargetPage, master: &ThisMaster<'_>) -> Option<&'a CertificateLook> {
    let look = page.certificate.as_ref()?;
    let name = page.master.as_deref().filter(|name| master.is(name))?;
    let is_same = look.name == ServerName::of(name).host && master.certificate() == Some(look.sha256.as_str());
    (is_same && look.store == Store::Windows && page.encrypt_channel_option == Some(2)).then_some(look)
}
