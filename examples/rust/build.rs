//! Finds libexatlas: in the folder of ATLAS_LIBRARY, else in the repository's build folder. An
//! installed copy (pkg-config exatlas) is found by pointing ATLAS_LIBRARY at it.
use std::path::{Path, PathBuf};
use std::{env, process};

fn main() {
    println!("cargo:rerun-if-env-changed=ATLAS_LIBRARY");
    let named = env::var_os("ATLAS_LIBRARY").filter(|file| !file.is_empty()).map(PathBuf::from);
    // Cargo runs this in the package's folder, so that is what a relative path is read from.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = match &named {
        Some(file) => package.join(file.parent().unwrap_or(Path::new(""))),
        None => package.join("../../build"),
    };
    let found = folder.canonicalize().ok().filter(|folder| folder.join("libexatlas.so").exists());
    let Some(folder) = found else {
        let relative = match &named {
            Some(file) if file.is_relative() => format!(" ({} is relative, and is read from this package's folder)", file.display()),
            _ => String::new(),
        };
        eprintln!("there is no libexatlas.so in {}{relative}: run `make lib`, or set ATLAS_LIBRARY to its absolute path", folder.display());
        process::exit(1);
    };
    println!("cargo:rustc-link-search=native={}", folder.display());
    println!("cargo:rustc-link-lib=dylib=exatlas");
    // Of this package's own tests and examples; a program that depends on it sets its own.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
    println!("cargo:folder={}", folder.display());
}
