//! Compiles the fact messages of `proto/writ/event/v1`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../proto";
    let files = [
        "envelope", "control", "gate", "approval", "records", "input",
    ]
    .map(|name| format!("{root}/writ/event/v1/{name}.proto"));
    println!("cargo:rerun-if-changed={root}/writ/event/v1");
    let descriptors = protox::compile(&files, [root])?;
    tonic_prost_build::configure()
        .build_server(false)
        .build_client(false)
        .compile_fds(descriptors)?;
    Ok(())
}
