//! What the port checks know. These series go on while the master cannot be read.

use crate::exposition::catalogue::{self as metric, Metric};
use crate::exposition::label::{Labels, Line};
use crate::exposition::sheet::{Sheet, Value};
use crate::probe::{Board, Finding};
use std::fmt;

/// The families that no limit takes away.
pub(crate) fn ports(sheet: &mut Sheet<'_>, board: &Board) -> fmt::Result {
    each(sheet, board, &metric::PORT_OPEN, |finding| finding.state.open())?;
    each(sheet, board, &metric::PORT_REQUIRED, |finding| Some(finding.required))?;
    each(sheet, board, &metric::PORT_PROTOCOL_OK, |finding| finding.protocol_ok)?;
    sheet.family(
        &metric::PORT_STATE,
        findings(board).map(|(target, finding)| {
            let state = [("state", finding.state.name())];
            (PortLabels { target, finding, more: state }, Value::from(true))
        }),
    )?;
    each(sheet, board, &metric::PORT_CHECKED_AT, |finding| Some(finding.checked_at))
}

/// The numbers of the ports.
pub(crate) fn infos(sheet: &mut Sheet<'_>, board: &Board) -> fmt::Result {
    sheet.family(
        &metric::PORT_INFO,
        findings(board).map(|(target, finding)| (InfoLabels { target, finding }, Value::from(true))),
    )
}

/// How many series [`infos`] writes.
pub(crate) fn info_series(board: &Board) -> usize {
    board.findings.values().map(Vec::len).sum()
}

/// How long connects and handshakes took.
pub(crate) fn durations(sheet: &mut Sheet<'_>, board: &Board) -> fmt::Result {
    each(sheet, board, &metric::PORT_CONNECT_DURATION, |finding| finding.connect)?;
    each(sheet, board, &metric::PORT_PROTOCOL_DURATION, |finding| finding.handshake)
}

/// How many series [`durations`] writes.
pub(crate) fn duration_series(board: &Board) -> usize {
    findings(board)
        .map(|(_, finding)| usize::from(finding.connect.is_some()) + usize::from(finding.handshake.is_some()))
        .sum()
}

fn each<V: Into<Value>>(
    sheet: &mut Sheet<'_>,
    board: &Board,
    metric: &Metric,
    value: impl Fn(&Finding) -> Option<V>,
) -> fmt::Result {
    sheet.family(
        metric,
        findings(board)
            .filter_map(|(target, finding)| Some((PortLabels { target, finding, more: [] }, value(finding)?.into()))),
    )
}

fn findings(board: &Board) -> impl Iterator<Item = (&str, &Finding)> {
    board.findings.iter().flat_map(|(target, findings)| findings.iter().map(|finding| (target.as_str(), finding)))
}

/// Which port of which target, and `master` where the finding is about the way to it.
struct PortLabels<'a, const N: usize> {
    target: &'a str,
    finding: &'a Finding,
    more: [(&'static str, &'a str); N],
}

impl<const N: usize> Labels for PortLabels<'_, N> {
    fn first(&self) -> (&str, &str) {
        ("target", self.target)
    }

    fn rest(&self, line: &mut Line<'_>) {
        line.label("check", self.finding.check.name());
        line.label("direction", self.finding.direction.name());
        if let Some(master) = &self.finding.master {
            line.label("master", master);
        }
        for (name, value) in self.more {
            line.label(name, value);
        }
    }
}

/// The same with what only `msx_port_info` tells.
struct InfoLabels<'a> {
    target: &'a str,
    finding: &'a Finding,
}

impl Labels for InfoLabels<'_> {
    fn first(&self) -> (&str, &str) {
        ("target", self.target)
    }

    fn rest(&self, line: &mut Line<'_>) {
        PortLabels { target: self.target, finding: self.finding, more: [] }.rest(line);
        let port = self.finding.port.map(|port| port.to_string());
        line.label("port", port.as_deref().unwrap_or_default());
        line.label("protocol", self.finding.transport);
        line.label("source", self.finding.source.name());
    }
}
