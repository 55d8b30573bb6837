//! A key is claimed once, with the write it was sent for.

use writ_pg::{Claim, PgError};

use super::{Store, id};

async fn claim(store: &Store, org: u128, key: &str, request: &[u8]) -> Result<Claim, PgError> {
    let mut tx = store.pools.api.begin(id(org)).await?;
    let claim = tx.claim(key, request, id(7)).await?;
    tx.commit().await?;
    Ok(claim)
}

#[tokio::test]
async fn the_same_request_is_repeated_and_another_is_taken() {
    let store = Store::fresh().await;
    assert_eq!(claim(&store, 1, "k", b"a").await.unwrap(), Claim::First);
    let again = Claim::Repeated(id(7));
    assert_eq!(claim(&store, 1, "k", b"a").await.unwrap(), again);
    assert_eq!(claim(&store, 1, "k", b"b").await.unwrap(), Claim::Taken);
    assert_eq!(claim(&store, 1, "l", b"b").await.unwrap(), Claim::First);
    assert_eq!(claim(&store, 2, "k", b"b").await.unwrap(), Claim::First);
}

#[tokio::test]
async fn what_was_not_committed_is_not_claimed() {
    let store = Store::fresh().await;
    let mut tx = store.pools.api.begin(id(1)).await.unwrap();
    tx.claim("k", b"a", id(7)).await.unwrap();
    drop(tx);
    assert_eq!(claim(&store, 1, "k", b"b").await.unwrap(), Claim::First);
}

#[tokio::test]
async fn of_many_at_once_one_is_the_first() {
    let store = Store::fresh().await;
    let claims = (0..8).map(|_| claim(&store, 1, "k", b"a"));
    let claims = futures::future::join_all(claims).await;
    let first = claims.iter().filter(|c| matches!(c, Ok(Claim::First)));
    assert_eq!(first.count(), 1, "{claims:?}");
    assert!(claims.iter().all(Result::is_ok), "{claims:?}");
}

#[tokio::test]
async fn a_key_of_yesterday_is_free_again() {
    let store = Store::fresh().await;
    claim(&store, 1, "k", b"a").await.unwrap();
    let owner = sqlx::PgPool::connect(&store.db.superuser_url)
        .await
        .unwrap();
    sqlx::query("update control.claims set claimed_at = now() - interval '25 hours'")
        .execute(&owner)
        .await
        .unwrap();
    assert_eq!(claim(&store, 1, "k", b"b").await.unwrap(), Claim::First);
}
