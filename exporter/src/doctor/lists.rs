//! Lists of hosts for people: a long one is counted in its place, and written out once beneath.

use super::request::{End, Request, ends};

/// More hosts than this are a list of their own.
const MOST: usize = 3;

/// The long lists of a request, each once.
pub(crate) struct Lists<'a>(Vec<&'a [End]>);

impl<'a> Lists<'a> {
    pub(crate) fn of(request: &'a Request) -> Lists<'a> {
        let mut lists = Lists(Vec::new());
        for named in request.rows.iter().flat_map(|row| [&row.source, &row.destination]) {
            if named.len() > MOST && lists.part_of(named).is_none() {
                lists.0.push(named);
            }
        }
        lists
    }

    /// A list that these hosts contain, its number, and the few others.
    fn part_of(&self, named: &[End]) -> Option<(usize, &'a [End], Vec<End>)> {
        (1..).zip(&self.0).find_map(|(number, list)| {
            let contained = list.iter().all(|end| named.contains(end));
            let others: Vec<End> = named.iter().filter(|end| !list.contains(end)).cloned().collect();
            (contained && others.len() <= MOST).then_some((number, *list, others))
        })
    }

    /// These hosts in a few words.
    pub(crate) fn name(&self, named: &[End]) -> String {
        match self.part_of(named) {
            Some((number, list, others)) => {
                let counted = format!("{} hosts (list {number})", list.len());
                if others.is_empty() { counted } else { format!("{} and {counted}", ends(&others)) }
            }
            None => in_few_words(named),
        }
    }

    /// The number of the list that stands for these hosts, or for most of them.
    pub(crate) fn number(&self, named: &[End]) -> Option<usize> {
        self.part_of(named).map(|(number, ..)| number)
    }

    /// Each list with its number.
    pub(crate) fn each(&self) -> impl Iterator<Item = (usize, &'a [End])> {
        (1..).zip(self.0.iter().copied())
    }

    /// Each list with its head.
    pub(crate) fn written(&self) -> impl Iterator<Item = (String, String)> {
        self.each().map(|(number, list)| (head(number, list), ends(list)))
    }
}

/// The head of a list.
pub(crate) fn head(number: usize, list: &[End]) -> String {
    format!("list {number}, {} hosts", list.len())
}

/// These hosts where there is no place for a list.
pub(crate) fn in_few_words(named: &[End]) -> String {
    if named.len() > MOST { format!("{} hosts", named.len()) } else { ends(named) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_written_once_and_what_contains_it_names_the_others() {
        let end = |name: &str| End { name: name.to_owned(), addresses: Vec::new() };
        let many: Vec<End> = ["A", "B", "C", "D"].map(end).into();
        let more = [vec![end("MSX01")], many.clone()].concat();
        let few = vec![end("A"), end("B")];
        let lists = Lists(vec![&many]);
        assert_eq!(lists.name(&few), "A, B");
        assert_eq!(lists.name(&many), "4 hosts (list 1)");
        assert_eq!(lists.name(&more), "MSX01 and 4 hosts (list 1)");
        assert_eq!(in_few_words(&more), "5 hosts");
        assert!(lists.written().eq([("list 1, 4 hosts".to_owned(), "A, B, C, D".to_owned())]));
    }
}
