//! The trees as files anyone can fetch, and the keys they are signed with.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;
use writ_chain::Hash;
use writ_chain::checkpoint::{Checkpoint, global_origin, open, tenant_origin};
use writ_chain::leaf::Leaf;
use writ_chain::merkle::{Frontier, leaf_hash};
use writ_chain::tiles::{TileId, path, width_in};

use crate::stage::{KEY_NAME, Stage, checkpoint_key, org, trusted};

/// A reader of a log who has its address and nothing else.
struct Client<'a> {
    stage: &'a Stage,
    prefix: &'a str,
    key: &'a str,
}

impl Client<'_> {
    async fn get(&self, path: &str) -> Vec<u8> {
        let path = format!("{}{path}", self.prefix);
        let (status, headers, body) = self.stage.raw(&path, self.key).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(headers.contains_key(CACHE_CONTROL) && headers.contains_key(CONTENT_TYPE));
        body
    }

    async fn checkpoint(&self) -> Checkpoint {
        let note = String::from_utf8(self.get("/checkpoint").await).unwrap();
        let note = open(&note, &[checkpoint_key()]).unwrap();
        note.checkpoint().clone()
    }

    async fn tile(&self, level: u8, index: u64, size: u64) -> Vec<Hash> {
        let id = TileId { level, index };
        let bytes = self
            .get(&format!("/tile/{}", path(id, width_in(id, size))))
            .await;
        bytes.as_chunks::<32>().0.to_vec()
    }

    /// Every entry, each checked against its hash, and all of them against the signed root.
    async fn read(&self) -> (Checkpoint, Vec<Vec<u8>>) {
        let head = self.checkpoint().await;
        let (mut tree, mut entries) = (Frontier::default(), Vec::new());
        for index in 0..head.size.div_ceil(256) {
            let hashes = self.tile(0, index, head.size).await;
            let id = TileId { level: 0, index };
            let bundle = path(id, width_in(id, head.size)).replacen("0/", "entries/", 1);
            let bytes = self.get(&format!("/tile/{bundle}")).await;
            let leaves = unpacked(&bytes);
            assert_eq!(leaves.len(), hashes.len());
            for (leaf, hash) in leaves.iter().zip(&hashes) {
                assert_eq!(leaf_hash(leaf), *hash);
                tree.append(*hash);
            }
            entries.extend(leaves);
        }
        assert_eq!(tree.root(), head.root);
        (head, entries)
    }
}

fn unpacked(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (leaf, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        leaves.push(leaf.to_vec());
        bytes = rest;
    }
    leaves
}

#[tokio::test]
async fn whoever_fetches_the_tiles_gets_the_log_that_was_signed() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "developer").await;
    for message in 0..3u64 {
        let numbers: Vec<u64> = (message * 200 + 1..=message * 200 + 200).collect();
        stage.decisions(org, 1, &numbers).await;
    }
    stage.sealed(org, 601).await;
    let own = Client {
        stage: &stage,
        prefix: "/api/v1/audit/log",
        key: &key,
    };
    let (head, entries) = own.read().await;
    assert_eq!(
        (head.size, head.origin),
        (601, tenant_origin(KEY_NAME, org.0))
    );
    for (seq, leaf) in (0..).zip(&entries) {
        assert_eq!(Leaf::parse(leaf).unwrap().position.seq, seq);
    }
    assert_eq!(own.tile(1, 0, 601).await.len(), 2);
    let global = Client {
        stage: &stage,
        prefix: "",
        key: "",
    };
    let (head, intervals) = global.read().await;
    assert_eq!(head.origin, global_origin(KEY_NAME));
    assert!(intervals.iter().all(|root| root.len() == 32));
}

#[tokio::test]
async fn a_tile_beyond_the_signed_tree_or_of_another_spelling_is_not_there() {
    let stage = Stage::running().await;
    let (ours, theirs) = (org(), org());
    let key = stage.key(ours, "developer").await;
    let viewer = stage.key(theirs, "viewer").await;
    stage.sealed(ours, 1).await;
    stage.sealed(theirs, 1).await;
    let prefix = "/api/v1/audit/log/tile";
    assert_eq!(
        stage.raw(&format!("{prefix}/0/000.p/1"), &key).await.0,
        StatusCode::OK
    );
    for path in [
        "0/000",
        "0/000.p/2",
        "0/001.p/1",
        "1/000.p/1",
        "0/0",
        "x",
        "entries/000",
        "0/-01",
    ] {
        let (status, _, _) = stage.raw(&format!("{prefix}/{path}"), &key).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let (status, _, _) = stage.raw(&format!("{prefix}/0/000.p/1"), "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _, _) = stage.raw(&format!("{prefix}/0/000.p/1"), &viewer).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn full_tiles_may_be_kept_for_ever_and_heads_for_a_second() {
    let stage = Stage::running().await;
    let org = org();
    let key = stage.key(org, "developer").await;
    let numbers: Vec<u64> = (1..=300).collect();
    stage.decisions(org, 1, &numbers).await;
    stage.sealed(org, 301).await;
    let kept = async |path: &str, key: &str| {
        let (_, headers, _) = stage.raw(path, key).await;
        headers[CACHE_CONTROL].to_str().unwrap().to_owned()
    };
    let full = kept("/api/v1/audit/log/tile/0/000", &key).await;
    assert!(
        full.contains("immutable") && full.starts_with("private"),
        "{full}"
    );
    assert!(
        !kept("/api/v1/audit/log/tile/0/001.p/45", &key)
            .await
            .contains("immutable")
    );
    assert_eq!(kept("/checkpoint", "").await, "public, max-age=1");
}

#[tokio::test]
async fn public_keys_are_there_for_everybody_each_with_its_use() {
    let stage = Stage::running().await;
    let (status, _, body) = stage.raw("/.well-known/writ-keys.json", "").await;
    assert_eq!(status, StatusCode::OK);
    let keys: Value = serde_json::from_slice(&body).unwrap();
    let trusted = trusted();
    assert_eq!(keys["keys"][0], trusted.checkpoint[0].to_string());
    assert_eq!(keys["exportKeys"][0], trusted.export[0].to_string());
    let uses: Vec<&str> = keys["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["use"].as_str().unwrap())
        .collect();
    assert_eq!(uses, ["checkpoint", "export"]);
    assert_eq!(
        keys["details"][0]["fingerprint"].as_str().unwrap().len(),
        64
    );
}
