//! The request as plain text, for people at a terminal: its frame is ASCII, and no line but a command is longer than a
//! terminal is wide.

use super::lists::Lists;
use super::request::{Need, OTHER_DIRECTION, OTHERS_ALIKE, Paste, Readiness, Request, Row, Suspicion};
use std::fmt::Write as _;

/// What a terminal shows in a line.
const WIDTH: usize = 100;

/// Draws the request.
pub(crate) fn draw(request: &Request) -> String {
    let mut text = wrapped("", &request.title) + &format!("made at {}\n", request.made);
    let lists = Lists::of(request);
    for need in [Need::Required, Need::Nothing, Need::ForPeople] {
        let rows: Vec<&Row> = request.rows.iter().filter(|row| row.need == need).collect();
        if !rows.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}\n", head(need));
            rows.into_iter().for_each(|row| draw_row(&mut text, row, &lists));
        }
    }
    for (place, (head, names)) in lists.written().enumerate() {
        text.push_str(if place == 0 { "\nHosts\n" } else { "" });
        text.push_str(&wrapped("  ", &format!("{head}: {names}")));
    }
    if !request.readiness.is_empty() {
        text.push_str("\nBesides ports\n");
    }
    request.readiness.iter().for_each(|item| draw_item(&mut text, item));
    for Paste { title, text: batch } in &request.paste {
        let _ = write!(text, "\n{title}\n\n{batch}");
    }
    // A command is one line, however long.
    text.extend(request.next.iter().enumerate().map(|(place, command)| {
        let head = if place == 0 { format!("\n{OTHER_DIRECTION}\n") } else { String::new() };
        format!("{head}  {command}\n")
    }));
    text.push_str(if request.notes.is_empty() { "" } else { "\nNotes\n" });
    text.extend(request.notes.iter().map(|note| wrapped("  ", note)));
    text
}

pub(crate) fn head(need: Need) -> &'static str {
    match need {
        Need::Required => "Required",
        Need::Nothing => "No rule needed",
        Need::ForPeople => "For people with SSMS",
    }
}

fn draw_row(text: &mut String, row: &Row, lists: &Lists<'_>) {
    let (source, destination) = (lists.name(&row.source), lists.name(&row.destination));
    text.push_str(&wrapped("  ", &format!("{source} -> {destination}  {}", row.service())));
    let at = row.now.at.map(|at| format!(" at {at}")).unwrap_or_default();
    let mut lines = vec![("state", format!("{}{at}: {}", row.now.state, row.now.evidence))];
    let compared = row.before.as_ref().zip(row.since());
    lines.extend(compared.map(|(before, since)| ("before", format!("{}: {}; {since}", before.state, before.evidence))));
    lines.push(("why", row.justification.clone()));
    if row.need != Need::Nothing {
        lines.push(("opened by", format!("{}, {}", row.initiator, row.frequency)));
        lines.push(("firewall", row.handling.clone()));
        lines.push(("until", row.valid_until.clone()));
    }
    text.extend(lines.iter().map(|(head, line)| wrapped(&format!("      {head:<10} "), line)));
    if row.need != Need::Nothing {
        let _ = writeln!(text, "      {:<10} {}", "test", row.test);
        text.extend(row.tests_the_first().then(|| format!("      {:<10} {OTHERS_ALIKE}\n", "")));
    }
}

fn draw_item(text: &mut String, Readiness { subject, fine, evidence, remedy, situation, suspects }: &Readiness) {
    text.push_str(&wrapped(&format!("  {:<7} ", super::yes_no(*fine)), &format!("{subject}: {evidence}")));
    if !remedy.is_empty() {
        // It may be a statement to paste.
        let _ = writeln!(text, "          -> {remedy}");
    }
    text.extend(situation.iter().map(|line| wrapped("          ", line)));
    for (place, Suspicion { title, step }) in (1..).zip(suspects) {
        text.push_str(if place == 1 { "          suspects, the likeliest first:\n" } else { "" });
        text.push_str(&wrapped(&format!("          {place}. "), &format!("{title}: {step}")));
    }
}

/// Lines of bounded width behind a head, those after the first with blanks in its place. A word that is longer than a
/// line stays in one piece.
pub(crate) fn wrapped(head: &str, text: &str) -> String {
    let (indent, mut line, mut lines) = (head.chars().count(), head.to_owned(), String::new());
    let mut width = indent;
    for (place, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if place > 0 && width + 1 + length > WIDTH {
            lines.extend([line.trim_end(), "\n"]);
            (line, width) = (" ".repeat(indent), indent);
        } else if place > 0 {
            line.push(' ');
            width += 1;
        }
        line.push_str(word);
        width += length;
    }
    lines + line.trim_end() + "\n"
}
