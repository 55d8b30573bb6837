//! Compiles the gRPC interface of `proto/writ/v1/enforcement.proto`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../proto";
    let file = format!("{root}/writ/v1/enforcement.proto");
    println!("cargo:rerun-if-changed={file}");
    let descriptors = protox::compile([&file], [root])?;
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    tonic_prost_build::configure()
        .file_descriptor_set_path(out.join("enforcement.bin"))
        .compile_fds(descriptors.clone())?;
    std::fs::write(
        out.join("enforcement.bin"),
        prost::Message::encode_to_vec(&descriptors),
    )?;
    Ok(())
}
