//! The way to a server, on which things go wrong that a server cannot do itself.

use socket2::{Domain, SockRef, Socket, Type};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Longer than a connection on this machine takes, and shorter than the kernel's first repetition.
const QUEUED: Duration = Duration::from_millis(300);

/// What happens to connections to come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    #[default]
    Open,
    /// Their first packet is dropped, as by a packet filter.
    Filtered,
    /// A RST answers the first bytes of the client.
    Reset,
    /// So many bytes of the server's come through, and then nothing more.
    HangsAfter(usize),
}

/// Passes bytes on in both directions.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    /// What fills the queue while the way is filtered.
    queue: Vec<TcpStream>,
}

#[derive(Default)]
struct State {
    manner: Mutex<Manner>,
    changed: Condvar,
    accepted: AtomicUsize,
    forgotten: AtomicUsize,
}

impl Way {
    pub(crate) fn to(server: SocketAddr) -> Way {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        // The shortest queue, so that a few connections fill it.
        socket.listen(0).unwrap();
        let listener = TcpListener::from(socket);
        let way = Way { address: listener.local_addr().unwrap(), state: Arc::default(), queue: Vec::new() };
        let state = way.state.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                state.pass_on(near, server);
            }
        });
        way
    }

    /// Changes what happens from now on.
    pub(crate) fn set(&mut self, manner: Manner) {
        *self.state.manner.lock().unwrap() = manner;
        self.state.changed.notify_all();
        self.queue.clear();
        if manner == Manner::Filtered {
            // One waits with the thread that accepted it, the others in the queue until it is full.
            self.queue.extend(std::iter::from_fn(|| TcpStream::connect_timeout(&self.address, QUEUED).ok()));
        }
    }

    /// The connections that are open now stay open and carry nothing any more.
    pub(crate) fn forget(&self) {
        self.state.forgotten.store(self.state.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl State {
    fn pass_on(self: &Arc<State>, mut near: TcpStream, server: SocketAddr) {
        let filtered = |manner: &mut Manner| *manner == Manner::Filtered;
        let manner = *self.changed.wait_while(self.manner.lock().unwrap(), filtered).unwrap();
        let passes = match manner {
            Manner::Reset => {
                // A client that is reset before it writes may see that while it still connects.
                let _ = near.read(&mut [0]);
                let _ = SockRef::from(&near).set_linger(Some(Duration::ZERO));
                return;
            }
            Manner::HangsAfter(bytes) => bytes,
            Manner::Open | Manner::Filtered => usize::MAX,
        };
        let index = self.accepted.fetch_add(1, Ordering::SeqCst);
        let Ok(far) = TcpStream::connect(server) else { return };
        let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
        for ((from, to), passes) in [((near, far), usize::MAX), (back, passes)] {
            let state = self.clone();
            std::thread::spawn(move || state.carry(from, to, index, passes));
        }
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, index: usize, mut passes: usize) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let carried = if index < self.forgotten.load(Ordering::SeqCst) { 0 } else { count.min(passes) };
            passes -= carried;
            if to.write_all(&bytes[..carried]).is_err() {
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}
