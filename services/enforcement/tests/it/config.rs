use writ_enforcement::Config;
use writ_service_kit::config::{Cli, load, print};

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

#[test]
fn a_model_is_configured_by_its_name_and_what_is_wrong_with_it_is_named() {
    let problems = |fields: &[&str]| {
        let set = fields.iter().map(|field| format!("semantic.{field}"));
        let cli = Cli {
            set: set.collect(),
            ..Cli::default()
        };
        let refused = load::<Config>("enforcement", &cli).unwrap_err();
        let mut problems = refused.problems.into_iter();
        problems.find(|problem| problem.contains("semantic"))
    };
    let url = "endpoints.small.url=http://ollama:11434/v1";
    let model = "endpoints.small.model=qwen2.5:3b";
    assert_eq!(problems(&["default=small", url, model]), None);
    let wrong = |fields: &[&str], problem: &str| {
        let found = problems(fields).unwrap();
        assert!(found.contains(problem), "{found}");
    };
    wrong(&[url], "semantic.endpoints.small.model: is required");
    wrong(
        &["endpoints.small.url=https://1.1.1.1/v1", model],
        "semantic.endpoints.small.url",
    );
    wrong(&["default=large", url, model], "semantic.default");
}
