//! The stores of a development stack, as the services meet them.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of tests: a failure here is the test's failure"
)]

mod door;

use std::time::Duration;

use async_nats::ConnectOptions;
use clap::Parser;
use futures::StreamExt;
use sqlx::{Connection, Executor, PgConnection};
use writ_contract::{OrgId, Service, Shard, Topology};
use writ_dev::args::Args;
use writ_dev::children::Kept;
use writ_dev::layout::{Layout, Ports};
use writ_dev::orgs::{self, Org};
use writ_dev::secrets::Secrets;
use writ_dev::stores::{self, Plan, Stores};

struct Stack {
    stores: Stores,
    secrets: Secrets,
    orgs: Vec<Org>,
    children: Vec<Kept>,
    _dir: tempfile::TempDir,
}

async fn stack() -> Stack {
    let dir = tempfile::tempdir().unwrap();
    let args = Args::parse_from(["writ"]);
    let layout = Layout::create(dir.path()).unwrap();
    let secrets = Secrets::load_or_create(&layout.path("secrets.json")).unwrap();
    let orgs = orgs::load_or_create(&layout.path("orgs.json")).unwrap();
    // Below the ports the system gives to clients; nextest runs each test as a process.
    let base = 10_000 + u16::try_from(std::process::id() % 2_000).unwrap() * 10;
    let ports = Ports::from_base(base).unwrap();
    let (args, layout, secrets_) = (&args, &layout, &secrets);
    let plan = Plan {
        args,
        layout,
        ports,
        secrets: secrets_,
        orgs: &orgs,
    };
    let mut children = Vec::new();
    let stores = stores::start(plan, &mut children).await.unwrap();
    Stack {
        stores,
        children,
        secrets,
        orgs,
        _dir: dir,
    }
}

impl Stack {
    /// Connected as one service's user, with its errors on a channel.
    async fn service(
        &self,
        service: Service,
    ) -> (
        async_nats::Client,
        tokio::sync::mpsc::UnboundedReceiver<String>,
    ) {
        let config = self.stores.broker.config(service, &self.secrets);
        let options = ConnectOptions::new()
            .user_and_password(config.user.clone(), config.password.expose().to_owned())
            .custom_inbox_prefix(format!("_INBOX_{}", config.user.replace('-', "_")));
        connect(options, &config.url).await
    }

    async fn publisher(&self, org: &Org) -> async_nats::Client {
        let to = writ_dev::url::split(&self.stores.broker.publisher_url(org));
        connect(
            ConnectOptions::new().user_and_password(to.user, to.password),
            &to.url,
        )
        .await
        .0
    }
}

async fn connect(
    options: ConnectOptions,
    url: &str,
) -> (
    async_nats::Client,
    tokio::sync::mpsc::UnboundedReceiver<String>,
) {
    let (seen, errors) = tokio::sync::mpsc::unbounded_channel();
    let options = options.event_callback(move |event| {
        let seen = seen.clone();
        async move { drop(seen.send(event.to_string())) }
    });
    (options.connect(url).await.unwrap(), errors)
}

/// Whether the server took a publish of this subject from this service.
async fn may_publish(stack: &Stack, service: Service, subject: &str) -> bool {
    let (client, mut errors) = stack.service(service).await;
    client
        .publish(subject.to_owned(), "x".into())
        .await
        .unwrap();
    client.flush().await.unwrap();
    let violation = async {
        while let Some(event) = errors.recv().await {
            if event.to_lowercase().contains("permissions violation") {
                return true;
            }
        }
        false
    };
    !tokio::time::timeout(Duration::from_millis(150), violation)
        .await
        .unwrap_or(false)
}

#[tokio::test]
async fn service_roles_own_nothing_and_need_their_password() {
    let stack = stack().await;
    let owner = stack.stores.database.owner_url(&stack.secrets);
    let mut owner = PgConnection::connect(&owner).await.unwrap();
    owner
        .execute("CREATE SCHEMA control; CREATE TABLE control.t (a int)")
        .await
        .unwrap();
    let api = stack.stores.database.url_for("control_api", &stack.secrets);
    let mut api = PgConnection::connect(&api).await.unwrap();
    api.execute("SELECT * FROM control.t")
        .await
        .expect_err("nothing was granted to it");
    let wrong = stack
        .stores
        .database
        .url_for("control_api", &Secrets::default());
    PgConnection::connect(&wrong)
        .await
        .expect_err("a password is asked for");
    for child in stack.children {
        child.stop(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn analysts_read_ingest_writes_and_only_the_owner_makes_tables() {
    let stack = stack().await;
    let analytics = &stack.stores.analytics;
    let analyst = clickhouse::Client::default().with_url(&analytics.url);
    let login = |login: &stores::Login| {
        analyst
            .clone()
            .with_user(&login.user)
            .with_password(&login.password)
    };
    let (owner, ingest) = (login(&analytics.owner), login(&analytics.ingest));
    let table = "CREATE TABLE writ.t (a UInt64) ENGINE = MergeTree ORDER BY a";
    analyst
        .query(table)
        .execute()
        .await
        .expect_err("an analyst makes no tables");
    ingest
        .query(table)
        .execute()
        .await
        .expect_err("nor does ingest");
    owner.query(table).execute().await.unwrap();
    let insert = "INSERT INTO t SELECT number FROM numbers(10)";
    ingest.query(insert).execute().await.unwrap();
    analyst
        .query(insert)
        .execute()
        .await
        .expect_err("an analyst only reads");
    let count: u64 = analyst
        .query("SELECT count() FROM t")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(count, 10);
}

#[tokio::test]
async fn each_service_publishes_its_own_subjects_and_no_others() {
    let stack = stack().await;
    let (topology, shard) = (Topology::default(), Shard::all().next().unwrap());
    let org = OrgId(uuid::Uuid::now_v7());
    let subjects = [
        (topology.kill(shard), vec![Service::Control]),
        (topology.decision(shard), vec![Service::Enforcement]),
        (topology.consumed(shard), vec![Service::Approval]),
        (topology.trace(shard), vec![Service::Ingest]),
        (
            topology.body(shard),
            vec![Service::Ingest, Service::Enforcement],
        ),
        (topology.counter(org, "k"), vec![Service::Enforcement]),
        ("_INBOX.x".to_owned(), vec![]),
        ("$JS.API.STREAM.DELETE.EVT_GATE".to_owned(), vec![]),
        ("$JS.API.STREAM.PURGE.EVT_CONTROL".to_owned(), vec![]),
        (
            "$JS.API.CONSUMER.MSG.NEXT.IN_TRACE.ingest_traces".to_owned(),
            vec![Service::Ingest],
        ),
    ];
    for service in Service::ALL {
        for (subject, owners) in &subjects {
            let may = may_publish(&stack, service, subject).await;
            assert_eq!(may, owners.contains(&service), "{service} {subject}");
        }
    }
}

#[tokio::test]
async fn outside_publisher_requests_for_its_own_organisation_only() {
    let stack = stack().await;
    let topology = Topology::default();
    let (ingest, _errors) = stack.service(Service::Ingest).await;
    let mut requests = ingest
        .subscribe(format!("{}.in.trace.*", topology.prefix()))
        .await
        .unwrap();
    ingest.flush().await.unwrap();
    let tasks = writ_service_kit::Tasks::new(Default::default());
    tasks.spawn("answers", async move {
        while let Some(request) = requests.next().await {
            let reply = request.reply.expect("a request wants an answer");
            ingest
                .publish(reply, request.subject.to_string().into())
                .await
                .unwrap();
        }
    });

    let publisher = stack.publisher(&stack.orgs[0]).await;
    let own = topology.trace_request(stack.orgs[0].id);
    let answer = publisher.request(own.clone(), "{}".into()).await.unwrap();
    assert_eq!(answer.payload, own.as_bytes());

    let foreign = topology.trace_request(stack.orgs[1].id);
    let wait = Duration::from_millis(500);
    let refused = tokio::time::timeout(wait, publisher.request(foreign, "{}".into())).await;
    assert!(
        !matches!(refused, Ok(Ok(_))),
        "another organisation's subject was answered"
    );
    let shard = topology.trace(Shard::all().next().unwrap());
    let refused = tokio::time::timeout(wait, publisher.request(shard, "{}".into())).await;
    assert!(
        !matches!(refused, Ok(Ok(_))),
        "a stream's subject was answered"
    );
}
