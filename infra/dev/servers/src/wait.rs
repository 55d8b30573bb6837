//! Ports and readiness.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A loopback port nobody listens on right now.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Returns when the port accepts a connection; an error after `within`, or at once when `alive`
/// says that the server has ended.
pub fn wait_for_port(
    port: u16,
    within: Duration,
    mut alive: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let until = Instant::now() + within;
    while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
        anyhow::ensure!(alive(), "the server for port {port} ended while starting");
        anyhow::ensure!(
            Instant::now() < until,
            "nothing answers on port {port} after {within:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
