//! The NATS users of the chart, as a real server reads them.

use std::process::Command;

use crate::{code, out, writ};

#[test]
fn a_real_server_accepts_the_permissions() {
    let made = writ(&["topology", "nats"]);
    assert_eq!(code(&made), 0);
    let users = out(&made);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("users.conf"), &users).unwrap();
    let config = dir.path().join("nats.conf");
    let accounts = "accounts { WRIT { jetstream: enabled\n include users.conf\n } }\n";
    std::fs::write(&config, accounts).unwrap();
    let mut server = Command::new(writ_servers::Tools::find().unwrap().nats);
    server.arg("-t").arg("-c").arg(&config);
    for name in users
        .split('$')
        .skip(1)
        .filter_map(|it| it.split_whitespace().next())
    {
        if name.starts_with("WRIT_") {
            server.env(name, "secret");
        }
    }
    let checked = server.output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{said}");
}
