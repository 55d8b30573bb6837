//! Checkpoints: read back, hash again, sign, keep, and only then tell.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use prost::Message as _;
use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::chain::Chain;
use writ_chain::checkpoint::{Checkpoint, global_origin, tenant_origin};
use writ_chain::global::{TenantHead, interval_root};
use writ_chain::merkle;
use writ_contract::{Audit, Envelope, EventId, Kind, OrgId, wire};
use writ_eventlog::Position;
use writ_pg::{Fence, NewEvent, WriterTx};
use writ_service_kit::ids::new_v7;

use super::Writer;
use crate::domain::extend;
use crate::error::Error;
use crate::store::{self, GlobalHead, HeadPlace, LastSeal, NewSeal};
use crate::{NAME, metrics};

/// Most entries of one organisation under one new checkpoint: the ids of its single facts have to
/// fit into one message of 256 KB.
const RANGE: u64 = 4_000;
/// Most entries read back in one interval.
const INTERVAL: u64 = 40_000;
/// Partition of the sealer's own fence; those of the streams count from 0.
const PARTITION: i32 = 1_000;

/// Signs. Its own fence keeps a writer that was replaced from signing once more.
#[derive(Debug)]
pub(super) struct Sealer<'a> {
    writer: &'a Writer,
    fence: Fence,
    /// Logs whose stored entries are not what was appended: never signed again by this process.
    quarantined: BTreeSet<Uuid>,
}

/// A new head, signed, and the range it adds.
struct Sealed {
    seal: NewSeal,
    first: u64,
}

impl<'a> Sealer<'a> {
    pub(super) async fn open(writer: &'a Writer) -> Result<Self, Error> {
        let (fence, _) = Fence::acquire(&writer.pool, store::PROJECTION, PARTITION).await?;
        Ok(Self {
            writer,
            fence,
            quarantined: BTreeSet::new(),
        })
    }

    /// Seals what was recorded of the organisations in `grown`; returned = sealed. Those that have
    /// more than fits into one interval are left for the next.
    ///
    /// # Errors
    /// [`Error`]; nothing was told to anybody.
    pub(super) async fn seal(&mut self, grown: BTreeSet<Uuid>) -> Result<BTreeSet<Uuid>, Error> {
        let orgs: Vec<Uuid> = grown.difference(&self.quarantined).copied().collect();
        if orgs.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut tx = self.writer.pool.begin().await?;
        let mut last = store::last_seals(&mut tx, &orgs).await?;
        let appended = store::chains(&mut tx, &orgs).await?;
        let (mut sealed, mut left, mut read) = (Vec::new(), BTreeSet::new(), 0);
        for org in orgs {
            if read >= INTERVAL {
                left.insert(org);
                continue;
            }
            let next = match last.remove(&org) {
                Some(before) => self.read_back(&mut tx, before, appended.get(&org)).await?,
                None => None,
            };
            let Some(next) = next else {
                self.quarantined.insert(org);
                continue;
            };
            let added = next.seal.head.size() - next.first;
            read += added;
            if added == RANGE {
                left.insert(org);
            }
            sealed.extend((added > 0).then_some(next));
        }
        metrics::quarantined(self.quarantined.len());
        self.keep(tx, sealed).await?;
        Ok(left)
    }

    /// Reads the next committed entries back, hashes them again and signs the head after them.
    /// `None` when they are not what was appended.
    async fn read_back(
        &self,
        tx: &mut WriterTx,
        before: LastSeal,
        chain: Option<&Chain>,
    ) -> Result<Option<Sealed>, Error> {
        let LastSeal {
            head: before,
            version,
        } = before;
        let limit = i64::try_from(RANGE).unwrap_or(i64::MAX);
        let rows = store::unsealed_leaves(tx, before.tenant, before.size(), limit).await?;
        let head = match extend(&before, &rows) {
            Ok(head) => head,
            Err(corrupt) => {
                tracing::error!(error = %corrupt, "log quarantined: not signed any further");
                return Ok(None);
            }
        };
        let chain = chain.filter(|chain| chain.size() == head.size());
        if chain.is_some_and(|chain| chain.head_hash() != head.head_hash) {
            tracing::error!(org = %head.tenant, "log quarantined: another entry was appended");
            return Ok(None);
        }
        let origin = tenant_origin(self.name(), head.tenant);
        let note = self.note(origin, head.size(), head.frontier.root())?;
        let seal = NewSeal {
            head,
            version: version + 1,
            note,
        };
        Ok(Some(Sealed {
            seal,
            first: before.size(),
        }))
    }

    /// Keeps the signed heads, the global leaf over them and the facts that tell of them.
    async fn keep(&self, mut tx: WriterTx, sealed: Vec<Sealed>) -> Result<(), Error> {
        if sealed.is_empty() {
            return Ok(());
        }
        let GlobalHead { frontier } = store::global_head(&mut tx).await?;
        let global_index = frontier.size();
        let heads: Vec<TenantHead> = sealed.iter().map(head).collect();
        // `grown` is an ordered set, so the heads rise.
        let interval =
            interval_root(&heads).map_err(|_| Error::Damaged("the order of heads".to_owned()))?;
        let mut frontier = frontier;
        frontier.append(merkle::leaf_hash(&interval));
        let root = frontier.root();
        let note = self.note(global_origin(self.name()), frontier.size(), root)?;
        store::insist_on_disk(&mut tx).await?;
        store::insert_global(&mut tx, &interval, &frontier, &note).await?;
        let mut events = Vec::with_capacity(sealed.len());
        for one in &sealed {
            events.push(self.event(&mut tx, one).await?);
        }
        let seals: Vec<NewSeal> = sealed.into_iter().map(|one| one.seal).collect();
        store::insert_seals(&mut tx, &seals, &places(&heads)?, global_index).await?;
        for seal in &seals {
            store::keep_tiles(&mut tx, seal.head.tenant, seal.head.size()).await?;
        }
        store::keep_tiles(&mut tx, store::GLOBAL, global_index + 1).await?;
        writ_pg::append(&mut tx, &events).await?;
        let position = Position {
            stream: "global".to_owned(),
            created: DateTime::<Utc>::UNIX_EPOCH,
            seq: global_index,
            event_id: hex::encode(root),
        };
        self.fence.save(&mut tx, &position).await?;
        let ids: Vec<Uuid> = events
            .iter()
            .map(|event| event.envelope.event_id.0)
            .collect();
        self.writer.outbox.commit_writer(tx, &ids).await?;
        metrics::checkpoints(seals.len());
        Ok(())
    }

    fn name(&self) -> &str {
        self.writer.signing.log_name()
    }

    fn note(&self, origin: String, size: u64, root: [u8; 32]) -> Result<String, Error> {
        let checkpoint = Checkpoint {
            origin,
            size,
            root,
            extensions: Vec::new(),
        };
        let signed = self.writer.signing.note(&checkpoint);
        signed.map_err(|wrong| Error::Damaged(wrong.to_string()))
    }

    /// The `sealed` fact of one new head.
    async fn event(&self, tx: &mut WriterTx, sealed: &Sealed) -> Result<NewEvent, Error> {
        let NewSeal {
            head,
            version,
            note,
        } = &sealed.seal;
        let org = OrgId(head.tenant);
        let ids = store::event_ids(tx, head.tenant, sealed.first, head.size()).await?;
        let fact = wire::Sealed {
            first_seq: sealed.first,
            size: head.size(),
            root: head.frontier.root().to_vec(),
            event_ids: ids.into_iter().map(|id| EventId(id).to_bytes()).collect(),
            checkpoint: note.clone(),
        };
        let clock = self.writer.clock.as_ref();
        let envelope = Envelope {
            event_id: EventId(new_v7(clock)),
            kind: Kind::of::<wire::Sealed>("sealed"),
            org,
            aggregate_id: org.to_string(),
            version: *version,
            occurred_at_us: clock.now().timestamp_micros(),
            audit: Audit {
                actor: format!("system:{NAME}"),
                action: "ledger.seal".to_owned(),
                target: format!("ledger:{org}"),
                on_behalf_of: Vec::new(),
                outcome: "succeeded".to_owned(),
                reason_code: String::new(),
            },
            fact: fact.encode_to_vec(),
            traceparent: String::new(),
        };
        let subject = self
            .writer
            .log
            .topology()
            .fact::<wire::Sealed>(org, "sealed");
        Ok(NewEvent { subject, envelope })
    }
}

/// Where each head stands in the interval's tree.
fn places(heads: &[TenantHead]) -> Result<Vec<HeadPlace>, Error> {
    let hashes: Vec<Hash> = heads.iter().map(TenantHead::leaf_hash).collect();
    let size = hashes.len() as u64;
    let place = |index| {
        let path = merkle::prove_inclusion(hashes.as_slice(), index, size);
        let path = path.map_err(|_| Error::Damaged("the tree of heads".to_owned()))?;
        Ok(HeadPlace { index, size, path })
    };
    (0..size).map(place).collect()
}

fn head(sealed: &Sealed) -> TenantHead {
    let head = &sealed.seal.head;
    TenantHead {
        tenant: head.tenant,
        size: head.size(),
        root: head.frontier.root(),
    }
}
