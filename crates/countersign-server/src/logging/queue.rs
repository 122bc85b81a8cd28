//! The lines that wait to be written, and the thread that writes them.
//!
//! A line is appended to a buffer that all threads share, so that a request allocates nothing and wakes no other thread as long as
//! lines come one after the other: the thread takes all lines that wait, writes them together, and looks again after a pause.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most bytes of lines that wait to be written. Further lines are lost, and counted.
const MAX_WAITING: usize = 4 * 1024 * 1024;
/// The most bytes of lines that are written together: as many as a pipe takes at once (`PIPE_BUF`), so that no other line comes
/// between.
const WRITTEN_TOGETHER: usize = 4096;
/// How long the thread waits after it has written. A line is written this much later at most, while one can be written at all.
const PAUSE: Duration = Duration::from_millis(5);
/// The bytes of a buffer that stay allocated while nothing waits.
const KEPT: usize = 256 * 1024;
/// How long the end of the process waits for lines that cannot be written.
const LONGEST_CLOSE: Duration = Duration::from_secs(1);

/// Lines that wait to be written by a thread of their own. Clones share them.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Wakes the thread.
    work: Condvar,
    /// Wakes the end of the process.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// Whole lines.
    waiting: Vec<u8>,
    /// The number of lines that were lost.
    lost: u64,
    /// Whether the thread waits for a line, and has to be woken.
    idle: bool,
    /// Whether the thread ends once nothing waits.
    closing: bool,
    ended: bool,
}

impl Queue {
    /// Starts the thread that writes to `output`.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system starts no thread.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Self(Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            ended: Condvar::new(),
        }));
        let shared = Arc::clone(&queue.0);
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || shared.write_lines(output))?;
        Ok(queue)
    }

    /// Adds a line, with its line break. It is lost if too many bytes wait.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.0.lock();
        if state.waiting.len() + line.len() > MAX_WAITING {
            state.lost += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        let wakes = mem::take(&mut state.idle);
        drop(state);
        if wakes {
            self.0.work.notify_one();
        }
    }

    /// Returns the number of lines that were lost.
    pub(super) fn lost(&self) -> u64 {
        self.0.lock().lost
    }

    /// Ends the thread once it has written what waits. Returns earlier if that takes too long.
    pub(super) fn close(&self) {
        let mut state = self.0.lock();
        state.closing = true;
        self.0.work.notify_one();
        let ended = &self.0.ended;
        // A poisoned lock does not matter here: the process ends.
        drop(ended.wait_timeout_while(state, LONGEST_CLOSE, |state| !state.ended));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines until the queue is closed.
    fn write_lines(&self, mut output: impl Write) {
        let mut lines = Vec::new();
        let mut state = self.lock();
        loop {
            while state.waiting.is_empty() && !state.closing {
                state.idle = true;
                let woken = self.work.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
            state.idle = false;
            if state.waiting.is_empty() {
                break;
            }
            mem::swap(&mut lines, &mut state.waiting);
            drop(state);
            for together in whole_lines(&lines) {
                // What cannot be written is lost: an error could be reported nowhere else.
                let _ = output.write_all(together);
            }
            lines.clear();
            lines.shrink_to(KEPT);
            let paused = self
                .work
                .wait_timeout_while(self.lock(), PAUSE, |state| !state.closing);
            state = paused.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ended = true;
        self.ended.notify_all();
    }
}

/// Splits lines into parts of whole lines, which are no longer than [`WRITTEN_TOGETHER`] unless they are one line.
fn whole_lines(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let first = lines.get(..WRITTEN_TOGETHER).unwrap_or(lines);
        let is_end = |byte: &u8| *byte == b'\n';
        let end = first.iter().rposition(is_end);
        let end = end.or_else(|| lines.iter().position(is_end));
        let end = end.map_or(lines.len(), |end| end + 1);
        let (together, rest) = lines.split_at(end);
        lines = rest;
        (!together.is_empty()).then_some(together)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// Sends what is written, each time after a permit was received.
    struct Output {
        permits: Receiver<()>,
        written: SyncSender<Vec<u8>>,
    }

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.permits.recv().map_err(io::Error::other)?;
            self.written
                .send(bytes.to_vec())
                .map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start() -> (Queue, SyncSender<()>, Receiver<Vec<u8>>) {
        let ((permit, permits), (written, parts)) = (sync_channel(8192), sync_channel(8192));
        let queue = Queue::start(Output { permits, written }).unwrap();
        (queue, permit, parts)
    }

    fn line(number: usize) -> Vec<u8> {
        format!("{number:0>99}\n").into_bytes()
    }

    #[test]
    fn lines_that_come_while_others_are_written_are_written_together_in_their_order() {
        let (queue, permit, parts) = start();
        queue.push(&line(0));
        permit.send(()).unwrap();
        assert_eq!(parts.recv().unwrap(), line(0));
        // The thread takes at least one of these, and then waits for a permit.
        let lines: Vec<Vec<u8>> = (1..=200).map(line).collect();
        for line in &lines {
            queue.push(line);
        }
        for _ in 0..lines.len() {
            permit.send(()).unwrap();
        }
        queue.close();
        let parts: Vec<Vec<u8>> = parts.iter().collect();
        assert!(parts.len() <= 10, "{} parts", parts.len());
        assert!(parts.iter().all(|part| part.len() <= WRITTEN_TOGETHER));
        assert!(parts.iter().all(|part| part.ends_with(b"\n")));
        assert_eq!(parts.concat(), lines.concat());
    }

    #[test]
    fn lines_are_lost_and_counted_if_too_many_wait() {
        let (queue, permit, parts) = start();
        let long = [&[b'x'; 999][..], b"\n"].concat();
        let accepted = MAX_WAITING / long.len();
        let mut pushed = 0;
        // The thread takes lines once, and then waits for a permit.
        while queue.lost() == 0 {
            queue.push(&long);
            pushed += 1;
            assert!(pushed <= 2 * accepted + 1, "nothing is lost");
        }
        assert!(pushed > accepted);
        drop(permit);
        queue.close();
        assert_eq!(queue.lost(), 1);
        assert_eq!(parts.iter().count(), 0);
    }

    #[test]
    fn closing_writes_what_waits() {
        let (queue, permit, parts) = start();
        permit.send(()).unwrap();
        permit.send(()).unwrap();
        queue.push(&line(1));
        queue.clone().push(&line(2));
        queue.close();
        let written: Vec<Vec<u8>> = parts.iter().collect();
        assert_eq!(written.concat(), [line(1), line(2)].concat());
    }

    #[test]
    fn parts_are_whole_lines() {
        let long = [&[b'x'; 5000][..], b"\n"].concat();
        let lines = [line(1), long.clone(), line(2).repeat(41), b"end".to_vec()].concat();
        let parts: Vec<&[u8]> = whole_lines(&lines).collect();
        let expected = [line(1), long, line(2).repeat(40), line(2), b"end".to_vec()];
        assert_eq!(parts.concat(), lines);
        assert_eq!(
            parts,
            expected[..].iter().map(Vec::as_slice).collect::<Vec<_>>()
        );
    }
}
