//! The conformance files that every language runs (test/conformance).
mod common;

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use common::{assert_nothing_left, descriptors, root, Clouds};
use exatlas::{Client, Status};
use serde_json::{json, Value};

type Variables = HashMap<String, Value>;

#[test]
fn conformance_files() {
    let mut paths: Vec<_> = fs::read_dir(root().join("test/conformance")).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    assert!(!paths.is_empty(), "test/conformance holds no files");
    let mut opened = None; // descriptors after the first file: the Go runtime opens its own once
    for path in paths {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let file: Value = serde_json::from_str(&fs::read_to_string(&path).expect("readable")).expect("JSON");
        run(&name, &file);
        assert_nothing_left(*opened.get_or_insert_with(descriptors));
    }
}

/// Fails on members that this runner does not know, so that no file passes half read.
fn known(at: &str, value: &Value, names: &[&str]) {
    for name in value.as_object().expect("an object").keys() {
        assert!(names.contains(&name.as_str()), "{at}: unknown member {name}");
    }
}

fn run(name: &str, file: &Value) {
    known(name, file, &["name", "sim", "config", "never", "open", "steps"]);
    let never: Vec<&str> = file.get("never").and_then(Value::as_array).into_iter().flatten().map(|text| text.as_str().expect("a text")).collect();
    let clouds = Clouds::start(file.get("sim"));
    let mut variables: Variables = clouds.urls.iter().map(|(name, url)| (name.clone(), json!(url))).collect();
    let config = filled(file.get("config").unwrap_or(&json!({})), &variables);
    let opened = Client::open(&config.to_string());
    if let Some(expected) = file.get("open") {
        known(name, expected, &["status", "answer"]);
        let (status, document) = match &opened {
            Ok(_) => (0, None),
            Err(e) if e.document.is_empty() => (e.status.0, None),
            Err(e) => (e.status.0, Some(format!("{{\"error\":{}}}", e.document))),
        };
        check(&format!("{name} open"), expected, status, document, &never, &variables);
    }
    let client = match opened {
        Ok(client) => client,
        Err(_) if file.get("open").is_some() => return,
        Err(e) => panic!("{name}: {e}"),
    };
    for (i, step) in file["steps"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{name} step {}", i + 1);
        known(&at, step, &["call", "next", "status", "answer", "save"]);
        let (status, document) = match step.get("next") {
            Some(wait) => taken(&client, Duration::from_millis(wait.as_u64().expect("ms"))),
            None => client.request(&filled(&step["call"], &variables).to_string()),
        };
        let answer = check(&at, step, status.0, document, &never, &variables);
        for (variable, pointer) in step.get("save").and_then(Value::as_object).into_iter().flatten() {
            let found = answer.pointer(pointer.as_str().expect("a pointer")).unwrap_or_else(|| panic!("{at}: nothing at {pointer} of {answer}"));
            variables.insert(variable.clone(), found.clone());
        }
    }
}

fn taken(client: &Client, wait: Duration) -> (Status, Option<String>) {
    match client.next(Some(wait)) {
        Ok(Some(item)) => (Status(0), Some(item)),
        Ok(None) => (Status::TIMEOUT, None),
        Err(e) => (e.status, None),
    }
}

/// Holds a document against what is expected and returns it.
fn check(at: &str, expected: &Value, status: i32, document: Option<String>, never: &[&str], variables: &Variables) -> Value {
    let text = document.unwrap_or_default();
    for secret in never {
        assert!(!text.contains(secret), "{at}: {secret} is in {text}");
    }
    let answer = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
    assert_eq!(json!(status), expected["status"], "{at}: {answer}");
    if let Some(pattern) = expected.get("answer") {
        if let Some(problem) = mismatch(&filled(pattern, variables), Some(&answer), "") {
            panic!("{at}: {problem} in {answer}");
        }
    }
    answer
}

/// The value with ${name} replaced; a string that is nothing else takes the variable's own type.
fn filled(value: &Value, variables: &Variables) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(key, item)| (key.clone(), filled(item, variables))).collect(),
        Value::Array(items) => items.iter().map(|item| filled(item, variables)).collect(),
        Value::String(text) => fill_text(text, variables),
        other => other.clone(),
    }
}

fn fill_text(text: &str, variables: &Variables) -> Value {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) = rest.split_once("${").and_then(|(before, tail)| Some((before, tail.split_once('}')?))) {
        let found = variables.get(name).unwrap_or_else(|| panic!("nothing was saved as {name}"));
        if before.is_empty() && after.is_empty() && out.is_empty() {
            return found.clone();
        }
        out.push_str(before);
        out.push_str(&found.as_str().map_or_else(|| found.to_string(), str::to_owned));
        rest = after;
    }
    Value::String(out + rest)
}

/// What keeps a value, None where it is absent, from matching a pattern.
fn mismatch(pattern: &Value, value: Option<&Value>, at: &str) -> Option<String> {
    if pattern == "$absent" {
        return value.map(|_| format!("{at}: is there"));
    }
    let Some(value) = value else {
        return Some(format!("{at}: is missing"));
    };
    let fits = match pattern {
        Value::String(kind) if kind == "$any" => true,
        Value::String(kind) if kind == "$string" => value.is_string(),
        Value::String(kind) if kind == "$number" => value.is_number(),
        Value::Number(number) => value.as_f64() == number.as_f64(),
        Value::Object(members) if value.is_object() => {
            return members.iter().find_map(|(key, item)| mismatch(item, value.get(key), &format!("{at}/{key}")));
        }
        Value::Array(items) => {
            let got = value.as_array().filter(|got| got.len() == items.len());
            let Some(got) = got else {
                return Some(format!("{at}: {value} is no list of {}", items.len()));
            };
            return items.iter().zip(got).enumerate().find_map(|(i, (item, one))| mismatch(item, Some(one), &format!("{at}/{i}")));
        }
        other => other == value,
    };
    (!fits).then(|| format!("{at}: {value} is not {pattern}"))
}

#[test]
fn patterns_match_a_subset() {
    for (pattern, value, fits) in [
        (json!({"a": 1}), json!({"a": 1, "b": 2}), true),
        (json!({"a": 1}), json!({"a": true}), false),
        (json!({"a": "$absent"}), json!({"a": null}), false),
        (json!({"a": "$absent"}), json!({}), true),
        (json!({"a": "$any"}), json!({}), false),
        (json!({"a": ["$string", 2]}), json!({"a": ["x", 2.0]}), true),
        (json!(["$number"]), json!([1, 2]), false),
        (json!("$number"), json!(false), false),
        (json!({"a": {}}), json!({"a": []}), false),
    ] {
        assert_eq!(mismatch(&pattern, Some(&value), "").is_none(), fits, "{pattern} against {value}");
    }
}
