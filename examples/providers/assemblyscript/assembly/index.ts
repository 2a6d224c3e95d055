// A provider for Acme Compute, the invented cloud of sim/acme: the operations. It
// has no clock, never sleeps, never retries and never sees the credential: the
// host does all that. An operation that the provider lacks has no export.

import { Host } from "@extism/as-pdk";
import { compute, gone, gpuTypes, isMachine, requestID } from "./convert";
import { failure, parsed, unreadable } from "./errors";
import { Call } from "./host";
import { Json, quote } from "./json";
import { MANIFEST } from "./manifest";
import { body, refused, secrets } from "./spawn";

const MOST_PAGES = 90; // the host lets a call ask 100 times
const LONGEST_PAGE = 512; // of the word that leads to the next page
const ENOUGH_MACHINES = 1000; // for one answer; Atlas asks for the rest
const ENOUGH_BYTES = 8 << 20;

export function describe(): i32 {
  Host.output(Uint8Array.wrap(String.UTF8.encode(MANIFEST)));
  return 0;
}

export function spawn_compute(): i32 {
  const call = new Call();
  if (call.failed !== null || refused(call)) return call.end("");
  call.secrets = secrets(call.request);
  return call.end(one(call, "POST", "/v1/machines", body(call.request)));
}

export function get_compute(): i32 {
  return about("GET", "", "");
}

export function stop(): i32 {
  return about("POST", "/power", '{"state":"off"}');
}

export function start(): i32 {
  return about("POST", "/power", '{"state":"on"}');
}

/** A machine that is not there any more is what was asked for. Acme says yes
 * without a body: a page of something between must not pass for it. */
export function terminate(): i32 {
  const call = new Call();
  const path = machinePath(call, "");
  if (call.failed !== null) return call.end("");
  const answer = call.send("DELETE", path);
  if (answer.ok()) return call.end(answer.body.length == 0 ? "{}" : unreadable(call, answer, "confirmation"));
  const unknown = answer.status == 404 && parsed(answer).get("error").get("code").string() == "no_such_machine";
  return call.end(unknown ? gone(call.request.get("id").string()) : failure(call, answer));
}

export function list_compute(): i32 {
  const call = new Call();
  return call.end(call.failed !== null ? "" : machines(call, false));
}

export function find_compute(): i32 {
  const call = new Call();
  return call.end(call.failed !== null ? "" : machines(call, true));
}

export function list_gpu_types(): i32 {
  const call = new Call();
  if (call.failed !== null) return call.end("");
  const answer = call.send("GET", "/v1/sizes");
  if (!answer.ok()) return call.end(failure(call, answer));
  const sizes = parsed(answer).get("sizes");
  if (!sizes.isList()) return call.end(unreadable(call, answer, "list of sizes"));
  return call.end(gpuTypes(sizes, max(call.request.get("gpu_count").whole(1, i32.MAX_VALUE), 1)));
}

/** about carries out a request about the machine that is named. */
function about(method: string, below: string, body: string): i32 {
  const call = new Call();
  const path = machinePath(call, below);
  return call.end(call.failed !== null ? "" : one(call, method, path, body));
}

/** one carries out a request and converts the machine it answers. */
function one(call: Call, method: string, path: string, body: string): string {
  const answer = call.send(method, path, body);
  if (!answer.ok()) return failure(call, answer);
  const machine = parsed(answer);
  return isMachine(machine) ? compute(machine) : unreadable(call, answer, "machine");
}

/** machinePath is the path of the machine that the request names. An identifier
 * that Acme cannot have given is refused here, so that it leads nowhere else. */
function machinePath(call: Call, below: string): string {
  const id = call.request.get("id").string();
  let ok = id.length >= 1 && id.length <= 64;
  for (let i = 0; ok && i < id.length; i++) ok = plain(id.charCodeAt(i));
  if (call.failed !== null) return "";
  return ok ? "/v1/machines/" + id + below : call.fail("validation", "the id is none of Acme's");
}

function plain(c: i32): bool {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || (c >= 0x30 && c <= 0x39) || c == 0x2d || c == 0x5f;
}

/** machines reads the listing from where the request says, and keeps with find the
 * machines that it names by what their creates carried. A page that is not whole is
 * an error: a machine that is missing from a listing would be taken for gone. */
function machines(call: Call, find: bool): string {
  const ids = call.request.get("request_ids");
  const names = call.request.get("names");
  const all: string[] = [];
  let page = call.request.get("cursor").string();
  let read = 0;
  let bytes = 0;
  if (page.length > LONGEST_PAGE) return call.fail("validation", "the cursor is none of this provider's");
  for (let n = 0; n < MOST_PAGES; n++) {
    const answer = call.send("GET", "/v1/machines?per_page=100" + (page.length > 0 ? "&page=" + encodeURIComponent(page) : ""));
    if (!answer.ok()) return failure(call, answer);
    const document = parsed(answer);
    const list = document.get("machines");
    const next = document.get("next_page").string();
    if (!list.isList() || next.length > LONGEST_PAGE) return unreadable(call, answer, "list of machines");
    for (let i = 0; i < list.items.length; i++) {
      const m = list.items[i];
      if (!isMachine(m)) return unreadable(call, answer, "list of machines");
      if (!find || among(ids, requestID(m)) || among(names, m.get("name").string())) all.push(compute(m));
    }
    if (next.length == 0) return '{"items":[' + all.join(",") + "]}";
    if (next == page) break;
    page = next;
    read += list.items.length;
    bytes += answer.body.length;
    if (read >= ENOUGH_MACHINES || bytes >= ENOUGH_BYTES) return '{"items":[' + all.join(",") + '],"next":' + quote(page) + "}";
  }
  return call.fail("provider", "the listing of machines does not end");
}

function among(list: Json, text: string): bool {
  for (let i = 0; text.length > 0 && list.isList() && i < list.items.length; i++) {
    if (list.items[i].string() == text) return true;
  }
  return false;
}
