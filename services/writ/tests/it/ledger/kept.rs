use sqlx::Connection as _;
use writ_chain::checkpoint::{Checkpoint, global_origin, sign, tenant_origin};

use super::Stored;
use crate::fixture::{checkpoint, leaves, org, signer};
use crate::{code, err, out};

#[tokio::test]
async fn what_was_kept_is_looked_for_in_its_own_log() {
    let stored = Stored::new().await;
    let keep = |name: &str, origin: String, size: u64, root: [u8; 32]| {
        let head = Checkpoint {
            origin,
            size,
            root,
            extensions: Vec::new(),
        };
        let file = stored.dir.path().join(name).to_string_lossy().into_owned();
        std::fs::write(&file, sign(&head, &[&signer()]).unwrap()).unwrap();
        file
    };
    let mut pg = sqlx::PgConnection::connect(&stored.db.superuser_url)
        .await
        .unwrap();
    let root: Vec<u8> = sqlx::query_scalar("select root from ledger.global_log where index = 2")
        .fetch_one(&mut pg)
        .await
        .unwrap();
    let (log, root) = (signer(), root.try_into().unwrap());
    let above = global_origin(log.verifier().name());
    let own = |n: u128| tenant_origin(log.verifier().name(), org(n));
    let first = checkpoint(org(1), &leaves(org(1), 5), 3).0.root;
    let owner = org(1).to_string();
    let alone = ["--org", owner.as_str()];
    let cases = [
        ("of all", keep("a", above.clone(), 3, root), &[][..], 0),
        (
            "of all, another",
            keep("b", above.clone(), 3, [7; 32]),
            &[],
            2,
        ),
        ("of all, longer", keep("c", above.clone(), 9, root), &[], 4),
        ("of all, of one", keep("d", above, 3, root), &alone, 64),
        ("of one", keep("e", own(1), 3, first), &alone, 0),
        ("of one, among all", keep("f", own(1), 3, first), &[], 0),
        ("of one, another", keep("g", own(1), 3, [7; 32]), &[], 2),
        ("of another", keep("h", own(2), 3, first), &alone, 64),
        ("of one that is gone", keep("i", own(7), 3, first), &[], 4),
    ];
    for (name, note, more, expected) in cases {
        let args = [&["audit", "verify", "--seen", &note], more].concat();
        let run = stored.run(&args).await;
        assert_eq!(code(&run), expected, "{name}: {}{}", out(&run), err(&run));
    }
}
