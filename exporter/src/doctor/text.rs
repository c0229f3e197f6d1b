//! The request as plain text, for people at a terminal.

use super::request::{Need, Paste, Readiness, Request, Row, Suspicion, ends};
use std::fmt::Write as _;

/// Draws the request.
pub(crate) fn draw(request: &Request) -> String {
    let mut text = format!("{}\nmade at {}\n", request.title, request.made);
    for need in [Need::Required, Need::Nothing, Need::ForPeople] {
        let rows: Vec<&Row> = request.rows.iter().filter(|row| row.need == need).collect();
        if !rows.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}\n", head(need));
            rows.into_iter().for_each(|row| draw_row(&mut text, row));
        }
    }
    if !request.readiness.is_empty() {
        text.push_str("\nBesides ports\n");
    }
    for Readiness { subject, fine, evidence, remedy, situation, suspects } in &request.readiness {
        let _ = writeln!(text, "  {:<7} {subject}: {evidence}", super::yes_no(*fine));
        if !remedy.is_empty() {
            let _ = writeln!(text, "          → {remedy}");
        }
        text.extend(situation.iter().map(|line| format!("          {line}\n")));
        for (place, Suspicion { title, step }) in (1..).zip(suspects) {
            let head = if place == 1 { "          suspects, the likeliest first:\n" } else { "" };
            let _ = writeln!(text, "{head}          {place}. {title}: {step}");
        }
    }
    for Paste { title, text: batch } in &request.paste {
        let _ = write!(text, "\n{title}\n\n{batch}");
    }
    for (head, list) in [("The other direction", &request.next), ("Notes", &request.notes)] {
        if !list.is_empty() {
            let _ = write!(text, "\n{head}\n");
            text.extend(list.iter().map(|item| format!("  {item}\n")));
        }
    }
    text
}

fn head(need: Need) -> &'static str {
    match need {
        Need::Required => "Required",
        Need::Nothing => "No rule needed",
        Need::ForPeople => "For people with SSMS",
    }
}

fn draw_row(text: &mut String, row: &Row) {
    let _ = writeln!(text, "  {} → {}  {}", ends(&row.source), ends(&row.destination), row.service());
    let at = row.now.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
    let mut lines = vec![("state", format!("{}{at}: {}", row.now.state, row.now.evidence))];
    let compared = row.before.as_ref().zip(row.since());
    lines.extend(compared.map(|(before, since)| ("before", format!("{}: {}; {since}", before.state, before.evidence))));
    lines.push(("why", row.justification.clone()));
    if row.need != Need::Nothing {
        lines.push(("opened by", format!("{}, {}", row.initiator, row.frequency)));
        lines.push(("firewall", row.handling.clone()));
        lines.push(("until", row.valid_until.clone()));
        lines.push(("test", row.test.clone()));
    }
    for (head, line) in lines {
        let _ = writeln!(text, "      {head:<10} {line}");
    }
}
