//! Rents a GPU for one user, waits for it, shows what the browser needs, runs a job and gives the
//! GPU back.
//!
//!     RUNPOD_API_KEY=... cargo run --example rent              on RunPod: costs money
//!     RUNPOD_API_KEY=any cargo run --example rent BASE_URL     on the simulator: see `exatlas sim`
//!
//! The job runs on the serverless endpoint RUNPOD_ENDPOINT; without it there is one on the
//! simulator alone.
use std::time::Duration;

use serde_json::{json, Value};

fn call(client: &exatlas::Client, method: &str, params: Value) -> Result<Value, exatlas::Error> {
    let result = client.call_within(method, &params.to_string(), Duration::from_secs(660))?;
    Ok(serde_json::from_str(&result).expect("the library answers JSON"))
}

fn serve(client: &exatlas::Client, machine: &Value, endpoint: Option<String>) -> Result<(), exatlas::Error> {
    let ready = call(client, "compute.await_ready", json!({"id": machine["id"], "timeout_ms": 600_000}))?;
    println!("the browser calls {}", ready["ports"][0]["url"].as_str().unwrap_or_default());
    println!("with the header {:.30}...", machine["auth"]["header"].as_str().unwrap_or_default());
    if let Some(endpoint) = endpoint {
        let job = call(client, "jobs.run", json!({"endpoint": endpoint, "input": {"prompt": "hello"}, "mode": "sync"}))?;
        println!("the job answered {}", job["output"]);
    }
    Ok(())
}

fn main() -> Result<(), exatlas::Error> {
    let mut config = json!({"default_provider": "runpod"});
    let mut endpoint = std::env::var("RUNPOD_ENDPOINT").ok();
    if let Some(address) = std::env::args().nth(1) {
        endpoint.get_or_insert_with(|| "echo".into());
        config["providers"]["runpod"]["base_url"] = address.into();
    }
    let client = exatlas::Client::open(&config.to_string())?;
    let machine = call(
        &client,
        "compute.spawn",
        json!({"gpu": ["rtx_4090", "l40s", "h100"], "image": "ghcr.io/me/inference:latest", "ports": [{"internal": 8000}], "auth": "bearer"}),
    )?;
    println!("rented {}", machine["gpu_type"].as_str().unwrap_or_default());
    let served = serve(&client, &machine, endpoint);
    call(&client, "compute.terminate", json!({"id": machine["id"]}))?; // whatever happened before: it costs money
    println!("given back");
    served
}
