//! The formats of a page for Prometheus.

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
}
