//! Lines of a bundle, read ahead. What a line says of itself (its bytes decoded, the entry's hash, its
//! canonical form) is found on one thread while the other adds up what the lines before said: their
//! chain, their tree and the digest over all.

use std::sync::mpsc::sync_channel;

use super::ReadEntry;
use crate::export::{self, InvalidLine, Line, Redacted};

/// Lines that are handed over together have about so many bytes.
const TOGETHER: usize = 128 * 1024;
/// So many times they wait; with this, what is read ahead stays below a few megabytes.
const WAITING: usize = 4;

/// A line after the header, with what can be told of it alone.
pub(super) enum ReadLine {
    Entry(Box<ReadEntry>),
    Redacted(Redacted),
    Manifest(String),
}

/// Calls `then` with each line in order: its number, its bytes, and what it says.
pub(super) fn each<L: AsRef<[u8]> + Send>(
    lines: impl Iterator<Item = (u64, L)> + Send,
    mut then: impl FnMut(u64, &[u8], Result<ReadLine, InvalidLine>),
) {
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(WAITING);
        scope.spawn(move || {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            for (number, line) in lines {
                let said = read(line.as_ref());
                bytes += line.as_ref().len();
                batch.push((number, line, said));
                if bytes >= TOGETHER {
                    bytes = 0;
                    if send.send(std::mem::take(&mut batch)).is_err() {
                        return;
                    }
                }
            }
            drop(send.send(batch));
        });
        for (number, line, said) in receive.into_iter().flatten() {
            then(number, line.as_ref(), said);
        }
    });
}

fn read(line: &[u8]) -> Result<ReadLine, InvalidLine> {
    Ok(match export::read_line(line)? {
        Line::Entry(position, leaf_bytes) => {
            ReadLine::Entry(Box::new(ReadEntry::of(position, &leaf_bytes)))
        }
        Line::Redacted(mark) => ReadLine::Redacted(mark),
        Line::Manifest(note) => ReadLine::Manifest(note),
    })
}
