// The one place that knows the cloud's field names.

import { Json, Out, quote } from "./json";
import { NAME, canonical } from "./manifest";

/** The label in which the request id of a create comes back in listings: by it
 * Atlas finds a machine whose answer was lost. */
export const REQUEST_LABEL = "atlas-request";

// What cannot be true is left out of an answer rather than handed to callers who
// would trust it.
const DEAREST = 1e6; // USD per hour that can be a price
const MOST_GPUS = 1 << 20;

export function isMachine(m: Json): bool {
  return m.get("id").string().length > 0;
}

export function requestID(m: Json): string {
  return m.get("labels").get(REQUEST_LABEL).string();
}

/** compute converts a machine. */
export function compute(m: Json): string {
  const out = new Out();
  const state = m.get("state").string();
  const gpu = m.get("gpu").string();
  const address = m.get("address").string();
  out.text("id", m.get("id").string());
  out.text("provider", NAME);
  out.text("status", status(state));
  out.json("actions", actions(state));
  out.text("native_status", state);
  out.text("name", m.get("name").string());
  out.text("request_id", requestID(m));
  out.text("gpu_type", gpu);
  out.text("gpu_native", gpu);
  out.json("gpu_count", max(m.get("gpus").whole(0, MOST_GPUS), 0).toString());
  const price = m.get("hourly_usd");
  if (!isNaN(price.number(0, DEAREST))) out.json("cost_per_hour", price.text);
  out.text("region", m.get("zone").string());
  out.text("image", m.get("image").string());
  out.text("public_ip", address);
  out.json("ports", ports(m.get("ports"), address));
  const ssh = login(m.get("ssh"));
  if (ssh.length > 0) out.json("ssh", ssh);
  out.text("created_at", time(m.get("created").string()));
  out.text("started_at", time(m.get("started").string()));
  return out.toString();
}

/** gone is the answer to a terminate of a machine that Acme does not know. */
export function gone(id: string): string {
  const out = new Out();
  out.text("id", id);
  out.text("provider", NAME);
  out.text("status", "terminated");
  out.json("gpu_count", "0");
  out.json("ports", "[]");
  return out.toString();
}

/** A state that is not known yet is a machine on its way up: that costs money and
 * is looked at again. */
function status(state: string): string {
  if (state == "on") return "running";
  if (state == "off") return "stopped";
  return state == "broken" ? "failed" : "provisioning";
}

function actions(state: string): string {
  if (state == "off") return '["start","terminate"]';
  return state == "broken" ? '["terminate"]' : '["stop","terminate"]';
}

function ports(list: Json, address: string): string {
  const all: string[] = [];
  for (let i = 0; list.isList() && i < list.items.length; i++) {
    const one = list.items[i];
    const internal = one.get("port").whole(1, 65535);
    const external = one.get("external").whole(1, 65535);
    const kind = one.get("kind").string();
    if (internal < 1 || (kind != "http" && kind != "tcp")) continue;
    const out = new Out();
    out.json("internal", internal.toString());
    out.text("protocol", kind);
    if (external > 0) out.json("external", external.toString());
    if (kind == "http") {
      out.text("url", one.get("url").string());
    } else if (external > 0 && address.length > 0) {
      out.text("host", address);
      out.text("url", "tcp://" + address + ":" + external.toString());
    }
    all.push(out.toString());
  }
  return "[" + all.join(",") + "]";
}

function login(ssh: Json): string {
  const port = ssh.get("port").whole(1, 65535);
  const host = ssh.get("host").string();
  if (port < 1 || host.length == 0) return "";
  const out = new Out();
  out.text("host", host);
  out.json("port", port.toString());
  out.json("username", quote(ssh.get("user").string()));
  return out.toString();
}

const SHAPE = "0000-00-00T00:00:00Z";

/** time returns a time in UTC with whole seconds, as Acme sends them, and "" for
 * what is no such time: a wrong time would be worse than none. */
function time(text: string): string {
  if (text.length != SHAPE.length) return "";
  for (let i = 0; i < SHAPE.length; i++) {
    const c = text.charCodeAt(i);
    const fits = SHAPE.charCodeAt(i) == 0x30 ? c >= 0x30 && c <= 0x39 : c == SHAPE.charCodeAt(i);
    if (!fits) return "";
  }
  const year = two(text, 0) * 100 + two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  if (year < 2000 || month < 1 || month > 12 || two(text, 11) > 23 || two(text, 14) > 59 || two(text, 17) > 59) return "";
  const leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  const days = month == 2 ? (leap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
  return day >= 1 && day <= days ? text : "";
}

function two(text: string, at: i32): i32 {
  return (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30;
}

/** gpuTypes lists the GPUs that are sold in that number. */
export function gpuTypes(sizes: Json, count: i32): string {
  const most = new Map<string, i32>();
  for (let i = 0; i < sizes.items.length; i++) {
    const gpu = sizes.items[i].get("gpu").string();
    const gpus = sizes.items[i].get("gpus").whole(1, MOST_GPUS);
    if (gpus > 0) most.set(gpu, max(gpus, most.has(gpu) ? most.get(gpu) : 0));
  }
  const rows: string[] = [];
  for (let i = 0; i < sizes.items.length; i++) {
    const size = sizes.items[i];
    const gpu = size.get("gpu").string();
    if (gpu.length > 0 && size.get("gpus").whole(1, MOST_GPUS) == count) rows.push(gpuType(size, gpu, count, most.get(gpu)));
  }
  return '{"items":[' + rows.join(",") + "]}";
}

function gpuType(size: Json, gpu: string, count: i32, most: i32): string {
  const out = new Out();
  out.text("id", gpu);
  out.text("provider", NAME);
  out.text("canonical", canonical(gpu));
  out.text("display_name", size.get("name").string());
  const memory = size.get("gpu_memory_gb");
  if (!isNaN(memory.number(0, 1e6))) out.json("memory_gb", memory.text);
  const price = size.get("hourly_usd").number(0, DEAREST);
  if (!isNaN(price)) out.json("price_per_hour", (price / count).toString());
  out.text("stock", stock(size.get("stock").whole(0, i32.MAX_VALUE)));
  out.json("max_count", most.toString());
  const zones: string[] = [];
  const list = size.get("zones");
  for (let i = 0; list.isList() && i < list.items.length; i++) {
    if (list.items[i].string().length > 0) zones.push(quote(list.items[i].text));
  }
  out.json("regions", "[" + zones.join(",") + "]");
  return out.toString();
}

function stock(n: i32): string {
  if (n < 0) return "unknown";
  return n == 0 ? "unavailable" : n < 4 ? "low" : n < 16 ? "medium" : "high";
}
