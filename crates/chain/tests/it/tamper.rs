//! Kinds of tampering. Each takes an honest bundle and a position and gives the changed bundle; the
//! tamperer signs the manifest with the real export keys, so that the entries have to speak for
//! themselves, unless the kind says otherwise.

use writ_chain::chain::Chain;
use writ_chain::checkpoint::{Checkpoint, sign, tenant_origin};
use writ_chain::cosignature::WitnessSigner;
use writ_chain::export::{entry_line, redacted_line};
use writ_chain::keys::NamedSigner;
use writ_chain::leaf::{Leaf, Position, frame, leaf_hash};
use writ_chain::merkle::root_of;

use super::bundle::{KEY_NAME, Ledger, Parts, Signers, body, frontier, leaves, mark, tenant};

/// An honest ledger, its bundle, and everybody's keys.
pub(crate) struct World {
    pub(crate) signers: Signers,
    pub(crate) ledger: Ledger,
    pub(crate) parts: Parts,
    pub(crate) honest: Vec<u8>,
}

pub(crate) type Tamper = fn(&World, usize) -> Vec<u8>;

impl World {
    pub(crate) fn new(entries: u64) -> Self {
        let signers = Signers::new();
        let ledger = Ledger::of(tenant(1), entries);
        let parts = ledger.whole(&signers);
        let honest = parts.lines(&[&signers.export, &signers.rsa]);
        let honest = honest.concat().into_bytes();
        Self {
            signers,
            ledger,
            parts,
            honest,
        }
    }

    /// The honest bundle with other parts, signed as an honest one is.
    fn parts_with(&self, change: impl FnOnce(&mut Parts)) -> Vec<u8> {
        let mut parts = self.parts.clone();
        change(&mut parts);
        parts.signed(&self.signers)
    }

    /// The honest header over other leaves.
    fn leaves_with(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
        let mut leaves = self.ledger.leaves.clone();
        change(&mut leaves);
        self.parts_with(|parts| {
            parts.body = lines_of(&leaves);
            parts.shown = u64::try_from(leaves.len()).unwrap();
        })
    }

    /// The honest bundle with other bytes.
    fn bytes_with(&self, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = self.honest.clone();
        change(&mut bytes);
        bytes
    }

    /// The honest bundle with other lines.
    fn file_with(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
        let lines = self.honest.split_inclusive(|byte| *byte == b'\n');
        let mut lines: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
        change(&mut lines);
        lines.concat()
    }

    /// A byte of the file; 200 positions reach all parts of it.
    fn byte(&self, at: usize) -> usize {
        at * 7_919 % self.honest.len()
    }

    /// A line of the file that is not its last.
    pub(crate) fn place(&self, at: usize) -> usize {
        at % self.parts.body.len()
    }
}

fn lines_of(leaves: &[Vec<u8>]) -> Vec<String> {
    let lines = (0..).zip(leaves);
    lines.map(|(seq, leaf)| entry_line(seq, leaf)).collect()
}

pub(crate) fn forged(seed: usize) -> Vec<u8> {
    let position = Position {
        tenant: tenant(1),
        seq: 0,
        event_id: tenant(77),
        prev_hash: [0; 32],
    };
    frame(&position, &body(5_000 + u64::try_from(seed).unwrap())).unwrap()
}

/// What a careful attacker does: numbers and links every leaf from `from` on anew.
pub(crate) fn relink(leaves: &mut [Vec<u8>], from: usize) {
    let (before, _) = leaves.split_at(from);
    let head = before.last().map(|it| leaf_hash(it)).unwrap_or_default();
    let mut chain = Chain::resume(tenant(1), head, frontier(before));
    for slot in leaves.iter_mut().skip(from) {
        let leaf = Leaf::parse(slot).unwrap();
        let event = leaf.position.event_id;
        let appended = chain.append(event, &leaf.entry().unwrap()).unwrap();
        *slot = appended.leaf_bytes;
    }
}

pub(crate) fn forge_at(leaves: &mut [Vec<u8>], at: usize, seed: usize) {
    leaves[at] = forged(seed);
    relink(leaves, at);
}

fn other_note(world: &World, size: usize, signer: &NamedSigner) -> String {
    let hashes = world.ledger.hashes();
    let size = u64::try_from(size).unwrap();
    let checkpoint = Checkpoint {
        origin: tenant_origin(KEY_NAME, tenant(1)),
        size,
        root: root_of(&hashes[..], size).unwrap(),
        extensions: Vec::new(),
    };
    sign(&checkpoint, &[signer]).unwrap()
}

/// Another letter for the one at `at`, so that the text stays a text.
fn edit_text(text: &mut String, at: usize) {
    let mut letters: Vec<char> = text.chars().collect();
    let at = at % letters.len();
    letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
    *text = letters.into_iter().collect();
}

fn edit_hash(hash: &mut [u8; 32], at: usize) {
    hash[at / 8 % 32] ^= 1 << (at % 8);
}

/// A lie in the global log's own words: the same place, another root.
pub(crate) fn other_view(world: &World, at: usize) -> Ledger {
    let mut ledger = world.ledger.clone();
    let place = world.place(at);
    forge_at(&mut ledger.leaves, place, at);
    ledger
}

const RENAMED: &[u8] = b"agent.paused";

pub(crate) const KINDS: [(&str, Tamper); 40] = [
    ("flip a bit of the file", |w, at| {
        w.bytes_with(|it| it[w.byte(at)] ^= 1 << (at % 8))
    }),
    ("delete a byte of the file", |w, at| {
        w.bytes_with(|it| {
            it.remove(w.byte(at));
        })
    }),
    ("insert a space", |w, at| {
        w.bytes_with(|it| it.insert(w.byte(at), b' '))
    }),
    ("end a line with CR LF", |w, at| {
        w.bytes_with(|it| {
            let ends = it.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            let ends: Vec<usize> = ends.map(|(place, _)| place).collect();
            it.insert(ends[at % ends.len()], b'\r');
        })
    }),
    ("delete a line", |w, at| {
        w.file_with(|it| {
            it.remove(at % it.len());
        })
    }),
    ("repeat a line", |w, at| {
        w.file_with(|it| it.insert(at % it.len(), it[at % it.len()].clone()))
    }),
    ("swap two lines", |w, at| {
        w.file_with(|it| {
            let place = at % (it.len() - 1);
            it.swap(place, place + 1);
        })
    }),
    ("cut the file at a byte", |w, at| {
        w.bytes_with(|it| it.truncate(w.byte(at)))
    }),
    ("cut the file after a line", |w, at| {
        w.file_with(|it| it.truncate(at % it.len()))
    }),
    ("append a line", |w, at| {
        w.file_with(|it| it.push(it[at % it.len()].clone()))
    }),
    ("edit a byte of an entry", |w, at| {
        w.leaves_with(|it| {
            let leaf = &mut it[w.place(at)];
            let byte = at * 31 % leaf.len();
            leaf[byte] ^= 1;
        })
    }),
    ("edit a word, keeping the entry canonical", |w, at| {
        w.leaves_with(|it| {
            let leaf = &mut it[w.place(at)];
            let word = leaf
                .windows(7)
                .position(|it| it == b"allowed" || it == b"blocked");
            let word = word.unwrap();
            let other = if leaf[word] == b'a' {
                b"blocked"
            } else {
                b"allowed"
            };
            leaf[word..word + 7].copy_from_slice(other);
        })
    }),
    ("edit an event id", |w, at| {
        w.leaves_with(|it| it[w.place(at)][34 + at % 16] ^= 1 << (at % 8))
    }),
    ("edit a prev_hash", |w, at| {
        w.leaves_with(|it| it[w.place(at)][50 + at % 32] ^= 1 << (at % 8))
    }),
    ("rename the act and relink", |w, at| {
        w.leaves_with(|it| {
            let place = w.place(at);
            let text = it[place].windows(13).position(|it| it == b"policy.decide");
            it[place].splice(text.unwrap()..text.unwrap() + 13, RENAMED.iter().copied());
            let length = u32::try_from(it[place].len() - 86).unwrap().to_be_bytes();
            it[place][82..86].copy_from_slice(&length);
            relink(it, place);
        })
    }),
    ("delete an entry", |w, at| {
        w.leaves_with(|it| drop(it.remove(w.place(at))))
    }),
    ("delete an entry and relink", |w, at| {
        w.leaves_with(|it| {
            it.remove(w.place(at));
            relink(it, w.place(at));
        })
    }),
    ("delete an entry, its number too", |w, at| {
        w.parts_with(|it| {
            it.body.remove(w.place(at));
            it.shown -= 1;
        })
    }),
    ("delete the tail", |w, at| {
        w.leaves_with(|it| it.truncate(w.place(at)))
    }),
    ("delete the head", |w, at| {
        w.leaves_with(|it| drop(it.drain(..=w.place(at))))
    }),
    ("swap two entries and relink", |w, at| {
        w.leaves_with(|it| {
            let place = at % (it.len() - 1);
            it.swap(place, place + 1);
            relink(it, place);
        })
    }),
    ("repeat an entry and relink", |w, at| {
        w.leaves_with(|it| {
            it.insert(w.place(at), it[w.place(at)].clone());
            relink(it, w.place(at));
        })
    }),
    ("insert a forged entry and relink", |w, at| {
        w.leaves_with(|it| {
            it.insert(w.place(at), forged(at));
            relink(it, w.place(at));
        })
    }),
    ("replace an entry and relink", |w, at| {
        w.leaves_with(|it| forge_at(it, w.place(at), at))
    }),
    ("truncate and append again", |w, at| {
        w.leaves_with(|it| {
            let place = w.place(at);
            (place..it.len()).for_each(|n| it[n] = forged(n + at));
            relink(it, place);
        })
    }),
    ("append entries that were never sealed", |w, at| {
        w.leaves_with(|it| {
            let end = it.len();
            (0..=at).for_each(|n| it.push(forged(n)));
            relink(it, end);
        })
    }),
    ("take an entry of another organisation", |w, at| {
        w.leaves_with(|it| {
            let place = w.place(at);
            it[place] = leaves(tenant(2), u64::try_from(place + 1).unwrap()).remove(place);
        })
    }),
    ("hide an entry that was asked for", |w, at| {
        let hidden = u64::try_from(w.place(at)).unwrap();
        let parts = w
            .ledger
            .parts(&w.signers, 0..w.ledger.size(), |seq| seq != hidden);
        parts.signed(&w.signers)
    }),
    ("hide another entry than the mark says", |w, at| {
        w.parts_with(|it| {
            let place = w.place(at);
            let seq = u64::try_from(place).unwrap();
            let mut mark = mark(&w.ledger.hashes(), seq, seq + 1);
            edit_hash(&mut mark.nodes[0], at);
            it.body[place] = redacted_line(&mark).unwrap();
            (it.shown, it.hidden) = (it.shown - 1, 1);
        })
    }),
    ("let a mark reach too far", |w, at| {
        w.parts_with(|it| {
            let place = w.place(at);
            let seq = u64::try_from(place).unwrap();
            let mut mark = mark(&w.ledger.hashes(), seq, seq + 1);
            mark.to += 1 + u64::try_from(at).unwrap();
            it.body[place] = redacted_line(&mark).unwrap();
            (it.shown, it.hidden) = (it.shown - 1, mark.to - mark.from);
        })
    }),
    ("replay an old checkpoint", |w, at| {
        w.parts_with(|it| it.header.checkpoint = other_note(w, w.place(at), &w.signers.log))
    }),
    ("edit a letter of the checkpoint", |w, at| {
        w.parts_with(|it| edit_text(&mut it.header.checkpoint, at))
    }),
    (
        "forge an entry and seal it with a stranger's key",
        |w, at| {
            let view = other_view(w, at);
            let stranger = NamedSigner::from_seed(KEY_NAME, &[66; 32]).unwrap();
            let mut parts = view.whole(&w.signers);
            parts.header.checkpoint = view.note(&stranger);
            parts.signed(&w.signers)
        },
    ),
    ("show the checkpoint of another organisation", |w, at| {
        let other = Ledger {
            owner: tenant(2 + u128::try_from(at).unwrap()),
            ..w.ledger.clone()
        };
        w.parts_with(|it| it.header.checkpoint = other.note(&w.signers.log))
    }),
    ("show another view than the global log has", |w, at| {
        let view = other_view(w, at);
        let mut parts = view.whole(&w.signers);
        parts.header.global = w.parts.header.global.clone();
        parts.signed(&w.signers)
    }),
    ("edit the path into the global log", |w, at| {
        w.parts_with(|it| {
            let global = it.header.global.as_mut().unwrap();
            let (heads, path) = (&mut global.head_path, &mut global.path);
            let mut hashes = heads.iter_mut().chain(path).collect::<Vec<_>>();
            let count = hashes.len();
            edit_hash(hashes[at % count], at / count);
        })
    }),
    ("edit a letter of the global checkpoint", |w, at| {
        w.parts_with(|it| edit_text(&mut it.header.global.as_mut().unwrap().checkpoint, at))
    }),
    ("strip or forge the witness's cosignature", |w, at| {
        let stranger = WitnessSigner::from_seed("witness.test/w1", &[67; 32]).unwrap();
        let time = u64::try_from(at).unwrap();
        let witness = (at % 2 == 0).then_some((&stranger, time));
        w.parts_with(|it| it.header.global = Some(w.ledger.inclusion(&w.signers.log, witness)))
    }),
    ("strip the signatures from the manifest", |w, at| {
        let mut parts = w.parts.clone();
        parts.header.to -= u64::try_from(w.place(at)).unwrap();
        parts.lines(&[]).concat().into_bytes()
    }),
    ("take the manifest of another bundle", |w, at| {
        let from = u64::try_from(1 + w.place(at) % (w.parts.body.len() - 1)).unwrap();
        let other = w.ledger.parts(&w.signers, from..w.ledger.size(), |_| true);
        let other = other.lines(&[&w.signers.export, &w.signers.rsa]);
        w.file_with(|it| *it.last_mut().unwrap() = other[other.len() - 1].clone().into_bytes())
    }),
];
