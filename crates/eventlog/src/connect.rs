//! Connecting as one service.

use std::time::Duration;

use writ_contract::Service;

/// Connects as `service`: credentials from the URL, an inbox of its own (`_INBOX_<service>`, the
/// only one its permissions let it read), reconnecting for ever.
///
/// # Errors
/// When the server cannot be reached or refuses the credentials at the first try.
pub async fn connect(
    url: &str,
    service: Service,
) -> Result<async_nats::Client, async_nats::ConnectError> {
    async_nats::ConnectOptions::new()
        .name(format!("writ-{service}"))
        .custom_inbox_prefix(format!("_INBOX_{service}"))
        .ping_interval(Duration::from_secs(5))
        .reconnect_delay_callback(|attempt| {
            Duration::from_millis(50)
                .saturating_mul(1 << attempt.min(5))
                .min(Duration::from_secs(2))
        })
        .max_reconnects(None)
        .connect(url)
        .await
}
