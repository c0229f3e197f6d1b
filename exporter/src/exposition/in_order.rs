//! Families of one page that are added in any order and written in the order of the catalogue.

use super::catalogue::{Metric, catalogue};
use super::family_writer::{FamilyWriter, Value};
use prometheus_client::encoding::EncodeLabelSet;
use std::fmt;

/// Families that wait to be written. Their series are made only then.
#[derive(Default)]
pub(crate) struct InOrder<'a> {
    families: Vec<(usize, Write<'a>)>,
}

type Write<'a> = Box<dyn FnOnce(&mut FamilyWriter<'_>) -> fmt::Result + 'a>;

impl<'a> InOrder<'a> {
    /// Adds a metric with one series for each pair of labels and value.
    pub(crate) fn family<L: EncodeLabelSet>(
        &mut self,
        metric: &'static Metric,
        series: impl IntoIterator<Item = (L, Value)> + 'a,
    ) {
        self.add(metric, Box::new(move |families| families.family(metric, series)));
    }

    /// Adds a metric without labels, unless its value is not known.
    pub(crate) fn single(&mut self, metric: &'static Metric, value: Option<impl Into<Value>>) {
        let value = value.map(Into::into);
        self.add(metric, Box::new(move |families| families.single(metric, value)));
    }

    fn add(&mut self, metric: &Metric, write: Write<'a>) {
        let place = catalogue().iter().position(|known| known.name == metric.name);
        self.families.push((place.unwrap_or(usize::MAX), write));
    }

    /// Writes them all.
    pub(crate) fn write(mut self, families: &mut FamilyWriter<'_>) -> fmt::Result {
        self.families.sort_by_key(|(place, _)| *place);
        self.families.into_iter().try_for_each(|(_, write)| write(families))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::exposition::{Format, catalogue as metric};
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::DescriptorEncoder;

    #[derive(Debug)]
    struct Unordered;

    impl Collector for Unordered {
        fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let mut waiting = InOrder::default();
            waiting.family(&metric::JOB_INFO, [([("job_id", "A")], Value::from(true))]);
            waiting.single(&metric::TARGETS, Some(3_u64));
            waiting.single(&metric::DOWNLOADLIST_ROWS, None::<i64>);
            waiting.write(&mut FamilyWriter::new(encoder, Format::Text004))
        }
    }

    #[test]
    fn families_stand_in_the_order_of_the_catalogue_whichever_comes_first() {
        let mut page = String::new();
        Format::Text004.encode(&mut page, Unordered).unwrap();
        let samples: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(samples, ["msx_targets 3", "msx_job_info{job_id=\"A\"} 1"]);
    }
}
