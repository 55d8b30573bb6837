//! People who sign in with an identity provider of their organisation: a real one, on a socket.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use writ_access::Role;
use writ_access::jwt::SigningKey;
use writ_contract::Envelope;
use writ_service_kit::Clock as _;
use writ_service_kit::clock::SystemClock;
use writ_service_kit::config::HumanDuration;
use writ_testkit::eventually;

use crate::stand::{Answer, Stand};

const ISSUERS: &str = "/api/v1/oidc-issuers";
const MEMBERS: &str = "/api/v1/members";
pub(crate) const ME: &str = "/api/v1/members/me";

/// An identity provider.
pub(crate) struct Provider {
    issuer: String,
    key: Mutex<SigningKey>,
    asked: AtomicUsize,
    claims: bool,
}

impl Provider {
    pub(crate) async fn start(claims: bool) -> Arc<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let listener = listener.unwrap();
        let own = Arc::new(Self {
            issuer: format!("http://{}/realm", listener.local_addr().unwrap()),
            key: Mutex::new(SigningKey::ed25519(&[1; 32]).unwrap()),
            asked: AtomicUsize::new(0),
            claims,
        });
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(document))
            .route("/realm/jwks", get(jwks))
            .with_state(own.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        own
    }

    fn rotate(&self) {
        *self.key.lock().unwrap() = SigningKey::ed25519(&[2; 32]).unwrap();
    }

    pub(crate) fn token(&self, change: Value) -> String {
        let now = SystemClock.now().timestamp();
        let mut claims = json!({"iss": self.issuer, "aud": "writ", "sub": "u1", "nbf": now,
            "exp": now + 600, "email": "ada@example.com", "email_verified": true});
        let changes = change.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(changes);
        self.key.lock().unwrap().sign(&claims).unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn document(State(own): State<Arc<Provider>>) -> Json<Value> {
    own.asked.fetch_add(1, Ordering::SeqCst);
    let issuer = if own.claims {
        own.issuer.clone()
    } else {
        "https://somebody.else".to_owned()
    };
    Json(json!({"issuer": issuer, "jwks_uri": format!("{}/jwks", own.issuer)}))
}

async fn jwks(State(own): State<Arc<Provider>>) -> Json<Value> {
    let key = own.key.lock().unwrap().jwk().clone();
    Json(json!({"keys": [key, {"kty": "oct", "kid": "secret", "k": "AAAA"}]}))
}

async fn register(stand: &Stand, provider: &Provider, more: Value) -> Answer {
    let mut body =
        json!({"issuer": provider.issuer, "audiences": ["writ"], "algorithms": ["EdDSA"]});
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    stand.owner(Method::POST, ISSUERS, &body.to_string()).await
}

pub(crate) async fn registered(stand: &Stand, provider: &Provider, more: Value) -> String {
    let made = register(stand, provider, more).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.body["data"]["keyIds"].as_array().unwrap().len(), 1);
    made.body["data"]["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn ada(stand: &Stand, role: &str) -> String {
    let body = json!({"name": "Ada", "email": "Ada@Example.com", "role": role}).to_string();
    let added = stand.owner(Method::POST, MEMBERS, &body).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    added.body["data"]["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn until(
    stand: &Stand,
    token: &str,
    method: Method,
    path: &str,
    status: StatusCode,
) {
    eventually(Duration::from_secs(5), "the fact is read", || async {
        let answer = stand.call(token, method.clone(), path, "{}").await;
        if answer.status == status {
            Ok(())
        } else {
            Err(answer)
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_acts_with_a_token_of_the_organisations_own_provider() {
    let stand = Stand::start().await;
    let provider = Provider::start(true).await;
    registered(&stand, &provider, json!({})).await;
    let id = ada(&stand, "admin").await;
    let token = provider.token(json!({}));
    until(&stand, &token, Method::GET, ME, StatusCode::OK).await;
    let me = stand.call(&token, Method::GET, ME, "").await;
    assert_eq!(me.body["data"]["id"], json!(id));
    let agent = r#"{"agentId":"hers"}"#;
    let made = stand
        .call(&token, Method::POST, "/api/v1/agents", agent)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.body["data"]["owners"], json!([id]));
    let pool = sqlx::PgPool::connect(&stand.db.superuser_url)
        .await
        .unwrap();
    let fact: Vec<u8> =
        sqlx::query_scalar("select envelope from control.events where aggregate = 'agent'")
            .fetch_one(&pool)
            .await
            .unwrap();
    let audit = Envelope::decode(&fact).unwrap().audit;
    assert_eq!(
        (audit.actor, audit.on_behalf_of),
        (format!("person:{id}"), vec![id.clone()])
    );

    for (what, wrong) in [
        ("another audience", json!({"aud": "elsewhere"})),
        (
            "an address nobody checked",
            json!({"email_verified": false}),
        ),
        ("nobody's address", json!({"email": "eve@example.com"})),
        ("over", json!({"exp": 1_000})),
        ("another issuer", json!({"iss": "https://id.example.com"})),
    ] {
        let answer = stand
            .call(&provider.token(wrong), Method::GET, ME, "")
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{what}: {answer:?}"
        );
    }
    let path = format!("{MEMBERS}/{id}");
    stand
        .owner(Method::PATCH, &path, r#"{"role":"viewer"}"#)
        .await;
    until(
        &stand,
        &token,
        Method::POST,
        "/api/v1/agents",
        StatusCode::FORBIDDEN,
    )
    .await;
    stand.owner(Method::DELETE, &path, "").await;
    until(&stand, &token, Method::GET, ME, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn a_subject_is_linked_to_a_member_and_roles_of_the_token_bound_it() {
    let stand = Stand::start().await;
    let provider = Provider::start(true).await;
    let terms = json!({"email": "never", "rolesClaim": "groups",
        "memberRoles": {"staff": "viewer", "leads": "admin"}});
    let issuer = registered(&stand, &provider, terms).await;
    let id = ada(&stand, "owner").await;
    let link = json!({"signIn": {"issuer": issuer, "subject": "u1"}}).to_string();
    let path = format!("{MEMBERS}/{id}");
    let linked = stand.owner(Method::PATCH, &path, &link).await;
    assert_eq!(linked.body["data"]["signIn"]["subject"], "u1", "{linked:?}");
    let staff = provider.token(json!({"groups": ["staff"]}));
    until(&stand, &staff, Method::GET, ME, StatusCode::OK).await;
    let keys = "/api/v1/keys";
    assert_eq!(
        stand.call(&staff, Method::GET, keys, "").await.status,
        StatusCode::FORBIDDEN
    );
    let leads = provider.token(json!({"groups": ["staff", "leads"]}));
    assert_eq!(
        stand.call(&leads, Method::GET, keys, "").await.status,
        StatusCode::OK
    );
    for nobody in [
        json!({}),
        json!({"groups": ["others"]}),
        json!({"groups": ["leads"], "sub": "u2"}),
    ] {
        let answer = stand
            .call(&provider.token(nobody), Method::GET, ME, "")
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    }
    let twice = json!({"name": "Eve", "role": "viewer"}).to_string();
    let eve = stand.owner(Method::POST, MEMBERS, &twice).await;
    let eve = format!("{MEMBERS}/{}", eve.body["data"]["id"].as_str().unwrap());
    let taken = stand.owner(Method::PATCH, &eve, &link).await;
    assert_eq!(
        (taken.status, taken.code()),
        (StatusCode::CONFLICT, "MEMBER_EXISTS")
    );
    let removed = stand
        .owner(Method::DELETE, &format!("{ISSUERS}/{issuer}"), "")
        .await;
    assert_eq!(removed.body["data"]["deleted"], true, "{removed:?}");
    until(&stand, &leads, Method::GET, ME, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn keys_are_read_again_in_time_and_an_unknown_one_asks_nobody() {
    let mut stand = Stand::start().await;
    let provider = Provider::start(true).await;
    registered(&stand, &provider, json!({})).await;
    ada(&stand, "admin").await;
    let first = provider.token(json!({}));
    until(&stand, &first, Method::GET, ME, StatusCode::OK).await;
    provider.rotate();
    let asked = provider.asked();
    let second = provider.token(json!({}));
    for _ in 0..20 {
        let answer = stand.call(&second, Method::GET, ME, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    }
    assert_eq!(provider.asked(), asked);

    stand.running.stop().await;
    stand.config.oidc.reread_every = HumanDuration::from_millis(50);
    stand.start_again().await;
    until(&stand, &second, Method::GET, ME, StatusCode::OK).await;
    until(&stand, &first, Method::GET, ME, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn who_belongs_to_two_organisations_says_which_one_is_meant() {
    let stand = Stand::start().await;
    let provider = Provider::start(true).await;
    for n in 0..2 {
        let owner = stand.key(n, Role::Owner);
        let issuer =
            json!({"issuer": provider.issuer, "audiences": ["writ"], "algorithms": ["EdDSA"]});
        let made = stand
            .call(&owner, Method::POST, ISSUERS, &issuer.to_string())
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        let member = r#"{"name":"Ada","email":"ada@example.com","role":"viewer"}"#;
        let member = stand.call(&owner, Method::POST, MEMBERS, member).await;
        assert_eq!(member.status, StatusCode::CREATED, "{member:?}");
    }
    let token = provider.token(json!({}));
    let meant = async |org: Option<usize>| {
        let mut request =
            Request::get("/api/v1/organization").header("authorization", format!("Bearer {token}"));
        if let Some(n) = org {
            let id = format!("org_{}", stand.orgs[n].id.as_simple());
            request = request.header("x-writ-organization", id);
        }
        stand
            .running
            .send(request.body(Body::empty()).unwrap())
            .await
    };
    for (n, name) in [(0, "Acme"), (1, "Umbrella")] {
        eventually(
            Duration::from_secs(5),
            "the organisation answers",
            || async {
                let answer = meant(Some(n)).await;
                if answer.body["data"]["name"] == json!(name) {
                    Ok(())
                } else {
                    Err(answer)
                }
            },
        )
        .await;
    }
    let unsaid = meant(None).await;
    assert_eq!(
        (unsaid.status, unsaid.code()),
        (StatusCode::UNAUTHORIZED, "ORGANIZATION_UNSAID")
    );
}

#[tokio::test]
async fn an_issuer_has_to_answer_for_itself_from_where_it_may_be_asked() {
    let stand = Stand::start().await;
    let liar = Provider::start(false).await;
    let refused = register(&stand, &liar, json!({})).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::CONFLICT, "ISSUER_UNREAD"),
        "{refused:?}"
    );
    let provider = Provider::start(true).await;
    let refused = register(&stand, &provider, json!({"algorithms": ["RS256"]})).await;
    assert_eq!(
        refused.code(),
        "ISSUER_UNREAD",
        "no key for that: {refused:?}"
    );
    for inside in [
        "https://10.0.0.1",
        "http://id.example.com",
        "https://169.254.169.254/x",
    ] {
        let body = json!({"issuer": inside, "audiences": ["writ"]}).to_string();
        let refused = stand.owner(Method::POST, ISSUERS, &body).await;
        assert!(
            refused.message().starts_with("issuer:"),
            "{inside}: {refused:?}"
        );
    }
    let made = registered(&stand, &provider, json!({})).await;
    assert_eq!(
        register(&stand, &provider, json!({})).await.code(),
        "ISSUER_EXISTS"
    );
    let path = format!("{ISSUERS}/{made}");
    let changed = stand
        .owner(Method::PATCH, &path, r#"{"email":"never"}"#)
        .await;
    assert_eq!(
        (
            &changed.body["data"]["email"],
            &changed.body["data"]["version"]
        ),
        (&json!("never"), &json!(2))
    );
    let foreign = stand.key(1, Role::Owner);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let answer = stand.call(&foreign, method, &path, "{}").await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, "ISSUER_NOT_FOUND")
        );
    }
    let dev = stand.dev(Method::POST, ISSUERS, "{}").await;
    assert_eq!(dev.status, StatusCode::FORBIDDEN);
}
