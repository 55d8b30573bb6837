//! Compiles a client of the gRPC interface, as an SDK author would.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../proto";
    let file = format!("{root}/writ/v1/enforcement.proto");
    println!("cargo:rerun-if-changed={file}");
    let descriptors = protox::compile([&file], [root])?;
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds(descriptors)?;
    Ok(())
}
