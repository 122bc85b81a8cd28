//! Builds again when a migration is added: the compiler watches only the files that it has read.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
