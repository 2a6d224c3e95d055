//! Simulated clouds for the tests.
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Running simulators, ended when dropped.
pub struct Clouds {
    child: Child,
    /// Base URLs by provider.
    pub urls: HashMap<String, String>,
}

impl Clouds {
    /// Starts them, with settings by cloud as `exatlas sim --options` takes them.
    pub fn start(options: Option<&serde_json::Value>) -> Clouds {
        let program = std::env::var_os("ATLAS_CLI").map_or_else(|| root().join("build/exatlas"), PathBuf::from);
        let mut child = Command::new(&program)
            .arg("sim")
            .args(options.iter().flat_map(|o| ["--options".to_owned(), o.to_string()]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}; run `make cli`", program.display()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line of addresses");
        Clouds { child, urls: serde_json::from_str(&line).expect("addresses in JSON") }
    }
}

impl Drop for Clouds {
    fn drop(&mut self) {
        drop(self.child.stdin.take()); // the simulators end with their input
        let _ = self.child.wait();
    }
}
