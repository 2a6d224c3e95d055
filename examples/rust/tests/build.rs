//! Where the build looks for the library, and what it says.
use std::process::Command;

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// Checks the library of this package in a target folder of its own, and returns whether that
/// succeeded and what was said.
fn check(library: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO"))
        .args(["check", "--lib", "--locked", "--offline", "--quiet", "--target-dir"])
        .arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/where"))
        .current_dir(PACKAGE)
        .env("ATLAS_LIBRARY", library)
        .output()
        .expect("cargo");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_library_is_looked_for_where_it_is_named() {
    for found in ["", "../../build/libexatlas.so"] {
        let (built, said) = check(found);
        assert!(built, "ATLAS_LIBRARY={found}: {said}");
    }
    for (missing, wanted) in [
        ("libexatlas.so", format!("there is no libexatlas.so in {PACKAGE}/ (libexatlas.so is relative, and is read from this package's folder)")),
        ("build/libexatlas.so", format!("there is no libexatlas.so in {PACKAGE}/build (build/libexatlas.so is relative")),
        ("/nowhere/libexatlas.so", "there is no libexatlas.so in /nowhere: run `make lib`, or set ATLAS_LIBRARY to its absolute path".to_owned()),
    ] {
        let (built, said) = check(missing);
        assert!(!built && said.contains(&wanted), "ATLAS_LIBRARY={missing}: {said}");
    }
}
