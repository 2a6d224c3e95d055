//! Finds libexatlas: in the folder of ATLAS_LIBRARY, else in the repository's build folder. An
//! installed copy (pkg-config exatlas) is found by pointing ATLAS_LIBRARY at it.
use std::path::PathBuf;
use std::{env, process};

fn main() {
    println!("cargo:rerun-if-env-changed=ATLAS_LIBRARY");
    let folder = match env::var_os("ATLAS_LIBRARY") {
        Some(file) => PathBuf::from(file).parent().map(PathBuf::from).unwrap_or_default(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../build"),
    };
    let Ok(folder) = folder.canonicalize() else {
        eprintln!("libexatlas.so is not in {}: run `make lib`, or set ATLAS_LIBRARY to its path", folder.display());
        process::exit(1);
    };
    if !folder.join("libexatlas.so").exists() {
        eprintln!("{} holds no libexatlas.so: run `make lib`, or set ATLAS_LIBRARY to its path", folder.display());
        process::exit(1);
    }
    println!("cargo:rustc-link-search=native={}", folder.display());
    println!("cargo:rustc-link-lib=dylib=exatlas");
    // Of this package's own tests and examples; a program that depends on it sets its own.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
    println!("cargo:folder={}", folder.display());
}
