//! Log lines, to standard error: logfmt for people and `grep`, JSON for collectors.
//!
//! Names come from a database that others write to. Whatever they hold, one event is one line, and no part of it can be
//! taken for another.

mod journal;
mod line_queue;

pub use journal::{Entry, Journal};

use crate::events;
use jiff::Timestamp;
use line_queue::LineQueue;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::OnceLock;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::registry::Registry;

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The least severity that is logged.
    pub level: Level,
    /// How lines are written.
    pub format: Format,
}

/// The least severity that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// Errors only.
    Error,
    /// Warnings too, of what may become an error.
    Warn,
    /// Changes of state too, as they concern an administrator.
    Info,
    /// The work of libraries too.
    Debug,
    /// All details.
    Trace,
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// `ts=… level=… msg="…" key=value`
    Logfmt,
    /// One object a line with the same keys.
    Json,
    /// No lines, but events in the Event Log.
    #[cfg(windows)]
    Eventlog,
}

/// The lines of this process.
static LINES: OnceLock<LineQueue> = OnceLock::new();

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// No thread to write it.
    #[error("the log has no thread: {0}")]
    Thread(#[from] io::Error),
    /// It was done before.
    #[error("the log was set up twice")]
    Twice,
}

/// Logs to standard error from now on, and to a journal where there is one. A standard error that cannot be written, or not
/// in time, holds nothing up: see [`lost`].
///
/// # Errors
/// Where this was done before, or the system gives no thread.
pub fn init(settings: Settings, journal: Option<Box<dyn Journal>>) -> Result<(), SetUpError> {
    let lines = LineQueue::start(io::stderr())?;
    let queue = lines.clone();
    set_global_default(subscriber(settings, move || queue.clone(), journal)).map_err(|_| SetUpError::Twice)?;
    LINES.set(lines).map_err(|_| SetUpError::Twice)
}

/// Waits until what was logged is written, but no longer than a second: what follows on standard error comes behind it.
pub fn flush() {
    LINES.get().map(LineQueue::flush).unwrap_or_default();
}

/// Lines that were not written since the start.
pub fn lost() -> u64 {
    LINES.get().map(LineQueue::lost).unwrap_or_default()
}

/// Writes lines to any writer, one call of it for each line, and events with a number to a journal.
pub fn subscriber<W>(settings: Settings, writer: W, journal: Option<Box<dyn Journal>>) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
    if settings.writes_lines() {
        layers.push(Lines { settings, writer }.with_filter(Heard(settings)).boxed());
    }
    if let Some(journal) = journal {
        layers.push(journal::layer(journal));
    }
    Registry::default().with(layers)
}

impl Settings {
    /// How to log before the command line is read.
    pub const DEFAULT: Settings = Settings { level: Level::Info, format: Format::Logfmt };

    fn writes_lines(self) -> bool {
        #[cfg(windows)]
        return self.format != Format::Eventlog;
        #[cfg(not(windows))]
        true
    }
}

struct Lines<W> {
    settings: Settings,
    writer: W,
}

/// What goes into lines.
struct Heard(Settings);

impl Heard {
    fn least(&self) -> LevelFilter {
        match self.0.level {
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
            Level::Trace => LevelFilter::TRACE,
        }
    }

    /// Libraries are heard from `debug` on, and before that only when they warn. The driver not even then: it logs each
    /// error of the server as one of its own, and the exporter has said it already, with what it means.
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let least = match metadata.target().split("::").next() {
            _ if self.least() >= LevelFilter::DEBUG => self.least(),
            Some("tiberius") => LevelFilter::OFF,
            Some("msx_exporter") => self.least(),
            _ => self.least().min(LevelFilter::WARN),
        };
        *metadata.level() <= least
    }
}

impl<S> Filter<S> for Heard {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.least())
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        let line = line(self.settings.format, Timestamp::now(), &level, &fields);
        // There is no other place to report that the log cannot be written.
        let _ = self.writer.make_writer().write_all(line.as_bytes());
    }
}

/// The fields of one event, the message apart.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Content)>,
}

enum Content {
    Text(String),
    /// A number or a boolean, which needs no quotes in JSON.
    Bare(String),
}

impl Fields {
    fn put(&mut self, field: &Field, content: Content) {
        match (field.name(), content) {
            ("message", Content::Text(text) | Content::Bare(text)) => self.message = text,
            // A number for the journal alone.
            (events::FIELD, _) => {}
            (name, content) => self.others.push((name, content)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Content::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Content::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Content::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Content::Bare(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Content::Bare(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for infinity.
        let text = value.to_string();
        self.put(field, if value.is_finite() { Content::Bare(text) } else { Content::Text(text) });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.put(field, Content::Text(text));
    }
}

fn line(format: Format, now: Timestamp, level: &str, fields: &Fields) -> String {
    let json = format == Format::Json;
    let (mut line, between) = if json {
        (format!("{{\"ts\":\"{now:.3}\",\"level\":\"{level}\",\"msg\":"), ",")
    } else {
        (format!("ts={now:.3} level={level} msg="), " ")
    };
    if json {
        json_value(&mut line, &fields.message)
    } else {
        logfmt_value(&mut line, &fields.message)
    }
    for (name, content) in &fields.others {
        line.push_str(between);
        match (json, content) {
            (false, Content::Text(text) | Content::Bare(text)) => {
                let _ = write!(line, "{name}=");
                logfmt_value(&mut line, text);
            }
            (true, content) => {
                json_value(&mut line, name);
                line.push(':');
                match content {
                    Content::Text(text) => json_value(&mut line, text),
                    Content::Bare(text) => line.push_str(text),
                }
            }
        }
    }
    line.push_str(if json { "}\n" } else { "\n" });
    line
}

/// Quotes what is not one plain word. Backslashes alone, as in `SQL01\PAYROLL`, need none.
fn logfmt_value(line: &mut String, value: &str) {
    let plain = |c: char| !c.is_whitespace() && !is_deceptive(c) && !matches!(c, '"' | '=');
    if !value.is_empty() && value.chars().all(plain) {
        line.push_str(value);
        return;
    }
    line.push('"');
    for c in value.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if is_deceptive(c) => line.push_str(&escaped(c)),
            c => line.push(c),
        }
    }
    line.push('"');
}

fn json_value(line: &mut String, value: &str) {
    for c in serde_json::Value::from(value).to_string().chars() {
        if is_deceptive(c) { line.push_str(&escaped(c)) } else { line.push(c) }
    }
}

/// Control characters, line separators and what changes the direction of writing: a terminal or an editor would show
/// something else than what is there.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// All of these are in the Basic Multilingual Plane: four digits are enough.
fn escaped(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};

    fn logged(level: Level, format: Format, events: impl FnOnce()) -> String {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&buffer);
        let subscriber = subscriber(Settings { level, format }, move || Shared(Arc::clone(&writer)), None);
        tracing::subscriber::with_default(subscriber, events);
        let bytes = buffer.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn without_time(line: &str) -> &str {
        let (time, rest) = line.strip_prefix("ts=").unwrap().split_once(' ').unwrap();
        assert_eq!((time.len(), time.parse::<Timestamp>().is_ok()), ("2026-11-22T22:07:30.123Z".len(), true), "{time}");
        rest
    }

    #[test]
    fn logfmt_lines() {
        let error = io::Error::other("no route");
        let text = logged(Level::Info, Format::Logfmt, || {
            tracing::warn!(target = r"SQL01\PAYROLL", pending = 3, cause = "a \"b\"=c\nlevel=error", %error, "target changed");
            tracing::info!("ready");
            tracing::debug!("not shown");
        });
        let lines: Vec<_> = text.lines().map(without_time).collect();
        assert_eq!(
            lines,
            [
                r#"level=warn msg="target changed" target=SQL01\PAYROLL pending=3 cause="a \"b\"=c\nlevel=error" error="no route""#,
                "level=info msg=ready",
            ]
        );
    }

    #[test]
    fn json_lines() {
        let text = logged(Level::Info, Format::Json, || {
            tracing::error!(up = true, ratio = 0.5, far = f64::INFINITY, name = "x\u{202e}\ny", "failed");
        });
        assert_eq!(text.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(value["ts"].as_str().unwrap().parse::<Timestamp>().is_ok());
        assert_eq!((&value["level"], &value["msg"]), (&"error".into(), &"failed".into()));
        assert_eq!((&value["up"], &value["ratio"], &value["far"]), (&true.into(), &0.5.into(), &"inf".into()));
        assert_eq!(value["name"], "x\u{202e}\ny");
        assert!(!text.contains('\u{202e}'));
    }

    #[test]
    fn libraries_are_quiet_and_the_driver_is_silent_until_debug() {
        let events = || {
            tracing::error!(target: "tiberius::tds::stream::token", "driver");
            tracing::warn!(target: "rustls::conn", "warns");
            tracing::info!(target: "hyper::proto", "chats");
            tracing::info!("ours");
        };
        let info = logged(Level::Info, Format::Logfmt, events);
        assert!(info.contains("msg=warns") && info.contains("msg=ours"), "{info}");
        assert!(!info.contains("driver") && !info.contains("chats"), "{info}");
        let debug = logged(Level::Debug, Format::Logfmt, events);
        assert_eq!(debug.lines().count(), 4, "{debug}");
        assert_eq!(logged(Level::Error, Format::Logfmt, events), "");
    }

    #[test]
    fn causes_of_an_error_are_reported() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read the file")]
        struct Outer(#[source] io::Error);
        let outer = Outer(io::Error::other("disk is full"));
        let text = logged(Level::Info, Format::Logfmt, || {
            tracing::error!(error = &outer as &(dyn std::error::Error + 'static), "failed");
        });
        assert!(text.contains(r#"error="cannot read the file: disk is full""#), "{text}");
    }

    proptest! {
        /// Whatever a name holds, JSON gives it back, and logfmt keeps it in one value of one line.
        #[test]
        fn no_value_forges_another(value in any::<String>()) {
            let fields = Fields { message: "m".into(), others: vec![("name", Content::Text(value.clone())), ("end", Content::Bare("1".into()))] };
            let json = line(Format::Json, Timestamp::UNIX_EPOCH, "info", &fields);
            let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&parsed["name"], &serde_json::Value::from(value.as_str()));
            let logfmt = line(Format::Logfmt, Timestamp::UNIX_EPOCH, "info", &fields);
            prop_assert_eq!(logfmt.lines().count(), 1);
            prop_assert!(!logfmt.trim_end_matches('\n').contains(is_deceptive));
            let written = logfmt.split_once(" name=").unwrap().1.strip_suffix(" end=1\n").unwrap();
            let inside = match written.strip_prefix('"') {
                None => written,
                Some(quoted) => quoted.strip_suffix('"').unwrap(),
            };
            let mut unescaped = inside.replace(r"\\", "").replace("\\\"", "");
            if !written.starts_with('"') {
                prop_assert!(!unescaped.contains([' ', '=']));
                unescaped = String::new();
            }
            prop_assert!(!unescaped.contains('"'));
        }
    }
}
