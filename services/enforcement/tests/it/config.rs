use writ_enforcement::Config;
use writ_service_kit::config::{Cli, print};

#[test]
fn the_manual_is_the_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config.default.toml");
    let cli = Cli {
        config: Some(path.into()),
        ..Cli::default()
    };
    let text = std::fs::read_to_string(path).unwrap();
    let manual: Config = toml::from_str(&text).unwrap();
    assert_eq!(
        print(&manual).unwrap(),
        print(&Config::default()).unwrap(),
        "{cli:?}"
    );
}
