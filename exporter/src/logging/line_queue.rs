//! Lines on their way to standard error.
//!
//! A pipe whose reader stopped, or a disk that hangs, blocks the thread that writes to it. So a thread of its own writes, and
//! lines that it cannot write in time are given up and counted: serving goes on without a log.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines that wait at most. A line is about 200 bytes.
const LONGEST: usize = 4_096;
/// How long the end of the process waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes lines and never blocks. Clones share one queue.
#[derive(Debug, Clone, Default)]
pub(super) struct LineQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    /// Whether a line is being written.
    writing: bool,
}

impl LineQueue {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(writer: impl Write + Send + 'static) -> io::Result<LineQueue> {
        let queue = LineQueue::default();
        let shared = Arc::clone(&queue.0);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_on(writer))?;
        Ok(queue)
    }

    /// Waits until all lines are written, but no longer than a second.
    pub(super) fn flush(&self) {
        let waiting = self.0.lock();
        let busy = |waiting: &mut Waiting| waiting.writing || !waiting.lines.is_empty();
        drop(self.0.changed.wait_timeout_while(waiting, PATIENCE, busy));
    }

    /// Lines that were not written.
    pub(super) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

impl Write for LineQueue {
    /// Takes one line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock();
        if waiting.lines.len() < LONGEST {
            waiting.lines.push_back(line.to_vec());
            self.0.changed.notify_all();
        } else {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn write_on(&self, mut writer: impl Write) {
        let mut waiting = self.lock();
        loop {
            let idle = |waiting: &mut Waiting| waiting.lines.is_empty();
            waiting = self.changed.wait_while(waiting, idle).unwrap_or_else(PoisonError::into_inner);
            let Some(line) = waiting.lines.pop_front() else { continue };
            waiting.writing = true;
            drop(waiting);
            if writer.write_all(&line).is_err() {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            waiting = self.lock();
            waiting.writing = false;
            self.changed.notify_all();
        }
    }

    // Each statement leaves the queue consistent, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc;

    /// Writes when it is let, and passes on what it wrote.
    struct Gate(mpsc::Receiver<()>, mpsc::Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let closed = |_| io::Error::from(io::ErrorKind::StorageFull);
            self.0.recv().map_err(closed)?;
            let _ = self.1.send(line.to_vec());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_blocks_holds_no_caller_up_and_what_does_not_fit_is_counted() {
        let (let_one, gate) = mpsc::channel();
        let (written, lines) = mpsc::channel();
        let mut queue = LineQueue::start(Gate(gate, written)).unwrap();
        let all = LONGEST + 10;
        (0..all).for_each(|at| queue.write_all(format!("{at}\n").as_bytes()).unwrap());
        let lost = usize::try_from(queue.lost()).unwrap();
        assert!((9..=10).contains(&lost), "{lost}: one may be with the writer");
        (lost..all).for_each(|_| let_one.send(()).unwrap());
        LineQueue::flush(&queue);
        let order: Vec<Vec<u8>> = lines.try_iter().collect();
        assert_eq!((order.len(), order[0].as_slice()), (all - lost, &b"0\n"[..]));
        // From here on it fails: that is counted too.
        drop(let_one);
        queue.write_all(b"more\n").unwrap();
        LineQueue::flush(&queue);
        assert_eq!(queue.lost(), lost as u64 + 1);
    }
}
