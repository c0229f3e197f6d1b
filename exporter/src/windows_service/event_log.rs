//! The Event Log.

use crate::events;
use crate::logging::{Entry, Journal};
use std::thread;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level, dispatcher};
use tracing_layer_win_eventlog::EventLogLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

/// The Event Log with a source of its own; `None` where Windows refuses it.
pub fn event_log(source: &str) -> Option<Box<dyn Journal>> {
    let layer = EventLogLayer::new(source).ok()?;
    Some(Box::new(EventLog(Dispatch::new(Registry::default().with(layer.with_filter(LevelFilter::INFO))))))
}

struct EventLog(Dispatch);

impl Journal for EventLog {
    /// Runs in a thread of its own, because tracing drops events that a thread emits while it handles one. Events are
    /// rare, and waiting for the thread means that none is lost when the process ends.
    fn write(&self, entry: Entry) {
        let id = message_id(entry.number);
        thread::scope(|scope| {
            scope.spawn(|| {
                dispatcher::with_default(&self.0, || match entry.level {
                    Level::ERROR => tracing::error!(id, "{}", entry.text),
                    Level::WARN => tracing::warn!(id, "{}", entry.text),
                    _ => tracing::info!(id, "{}", entry.text),
                });
            });
        });
    }
}

/// The number as the message table has it, with the severity in the two highest bits.
fn message_id(number: u64) -> u32 {
    let severity = events::ALL.iter().find(|(other, ..)| *other == number).map_or(1, |(_, level, _)| match *level {
        Level::ERROR => 3,
        Level::WARN => 2,
        _ => 1,
    });
    severity << 30 | u32::try_from(number).unwrap_or_default()
}
