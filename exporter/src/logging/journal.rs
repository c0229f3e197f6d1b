//! Events with a number, for a journal that a person on duty reads: the Event Log of Windows.

use super::{Content, Fields};
use crate::events::FIELD;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::{Layer, layer};

/// No text in the Event Log may be longer (31,839 characters); this leaves room.
const LONGEST: usize = 16_000;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, one of [`crate::events`].
    pub number: u64,
    /// Its severity.
    pub level: Level,
    /// The message, and a line for each field.
    pub text: String,
}

/// Where events go. Writing one is not logged itself: that would never end.
pub trait Journal: Send + Sync {
    /// Writes one event.
    fn write(&self, entry: Entry);
}

/// Takes the events that have a number, whatever the level of the lines is.
pub(super) fn layer(journal: Box<dyn Journal>) -> Box<dyn Layer<Registry> + Send + Sync> {
    Numbered(journal).with_filter(HasNumber).boxed()
}

struct HasNumber;

impl<S> Filter<S> for HasNumber {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: &Context<'_, S>) -> bool {
        // Fields of libraries may have the same name.
        let ours = metadata.target().split("::").next() == Some("msx_exporter");
        ours && metadata.is_event() && metadata.fields().field(FIELD).is_some()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }
}

struct Numbered(Box<dyn Journal>);

impl<S: Subscriber> layer::Layer<S> for Numbered {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (mut number, mut fields) = (Number(None), Fields::default());
        event.record(&mut number);
        event.record(&mut fields);
        if let Some(number) = number.0 {
            self.0.write(Entry { number, level: *event.metadata().level(), text: text(fields) });
        }
    }
}

struct Number(Option<u64>);

impl Visit for Number {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == FIELD {
            self.0 = Some(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// As it is read: the message, then the fields. The Event Log puts texts of its own in place of %1 and its like, and what a
/// name in a database holds is not for it to replace.
fn text(fields: Fields) -> String {
    let mut text = fields.message;
    for (name, content) in fields.others {
        let (Content::Text(value) | Content::Bare(value)) = content;
        text.push_str(&format!("\r\n{name}: {value}"));
    }
    let clean = |c: char| if c.is_control() && !matches!(c, '\r' | '\n' | '\t') { ' ' } else { c };
    let text: String = text.replace('%', "% ").chars().map(clean).collect();
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Format, Level as Least, Settings, subscriber};
    use super::*;
    use std::sync::{Arc, Mutex};

    struct Kept(Arc<Mutex<Vec<Entry>>>);

    impl Journal for Kept {
        fn write(&self, entry: Entry) {
            self.0.lock().unwrap().push(entry);
        }
    }

    fn kept(least: Least, events: impl FnOnce()) -> Vec<Entry> {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let settings = Settings { level: least, format: Format::Logfmt };
        let subscriber = subscriber(settings, std::io::sink, Some(Box::new(Kept(Arc::clone(&kept)))));
        tracing::subscriber::with_default(subscriber, events);
        kept.lock().unwrap().clone()
    }

    #[test]
    fn events_with_a_number_are_kept_whatever_the_lines_show() {
        let entries = kept(Least::Error, || {
            tracing::info!(event = 100_u64, address = "x", count = 2, "serving");
            tracing::info!("a line");
            tracing::warn!(target: "hyper", event = 100_u64, "a library's");
            tracing::error!(event = "text", "no number");
        });
        let text = "serving\r\naddress: x\r\ncount: 2".to_owned();
        assert_eq!(entries, [Entry { number: 100, level: Level::INFO, text }]);
    }

    #[test]
    fn nothing_in_a_text_is_replaced_and_no_text_is_too_long() {
        let entries = kept(Least::Info, || {
            tracing::warn!(event = 300_u64, name = "%1 %%2\u{7}", "lost");
            tracing::warn!(event = 300_u64, "{}", "ä".repeat(40_000));
        });
        assert_eq!(entries[0].text, "lost\r\nname: % 1 % % 2 ");
        assert_eq!(entries[1].text.chars().count(), LONGEST + 4);
    }
}
