//! Ledgers, the log over them, a witness, and bundles of all that.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Serialize;
use uuid::Uuid;
use writ_chain::Hash;
use writ_chain::chain::Chain;
use writ_chain::checkpoint::{Checkpoint, global_origin, sign, tenant_origin};
use writ_chain::cosignature::WitnessSigner;
use writ_chain::export::{
    ExportSigner, Header, Redacted, RsaKey, Tally, entry_line, header_line, manifest_line,
    redacted_line,
};
use writ_chain::global::{Inclusion, TenantHead, interval_root};
use writ_chain::keys::{NamedSigner, Trusted};
use writ_chain::leaf::{EntryBody, Source, leaf_hash};
use writ_chain::merkle::{Frontier, Nodes, prove_inclusion, root_of, subtrees};

pub(crate) const KEY_NAME: &str = "writ.test/ledger";

/// Everybody who signs.
pub(crate) struct Signers {
    pub(crate) log: NamedSigner,
    pub(crate) witness: WitnessSigner,
    pub(crate) export: NamedSigner,
    pub(crate) rsa: Rsa,
}

pub(crate) struct Rsa {
    key: RsaKeyPair,
    public: RsaKey,
}

impl Signers {
    pub(crate) fn new() -> Self {
        let text = include_str!("rsa-key-of-tests-only.txt").replace('\n', "");
        let key = RsaKeyPair::from_pkcs8(&BASE64.decode(text).unwrap()).unwrap();
        let public = RsaKey::new("writ.test/export", key.public_key().as_ref()).unwrap();
        Self {
            log: NamedSigner::from_seed(KEY_NAME, &[1; 32]).unwrap(),
            witness: WitnessSigner::from_seed("witness.test/w1", &[2; 32]).unwrap(),
            export: NamedSigner::from_seed("writ.test/export", &[3; 32]).unwrap(),
            rsa: Rsa { key, public },
        }
    }

    /// What a careful reader trusts, as KEYS.json has it.
    pub(crate) fn keys(&self) -> Keys {
        Keys {
            keys: vec![self.log.verifier().to_string()],
            export_keys: vec![
                self.export.verifier().to_string(),
                self.rsa.public.to_string(),
            ],
            witness_keys: vec![self.witness.verifier().to_string()],
        }
    }
}

/// KEYS.json.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Keys {
    pub(crate) keys: Vec<String>,
    pub(crate) export_keys: Vec<String>,
    pub(crate) witness_keys: Vec<String>,
}

impl Keys {
    pub(crate) fn trusted(&self) -> Trusted {
        Trusted::read(&self.keys, &self.export_keys, &self.witness_keys).unwrap()
    }
}

impl ExportSigner for Rsa {
    fn named(&self) -> (&str, [u8; 4]) {
        (self.public.name(), self.public.id())
    }

    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .key
            .sign(&RSA_PKCS1_SHA256, &random, text, &mut signature);
        signed.ok().map(|()| signature)
    }
}

pub(crate) fn tenant(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + n)
}

pub(crate) fn body(n: u64) -> EntryBody {
    EntryBody {
        kind: "decision.recorded.v1".into(),
        occurred_at: 1_760_000_000_000_000 + i64::try_from(n).unwrap() * 1_000_000,
        actor: Some(format!("key:key_{n}")),
        action: Some("policy.decide".into()),
        target: Some("agent:pöl_\u{1f511}\u{7f}\"\\\t".into()),
        aggregate_id: None,
        on_behalf_of: vec!["per_1".into()],
        outcome: Some(
            if n.is_multiple_of(3) {
                "blocked"
            } else {
                "allowed"
            }
            .into(),
        ),
        reason_code: None,
        policy_set_hash: Some("ab".repeat(32)),
        trace_id: None,
        source: Source {
            stream: "EVT_GATE".into(),
            subject: "writ.evt.gate.3.decision".into(),
            emitter: "0192-emitter".into(),
            emitter_seq: Some(n + 1),
            version: None,
        },
        window: None,
        digest: "cd".repeat(32),
    }
}

/// The leaf bytes of a ledger of `count` entries.
pub(crate) fn leaves(owner: Uuid, count: u64) -> Vec<Vec<u8>> {
    let mut chain = Chain::new(owner);
    let entry = |n| {
        chain
            .append(tenant(1_000 + u128::from(n)), &body(n))
            .unwrap()
    };
    (0..count).map(entry).map(|it| it.leaf_bytes).collect()
}

/// One organisation's ledger within the log over all.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) owner: Uuid,
    pub(crate) leaves: Vec<Vec<u8>>,
    /// Intervals of the global log before and after the one with this ledger's head.
    pub(crate) intervals: (u64, u64),
}

/// What is written down of a ledger before it becomes lines: the parts an attacker can edit.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) header: Header,
    pub(crate) body: Vec<String>,
    pub(crate) shown: u64,
    pub(crate) hidden: u64,
}

impl Ledger {
    pub(crate) fn of(owner: Uuid, count: u64) -> Self {
        Self {
            owner,
            leaves: leaves(owner, count),
            intervals: (5, 3),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap()
    }

    pub(crate) fn hashes(&self) -> Vec<Hash> {
        self.leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
    }

    /// The signed head of the organisation's log.
    pub(crate) fn note(&self, log: &NamedSigner) -> String {
        let checkpoint = Checkpoint {
            origin: tenant_origin(log.verifier().name(), self.owner),
            size: self.size(),
            root: root_of(&self.hashes()[..], self.size()).unwrap(),
            extensions: Vec::new(),
        };
        sign(&checkpoint, &[log]).unwrap()
    }

    /// The head in the global log, cosigned at `time` if there is a witness.
    pub(crate) fn inclusion(
        &self,
        log: &NamedSigner,
        witness: Option<(&WitnessSigner, u64)>,
    ) -> Inclusion {
        let head = |tenant, root| TenantHead {
            tenant,
            size: self.size(),
            root,
        };
        let root = root_of(&self.hashes()[..], self.size()).unwrap();
        let mut heads = vec![head(tenant(0), [8; 32]), head(tenant(99), [9; 32])];
        heads.push(head(self.owner, root));
        heads.sort_by_key(|head| head.tenant);
        let place = heads.iter().position(|it| it.tenant == self.owner).unwrap();
        let place = u64::try_from(place).unwrap();
        let of_heads: Vec<Hash> = heads.iter().map(TenantHead::leaf_hash).collect();
        let (before, after) = self.intervals;
        let other = |n: u64| leaf_hash(&n.to_be_bytes());
        let mut all: Vec<Hash> = (0..before).map(other).collect();
        all.push(leaf_hash(&interval_root(&heads).unwrap()));
        all.extend((0..after).map(|n| other(n + 1_000)));
        let size = before + 1 + after;
        let checkpoint = Checkpoint {
            origin: global_origin(log.verifier().name()),
            size,
            root: root_of(&all[..], size).unwrap(),
            extensions: Vec::new(),
        };
        let mut note = sign(&checkpoint, &[log]).unwrap();
        if let Some((witness, time)) = witness {
            note.push_str(&witness.cosign(&checkpoint.to_text().unwrap(), time));
        }
        Inclusion {
            checkpoint: note,
            head: place,
            head_path: prove_inclusion(&of_heads[..], place, 3).unwrap(),
            heads: 3,
            index: before,
            path: prove_inclusion(&all[..], before, size).unwrap(),
        }
    }

    /// The parts of a bundle that shows the entries of `range` for which `keep` holds.
    pub(crate) fn parts(
        &self,
        signers: &Signers,
        range: Range<u64>,
        keep: impl Fn(u64) -> bool,
    ) -> Parts {
        let header = Header {
            from: range.start,
            to: range.end,
            global: Some(self.inclusion(&signers.log, Some((&signers.witness, 1_790_000_000)))),
            filter: BTreeMap::new(),
            ..Header::whole(self.owner, self.size(), self.note(&signers.log))
        };
        let shows = |seq: u64| range.contains(&seq) && keep(seq);
        let hashes = self.hashes();
        let (mut lines, mut shown, mut hidden, mut at) = (Vec::new(), 0, 0, 0);
        while at < self.size() {
            if shows(at) {
                lines.push(entry_line(at, &self.leaves[usize::try_from(at).unwrap()]));
                (at, shown) = (at + 1, shown + 1);
                continue;
            }
            let to = (at..self.size())
                .find(|seq| shows(*seq))
                .unwrap_or(self.size());
            lines.push(redacted_line(&mark(&hashes, at, to)).unwrap());
            hidden += to - at;
            at = to;
        }
        Parts {
            header,
            body: lines,
            shown,
            hidden,
        }
    }

    pub(crate) fn whole(&self, signers: &Signers) -> Parts {
        self.parts(signers, 0..self.size(), |_| true)
    }
}

pub(crate) fn mark(hashes: &[Hash], from: u64, to: u64) -> Redacted {
    let nodes = subtrees(from, to).map(|(level, index)| hashes.node(level, index).unwrap());
    Redacted {
        from,
        nodes: nodes.collect(),
        to,
    }
}

impl Parts {
    /// The lines, with a manifest of them by whoever has these export keys.
    pub(crate) fn lines(&self, signers: &[&dyn ExportSigner]) -> Vec<String> {
        let mut lines = vec![header_line(&self.header).unwrap()];
        lines.extend_from_slice(&self.body);
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.line(line.as_bytes()));
        (0..self.shown).for_each(|_| tally.shown());
        tally.hidden(self.hidden);
        let note = tally.manifest(&self.header).sign(signers).unwrap();
        lines.push(manifest_line(&note).unwrap());
        lines
    }

    /// A whole file. Signed with the Ed25519 key alone: RSA takes its time.
    pub(crate) fn signed(&self, by: &Signers) -> Vec<u8> {
        self.lines(&[&by.export]).concat().into_bytes()
    }
}

/// The frontier over some leaves, for relinking.
pub(crate) fn frontier(leaves: &[Vec<u8>]) -> Frontier {
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.append(leaf_hash(leaf)));
    tree
}
