//! Compiles the client's half of `proto/writ/v1`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../proto";
    let files = ["approval", "control", "enforcement", "trace"];
    let files = files.map(|name| format!("{root}/writ/v1/{name}.proto"));
    for file in &files {
        println!("cargo:rerun-if-changed={file}");
    }
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds(protox::compile(&files, [root])?)?;
    Ok(())
}
