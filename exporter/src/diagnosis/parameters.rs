//! The parameters of a query: words of ours, and texts.

use crate::model::query_value;
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use std::collections::BTreeMap;

/// More than any name or evidence has.
const LONGEST: usize = 200;

/// Parameters by their names, from which each reader takes its own.
pub(crate) struct Parameters {
    given: BTreeMap<String, String>,
    /// The names that were asked for.
    known: Vec<&'static str>,
}

impl Parameters {
    /// Those that have a value: an empty field of a form is no filter.
    ///
    /// # Errors
    /// Which parameter is too long, or stands there twice.
    pub(crate) fn new(query: impl IntoIterator<Item = (String, String)>) -> Result<Parameters, String> {
        let mut given = BTreeMap::new();
        for (name, value) in query.into_iter().filter(|(_, value)| !value.is_empty()) {
            if name.chars().count() > LONGEST {
                return Err(format!("the name of a filter is longer than {LONGEST} characters"));
            }
            if value.chars().count() > LONGEST {
                return Err(format!("{name:?} is longer than {LONGEST} characters"));
            }
            if given.contains_key(&name) {
                return Err(format!("{name:?} stands there twice; hint: each filter holds once"));
            }
            given.insert(name, value);
        }
        Ok(Parameters { given, known: Vec::new() })
    }

    /// A name, as it stands there.
    pub(crate) fn name(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        self.given.remove(name)
    }

    /// A text, without what a paste brings around it.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.name(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// One of a closed set of words.
    pub(super) fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[T],
        named: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>, String> {
        let found = |value: &str| words.iter().copied().find(|word| named(*word) == value);
        self.parsed(name, found, || match words {
            [word] => named(*word).to_owned(),
            _ => format!("one of {}", words.iter().map(|word| named(*word)).collect::<Vec<_>>().join(", ")),
        })
    }

    /// A number from 1.
    pub(super) fn number(&mut self, name: &'static str) -> Result<Option<usize>, String> {
        let number = |value: &str| value.parse().ok().filter(|number| *number > 0);
        self.parsed(name, number, || "a number from 1".to_owned())
    }

    /// An instant. Without an offset it is in UTC, as a field of a form sends it. A plus that stands there unescaped comes as
    /// a space, which RFC 3339 does not have before an offset.
    /// One that is beyond what can be held, as `9999-12-31T23:59:59Z` is, is the end or the beginning of time.
    pub(super) fn instant(&mut self, name: &'static str) -> Result<Option<Timestamp>, String> {
        let with_plus = |value: &str| value.rsplit_once(' ').map(|(at, offset)| format!("{at}+{offset}"));
        let instant = |value: &str| nearest(value).or_else(|| nearest(&with_plus(value)?));
        self.parsed(name, instant, || {
            "an instant, such as 2026-11-22T12:00:00Z, or without its offset in UTC".to_owned()
        })
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        expected: impl Fn() -> String,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.name(name) else { return Ok(None) };
        let wrong = || format!("{name}={value:?} is not understood; hint: it is {}", expected());
        parse(&value).map(Some).ok_or_else(wrong)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// A parameter that was not asked for, and those that were.
    pub(crate) fn end(self) -> Result<(), String> {
        let Some(name) = self.given.keys().next() else { return Ok(()) };
        let known = match self.known.as_slice() {
            [] => "this address has none".to_owned(),
            [one] => format!("{one} is"),
            [others @ .., last] => format!("{} and {last} are", others.join(", ")),
        };
        Err(format!("{name:?} is not a parameter here; hint: {known}"))
    }
}

/// The instant of a date, a time (else midnight) and an offset (else UTC), or the nearest that can be held.
fn nearest(value: &str) -> Option<Timestamp> {
    let pieces = Pieces::parse(value).ok()?;
    let at = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
    let in_utc = || pieces.time_zone_annotation().is_none().then_some(Offset::UTC);
    let offset = pieces.to_numeric_offset().or_else(in_utc)?;
    let end = if at.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
    Some(offset.to_timestamp(at).unwrap_or(end))
}

/// The query of a link, without a question mark; empty where no parameter has a value.
pub(super) fn query<const N: usize>(pairs: [(&str, Option<String>); N]) -> String {
    let given = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", query_value(&value?))));
    given.collect::<Vec<_>>().join("&")
}
