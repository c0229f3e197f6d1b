//! Accepts connections until it is asked to stop.

use super::client::Visitor;
use super::connection::{self, Shared};
use super::limiter::Bounds;
use super::options::Options;
use super::places::Places;
use super::router::Router;
use super::site::Site;
use super::turns::Turns;
use super::web::Web;
use crate::model::Refusal;
use futures_util::future::join_all;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// The pause after an accept that failed for want of file handles.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Serves on every listener until `shutdown` ends. Then it accepts nothing more, finishes requests in flight within
/// [`Options::drain_timeout`], and closes what is left.
///
/// The caller binds the sockets and decides the end, so tests use port 0 and a channel. Dropping the future closes
/// everything at once.
pub async fn run<S: Site>(
    listeners: Vec<TcpListener>,
    site: Arc<S>,
    options: Options,
    web: Arc<Web>,
    shutdown: impl Future<Output = ()>,
) {
    let options = Arc::new(options);
    let refusals = Arc::clone(web.refusals());
    let shared = Arc::new(Shared {
        router: Router::new(site, Arc::clone(&options), &refusals, Arc::clone(web.probe_tally())),
        options,
        web: Arc::clone(&web),
        connections: Places::new(Refusal::Connection, &refusals),
        turns: Arc::<Turns>::default(),
        refusals: Arc::clone(&refusals),
    });
    let stop = CancellationToken::new();
    let serving = join_all(listeners.into_iter().map(|listener| accept(listener, Arc::clone(&shared), stop.clone())));
    let ending = async {
        shutdown.await;
        stop.cancel();
    };
    let watching = async {
        tokio::select! {
            () = web.watch() => {}
            () = refusals.report() => {}
            () = stop.cancelled() => {}
        }
    };
    tokio::join!(serving, ending, watching);
    refusals.close();
}

async fn accept<S: Site>(listener: TcpListener, shared: Arc<Shared<S>>, stop: CancellationToken) {
    if let Ok(address) = listener.local_addr() {
        info!(%address, tls = shared.web.current().tls.is_some(), "listening");
    }
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = clients.join_next() => continue,
            () = stop.cancelled() => break,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // A client that left before it was accepted, or no more file handles: in both cases the other clients
                // go on.
                shared.refusals.note(Refusal::Accept, error);
                sleep(BACK_OFF).await;
                continue;
            }
        };
        let visitor = Visitor::new(remote.ip(), &shared.options.trusted);
        let Options { connections, connections_per_client, .. } = *shared.options;
        let bounds = Bounds { in_all: connections, for_client: connections_per_client };
        match shared.connections.enter(&visitor, bounds) {
            Ok(place) => {
                let (shared, stop) = (Arc::clone(&shared), stop.clone());
                clients.spawn(async move {
                    let phase = Arc::clone(&visitor.phase);
                    tokio::select! {
                        () = connection::serve(stream, visitor, shared, stop) => {}
                        () = phase.ended() => {}
                    }
                    drop(place);
                });
            }
            Err(full) => debug!(client = %visitor.address, ?full, "connection refused: too many are open"),
        }
    }
    drop(listener);
    let drained = timeout(shared.options.drain_timeout, async { while clients.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        warn!(connections = clients.len(), "requests in flight did not end in time and are cut");
    }
}
