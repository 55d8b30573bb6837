//! A connection to the broker by URL.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, ServerAddr};

use crate::api::innermost;

/// Connects to one or several URLs, separated by commas. The client library takes no credentials
/// from URLs, so user and password of the first that has them are passed beside.
pub(crate) async fn connect(urls: &str, patience: Duration) -> Result<Client, String> {
    let addresses: Vec<ServerAddr> = urls
        .split(',')
        .map(|url| url.trim().parse::<ServerAddr>())
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let mut options = ConnectOptions::new().connection_timeout(patience);
    let login = addresses
        .iter()
        .find_map(|it| Some((it.username()?.to_owned(), it.password()?.to_owned())));
    if let Some((user, password)) = login {
        options = options.user_and_password(user, password);
    }
    options
        .connect(addresses)
        .await
        .map_err(|error| innermost(&error))
}
