//! A page in the making: families are written one after the other, each only if it has a series.
//!
//! prometheus-client writes the head of each family. The samples, of which a page has tens of thousands, are written
//! here: it hands each of them on in about ten pieces through several layers, which took four times as long.

use super::catalogue::{Kind, Metric};
use super::label::{Labels, Line};
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::time::Duration;

/// What a page is written to: text that gathers in a buffer, which now and then is handed on.
pub(crate) trait Sink {
    /// The buffer. Whole lines are added at its end.
    fn buffer(&mut self) -> &mut String;

    /// Comes after each line.
    fn hand_on(&mut self) -> fmt::Result;
}

impl Sink for String {
    fn buffer(&mut self) -> &mut String {
        self
    }

    fn hand_on(&mut self) -> fmt::Result {
        Ok(())
    }
}

/// Writes families and counts their series.
pub(crate) struct FamilyWriter<'a> {
    sink: &'a mut dyn Sink,
    /// Series written so far.
    pub(crate) series: usize,
    /// A sample's name and its first label. In most families a target has several series in a row, and in all of them
    /// its name is what is dear to write.
    start: String,
}

impl<'a> FamilyWriter<'a> {
    pub(crate) fn new(sink: &'a mut dyn Sink) -> FamilyWriter<'a> {
        FamilyWriter { sink, series: 0, start: String::new() }
    }

    /// Writes a metric with one series for each pair of labels and value, and nothing at all when there is none.
    pub(crate) fn family<L: Labels>(
        &mut self,
        metric: &Metric,
        series: impl IntoIterator<Item = (L, Value)>,
    ) -> fmt::Result {
        let mut first: Option<L> = None;
        for (labels, value) in series {
            let (name, text) = labels.first();
            if first.as_ref().is_none_or(|first| first.first() != (name, text)) {
                if first.is_none() {
                    self.head(metric)?;
                }
                self.start.clear();
                Line::new(&mut self.start, metric.name).label(name, text);
            }
            self.series += 1;
            let buffer = self.sink.buffer();
            buffer.push_str(&self.start);
            labels.rest(&mut Line::after(buffer));
            buffer.push('}');
            value.write(buffer);
            self.sink.hand_on()?;
            first = Some(labels);
        }
        Ok(())
    }

    /// Writes a metric without labels, unless its value is not known.
    pub(crate) fn single(&mut self, metric: &Metric, value: Option<impl Into<Value>>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        self.head(metric)?;
        self.series += 1;
        let buffer = self.sink.buffer();
        buffer.push_str(metric.name);
        value.into().write(buffer);
        self.sink.hand_on()
    }

    fn head(&mut self, metric: &Metric) -> fmt::Result {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Head(*metric)));
        text::encode_registry(self.sink.buffer(), &registry)
    }
}

/// The lines before the samples of a family.
#[derive(Debug)]
struct Head(Metric);

impl Collector for Head {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.0.kind {
            Kind::Gauge => MetricType::Gauge,
            Kind::Counter => MetricType::Counter,
        };
        encoder.encode_descriptor(self.0.family(), self.0.help, None, kind).map(|_| ())
    }
}

/// A sample's value. Whole numbers are written as such: it is shorter, and cheaper than finding the shortest float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Whole(i64),
    Count(u64),
    Real(f64),
}

impl Value {
    /// Writes what stands behind the name and the labels: the value and the end of the line.
    fn write(self, line: &mut String) {
        line.push(' ');
        match self {
            Value::Whole(value) => line.push_str(itoa::Buffer::new().format(value)),
            Value::Count(value) => line.push_str(itoa::Buffer::new().format(value)),
            Value::Real(value) => line.push_str(dtoa::Buffer::new().format(value)),
        }
        line.push('\n');
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Whole(i64::from(value))
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Whole(i64::from(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Whole(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Value::Count(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Value {
        Value::Count(value as u64)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Real(value)
    }
}

impl From<Timestamp> for Value {
    /// Seconds since 1970.
    fn from(value: Timestamp) -> Value {
        match value.subsec_nanosecond() {
            0 => Value::Whole(value.as_second()),
            // Milliseconds: all that a datetime column holds, and exact in a double's 53 bits.
            _ => Value::Real(value.as_millisecond() as f64 / 1000.0),
        }
    }
}

impl From<Duration> for Value {
    /// Seconds.
    fn from(value: Duration) -> Value {
        match value.subsec_nanos() {
            0 => Value::Count(value.as_secs()),
            _ => Value::Real(value.as_secs_f64()),
        }
    }
}
