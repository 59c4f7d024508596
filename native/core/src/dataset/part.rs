//! One file of a dataset: bytes are compressed, counted, hashed and written on their way, on a thread of the file.
//! While it waits for the disk or a service, the next rows become text.

use std::io::{self, Write};
use std::thread::{self, JoinHandle};

use flate2::GzBuilder;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA256};
use tokio::sync::mpsc;

use super::buffers::{Buffers, UNIT};
use super::destination::Hidden;
use super::document::Compression;
use crate::digest::hex;
use crate::errors::catch_panic;

/// Blocks that wait for the thread of the file at most.
const CHANNEL_CAPACITY: usize = 2;
/// The fastest, and still a tenth of the size of JSON lines.
const LEVEL: u32 = 1;

/// A file that is being written. Without [`Part::finish`] it stays unfinished.
pub(super) struct Part {
    thread: Option<FileThread>,
    buffers: Buffers,
    /// Bytes of a block.
    size: usize,
    /// What the thread gets next, once it is full.
    block: Vec<u8>,
    /// Rows so far.
    pub(super) rows: u64,
}

/// What a finished file is.
pub(super) struct Finished {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Part {
    pub(super) fn new(
        file: Box<dyn Hidden>,
        compression: Compression,
        buffers: &Buffers,
    ) -> io::Result<Self> {
        let thread = FileThread::start(file, compression, buffers.clone())?;
        let (size, block) = (buffers.size(), buffers.take());
        Ok(Part { thread: Some(thread), buffers: buffers.clone(), size, block, rows: 0 })
    }

    /// Adds rows, as text.
    pub(super) fn add(&mut self, rows: u64, mut text: &[u8]) -> io::Result<()> {
        self.rows += rows;
        while !text.is_empty() {
            let (now, rest) = text.split_at(text.len().min(self.size - self.block.len()));
            self.block.extend_from_slice(now);
            text = rest;
            if self.block.len() == self.size {
                let block = std::mem::replace(&mut self.block, self.buffers.take());
                self.send(Step::Block(block))?;
            }
        }
        Ok(())
    }

    /// Gives the thread something to do. If it has stopped, the error says why.
    fn send(&mut self, step: Step) -> io::Result<()> {
        match &self.thread {
            Some(thread) if thread.steps.blocking_send(step).is_ok() => Ok(()),
            _ => Err(self.end().err().unwrap_or_else(stopped)),
        }
    }

    /// Waits for the end of the thread. Gives nothing of a file that was not finished.
    fn end(&mut self) -> io::Result<Option<Written>> {
        self.thread.take().map_or(Ok(None), FileThread::join)
    }

    pub(super) fn finish(mut self) -> io::Result<Finished> {
        let rest = std::mem::take(&mut self.block);
        self.send(Step::Block(rest))?;
        self.send(Step::End)?;
        let (bytes, sha256) = self.end()?.ok_or_else(stopped)?;
        Ok(Finished { rows: self.rows, bytes, sha256 })
    }
}

impl Drop for Part {
    /// Waits until nothing writes to the file any more: another run may begin then.
    fn drop(&mut self) {
        // Nobody wants the file any more, so its error is of no use.
        let _ = self.end();
    }
}

fn stopped() -> io::Error {
    io::Error::other("the thread of the file has stopped")
}

/// The thread that writes a file.
struct FileThread {
    steps: mpsc::Sender<Step>,
    thread: JoinHandle<io::Result<Option<Written>>>,
}

/// Bytes and SHA-256 of a finished file.
type Written = (u64, String);

enum Step {
    Block(Vec<u8>),
    End,
}

impl FileThread {
    fn start(file: Box<dyn Hidden>, compression: Compression, used: Buffers) -> io::Result<Self> {
        let (steps, next) = mpsc::channel(CHANNEL_CAPACITY);
        let body = Body::new(file, compression);
        let work = move || match catch_panic("the writing of a file", || write(body, next, &used)) {
            Ok(written) => written,
            Err(defect) => Err(io::Error::other(defect)),
        };
        let thread = thread::Builder::new().name("fedxdr-file".to_owned()).spawn(work)?;
        Ok(FileThread { steps, thread })
    }

    fn join(self) -> io::Result<Option<Written>> {
        let FileThread { steps, thread } = self;
        drop(steps);
        thread.join().unwrap_or(Ok(None))
    }
}

/// The work of the thread.
fn write(mut body: Body, mut steps: mpsc::Receiver<Step>, used: &Buffers) -> io::Result<Option<Written>> {
    while let Some(step) = steps.blocking_recv() {
        match step {
            Step::Block(block) => {
                body.write_all(&block)?;
                used.put(block);
            }
            Step::End => return body.finish().map(Some),
        }
    }
    Ok(None)
}

enum Body {
    Plain(Counted),
    Gzip(GzEncoder<Counted>),
}

impl Body {
    fn new(file: Box<dyn Hidden>, compression: Compression) -> Self {
        let counted = Counted { file, bytes: 0, hash: Context::new(&SHA256) };
        match compression {
            // Snappy compresses the pages of a file, and the format has done that.
            Compression::None | Compression::Snappy => Body::Plain(counted),
            // Neither time nor name: the file depends on its rows only.
            Compression::Gzip => Body::Gzip(GzBuilder::new().write(counted, flate2::Compression::new(LEVEL))),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Body::Plain(file) => file.write_all(bytes),
            // Always as many at a time, so that the same rows make the same file.
            Body::Gzip(file) => bytes.chunks(UNIT).try_for_each(|unit| file.write_all(unit)),
        }
    }

    fn finish(self) -> io::Result<Written> {
        let counted = match self {
            Body::Plain(counted) => counted,
            Body::Gzip(encoder) => encoder.finish()?,
        };
        counted.file.finish()?;
        Ok((counted.bytes, hex(counted.hash.finish().as_ref())))
    }
}

/// Counts and hashes what goes to the file.
struct Counted {
    file: Box<dyn Hidden>,
    bytes: u64,
    hash: Context,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const BLOCK: usize = 4 * UNIT;

    /// A file that takes so many bytes.
    struct Small {
        room: usize,
        log: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.room = self.room.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Hidden for Small {
        fn finish(self: Box<Self>) -> io::Result<()> {
            self.log.lock().unwrap().push("finished");
            Ok(())
        }
    }

    impl Drop for Small {
        fn drop(&mut self) {
            self.log.lock().unwrap().push("closed");
        }
    }

    fn part(room: usize) -> (Part, Arc<Mutex<Vec<&'static str>>>) {
        let log = Arc::default();
        let file = Box::new(Small { room, log: Arc::clone(&log) });
        (Part::new(file, Compression::None, &Buffers::default()).unwrap(), log)
    }

    fn add(part: &mut Part, bytes: usize) -> io::Result<()> {
        part.add(1, &vec![b'x'; bytes])
    }

    #[test]
    fn a_file_has_every_byte_and_their_hash() {
        let (mut part, log) = part(usize::MAX);
        let sizes = [1, BLOCK, BLOCK - 1, 3 * BLOCK + 7, 0, 5];
        for size in sizes {
            add(&mut part, size).unwrap();
        }
        let finished = part.finish().unwrap();
        let all = vec![b'x'; sizes.iter().sum()];
        assert_eq!((finished.rows, finished.bytes), (6, all.len() as u64));
        assert_eq!(finished.sha256, hex(&crate::digest::sha256(&all)));
        assert_eq!(*log.lock().unwrap(), ["finished", "closed"]);
    }

    #[test]
    fn the_bytes_of_a_file_do_not_depend_on_the_size_of_the_buffers() {
        let rows = || {
            (0..40_000_u32)
                .map(|row| format!("{{\"row\":{row},\"hash\":{}}}\n", row.wrapping_mul(0x9E37_79B9)))
        };
        let [large, small] = [false, true].map(|is_small| {
            let buffers = Buffers::default();
            if is_small {
                buffers.be_small();
            }
            let file = Box::new(Small { room: usize::MAX, log: Arc::default() });
            let mut part = Part::new(file, Compression::Gzip, &buffers).unwrap();
            for row in rows() {
                part.add(1, row.as_bytes()).unwrap();
            }
            part.finish().unwrap().sha256
        });
        assert_eq!(large, small);
    }

    #[test]
    fn an_error_of_the_file_ends_the_part_and_keeps_its_kind() {
        let (mut full, log) = part(3 * BLOCK);
        let error = (0..100).find_map(|_| add(&mut full, BLOCK).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(full.finish().is_err());
        assert_eq!(*log.lock().unwrap(), ["closed"]);

        let (mut full, _) = part(BLOCK);
        add(&mut full, BLOCK + 1).unwrap();
        assert_eq!(full.finish().err().unwrap().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_part_that_is_given_up_is_closed_before_another_run_begins() {
        let (mut part, log) = part(usize::MAX);
        add(&mut part, 2 * BLOCK).unwrap();
        drop(part);
        assert_eq!(*log.lock().unwrap(), ["closed"]);
    }
}
