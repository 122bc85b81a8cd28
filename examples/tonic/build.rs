//! The generated code, without `protoc`: a compiler in Rust reads the file.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = protox::compile(["proto/calls.proto"], ["proto"])?;
    tonic_prost_build::configure().compile_fds(files)?;
    println!("cargo:rerun-if-changed=proto/calls.proto");
    Ok(())
}
