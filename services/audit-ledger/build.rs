//! Compiles the gRPC interface of `proto/writ/v1/ledger.proto`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../proto";
    let file = format!("{root}/writ/v1/ledger.proto");
    println!("cargo:rerun-if-changed={file}");
    let descriptors = protox::compile([&file], [root])?;
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let encoded = prost::Message::encode_to_vec(&descriptors);
    tonic_prost_build::configure().compile_fds(descriptors)?;
    std::fs::write(out.join("ledger.bin"), encoded)?;
    Ok(())
}
