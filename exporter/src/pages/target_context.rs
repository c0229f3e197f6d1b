//! What stands around one target: the others that are silent, and what else happened when it changed.

use super::few::{Few, Named};
use super::story::ChapterView;
use crate::diagnosis::{Chapter, EventSelection, MasterFleet, Remark};

/// What else happened at the same time, in chapters.
const MOST_OF_OTHERS: usize = 12;

/// What is known of a silent target, with the names for which a sentence has no room.
pub(super) struct RemarkView<'a> {
    pub(super) remark: &'a Remark,
    pub(super) id: String,
    pub(super) unnamed: Few<Named<'a>>,
}

impl<'a> RemarkView<'a> {
    pub(super) fn new(remark: &'a Remark) -> RemarkView<'a> {
        let names = remark.unnamed.iter().map(|name| Named::new(name));
        RemarkView {
            remark,
            id: format!("others-{}", remark.topic.to_lowercase().replace(' ', "-")),
            unnamed: Few::new(names, 0, remark.unnamed.len()),
        }
    }
}

/// What else happened in the minutes around the last change of the target.
#[derive(Default)]
pub(super) struct Meanwhile<'a> {
    pub(super) chapters: Vec<ChapterView<'a>>,
    /// Chapters that are only counted.
    pub(super) more: usize,
    /// The query of the history of those minutes.
    pub(super) around: String,
}

impl<'a> Meanwhile<'a> {
    pub(super) fn new(fleet: &'a MasterFleet, target: &'a str, details: bool) -> Meanwhile<'a> {
        let last = fleet.history.of(target).next().filter(|event| !event.is_found());
        let Some(changed) = last else { return Meanwhile::default() };
        let around = fleet.history.around(target, changed.at).filter(|event| !event.is_found());
        let others = Chapter::of_each(around);
        Meanwhile {
            chapters: others
                .iter()
                .take(MOST_OF_OTHERS)
                .map(|chapter| ChapterView::new(chapter, fleet, details))
                .collect(),
            more: others.len().saturating_sub(MOST_OF_OTHERS),
            around: EventSelection::around(changed.at).query(),
        }
    }
}
