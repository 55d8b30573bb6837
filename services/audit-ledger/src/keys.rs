//! The keys of the ledger: one for checkpoints, another for what it states beside them, and the
//! public halves of all that a reader may meet.

mod rsa;

pub(crate) use rsa::RsaSigner;

use writ_chain::checkpoint::{Checkpoint, NoteError, sign};
use writ_chain::export::ExportSigner;
use writ_chain::keys::{InvalidTrusted, NamedSigner, Trusted, Vkey};

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    /// Heads of trees.
    Checkpoint,
    /// Receipts, coverage and exports.
    Export,
    /// Certificates of approvals; the approval service has it.
    Certificate,
    /// Heads of the global log, seen from outside.
    Witness,
}

impl Use {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Export => "export",
            Self::Certificate => "certificate",
            Self::Witness => "witness",
        }
    }
}

/// A key that readers may meet.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) usage: Use,
    /// Whether anything is signed with it today.
    pub(crate) active: bool,
    pub(crate) key: Vkey,
}

/// Every key the service has or names.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) checkpoint: NamedSigner,
    /// The checkpoint key before, while its time overlaps: every checkpoint has both signatures.
    pub(crate) previous: Option<NamedSigner>,
    pub(crate) export: NamedSigner,
    /// The RSA key beside it, for exports alone.
    pub(crate) export_rsa: Option<RsaSigner>,
    /// Those of others, and those that are not used any more.
    pub(crate) others: Vec<Published>,
}

impl Keys {
    /// Name of the checkpoint key, with which every origin begins.
    pub(crate) fn log_name(&self) -> &str {
        self.checkpoint.verifier().name()
    }

    /// Who signs the manifest of an export.
    pub(crate) fn exporters(&self) -> Vec<&dyn ExportSigner> {
        let mut signers: Vec<&dyn ExportSigner> = vec![&self.export];
        if let Some(rsa) = &self.export_rsa {
            signers.push(rsa);
        }
        signers
    }

    /// A head as a note with every signature it has to have.
    pub(crate) fn note(&self, head: &Checkpoint) -> Result<String, NoteError> {
        let signers: Vec<&NamedSigner> = [Some(&self.checkpoint), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .collect();
        sign(head, &signers)
    }

    /// The public halves, in the order of use.
    pub(crate) fn published(&self) -> Vec<Published> {
        let active = |usage, signer: &NamedSigner| Published {
            usage,
            active: true,
            key: signer.verifier().vkey().clone(),
        };
        let mut all = vec![active(Use::Checkpoint, &self.checkpoint)];
        all.extend(self.previous.iter().map(|it| active(Use::Checkpoint, it)));
        all.push(active(Use::Export, &self.export));
        all.extend(self.export_rsa.iter().map(|signer| Published {
            usage: Use::Export,
            active: true,
            key: signer.vkey().clone(),
        }));
        all.extend(self.others.iter().cloned());
        all.sort_by_key(|one| (one.usage, !one.active));
        all
    }

    /// Keys under which what this service stored and states can be checked.
    ///
    /// # Errors
    /// [`InvalidTrusted`] for a key that is not of the type its use calls for.
    pub(crate) fn trusted(&self) -> Result<Trusted, InvalidTrusted> {
        let of = |usage: Use| -> Vec<String> {
            let all = self.published().into_iter();
            let used = all.filter(|one| one.usage == usage);
            used.map(|one| one.key.to_string()).collect()
        };
        Trusted::read(&of(Use::Checkpoint), &of(Use::Export), &of(Use::Witness))
    }
}
