//! The wrapper on the library and on simulated clouds.
mod common;

use std::collections::HashSet;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{assert_nothing_left, descriptors, Clouds};
use exatlas::{Client, Status};
use serde_json::{json, Value};

fn open(clouds: &Clouds) -> Client {
    let config = json!({"default_provider": "runpod", "providers": {"runpod": {"base_url": clouds.urls["runpod"], "api_key": "rust-tests-key"}}});
    Client::open(&config.to_string()).expect("a client")
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

// One test, since the gauges count for the whole process.
#[test]
fn the_wrapper_behaves_and_leaks_nothing() {
    let clouds = Clouds::start(None);
    rents_and_gives_back(&clouds);
    let opened = descriptors(); // the Go runtime opens its own once
    tells_errors_by_kind(&clouds);
    serves_many_threads(&clouds);
    submits_cancels_and_takes_completions(&clouds);
    streams_a_job_to_its_result(&clouds);
    assert_nothing_left(opened);
}

fn rents_and_gives_back(clouds: &Clouds) {
    let client = open(clouds);
    let machine = value(&client.call("compute.spawn", r#"{"gpu":"rtx_4090","image":"img","auth":"bearer"}"#).expect("a machine"));
    let (token, hash) = (&machine["auth"]["token"], &machine["auth"]["hash"]);
    let verified = client.call("auth.token.verify", &json!({"token": token, "hash": hash}).to_string()).expect("verified");
    assert_eq!(value(&verified), json!({"valid": true}));
    let gone = value(&client.call("compute.terminate", &json!({"id": machine["id"]}).to_string()).expect("given back"));
    assert_eq!(gone["status"], "terminated");
}

fn tells_errors_by_kind(clouds: &Clouds) {
    let client = open(clouds);
    let e = client.call("compute.gett", "{}").expect_err("no such method");
    assert_eq!((e.status, e.kind.as_str(), e.hint.as_str()), (Status::FAILED, "validation", "did you mean compute.get?"));
    assert!(e.to_string().contains("did you mean compute.get?") && !e.retryable());
    let e = client.call("compute.get", r#"{"id":"none"}"#).expect_err("no such machine");
    assert_eq!((e.kind.as_str(), &value(&e.document)["status"]), ("not_found", &json!(404)));
    let e = client.call("compute.get", "no JSON").expect_err("no JSON");
    assert_eq!(e.kind, "validation");
    let e = Client::open(r#"{"abi":99}"#).expect_err("another version");
    assert_eq!((e.status, e.status.name()), (Status::VERSION, "ATLAS_VERSION"));
    let e = client.call_within("jobs.run", r#"{"endpoint":"never","input":{},"mode":"sync"}"#, Duration::from_millis(300)).expect_err("too long");
    assert_eq!((e.status, e.kind.as_str()), (Status::TIMEOUT, "timeout"));
}

fn serves_many_threads(clouds: &Clouds) {
    let client = open(clouds);
    std::thread::scope(|threads| {
        for _ in 0..32 {
            threads.spawn(|| {
                for _ in 0..50 {
                    let e = client.call("compute.get", r#"{"id":"none"}"#).expect_err("no such machine");
                    assert_eq!(e.kind, "not_found");
                }
            });
        }
    });
}

fn submits_cancels_and_takes_completions(clouds: &Clouds) {
    let client = open(clouds);
    for i in 0..100 {
        client.submit(&format!("call {i}"), "auth.token.mint", "{}").expect("submitted");
    }
    let mut seen = HashSet::new();
    while seen.len() < 100 {
        let item = value(&client.next(Some(Duration::from_secs(20))).expect("open").expect("in time"));
        assert_eq!(item["type"], "completion");
        assert!(seen.insert(item["id"].as_str().expect("an id").to_owned()), "twice: {item}");
    }
    assert!(client.next(Some(Duration::ZERO)).expect("open").is_none());
    let start = Instant::now();
    client.submit("slow", "jobs.run", r#"{"endpoint":"never","input":{},"mode":"sync"}"#).expect("submitted");
    assert_eq!(client.submit("slow", "atlas.info", "{}").expect_err("in flight").status, Status::BUSY);
    client.cancel("slow").expect("cancelled");
    let item = value(&client.next(Some(Duration::from_secs(20))).expect("open").expect("in time"));
    assert_eq!((&item["id"], &item["error"]["kind"]), (&json!("slow"), &json!("cancelled")));
    assert!(start.elapsed() < Duration::from_secs(10));
}

fn streams_a_job_to_its_result(clouds: &Clouds) {
    let client = open(clouds);
    let job = value(&client.call("jobs.run", r#"{"endpoint":"stream-3","input":{}}"#).expect("a job"));
    client.call("jobs.stream", &json!({"endpoint": "stream-3", "id": job["id"]}).to_string()).expect("a stream");
    let mut names = Vec::new();
    loop {
        let event = value(&client.next(Some(Duration::from_secs(20))).expect("open").expect("in time"));
        names.push(event["event"].as_str().expect("a name").to_owned());
        if event["data"]["final"] == true {
            break;
        }
    }
    assert_eq!(names, ["chunk", "chunk", "chunk", "result"]);
}

#[test]
fn the_example_rents_and_gives_back() {
    let clouds = Clouds::start(None);
    let program = std::env::current_exe().expect("this program").parent().expect("deps").join("../examples/rent");
    let output = Command::new(program).arg(&clouds.urls["runpod"]).env("RUNPOD_API_KEY", "rust-example-key").output().expect("cargo builds the example");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("/proxy/") && text.ends_with("given back\n"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
