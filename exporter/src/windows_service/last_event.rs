//! An event as `wevtutil.exe` prints it.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

/// An event of the log "Application".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Record {
    at: String,
    number: String,
    level: String,
    text: String,
}

/// The newest of the events in a row of the status.
///
/// # Errors
/// That it is no event that is understood.
pub fn in_words(xml: &str) -> Result<String, String> {
    if xml.trim().is_empty() {
        return Ok("none is kept".to_owned());
    }
    let record = read(xml).filter(|record| !record.number.is_empty());
    let Record { at, number, level, text } = record.ok_or("wevtutil.exe printed no event that is understood")?;
    // Of the fraction of the second only that matters which tells two events apart for people: none.
    let at = at.split_once('.').map_or(at.clone(), |(seconds, _)| format!("{seconds}Z"));
    let kind = match level.as_str() {
        "1" | "2" => "error",
        "3" => "warning",
        _ => "information",
    };
    Ok(format!("{at} {kind} {number}: {}", text.trim()))
}

/// Reads the first event; `None` where the text is no XML.
fn read(xml: &str) -> Option<Record> {
    let mut record = Record::default();
    let mut reader = Reader::from_str(xml);
    let mut inside = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                take_time(&start, &mut record);
                inside = AsRef::<str>::as_ref(&start.name()).to_owned();
            }
            Event::Empty(start) => take_time(&start, &mut record),
            Event::Text(piece) => record.push(&inside, &piece),
            Event::CData(piece) => record.push(&inside, &piece),
            Event::GeneralRef(reference) => {
                let number = reference.resolve_char_ref().ok().flatten().map(String::from);
                let text = number.or_else(|| resolve_predefined_entity(&reference).map(str::to_owned));
                record.push(&inside, text.as_deref().unwrap_or("?"));
            }
            Event::End(end) => {
                let name = end.name();
                if AsRef::<str>::as_ref(&name) == "Event" {
                    return Some(record);
                }
                inside.clear();
            }
            Event::Eof => return Some(record),
            _ => {}
        }
    }
}

fn take_time(start: &BytesStart<'_>, record: &mut Record) {
    let name = start.name();
    if AsRef::<str>::as_ref(&name) == "TimeCreated" {
        let time = start.try_get_attribute("SystemTime").ok().flatten();
        record.at = time.map(|time| AsRef::<str>::as_ref(&time.value).to_owned()).unwrap_or_default();
    }
}

impl Record {
    fn push(&mut self, element: &str, piece: &str) {
        match element {
            "EventID" => self.number.push_str(piece),
            "Level" => self.level.push_str(piece),
            "Data" => self.text.push_str(piece),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EVENT: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
        <Provider Name='msx_exporter'/><EventID Qualifiers='49152'>200</EventID><Level>2</Level>\
        <TimeCreated SystemTime='2026-11-28T05:06:07.1234567Z'/><Channel>Application</Channel></System>\
        <EventData><Data>x.yml:3: &quot;a&quot; &lt; b</Data></EventData></Event>";

    #[test]
    fn an_event_is_its_time_its_kind_its_number_and_its_text() {
        assert_eq!(in_words(EVENT).unwrap(), "2026-11-28T05:06:07Z error 200: x.yml:3: \"a\" < b");
        let other = EVENT.replace("<Level>2", "<Level>4").replace(">200<", ">100<");
        assert!(in_words(&format!("{other}{EVENT}")).unwrap().starts_with("2026-11-28T05:06:07Z information 100: "));
    }

    #[test]
    fn no_event_is_none_and_no_xml_is_not_known() {
        assert_eq!(in_words("\r\n").unwrap(), "none is kept");
        for text in ["Zugriff verweigert", "<Event><System>", "<a></b>", "<Event></Event>"] {
            assert!(in_words(text).is_err(), "{text}");
        }
    }
}
