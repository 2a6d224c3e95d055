// Renting a machine: one request, and never a second one. What happens when the
// answer is lost is Atlas's work, by way of find_compute.

import { REQUEST_LABEL } from "./convert";
import { Call } from "./host";
import { Json, Kind, Out, quote, write } from "./json";

/** refused refuses what Acme does not have, or what cannot be right, before
 * anything is sent. */
export function refused(call: Call): bool {
  const r = call.request;
  let lack = "";
  if (r.get("cpu").given()) lack = "Acme sells no machines without GPUs";
  else if (r.get("spot").yes) lack = "Acme sells no interruptible machines";
  else if (r.get("offer_id").string().length > 0) lack = "Acme has no offers to take";
  else if (r.get("network_volume_id").string().length > 0 || more(r.get("volume_gb"))) lack = "Acme has no volumes: a machine keeps its disk while it is stopped";
  else if (r.get("template_id").string().length > 0) lack = "Acme has no templates";
  if (lack.length > 0) {
    call.fail("unsupported", lack);
    return true;
  }
  let wrong = "";
  const options = r.get("options");
  if (r.get("name").string().length == 0 || r.get("gpu").string().length == 0) wrong = "name or gpu is empty";
  else if (options.given() && !options.isObject()) wrong = "provider_opts is no object";
  else if (options.get("labels").kind != Kind.Absent) wrong = "provider_opts.labels would take the place of the label by which Atlas finds the machine";
  if (wrong.length > 0) call.fail("validation", wrong);
  return wrong.length > 0;
}

/** Whether a value is a number that is not 0. */
function more(value: Json): bool {
  const n = value.number(-Infinity, Infinity);
  return !isNaN(n) && n != 0;
}

/** body is what is sent. provider_opts are laid upon it: a null takes a member
 * away. */
export function body(r: Json): string {
  const out = new Body(r.get("options"));
  out.given("name", r.get("name"));
  out.add("size", quote(r.get("gpu").string() + "-" + max(r.get("gpu_count").whole(1, i32.MAX_VALUE), 1).toString()));
  out.given("zones", r.get("region_hints"));
  if (more(r.get("max_price_per_hour"))) out.given("max_hourly_usd", r.get("max_price_per_hour"));
  out.given("image", r.get("image"));
  out.given("entrypoint", r.get("entrypoint"));
  out.given("command", r.get("command"));
  if (r.get("ports").isList()) out.add("ports", ports(r.get("ports")));
  out.given("variables", r.get("env"));
  const id = r.get("request_id").string();
  if (id.length > 0) out.add("labels", "{" + quote(REQUEST_LABEL) + ":" + quote(id) + "}");
  if (more(r.get("container_disk_gb"))) out.given("disk_gb", r.get("container_disk_gb"));
  out.given("ssh_key", r.get("ssh_key"));
  return out.end();
}

class Body {
  private out: Out = new Out();

  constructor(private over: Json) {}

  add(name: string, value: string): void {
    if (this.over.get(name).kind == Kind.Absent) this.out.json(name, value);
  }

  given(name: string, value: Json): void {
    if (value.given()) this.add(name, write(value));
  }

  end(): string {
    const seen = new Set<string>();
    for (let i = this.over.items.length - 1; i >= 0; i--) {
      const name = this.over.names[i];
      if (!seen.has(name) && this.over.items[i].given()) this.out.json(name, write(this.over.items[i]));
      seen.add(name);
    }
    return this.out.toString();
  }
}

function ports(list: Json): string {
  const all: string[] = [];
  for (let i = 0; i < list.items.length; i++) {
    const out = new Out();
    const kind = list.items[i].get("protocol").string();
    out.json("port", max(list.items[i].get("internal").whole(0, 65535), 0).toString());
    out.text("kind", kind.length > 0 ? kind : "http");
    all.push(out.toString());
  }
  return "[" + all.join(",") + "]";
}

/** secrets are the values of the machine's environment, which no error may show. */
export function secrets(r: Json): string[] {
  const all: string[] = [];
  gather(all, r.get("env"));
  gather(all, r.get("options").get("variables"));
  return all;
}

function gather(into: string[], object: Json): void {
  for (let i = 0; i < object.items.length; i++) into.push(object.items[i].string());
}
