//! The configuration of each service of the stack, as the file that its own binary reads.

use std::path::PathBuf;

use toml::{Table, Value};
use writ_chain::checkpoint::global_origin;
use writ_chain::cosignature::WitnessSigner;
use writ_chain::keys::NamedSigner;
use writ_contract::Service;

use crate::layout::{Layout, write_private};
use crate::orgs;
use crate::secrets::Secrets;
use crate::stores::{Plan, Stores};

/// Names of the ledger's keys, and of the approval service's.
const LEDGER_KEY: &str = "writ.local/ledger";
const EXPORT_KEY: &str = "writ.local/export";
const CERTIFICATE_KEY: &str = "writ/approvals";
const WITNESS_KEY: &str = "writ.local/witness";

/// Writes `config/<service>.toml` for all seven and the witness, and `config/seed.json`; secrets are in them, so
/// only their owner may read them.
///
/// # Errors
/// When the folder cannot be written or a secret was edited by hand.
pub fn write(plan: Plan<'_>, stores: &Stores) -> anyhow::Result<()> {
    let seed = serde_json::to_string_pretty(&orgs::seed(plan.orgs))?;
    write_private(&seed_file(plan.layout), &seed)?;
    let trusted = serde_json::json!({
        "keys": [public_key(plan.secrets, LEDGER_KEY, "checkpoint_seed")?],
        "exportKeys": [public_key(plan.secrets, EXPORT_KEY, "export_seed")?],
        "witnessKeys": [witness_key(plan.secrets)?],
    });
    let trusted = serde_json::to_string(&trusted)?;
    write_private(&ledger_keys_file(plan.layout), &trusted)?;
    let witness = toml::to_string(&witness(plan)?)?;
    write_private(&witness_path(plan.layout), &witness)?;
    for service in Service::ALL {
        let table = Configs {
            plan,
            stores,
            service,
        }
        .table()?;
        write_private(&path(plan.layout, service), &toml::to_string(&table)?)?;
    }
    Ok(())
}

/// Where the configuration of a service is.
#[must_use]
pub fn path(layout: &Layout, service: Service) -> PathBuf {
    layout.path("config").join(format!("{service}.toml"))
}

/// The RSA key for exports, made once. `None` where there is no openssl: exports then have one
/// signature less.
fn export_rsa(layout: &Layout) -> anyhow::Result<Option<String>> {
    let path = layout.path("export-rsa.pem");
    if let Ok(pem) = std::fs::read_to_string(&path) {
        return Ok(Some(pem));
    }
    let bits = "rsa_keygen_bits:2048";
    let made = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", bits])
        .stderr(std::process::Stdio::null())
        .output();
    let Some(made) = made.ok().filter(|made| made.status.success()) else {
        tracing::info!("no openssl: exports are signed with Ed25519 alone");
        return Ok(None);
    };
    let pem = String::from_utf8(made.stdout)?;
    write_private(&path, &pem)?;
    Ok(Some(pem))
}

/// Where the configuration of the witness is.
#[must_use]
pub fn witness_path(layout: &Layout) -> PathBuf {
    layout.path("config/witness.toml")
}

/// The witness stands alone: its own key, its own folder, and the key of the one log it witnesses.
fn witness(plan: Plan<'_>) -> anyhow::Result<Table> {
    let log = public_key(plan.secrets, LEDGER_KEY, "checkpoint_seed")?;
    let mut logs = Table::new();
    logs.insert(global_origin(LEDGER_KEY), Value::Array(vec![log.into()]));
    let mut table = Table::new();
    let folder = plan.layout.path("witness").display().to_string();
    table.insert("data_dir".into(), folder.into());
    table.insert("name".into(), WITNESS_KEY.into());
    let seed = plan.secrets.get("witness_seed");
    table.insert("signing_seed".into(), seed.into());
    let filter = ("filter", plan.args.log.as_str().into());
    table.insert("telemetry".into(), section([filter]));
    table.insert("logs".into(), logs.into());
    Ok(table)
}

fn witness_key(secrets: &Secrets) -> anyhow::Result<String> {
    let signer = WitnessSigner::from_seed(WITNESS_KEY, &seed(secrets, "witness_seed")?)?;
    Ok(signer.verifier().to_string())
}

fn seed(secrets: &Secrets, name: &str) -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    hex::decode_to_slice(secrets.get(name), &mut seed)?;
    Ok(seed)
}

/// Public keys whose signature on checkpoints and receipts is trusted: what a verifier is given.
#[must_use]
pub fn ledger_keys_file(layout: &Layout) -> PathBuf {
    layout.path("ledger-keys.json")
}

/// The public half of a key, `name+id+key`.
fn public_key(secrets: &Secrets, name: &str, secret: &str) -> anyhow::Result<String> {
    let seed = seed(secrets, secret)?;
    Ok(NamedSigner::from_seed(name, &seed)?.verifier().to_string())
}

fn seed_file(layout: &Layout) -> PathBuf {
    layout.path("config/seed.json")
}

struct Configs<'a> {
    plan: Plan<'a>,
    stores: &'a Stores,
    service: Service,
}

impl Configs<'_> {
    fn table(&self) -> anyhow::Result<Table> {
        let mut table = Table::new();
        table.insert("host".into(), self.host());
        let log = log_section(self.plan.secrets, self.service)?;
        table.insert("log".into(), log.into());
        if let Some(schema) = schema(self.service) {
            table.insert("store".into(), self.store(schema));
        }
        table.extend(self.own()?);
        Ok(table)
    }

    fn secrets(&self) -> &Secrets {
        self.plan.secrets
    }

    fn secret(&self, name: &str) -> Value {
        Value::from(self.secrets().get(name))
    }

    fn host(&self) -> Value {
        let nats = self.stores.broker.config(self.service, self.secrets());
        section([
            (
                "nats",
                section([
                    ("url", nats.url.into()),
                    ("user", nats.user.into()),
                    ("password", nats.password.expose().into()),
                ]),
            ),
            (
                "telemetry",
                section([("filter", self.plan.args.log.as_str().into())]),
            ),
        ])
    }

    /// Migrations run at start, because the owner's URL is given.
    fn store(&self, schema: &str) -> Value {
        let database = &self.stores.database;
        let role = |kind: &str| database.url_for(&format!("{schema}_{kind}"), self.secrets());
        section([
            ("api_url", role("api").into()),
            ("writer_url", role("writer").into()),
            ("owner_url", database.owner_url(self.secrets()).into()),
            ("connections", 8.into()),
        ])
    }

    /// A developer's scripts call far more often than the product's limits allow.
    fn access(&self) -> (String, Value) {
        let limits = section([
            ("control_per_minute", 60_000.into()),
            ("ingest_per_minute", 600_000.into()),
            ("enforce_per_minute", 6_000_000.into()),
            ("generous_per_minute", 600_000.into()),
        ]);
        let own = [
            ("key_pepper", self.secret("key_pepper")),
            ("limits", limits),
        ];
        ("access".into(), section(own))
    }

    /// What only this service has.
    fn own(&self) -> anyhow::Result<Table> {
        let mut table = Table::from_iter([self.access()]);
        let mut put = |name: &str, value: Value| drop(table.insert(name.to_owned(), value));
        match self.service {
            Service::Control => {
                put(
                    "seed_file",
                    seed_file(self.plan.layout).display().to_string().into(),
                );
                put("digest_key", self.secret("digest_key"));
                put("sealing", section([("key", self.secret("validator_key"))]));
                put("validators", local());
            }
            Service::Enforcement => {
                put("digest_key", self.secret("digest_key"));
                put("sealing", section([("key", self.secret("validator_key"))]));
                put("validators", local());
                put(
                    "spool_dir",
                    self.plan.layout.path("spool").display().to_string().into(),
                );
            }
            Service::Ingest => {
                put("clickhouse", self.clickhouse());
                put("digest_key", self.secret("digest_key"));
                // Anomalies show within minutes of trying things out.
                put("intake", section([("meter_window", "10s".into())]));
            }
            Service::AuditLedger => put("ledger", self.ledger()?),
            Service::Anomaly => put("detector", section([("warm_up", 10.into())])),
            Service::Approval => {
                let own = [
                    ("digest_key", self.secret("digest_key")),
                    ("certificate_name", CERTIFICATE_KEY.into()),
                    ("certificate_seed", self.secret("certificate_seed")),
                ];
                put("approvals", section(own));
            }
            Service::Notifier => {
                put("sealing", section([("key", self.secret("seal_key"))]));
                put("delivery", local());
            }
        }
        Ok(table)
    }

    fn ledger(&self) -> anyhow::Result<Value> {
        let certificate = public_key(self.secrets(), CERTIFICATE_KEY, "certificate_seed")?;
        let witness = section([
            (
                "url",
                format!("http://127.0.0.1:{}", self.plan.ports.witness()).into(),
            ),
            ("key", witness_key(self.secrets())?.into()),
        ]);
        let rsa = export_rsa(self.plan.layout)?.unwrap_or_default();
        let own = [
            ("export_rsa_key", rsa.into()),
            ("witnesses", Value::Array(vec![witness])),
            ("key_name", LEDGER_KEY.into()),
            ("signing_seed", self.secret("checkpoint_seed")),
            ("export_key_name", EXPORT_KEY.into()),
            ("export_seed", self.secret("export_seed")),
            ("certificate_keys", Value::Array(vec![certificate.into()])),
        ];
        Ok(section(own))
    }

    fn clickhouse(&self) -> Value {
        let analytics = &self.stores.analytics;
        section([
            ("url", analytics.url.as_str().into()),
            ("user", analytics.ingest.user.as_str().into()),
            ("password", analytics.ingest.password.as_str().into()),
            ("owner_user", analytics.owner.user.as_str().into()),
            ("owner_password", analytics.owner.password.as_str().into()),
        ])
    }
}

/// What a service signs and verifies with. The seed is put in by name: a [`LogConfig`] never writes
/// its own.
///
/// [`LogConfig`]: writ_eventlog::LogConfig
fn log_section(secrets: &Secrets, service: Service) -> anyhow::Result<Table> {
    let log = secrets.log_config(service)?;
    let mut section = Table::try_from(&log)?;
    section.insert("signing_seed".into(), log.signing_seed.into());
    Ok(section)
}

/// What is called may be on the developer's own machine.
fn local() -> Value {
    section([("allow_http", true.into()), ("allow_internal", true.into())])
}

/// The schema of a service that keeps anything in Postgres.
fn schema(service: Service) -> Option<&'static str> {
    match service {
        Service::Control => Some("control"),
        Service::AuditLedger => Some("ledger"),
        Service::Anomaly => Some("anomaly"),
        Service::Approval => Some("approval"),
        Service::Notifier => Some("notifier"),
        Service::Enforcement | Service::Ingest => None,
    }
}

fn section<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Table(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_log_section_reads_back_with_its_seed() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::load_or_create(&dir.path().join("secrets.json")).unwrap();
        for service in Service::ALL {
            let written = toml::to_string(&log_section(&secrets, service).unwrap()).unwrap();
            let read: writ_eventlog::LogConfig = toml::from_str(&written).unwrap();
            assert_eq!(read, secrets.log_config(service).unwrap(), "{service}");
        }
    }
}
