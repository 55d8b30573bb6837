//! A team that judges refunds by rules of its own.

use crate::stack::Stack;

#[tokio::test]
async fn the_guides_validator_is_asked_and_the_sdk_raises_what_it_denies() {
    let stack = Stack::start().await;
    let seen = stack.python("validators.py");
    assert_eq!(
        seen["denied"],
        "the validator refuses it: a refund needs an order"
    );
    let away = seen["away"].as_str().unwrap();
    assert!(away.contains("could not be judged"), "{away}");
}
