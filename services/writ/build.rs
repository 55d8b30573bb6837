//! Migrations are compiled in; a new file in one of the folders must be noticed.

fn main() {
    for service in [
        "control",
        "audit-ledger",
        "anomaly",
        "approval",
        "notifier",
        "ingest",
    ] {
        println!("cargo:rerun-if-changed=../{service}/migrations");
    }
}
