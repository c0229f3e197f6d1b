//! From the text of a page to what it says.

use super::page::{CertificateLook, TargetPage};
use super::sample::Sample;
use crate::exposition::catalogue as metric;
use crate::model::{Check, Direction, PageSource, PortSource, PortState, StartMode, Store, names};
use crate::probe::Finding;
use crate::probe::protocol::Verdict;
use jiff::Timestamp;
use std::time::Duration;

/// The last line of a page: what does not end with it was cut.
const END: &str = "# EOF";

/// Reads the page of a target.
///
/// # Errors
/// Why it is refused, without its name, to be put behind "the page".
pub(super) fn parse(text: &str, target: &str) -> Result<TargetPage, String> {
    let body = text.trim_end_matches(['\r', '\n']).strip_suffix(END);
    let body = body.filter(|body| body.ends_with('\n')).ok_or("is cut: its last line is not # EOF")?;
    let mut found = Found::default();
    for (number, line) in body.lines().enumerate() {
        if line.is_empty() || (line.starts_with('#') && line != END) {
            continue;
        }
        let sample = Sample::parse(line).ok_or_else(|| format!("has no series in line {}", number + 1))?;
        if let Some(other) = sample.label("target").filter(|other| !names::same(other, target)) {
            return Err(format!("is one of {other:?}"));
        }
        found.take(&sample).ok_or_else(|| format!("has a {} in line {} that is not valid", sample.name, number + 1))?;
    }
    found.page()
}

/// What the lines so far say.
#[derive(Default)]
struct Found {
    info: Option<(String, PageSource, String)>,
    taken_at: Option<Timestamp>,
    interval: Option<Duration>,
    instance_running: Option<bool>,
    agent_running: Option<bool>,
    agent_start_mode: Option<StartMode>,
    master: Option<String>,
    encrypt_channel_option: Option<u32>,
    verdict: Option<Verdict>,
    look: Option<(String, Store, String)>,
    ports: Vec<Finding>,
}

impl Found {
    /// `None` where the series says something that it cannot mean, or says it twice. Others are left aside.
    fn take(&mut self, sample: &Sample<'_>) -> Option<()> {
        let text = |label: &str| sample.label(label).map(str::to_owned);
        let is = |metric: &metric::Metric| metric.name == sample.name;
        match () {
            () if is(&metric::TARGET_PAGE_TIMESTAMP) => once(&mut self.taken_at, instant(sample.value)),
            () if is(&metric::TARGET_PAGE_INTERVAL) => once(&mut self.interval, length(sample.value)),
            () if is(&metric::TARGET_PAGE_INFO) => {
                let source = word(&PageSource::ALL, PageSource::name, sample.label("source"));
                once(&mut self.info, set(sample).and(text("node")).zip(source).zip(text("version")).map(flat))
            }
            () if is(&metric::TARGET_INSTANCE_RUNNING) => once(&mut self.instance_running, flag(sample.value)),
            () if is(&metric::TARGET_AGENT_RUNNING) => once(&mut self.agent_running, flag(sample.value)),
            () if is(&metric::TARGET_AGENT_START_MODE) => {
                let mode = word(&StartMode::ALL, StartMode::name, sample.label("mode"));
                once(&mut self.agent_start_mode, set(sample).and(mode))
            }
            () if is(&metric::TARGET_MASTER_INFO) => once(&mut self.master, set(sample).and(text("master"))),
            () if is(&metric::TARGET_ENCRYPT_CHANNEL_OPTION) => {
                once(&mut self.encrypt_channel_option, integer(sample.value))
            }
            () if is(&metric::MASTER_CERTIFICATE_VALID) => {
                let verdict = word(&Verdict::ALL, Verdict::name, sample.label("reason"));
                once(&mut self.verdict, set(sample).and(verdict))
            }
            () if is(&metric::MASTER_CERTIFICATE_LOOK) => {
                let store = word(&Store::ALL, Store::name, sample.label("store"));
                let sha256 = sample.label("sha256").filter(|text| is_fingerprint(text));
                let sha256 = sha256.map(str::to_ascii_lowercase);
                once(&mut self.look, set(sample).and(text("name")).zip(store).zip(sha256).map(flat))
            }
            () if sample.name.starts_with("msx_port_") => self.port(sample),
            () => Some(()),
        }
    }

    /// One of the series of a port. Those of ports on the target itself are left aside.
    fn port(&mut self, sample: &Sample<'_>) -> Option<()> {
        if sample.label("direction") != Some(Direction::ToMaster.name()) {
            return Some(());
        }
        let check = word(&Check::ALL, Check::name, sample.label("check"))?;
        let is = |metric: &metric::Metric| metric.name == sample.name;
        let finding = self.finding(check, sample.label("master")?)?;
        match () {
            // It has one: what has two contradicts itself.
            () if is(&metric::PORT_STATE) && finding.state != PortState::Skipped => return None,
            () if is(&metric::PORT_STATE) => {
                finding.state = set(sample).and(word(&PortState::ALL, PortState::name, sample.label("state")))?;
            }
            () if is(&metric::PORT_REQUIRED) => finding.required = flag(sample.value)?,
            () if is(&metric::PORT_PROTOCOL_OK) => finding.protocol_ok = Some(flag(sample.value)?),
            () if is(&metric::PORT_CHECKED_AT) => finding.checked_at = instant(sample.value)?,
            () if is(&metric::PORT_CONNECT_DURATION) => finding.connect = Some(length(sample.value)?),
            () if is(&metric::PORT_PROTOCOL_DURATION) => finding.handshake = Some(length(sample.value)?),
            () if is(&metric::PORT_INFO) => {
                let port = sample.label("port")?;
                finding.port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
                finding.source = word(&PortSource::ALL, PortSource::name, sample.label("source"))?;
            }
            () => {}
        }
        Some(())
    }

    /// A target has one master, under one name.
    fn finding(&mut self, check: Check, master: &str) -> Option<&mut Finding> {
        if self.ports.iter().any(|known| known.master.as_deref() != Some(master)) {
            return None;
        }
        if self.ports.iter().all(|known| known.check != check) {
            self.ports.push(Finding {
                master: Some(master.to_owned()),
                ..Finding::skipped(check, Direction::ToMaster, Timestamp::UNIX_EPOCH)
            });
        }
        self.ports.iter_mut().find(|known| known.check == check)
    }

    fn page(mut self) -> Result<TargetPage, String> {
        let (node, source, version) = self.info.ok_or("does not say by what and where it was taken")?;
        let taken_at = self.taken_at.ok_or("does not say when it was taken")?;
        self.ports.sort_by_key(|finding| finding.check);
        for finding in &mut self.ports {
            if finding.checked_at == Timestamp::UNIX_EPOCH {
                finding.checked_at = taken_at;
            }
            finding.evidence = format!("as the page of {node} has it");
        }
        let look = self.look.zip(self.verdict);
        let certificate = look.map(|((name, store, sha256), verdict)| CertificateLook { name, store, sha256, verdict });
        Ok(TargetPage {
            node,
            source,
            version,
            taken_at,
            interval: self.interval,
            instance_running: self.instance_running,
            agent_running: self.agent_running,
            agent_start_mode: self.agent_start_mode,
            master: self.master,
            encrypt_channel_option: self.encrypt_channel_option,
            certificate,
            ports: self.ports,
        })
    }
}

/// Keeps a value that is known; `None` where it is not, or another was known before.
fn once<T>(known: &mut Option<T>, value: Option<T>) -> Option<()> {
    let value = value?;
    known.replace(value).is_none().then_some(())
}

fn flat<A, B, C>(((a, b), c): ((A, B), C)) -> (A, B, C) {
    (a, b, c)
}

/// The value of a series that has its facts in its labels.
fn set(sample: &Sample<'_>) -> Option<()> {
    flag(sample.value)?.then_some(())
}

fn flag(value: f64) -> Option<bool> {
    match integer(value)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn integer(value: f64) -> Option<u32> {
    (value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value)).then_some(value as u32)
}

fn length(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value).ok()
}

/// Seconds since 1970, to the millisecond.
fn instant(value: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond((value * 1000.0).round() as i64).ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
}

fn word<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: Option<&str>) -> Option<T> {
    all.iter().copied().find(|one| Some(name(*one)) == text)
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The page of a target with an instance, as either source writes one.
    pub(in crate::target_pages) const PAGE: &str = concat!(
        "# HELP msx_target_master_info 1.\n",
        "# TYPE msx_target_master_info gauge\n",
        "msx_target_master_info{target=\"SQL01\\\\A\",master=\"MSX01\"} 1\n",
        "msx_target_encrypt_channel_option{target=\"SQL01\\\\A\"} 2\n",
        "msx_master_certificate_valid{target=\"SQL01\\\\A\",reason=\"untrusted\"} 1\n",
        "msx_target_page_timestamp_seconds{target=\"SQL01\\\\A\"} 1764000000.5\n",
        "msx_target_page_interval_seconds{target=\"SQL01\\\\A\"} 600\n",
        "msx_target_page_info{target=\"SQL01\\\\A\",node=\"NODE1\",source=\"script\",version=\"0.1.0\"} 1\n",
        "msx_target_instance_running{target=\"SQL01\\\\A\"} 1\n",
        "msx_target_agent_running{target=\"SQL01\\\\A\"} 0\n",
        "msx_target_agent_start_mode_info{target=\"SQL01\\\\A\",mode=\"manual\"} 1\n",
        "msx_master_certificate_look_info{target=\"SQL01\\\\A\",name=\"MSX01\",store=\"windows\",",
        "sha256=\"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\"} 1\n",
        "msx_port_open{target=\"SQL01\\\\A\",check=\"engine\",direction=\"to_master\",master=\"MSX01\"} 0\n",
        "msx_port_required{target=\"SQL01\\\\A\",check=\"engine\",direction=\"to_master\",master=\"MSX01\"} 1\n",
        "msx_port_state{target=\"SQL01\\\\A\",check=\"engine\",direction=\"to_master\",master=\"MSX01\",state=\"filtered\"} 1\n",
        "msx_port_check_timestamp_seconds{target=\"SQL01\\\\A\",check=\"engine\",direction=\"to_master\",master=\"MSX01\"} 1764000000\n",
        "msx_port_info{target=\"SQL01\\\\A\",check=\"engine\",direction=\"to_master\",master=\"MSX01\",port=\"1433\",",
        "protocol=\"tcp\",source=\"default\"} 1\n",
        "msx_something_later{target=\"SQL01\\\\A\"} 5\n",
        "# EOF\n",
    );

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let page = parse(PAGE, r"sql01\a").unwrap();
        assert_eq!((page.node.as_str(), page.source, page.version.as_str()), ("NODE1", PageSource::Script, "0.1.0"));
        assert_eq!(page.taken_at, Timestamp::from_millisecond(1_764_000_000_500).unwrap());
        assert_eq!(page.interval, Some(Duration::from_secs(600)));
        assert_eq!((page.instance_running, page.agent_running), (Some(true), Some(false)));
        assert_eq!(page.agent_start_mode, Some(StartMode::Manual));
        assert_eq!((page.master.as_deref(), page.encrypt_channel_option), (Some("MSX01"), Some(2)));
        let look = page.certificate.unwrap();
        assert_eq!((look.name.as_str(), look.store, look.verdict), ("MSX01", Store::Windows, Verdict::Untrusted));
        assert!(look.sha256.ends_with("aabbccddeeff"));
        let [port] = page.ports.as_slice() else { unreachable!("{:?}", page.ports) };
        assert_eq!(
            (port.check, port.state, port.required, port.port),
            (Check::Engine, PortState::Filtered, true, Some(1433))
        );
        let windows = PAGE.replace('\n', "\r\n");
        assert!(parse(&windows, r"SQL01\A").is_ok_and(|page| page.node == "NODE1"), "as Windows ends its lines");
    }

    #[test]
    fn what_is_not_a_page_of_this_target_is_refused() {
        let without = |part: &str| PAGE.lines().filter(|line| !line.contains(part)).collect::<Vec<_>>().join("\n");
        let twice = PAGE.replace("# EOF", "msx_target_agent_running{target=\"SQL01\\\\A\"} 1\n# EOF");
        let state = PAGE.lines().find(|line| line.starts_with("msx_port_state")).unwrap();
        let two_states = PAGE.replace(state, &format!("{state}\n{}", state.replace("filtered", "open")));
        for (text, why) in [
            (String::new(), "is cut"),
            ("# EOF".to_owned(), "is cut"),
            (PAGE[..PAGE.len() / 2].to_owned(), "is cut"),
            (PAGE.replace("# EOF\n", ""), "is cut"),
            (format!("{PAGE}msx_up 1\n"), "is cut"),
            (format!("{PAGE}{PAGE}"), "no series in line 19"),
            ("\n# EOF".to_owned(), "by what and where"),
            (without("page_info"), "by what and where"),
            (without("timestamp_seconds"), "when it was taken"),
            (PAGE.replacen("SQL01\\\\A", "SQL02", 1), "is one of \"SQL02\""),
            (
                PAGE.replace("agent_running{target=\"SQL01\\\\A\"} 0", "agent_running{target=\"SQL01\\\\A\"} 2"),
                "not valid",
            ),
            (
                PAGE.replace("\"manual\"", "\"sometimes\""),
                "msx_target_agent_start_mode_info in line 11 that is not valid",
            ),
            (PAGE.replace("00112233", "0011223"), "not valid"),
            (PAGE.replace("1764000000.5", "-1"), "not valid"),
            (PAGE.replace("1764000000.5", "1e308"), "not valid"),
            (PAGE.replace("1764000000.5", "NaN"), "no series in line"),
            (PAGE.replace("} 600", "} -600"), "not valid"),
            (PAGE.replace("state=\"filtered\"} 1", "state=\"filtered\"} 0"), "not valid"),
            (two_states, "not valid"),
            (PAGE.replace("port=\"1433\"", "port=\"70000\""), "not valid"),
            (
                PAGE.replace("master=\"MSX01\",port", "master=\"MSX02\",port"),
                "msx_port_info in line 17 that is not valid",
            ),
            (twice, "not valid"),
            (PAGE.replace("msx_something_later", "what is this"), "no series in line 18"),
        ] {
            let refused = parse(&text, r"SQL01\A").unwrap_err();
            assert!(refused.contains(why), "{why}: {refused}");
        }
    }
}
