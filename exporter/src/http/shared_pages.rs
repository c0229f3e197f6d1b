//! Pages that several clients share: each is rendered and compressed once for each reading, however many ask.

use super::views::{DrawError, Drawn, Key};
use crate::diagnosis::Fleet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::task::{JoinError, spawn_blocking};

/// Clients may ask for one view in many variants, such as ports for service discovery. Above this number the oldest is
/// dropped.
const PAGES: usize = 8;

/// Filled by the first client that asks, while the others wait for the lock.
type Slot = Arc<tokio::sync::Mutex<Option<Drawn>>>;

/// The pages of the fleet that was asked for last. They are never served for another fleet.
#[derive(Debug, Default)]
pub(crate) struct SharedPages(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    /// Weak, so that the pages do not keep a fleet alive; the allocation stays, so its address is not reused.
    fleet: Weak<Fleet>,
    slots: Vec<(Key, Slot)>,
}

impl SharedPages {
    /// The page of this fleet with this key; without a key the page is not shared. `draw` needs the processor, so it
    /// runs on a blocking thread. It ends even where its client has hung up, and keeps `pass` until then: clients that
    /// hang up cannot start more. Clients that wait for it share its result, unless it is an error.
    ///
    /// # Errors
    /// Where `draw` panicked.
    pub(crate) async fn get<T: Send + 'static>(
        &self,
        fleet: &Arc<Fleet>,
        key: Option<Key>,
        pass: T,
        draw: impl FnOnce() -> Result<Drawn, DrawError> + Send + 'static,
    ) -> Result<(Result<Drawn, DrawError>, T), JoinError> {
        let Some(key) = key else { return spawn_blocking(|| (draw(), pass)).await };
        let mut slot = self.slot(fleet, key).lock_owned().await;
        if let Some(drawn) = &*slot {
            return Ok((Ok(drawn.clone()), pass));
        }
        spawn_blocking(move || {
            let drawn = draw();
            *slot = drawn.as_ref().ok().cloned();
            (drawn, pass)
        })
        .await
    }

    fn slot(&self, fleet: &Arc<Fleet>, key: Key) -> Slot {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.fleet.as_ptr() != Arc::as_ptr(fleet) {
            *pages = Pages { fleet: Arc::downgrade(fleet), slots: Vec::new() };
        }
        if let Some((_, slot)) = pages.slots.iter().find(|(known, _)| *known == key) {
            return slot.clone();
        }
        if pages.slots.len() == PAGES {
            pages.slots.remove(0);
        }
        let slot = Slot::default();
        pages.slots.push((key, slot.clone()));
        slot
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::site::Settings;
    use super::super::views::{RenderRequest, Representation, Resource};
    use super::*;
    use crate::api::discovery::Entries;
    use crate::exposition::{Format, gzip};
    use crate::fixtures::{LIMITS, full};
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(port: u16) -> Option<Key> {
        let settings = Settings { reading_timeout: std::time::Duration::ZERO, explain_details: false, limits: *LIMITS };
        let form = Representation { details: false, format: Format::Text004, gzip: false };
        RenderRequest::new(Resource::Discovery(Entries::Targets(std::num::NonZeroU16::new(port))), form).key(settings)
    }

    fn drawn(text: &str) -> Result<Drawn, DrawError> {
        Ok(Drawn::new(gzip(text.as_bytes()).unwrap(), "text/plain", "Accept-Encoding"))
    }

    /// The address of the served bytes, which identifies the page.
    async fn bytes(pages: &SharedPages, fleet: &Arc<Fleet>, key: Option<Key>, text: &'static str) -> usize {
        let (page, ()) = pages.get(fleet, key, (), move || drawn(text)).await.unwrap();
        page.unwrap().body.bytes.as_ptr() as usize
    }

    #[tokio::test]
    async fn all_who_ask_for_one_page_of_one_fleet_share_its_bytes() {
        let (pages, fleet) = (SharedPages::default(), Arc::new(full().into()));
        let draws = Arc::new(AtomicUsize::new(0));
        let ask = || async {
            let draws = draws.clone();
            let draw = move || {
                draws.fetch_add(1, Ordering::SeqCst);
                drawn("page")
            };
            pages.get(&fleet, key(1), (), draw).await.unwrap().0.unwrap().body.bytes
        };
        let all = join_all((0..32).map(|_| ask())).await;
        assert_eq!(draws.load(Ordering::SeqCst), 1);
        assert!(all.iter().all(|bytes| bytes.as_ptr() == all[0].as_ptr()));
    }

    #[tokio::test]
    async fn another_fleet_another_view_and_what_has_no_key_are_drawn_for_themselves() {
        let (pages, fleet) = (SharedPages::default(), Arc::new(full().into()));
        let first = bytes(&pages, &fleet, key(1), "1").await;
        assert_eq!(bytes(&pages, &fleet, key(1), "1").await, first);
        for (fleet, key) in [(fleet.clone(), key(2)), (fleet.clone(), None), (Arc::new(full().into()), key(1))] {
            let (page, ()) = pages.get(&fleet, key, (), || drawn("other")).await.unwrap();
            assert_eq!(page.unwrap().body.length, 5);
        }
        // The other fleet has replaced it, so what was rendered of the first one is not kept.
        let (page, ()) = pages.get(&fleet, key(1), (), || drawn("again")).await.unwrap();
        assert_eq!(page.unwrap().body.length, 5);
    }

    #[tokio::test]
    async fn an_error_and_a_panic_are_not_kept() {
        let (pages, fleet) = (SharedPages::default(), Arc::new(full().into()));
        assert!(pages.get(&fleet, key(1), (), || Err(DrawError::NotRead)).await.unwrap().0.is_err());
        assert!(pages.get(&fleet, key(1), (), || unreachable!("on purpose")).await.is_err());
        bytes(&pages, &fleet, key(1), "page").await;
    }

    #[tokio::test]
    async fn variants_do_not_pile_up() {
        let (pages, fleet) = (SharedPages::default(), Arc::new(full().into()));
        for port in 1..200 {
            bytes(&pages, &fleet, key(port), "page").await;
        }
        assert_eq!(pages.0.lock().unwrap().slots.len(), PAGES);
    }
}
