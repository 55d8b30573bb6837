//! An identity provider of the organisation's own, on a socket.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use writ_access::jwt::SigningKey;

/// What lets a stack ask it over plain HTTP on this machine.
pub(super) const ALLOWED: (&str, &str) = ("WRIT_CONTROL__OIDC__INTERNAL_HOSTS", "[\"127.0.0.1\"]");

/// Who signs in.
pub(super) const EMAIL: &str = "grace@example.com";

pub(super) struct Issuer {
    pub(super) name: String,
    key: SigningKey,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("http://{}/realm", listener.local_addr().unwrap());
        let key = SigningKey::ed25519(&[1; 32]).unwrap();
        let document = json!({"issuer": name, "jwks_uri": format!("{name}/jwks")});
        let keys = json!({"keys": [key.jwk()]});
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", served(document))
            .route("/realm/jwks", served(keys));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { name, key }
    }

    /// A token that tells of a person who has just signed in.
    pub(super) fn token(&self) -> String {
        let claims = json!({"iss": self.name, "aud": "writ", "sub": "u-grace", "sid": "s1",
            "nbf": 1_700_000_000, "exp": 4_000_000_000_u64,
            "email": EMAIL, "email_verified": true});
        self.key.sign(&claims).unwrap()
    }
}

fn served(document: Value) -> axum::routing::MethodRouter {
    get(move || async move { Json(document) })
}
