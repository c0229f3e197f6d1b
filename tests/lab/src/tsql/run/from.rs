//! FROM: scans and joins.

use super::key::{Key, key};
use super::{Env, Frame, Run};
use crate::tsql::plan::{Join, Select, Source};
use crate::tsql::world::Row;
use crate::wire::ServerError;
use std::collections::HashMap;
use std::sync::Arc;

impl Run<'_> {
    pub(super) fn from(&self, select: &Select, outer: Option<&Env<'_>>) -> Result<Vec<Frame>, ServerError> {
        let Some((first, others)) = select.sources.split_first() else { return Ok(vec![Vec::new()]) };
        let nothing = Env { frame: &[], outer };
        let mut frames: Vec<Frame> = self.source(first, &nothing)?.iter().map(|row| vec![Some(row.clone())]).collect();
        for (source, join) in others.iter().zip(&select.joins) {
            frames = match source {
                Source::Lateral(_) => self.apply(frames, source, join, outer)?,
                _ => {
                    let rows = self.source(source, &nothing)?;
                    self.join(frames, &rows, join, outer)?
                }
            };
        }
        Ok(frames)
    }

    fn source(&self, source: &Source, env: &Env<'_>) -> Result<Arc<Vec<Row>>, ServerError> {
        match source {
            Source::Table(shape) => Ok(self.world.rows(shape)),
            Source::Derived(query) | Source::Lateral(query) => {
                Ok(Arc::new(self.query(query, Some(env))?.into_iter().map(Row::from).collect()))
            }
        }
    }

    fn apply(
        &self,
        frames: Vec<Frame>,
        source: &Source,
        join: &Join,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Frame>, ServerError> {
        let mut joined = Vec::new();
        for frame in frames {
            let rows = self.source(source, &Env { frame: &frame, outer })?;
            pair(&frame, rows.iter().cloned(), join.left, &mut joined);
        }
        Ok(joined)
    }

    fn join(
        &self,
        frames: Vec<Frame>,
        rows: &[Row],
        join: &Join,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Frame>, ServerError> {
        let index = self.index(frames.first().map_or(0, Vec::len), rows, join, outer)?;
        let every: Vec<usize> = if join.equal.is_empty() { (0..rows.len()).collect() } else { Vec::new() };
        let mut joined = Vec::with_capacity(frames.len());
        for frame in frames {
            let candidates = if join.equal.is_empty() {
                Some(&every)
            } else {
                let env = Env { frame: &frame, outer };
                let keys = join.equal.iter().map(|(old, _, collation)| Ok(key(&self.eval(old, &env)?, *collation)));
                let keys: Vec<Key> = keys.collect::<Result<_, ServerError>>()?;
                index.get(&keys)
            };
            let mut partners = Vec::new();
            for &at in candidates.into_iter().flatten() {
                let fits = match &join.rest {
                    None => true,
                    Some(rest) => {
                        let mut wide = frame.clone();
                        wide.push(Some(rows[at].clone()));
                        self.pred(rest, &Env { frame: &wide, outer })? == Some(true)
                    }
                };
                if fits {
                    partners.push(rows[at].clone());
                }
            }
            pair(&frame, partners.into_iter(), join.left, &mut joined);
        }
        Ok(joined)
    }

    /// Rows of the new source by their join keys. A NULL joins nothing.
    fn index(
        &self,
        before: usize,
        rows: &[Row],
        join: &Join,
        outer: Option<&Env<'_>>,
    ) -> Result<HashMap<Vec<Key>, Vec<usize>>, ServerError> {
        let mut index: HashMap<Vec<Key>, Vec<usize>> = HashMap::new();
        if join.equal.is_empty() {
            return Ok(index);
        }
        let mut frame: Frame = vec![None; before + 1];
        for (at, row) in rows.iter().enumerate() {
            frame[before] = Some(row.clone());
            let env = Env { frame: &frame, outer };
            let keys = join.equal.iter().map(|(_, new, collation)| Ok(key(&self.eval(new, &env)?, *collation)));
            let keys: Vec<Key> = keys.collect::<Result<_, ServerError>>()?;
            if !keys.contains(&Key::Null) {
                index.entry(keys).or_default().push(at);
            }
        }
        Ok(index)
    }
}

fn pair(frame: &Frame, partners: impl Iterator<Item = Row>, left: bool, joined: &mut Vec<Frame>) {
    let before = joined.len();
    for partner in partners {
        let mut wide = frame.clone();
        wide.push(Some(partner));
        joined.push(wide);
    }
    if left && joined.len() == before {
        let mut wide = frame.clone();
        wide.push(None);
        joined.push(wide);
    }
}
