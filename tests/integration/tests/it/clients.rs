//! Clients that are made from the API's document, against the server it describes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::stack::{Stack, tools};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn run(command: &mut Command, stack: &Stack) -> String {
    let output = command.output().expect("it is installed: `make setup`");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    let log = if output.status.success() {
        String::new()
    } else {
        stack.log()
    };
    assert!(output.status.success(), "{said}\n--- stack ---\n{log}");
    said
}

/// The sources of the TypeScript client beside the packages that `make setup` installed.
fn workshop(dir: &Path) -> PathBuf {
    let from = PathBuf::from(ROOT).join("clients/typescript");
    for folder in ["src", "test"] {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
        for entry in std::fs::read_dir(from.join(folder)).unwrap().flatten() {
            std::fs::copy(entry.path(), dir.join(folder).join(entry.file_name())).unwrap();
        }
    }
    for file in ["package.json", "tsconfig.json"] {
        std::fs::copy(from.join(file), dir.join(file)).unwrap();
    }
    let packages = tools().join("typescript/node_modules");
    std::os::unix::fs::symlink(&packages, dir.join("node_modules")).unwrap();
    packages.join(".bin")
}

#[tokio::test]
async fn a_typescript_client_of_the_document_does_what_the_product_documents() {
    let stack = Stack::start().await;
    let dir = tempfile::tempdir().unwrap();
    let programs = workshop(dir.path());
    let mut generate = Command::new(programs.join("openapi-typescript"));
    generate
        .arg(format!("{ROOT}/schemas/openapi.json"))
        .args(["-o", "src/schema.d.ts", "--default-non-nullable", "false"])
        .current_dir(dir.path());
    run(&mut generate, &stack);
    // A call that the document does not have, or has otherwise, does not compile.
    run(
        Command::new(programs.join("tsc")).current_dir(dir.path()),
        &stack,
    );
    let mut calls = Command::new("node");
    calls
        .arg("dist/test/calls.js")
        .envs(&stack.env)
        .current_dir(dir.path());
    let said = run(&mut calls, &stack);
    assert!(said.contains("as documented"), "{said}");
}

#[tokio::test]
async fn no_request_made_from_the_document_meets_a_5xx_or_an_answer_of_another_shape() {
    let stack = Stack::start().await;
    stack.agent("fuzzed").await;
    let mut fuzz = Command::new(tools().join("venv-api/bin/schemathesis"));
    let key = stack.var("WRIT_ADMIN_KEY");
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,\
                  response_schema_conformance";
    fuzz.arg("run")
        .arg(format!("{ROOT}/schemas/openapi.json"))
        .args(["--url", stack.var("WRIT_URL"), "--checks", checks])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args(["--phases", "examples,coverage,fuzzing", "--max-time", "75"])
        .args(["--seed", "1", "--no-color", "--warnings", "off"])
        // It would revoke its own key; a stream never ends; Socket.IO answers by its own protocol.
        .args(["--exclude-operation-id", "revokeKey"])
        .args(["--exclude-path-regex", "(events|stream)$|^/socket.io"])
        .current_dir(stack.data());
    let said = run(&mut fuzz, &stack);
    assert!(said.contains("passed"), "{said}");
}
