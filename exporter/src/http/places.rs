//! Places of one kind: connections, scrapes, probes or pages.

use super::client::Visitor;
use super::limiter::{Bounds, Full, Limiter, Permit};
use super::refusals::Refusals;
use crate::model::Refusal;
use std::sync::Arc;

/// The limiters of one kind. Trusted clients have as many places for themselves and share them without a limit for each
/// client.
#[derive(Debug)]
pub(crate) struct Places {
    refusal: Refusal,
    refusals: Arc<Refusals>,
    trusted: Arc<Limiter>,
    others: Arc<Limiter>,
}

impl Places {
    /// All places free. `refusal` is the kind under which refused clients are counted.
    pub(crate) fn new(refusal: Refusal, refusals: &Arc<Refusals>) -> Places {
        Places { refusal, refusals: Arc::clone(refusals), trusted: Arc::default(), others: Arc::default() }
    }

    /// Takes a place; counts what is refused or ended.
    pub(crate) fn enter(&self, visitor: &Visitor, bounds: Bounds) -> Result<Permit, Full> {
        let (limiter, bounds) = if visitor.trusted {
            (&self.trusted, Bounds { for_client: bounds.in_all, ..bounds })
        } else {
            (&self.others, bounds)
        };
        match limiter.enter(visitor, bounds) {
            Ok((permit, ended)) => {
                if let Some(ended) = ended {
                    self.refusals.note(Refusal::ConnectionEnded, ended);
                }
                Ok(permit)
            }
            Err(full) => {
                self.refusals.note(self.refusal, visitor.address);
                Err(full)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::client::TrustedClients;
    use super::*;

    #[tokio::test]
    async fn trusted_clients_have_places_of_their_own() {
        let refusals = Arc::<Refusals>::default();
        let places = Places::new(Refusal::Metrics, &refusals);
        let visitor = |text: &str| Visitor::new(text.parse().unwrap(), &TrustedClients::default());
        let bounds = Bounds { in_all: 2, for_client: 1 };
        let enter = |text| places.enter(&visitor(text), bounds);
        let _others = [enter("192.0.2.1").unwrap(), enter("192.0.2.2").unwrap()];
        assert_eq!(enter("192.0.2.2").unwrap_err(), Full::ForClient);
        assert_eq!(enter("192.0.2.3").unwrap_err(), Full::InAll);
        let _own = [enter("127.0.0.1").unwrap(), enter("127.0.0.1").unwrap()];
        assert_eq!(refusals.counts()[Refusal::Metrics], 2);
    }
}
