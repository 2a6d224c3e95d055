// What the provider needs of its host: input, output and HTTP. The PDK carries
// texts to and from the host; its HTTP functions are declared here.

import { Host, Memory } from "@extism/as-pdk";
import { Json, Kind, Out, parse } from "./json";
import { ADDRESS } from "./manifest";

@external("extism:host/env", "http_request")
declare function http_request(meta: u64, body: u64): u64;
@external("extism:host/env", "http_status_code")
declare function http_status_code(): i32;
@external("extism:host/env", "http_headers")
declare function http_headers(): u64;
@external("extism:host/env", "length")
declare function length(offset: u64): u64;
@external("extism:host/env", "error_set")
declare function error_set(offset: u64): void;

/** Failed is an error that ends an operation. */
export class Failed {
  constructor(
    public kind: string,
    public message: string,
    public hint: string = "",
    public status: i32 = 0,
    public retryAfter: i32 = 0,
  ) {}

  toString(): string {
    const out = new Out();
    out.text("kind", this.kind);
    out.text("message", this.message);
    out.text("hint", this.hint);
    if (this.status > 0) out.json("status", this.status.toString());
    if (this.retryAfter > 0) out.json("retry_after_ms", (<i64>this.retryAfter * 1000).toString());
    return out.toString();
  }
}

/** Answer is what the cloud said; status 0 is none, and the host has decided the error. */
export class Answer {
  status: i32 = 0;
  body: Uint8Array = new Uint8Array(0);
  retryAfter: i32 = 0;

  ok(): bool {
    return this.status >= 200 && this.status <= 299;
  }
}

/** Call is one operation: what was asked, and what comes of it. */
export class Call {
  request: Json = new Json(Kind.Absent);
  /** Texts that no error may show. */
  secrets: string[] = [];
  failed: Failed | null = null;
  private base: string = ADDRESS;

  constructor() {
    const input = parse(Host.input());
    if (input !== null) {
      this.request = input.get("request");
      const api = input.get("context").get("urls").get("api").string();
      if (api.length > 0) this.base = api;
    }
    while (this.base.endsWith("/")) this.base = this.base.substring(0, this.base.length - 1);
    if (!this.request.isObject()) this.fail("plugin", "the input is no JSON object with a request");
  }

  /** fail notes an error and returns the value of a failed operation. */
  fail(kind: string, message: string): string {
    this.failed = new Failed(kind, message);
    return "";
  }

  /** end hands over the value, or the error, and returns what the export returns. */
  end(value: string): i32 {
    const failed = this.failed;
    const text = failed !== null ? '{"error":' + failed.toString() + "}" : '{"value":' + value + "}";
    Host.output(Uint8Array.wrap(String.UTF8.encode(text)));
    return 0;
  }

  /** send sends a request to a path of the API. */
  send(method: string, path: string, body: string = ""): Answer {
    const meta = new Out();
    meta.text("method", method);
    meta.text("url", this.base + path);
    if (body.length > 0) meta.json("headers", '{"content-type":"application/json"}');
    const metaAt = Memory.allocateString(meta.toString());
    const bodyAt = body.length > 0 ? Memory.allocateString(body) : null;
    const offset = http_request(metaAt.offset, bodyAt !== null ? bodyAt.offset : 0);
    metaAt.free();
    if (bodyAt !== null) bodyAt.free();
    const answer = new Answer();
    answer.status = http_status_code();
    if (offset != 0) answer.body = taken(offset);
    if (answer.status == 429 || answer.status == 503) answer.retryAfter = retryAfter();
    return answer;
  }
}

/** taken copies memory of the host's and frees it. */
function taken(offset: u64): Uint8Array {
  const memory = new Memory(offset, length(offset));
  const bytes = memory.toUint8Array();
  memory.free();
  return bytes;
}

/** Seconds of the header Retry-After; a date counts as nothing said. */
function retryAfter(): i32 {
  const offset = http_headers();
  const headers = offset != 0 ? parse(taken(offset)) : null;
  if (headers === null) return 0;
  const text = headers.get("retry-after").string();
  const seconds = parse(Uint8Array.wrap(String.UTF8.encode(text)));
  return seconds === null ? 0 : max(seconds.whole(1, 86400), 0);
}

/** abort is where AssemblyScript goes when the program itself is wrong. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const text = (message !== null ? message : "aborted") + " in " + (file !== null ? file : "?") + ":" + line.toString() + ":" + column.toString();
  error_set(Memory.allocateString(text).offset);
  unreachable();
}
