//! The seven services as processes of their own, from the binaries beside this one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use writ_contract::Service;
use writ_service_kit::Tasks;
use writ_service_kit::serve::Bound;

use crate::children::{Kept, Make, tied};
use crate::configs;
use crate::door::{Door, Upstreams};
use crate::layout::Layout;
use crate::stores::Plan;

/// Running processes and the door before them.
#[derive(Debug)]
pub struct Processes {
    door: Door,
    all: Vec<(String, SocketAddr)>,
}

/// Starts every process and serves the door on `bound`. What was started is in `children` also
/// when this fails. Returns before they are ready.
///
/// # Errors
/// When a program is missing.
pub fn start(
    plan: Plan<'_>,
    bound: Bound,
    tasks: &Tasks,
    children: &mut Vec<Kept>,
) -> anyhow::Result<Processes> {
    let mut upstreams = Upstreams::new();
    let mut all = Vec::new();
    for (service, count) in plan.args.replica_counts() {
        for replica in 0..count {
            let index = u16::try_from(all.len())?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, plan.ports.process(index)));
            let name = if replica == 0 {
                service.to_string()
            } else {
                format!("{service}-{replica}")
            };
            let process = Process {
                service,
                name: name.clone(),
                address,
            };
            let make = process.make(plan.layout)?;
            children.push(Kept::start(&name, "TERM", &plan.layout.log(&name), make)?);
            upstreams.entry(service).or_default().push(address);
            all.push((name, address));
        }
    }
    children.push(witness(plan)?);
    let door = Door::new(upstreams, tasks.clone());
    let (router, serving) = (door.clone().router(), tasks.clone());
    tasks.spawn("door", async move { bound.serve(router, &serving).await });
    Ok(Processes { door, all })
}

impl Processes {
    /// Returns once every process says that it is ready.
    pub async fn ready(&self) {
        for (_, address) in &self.all {
            while !self.door.is_ready(*address).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// The processes that are not ready.
    pub async fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (name, address) in &self.all {
            if !self.door.is_ready(*address).await {
                missing.push(format!("{name} at {address} is not ready"));
            }
        }
        missing
    }
}

/// The witness: no service of the stack, and not behind its door.
fn witness(plan: Plan<'_>) -> anyhow::Result<Kept> {
    let program = beside("writ-witness")?;
    let config = configs::witness_path(plan.layout);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, plan.ports.witness()));
    let make: Make = Box::new(move || {
        let mut command = tied(&program);
        command.arg("--config").arg(&config);
        command.arg("--set").arg(format!("listen={address}"));
        Ok(command)
    });
    Kept::start("witness", "TERM", &plan.layout.log("witness"), make)
}

struct Process {
    service: Service,
    name: String,
    address: SocketAddr,
}

impl Process {
    fn make(&self, layout: &Layout) -> anyhow::Result<Make> {
        let program = beside(&format!("writ-{}", self.service))?;
        let config = configs::path(layout, self.service);
        let mut set = vec![format!("host.listen={}", self.address)];
        if self.service == Service::Enforcement {
            // Two processes must not share one spool.
            let spool = layout.path("spool").join(&self.name);
            set.push(format!("spool_dir={}", spool.display()));
        }
        Ok(Box::new(move || {
            let mut command = tied(&program);
            command.arg("--config").arg(&config);
            for pair in &set {
                command.arg("--set").arg(pair);
            }
            Ok(command)
        }))
    }
}

fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(
        program.exists(),
        "{} is missing: run `make build`",
        program.display()
    );
    Ok(program)
}
