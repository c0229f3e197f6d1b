//! The formats of a page for Prometheus.

use super::ConstantLabel;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use std::fmt;

/// The formats that Prometheus understands and we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Text004,
    /// OpenMetrics 1.0.0.
    OpenMetrics100,
}

impl Format {
    /// The exact `Content-Type`. Prometheus 3 refuses a page whose type it does not know.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics100 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Writes a complete page. The collector writes each family as this format has it; the end mark is OpenMetrics' alone.
    ///
    /// # Errors
    /// Where `out` fails.
    pub(crate) fn encode(self, out: &mut impl fmt::Write, collector: impl Collector) -> fmt::Result {
        self.encode_with(out, &[], collector)
    }

    /// Writes a complete page with these labels on each series, in front of its own.
    ///
    /// # Errors
    /// Where `out` fails.
    pub(crate) fn encode_with(
        self,
        out: &mut impl fmt::Write,
        labels: &[ConstantLabel],
        collector: impl Collector,
    ) -> fmt::Result {
        let labels = labels.iter().map(|label| (label.name.clone().into(), label.value.clone().into()));
        let mut registry = Registry::with_labels(labels);
        registry.register_collector(Box::new(collector));
        text::encode_registry(out, &registry)?;
        match self {
            Format::Text004 => Ok(()),
            Format::OpenMetrics100 => text::encode_eof(out),
        }
    }
}
