//! A clean end: SIGTERM or SIGINT kills the query that holds the engine open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Sleeps for ever, a second at a time, so that a kill is noticed within one.
pub(crate) const HOLD_QUERY: &str = "SELECT sleepEachRow(1) AS writ_hold FROM system.numbers \
     SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0, \
     max_execution_time = 0, log_queries = 0 FORMAT Null";

/// Waits for a signal on a thread of its own; the returned flag says that one came. A second signal,
/// or an engine that does not answer, falls back to the signal's default action.
pub(crate) fn on_signal(http_port: u16) -> std::io::Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    std::thread::Builder::new()
        .name("stop".into())
        .spawn(move || {
            for signal in signals.forever() {
                let again = seen.swap(true, Ordering::AcqRel);
                if let Err(error) = kill_hold_query(http_port)
                    && !again
                {
                    eprintln!("clean stop failed: {error}");
                    drop(signal_hook::low_level::emulate_default_handler(signal));
                }
            }
        })?;
    Ok(asked)
}

/// One HTTP/1.0 request, because the engine is not ours to ask in any other way while it is busy.
fn kill_hold_query(http_port: u16) -> std::io::Result<()> {
    const KILL: &str = "KILL QUERY WHERE position(query, 'AS writ_hold') > 0 \
         AND position(query, 'KILL') = 0 ASYNC";
    let mut stream = TcpStream::connect(("127.0.0.1", http_port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "POST /?user=writ_hold HTTP/1.0\r\nContent-Length: {}\r\n\r\n{KILL}",
        KILL.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_whitespace().nth(1) {
        Some("200") => Ok(()),
        _ => Err(std::io::Error::other(answer)),
    }
}
