use super::*;
use crate::chain::tests::{body, leaves, tenant};
use crate::chain::{Appended, Chain};
use crate::checkpoint::{Checkpoint, sign, tenant_origin};
use crate::export::{Header, Writer};
use crate::keys::NamedSigner;
use crate::leaf::{Position, frame, leaf_hash};
use proptest::prelude::*;

mod clean;
mod tamper;

const KEY_NAME: &str = "writ.test/ledger";

fn signer() -> NamedSigner {
    NamedSigner::from_seed(KEY_NAME, &[1; 32]).unwrap()
}

fn org() -> Uuid {
    tenant(1)
}

fn trust() -> Trust {
    Trust {
        // There is no log over all here.
        quorum: Some(0),
        ..Trust::new(org(), vec![signer().verifier().clone()].into())
    }
}

/// A ledger in memory: what a store holds.
#[derive(Debug, Clone)]
struct Ledger {
    leaves: Vec<Vec<u8>>,
    note: Option<String>,
}

impl Ledger {
    fn of(owner: Uuid, count: u64) -> Self {
        Self::sealed_by(&signer(), owner, leaves(owner, count).1)
    }

    fn sealed_by(signer: &NamedSigner, owner: Uuid, leaves: Vec<Vec<u8>>) -> Self {
        let note = Some(note(signer, owner, &leaves));
        Self { leaves, note }
    }

    fn report(&self) -> Report {
        self.clone().report_with(trust())
    }

    fn report_with(mut self, trust: Trust) -> Report {
        let Ok(report) = verify(&mut self, trust);
        report
    }

    fn bundle(&self) -> Vec<String> {
        let size = u64::try_from(self.leaves.len()).unwrap();
        let header = Header::whole(org(), size, self.note.clone().unwrap());
        let (mut writer, first) = Writer::open(header).unwrap();
        let mut lines = vec![first];
        lines.extend(
            (0..)
                .zip(&self.leaves)
                .map(|(seq, leaf)| writer.entry(seq, leaf)),
        );
        lines.push(writer.finish(&[]).unwrap());
        lines
    }
}

impl LedgerReader for Ledger {
    type Error = std::convert::Infallible;

    fn size(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::try_from(self.leaves.len()).unwrap())
    }

    fn entry(&mut self, seq: u64) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.leaves.get(usize::try_from(seq).unwrap()).cloned())
    }

    fn checkpoint(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.note.clone())
    }
}

fn root(leaves: &[Vec<u8>]) -> Hash {
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.append(leaf_hash(leaf)));
    tree.root()
}

fn note(signer: &NamedSigner, owner: Uuid, leaves: &[Vec<u8>]) -> String {
    let checkpoint = Checkpoint {
        origin: tenant_origin(signer.verifier().name(), owner),
        size: u64::try_from(leaves.len()).unwrap(),
        root: root(leaves),
        extensions: Vec::new(),
    };
    sign(&checkpoint, &[signer]).unwrap()
}

fn known(leaves: &[Vec<u8>]) -> KnownHead {
    KnownHead {
        size: u64::try_from(leaves.len()).unwrap(),
        root: root(leaves),
    }
}
