//! Simulated clouds for the tests, and what they leave.
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

/// The open descriptors.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

/// Fails unless the library holds nothing but the client that asks, and no descriptor beyond so
/// many. What was cancelled gets a moment to end.
pub fn assert_nothing_left(opened: usize) {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let probe = exatlas::Client::open("{}").expect("a client");
        let info: serde_json::Value = serde_json::from_str(&probe.call("atlas.info", "{}").expect("info")).expect("JSON");
        drop(probe);
        let live = info["live"].as_object().expect("gauges");
        // A client that asks finds itself and its call, and its thread and that of the test counted as goroutines.
        let alone = |name: &str| match name {
            "calls" | "clients" => 1,
            "goroutines" => 2,
            _ => 0,
        };
        let left: Vec<_> = live.iter().filter(|(name, value)| value.as_i64() > Some(alone(name))).collect();
        let open = descriptors();
        if left.is_empty() && open <= opened {
            return;
        }
        assert!(Instant::now() < until, "{left:?} are left, and {open} descriptors of {opened}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
