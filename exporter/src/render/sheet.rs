//! A page in the making: families are written one after the other, each only if it has a series.

use super::catalogue::{Kind, Metric};
use jiff::Timestamp;
use prometheus_client::encoding::{
    CounterValueEncoder, DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, GaugeValueEncoder,
    NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::time::Duration;

/// Writes families and counts their series.
pub(super) struct Sheet<'a> {
    encoder: DescriptorEncoder<'a>,
    /// Series written so far.
    pub(super) series: usize,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Sheet<'a> {
        Sheet { encoder, series: 0 }
    }

    /// Writes a metric with one series for each pair of labels and value, and nothing at all when there is none.
    pub(super) fn family<L: EncodeLabelSet>(
        &mut self,
        metric: &Metric,
        series: impl IntoIterator<Item = (L, Value)>,
    ) -> fmt::Result {
        let mut series = series.into_iter().peekable();
        if series.peek().is_none() {
            return Ok(());
        }
        let kind = match metric.kind {
            Kind::Gauge => MetricType::Gauge,
            Kind::Counter => MetricType::Counter,
        };
        let mut family = self.encoder.encode_descriptor(metric.family(), metric.help, None, kind)?;
        for (labels, value) in series {
            self.series += 1;
            let mut sample = family.encode_family(&labels)?;
            match metric.kind {
                Kind::Gauge => sample.encode_gauge(&value)?,
                Kind::Counter => sample.encode_counter::<NoLabelSet, _, f64>(&value, None)?,
            }
        }
        Ok(())
    }

    /// Writes a metric without labels, unless its value is not known.
    pub(super) fn single(&mut self, metric: &Metric, value: Option<impl Into<Value>>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let kind = match metric.kind {
            Kind::Gauge => MetricType::Gauge,
            Kind::Counter => MetricType::Counter,
        };
        let mut sample = self.encoder.encode_descriptor(metric.family(), metric.help, None, kind)?;
        self.series += 1;
        match metric.kind {
            Kind::Gauge => sample.encode_gauge(&value.into()),
            Kind::Counter => sample.encode_counter::<NoLabelSet, _, f64>(&value.into(), None),
        }
    }
}

/// A sample's value. Whole numbers are written as such: it is shorter, and cheaper than finding the shortest float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Whole(i64),
    Count(u64),
    Real(f64),
}

impl EncodeGaugeValue for Value {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Value::Whole(value) => EncodeGaugeValue::encode(value, encoder),
            Value::Count(value) => EncodeGaugeValue::encode(value, encoder),
            Value::Real(value) => EncodeGaugeValue::encode(value, encoder),
        }
    }
}

impl EncodeCounterValue for Value {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        match self {
            // Nothing that counts is negative.
            Value::Whole(value) => EncodeCounterValue::encode(&value.unsigned_abs(), encoder),
            Value::Count(value) => EncodeCounterValue::encode(value, encoder),
            Value::Real(value) => EncodeCounterValue::encode(value, encoder),
        }
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
