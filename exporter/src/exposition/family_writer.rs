//! A family of a page: its head and its samples, encoded by prometheus-client, and only if it has a sample.

use super::Format;
use super::catalogue::{Kind, Metric};
use jiff::Timestamp;
use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, GaugeValueEncoder,
    MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use std::fmt;
use std::iter;
use std::time::Duration;

/// Writes families and counts their series.
pub(crate) struct FamilyWriter<'a> {
    encoder: DescriptorEncoder<'a>,
    format: Format,
    leaves_out: fn(&Metric) -> bool,
    /// Series written so far.
    pub(crate) series: usize,
}

impl<'a> FamilyWriter<'a> {
    pub(crate) fn new(encoder: DescriptorEncoder<'a>, format: Format) -> FamilyWriter<'a> {
        FamilyWriter { encoder, format, leaves_out: |_| false, series: 0 }
    }

    /// Writes nothing of some metrics.
    pub(crate) fn without(self, leaves_out: fn(&Metric) -> bool) -> FamilyWriter<'a> {
        FamilyWriter { leaves_out, ..self }
    }

    /// Writes a metric with one series for each pair of labels and value, and nothing at all when there is none.
    pub(crate) fn family<L: EncodeLabelSet>(
        &mut self,
        metric: &Metric,
        series: impl IntoIterator<Item = (L, Value)>,
    ) -> fmt::Result {
        if (self.leaves_out)(metric) {
            return Ok(());
        }
        let mut series = series.into_iter();
        // The head is written before its samples, so whether there is one must be known first.
        let Some(first) = series.next() else { return Ok(()) };
        let (mut samples, mut written) = (Samples::new(&mut self.encoder, metric, self.format)?, 0);
        iter::once(first).chain(series).try_for_each(|(labels, value)| {
            written += 1;
            samples.write(&labels, value)
        })?;
        self.series += written;
        Ok(())
    }

    /// Writes a metric without labels, unless its value is not known.
    pub(crate) fn single(&mut self, metric: &Metric, value: Option<impl Into<Value>>) -> fmt::Result {
        let Some(value) = value.filter(|_| !(self.leaves_out)(metric)) else { return Ok(()) };
        let Samples { mut encoder, total } = Samples::new(&mut self.encoder, metric, self.format)?;
        sample(&mut encoder, total, value.into())?;
        self.series += 1;
        Ok(())
    }
}

/// A family whose head is written.
struct Samples<'a> {
    encoder: MetricEncoder<'a>,
    /// Whether the encoder adds `_total` to the name of a sample.
    total: bool,
}

impl<'a> Samples<'a> {
    /// In OpenMetrics the family of a counter has no `_total` and its samples have it. In the text format 0.0.4 both
    /// have it: the family is described under that name, and its samples are written as those of a gauge.
    fn new(encoder: &'a mut DescriptorEncoder<'_>, metric: &Metric, format: Format) -> Result<Samples<'a>, fmt::Error> {
        let kind = match metric.kind {
            Kind::Gauge => MetricType::Gauge,
            Kind::Counter => MetricType::Counter,
        };
        let (name, total) = match format {
            Format::OpenMetrics100 => (metric.family(), metric.kind == Kind::Counter),
            Format::Text004 => (metric.name, false),
        };
        Ok(Samples { encoder: encoder.encode_descriptor(name, metric.help, None, kind)?, total })
    }

    fn write(&mut self, labels: &impl EncodeLabelSet, value: Value) -> fmt::Result {
        sample(&mut self.encoder.encode_family(labels)?, self.total, value)
    }
}

fn sample(encoder: &mut MetricEncoder<'_>, total: bool, value: Value) -> fmt::Result {
    match total {
        true => encoder.encode_counter(&value, None::<&Exemplar<NoLabelSet, f64>>),
        false => encoder.encode_gauge(&value),
    }
}

/// A sample's value. Integers are written as such: it is shorter, and cheaper than finding the shortest float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Integer(i64),
    Count(u64),
    Real(f64),
}

impl EncodeGaugeValue for Value {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Value::Integer(value) => EncodeGaugeValue::encode(value, encoder),
            Value::Count(value) => EncodeGaugeValue::encode(value, encoder),
            Value::Real(value) => EncodeGaugeValue::encode(value, encoder),
        }
    }
}

impl EncodeCounterValue for Value {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            // A counter is never negative.
            Value::Integer(value) => EncodeCounterValue::encode(&value.unsigned_abs(), encoder),
            Value::Count(value) => EncodeCounterValue::encode(value, encoder),
            Value::Real(value) => EncodeCounterValue::encode(value, encoder),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Integer(i64::from(value))
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Integer(i64::from(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Integer(value)
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
            0 => Value::Integer(value.as_second()),
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

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::exposition::catalogue as metric;
    use prometheus_client::collector::Collector;

    struct Page<W>(Format, W);

    impl<W> fmt::Debug for Page<W> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Page")
        }
    }

    impl<W: Fn(&mut FamilyWriter<'_>) -> fmt::Result + Send + Sync + 'static> Collector for Page<W> {
        fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
            self.1(&mut FamilyWriter::new(encoder, self.0))
        }
    }

    /// The page on which these families stand.
    pub(crate) fn page(
        format: Format,
        write: impl Fn(&mut FamilyWriter<'_>) -> fmt::Result + Send + Sync + 'static,
    ) -> String {
        let mut text = String::new();
        format.encode(&mut text, Page(format, write)).unwrap();
        text
    }

    #[test]
    fn a_family_without_a_series_leaves_no_head() {
        let text = page(Format::Text004, |families| {
            families.family(&metric::TARGET_ENLISTED, iter::empty::<([(&str, &str); 1], Value)>())?;
            families.single(&metric::TARGETS, None::<u64>)?;
            assert_eq!(families.series, 0);
            Ok(())
        });
        assert_eq!(text, "");
    }

    #[test]
    fn a_counter_is_described_and_written_as_each_format_asks_for() {
        let write = |families: &mut FamilyWriter<'_>| -> fmt::Result {
            families.single(&metric::PROCESS_CPU, Some(1.5))?;
            families.family(&metric::SQL_ERRORS, [([("stage", "a\\\"\n")], Value::from(7_u64))])?;
            assert_eq!(families.series, 2);
            Ok(())
        };
        let (cpu, errors) = (metric::PROCESS_CPU.help, metric::SQL_ERRORS.help);
        let both = |suffix: &str| {
            format!(
                "# HELP process_cpu_seconds{suffix} {cpu}\n# TYPE process_cpu_seconds{suffix} counter\n\
                 process_cpu_seconds_total 1.5\n# HELP msx_exporter_sql_errors{suffix} {errors}\n\
                 # TYPE msx_exporter_sql_errors{suffix} counter\n\
                 msx_exporter_sql_errors_total{{stage=\"a\\\\\\\"\\n\"}} 7\n"
            )
        };
        assert_eq!(page(Format::Text004, write), both("_total"));
        assert_eq!(page(Format::OpenMetrics100, write), both("") + "# EOF\n");
    }
}
