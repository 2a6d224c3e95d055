// JSON: parse makes a tree of a document, Out writes one. Whatever a cloud or a
// caller sends, parse returns a tree or null.

export const enum Kind {
  Absent,
  Null,
  Bool,
  Number,
  Text,
  List,
  Object,
}

const DEEPEST = 64;
const MOST_VALUES = 200000;
const MOST_BYTES = 12 << 20;

/** A value. One that is not there has the kind Absent, and no members. */
export class Json {
  kind: Kind;
  /** What a text stands for; a number as it is written. */
  text: string = "";
  yes: bool = false;
  /** Elements, or the values of members. */
  items: Json[] = [];
  names: string[] = [];

  constructor(kind: Kind) {
    this.kind = kind;
  }

  /** The member of that name, the last where there are two. */
  get(name: string): Json {
    for (let i = this.names.length - 1; i >= 0; i--) {
      if (this.names[i] == name) return this.items[i];
    }
    return new Json(Kind.Absent);
  }

  /** The text, "" where the value is none. */
  string(): string {
    return this.kind == Kind.Text ? this.text : "";
  }

  isObject(): bool {
    return this.kind == Kind.Object;
  }

  isList(): bool {
    return this.kind == Kind.List;
  }

  /** Whether something is there that is not null. */
  given(): bool {
    return this.kind != Kind.Absent && this.kind != Kind.Null;
  }

  /** The number, NaN where the value is none between low and high. */
  number(low: f64, high: f64): f64 {
    if (this.kind != Kind.Number) return NaN;
    const n = parseFloat(this.text);
    return n >= low && n <= high ? n : NaN;
  }

  /** The number, -1 where the value is no whole one between low and high. */
  whole(low: f64, high: f64): i32 {
    const n = this.number(low, high);
    return n == Math.floor(n) ? <i32>n : -1;
  }
}

/** parse reads one document in UTF-8. */
export function parse(bytes: Uint8Array): Json | null {
  if (bytes.length > MOST_BYTES || !isUTF8(bytes)) return null;
  const parser = new Parser(String.UTF8.decode(bytes.buffer));
  return parser.document();
}

/** Whether bytes are UTF-8: no overlong forms, surrogates, or what lies beyond U+10FFFF. */
function isUTF8(b: Uint8Array): bool {
  for (let i = 0; i < b.length; ) {
    const c = b[i++];
    if (c < 0x80) continue;
    let more = c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 0;
    if (more == 0 || i + more > b.length) return false;
    const second = b[i];
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) || (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f)) return false;
    for (; more > 0; more--) {
      if ((b[i++] & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

class Parser {
  at: i32 = 0;
  values: i32 = 0;
  failed: bool = false;

  constructor(public source: string) {}

  document(): Json | null {
    const value = this.value(0);
    return this.failed || this.at < this.source.length ? null : value;
  }

  /** The code unit that stands next, -1 at the end. */
  private peek(): i32 {
    return this.at < this.source.length ? this.source.charCodeAt(this.at) : -1;
  }

  private take(c: i32): bool {
    if (this.peek() != c) return false;
    this.at++;
    return true;
  }

  private space(): void {
    for (let c = this.peek(); c == 0x20 || c == 0x09 || c == 0x0a || c == 0x0d; c = this.peek()) this.at++;
  }

  private fail(): Json {
    this.failed = true;
    return new Json(Kind.Absent);
  }

  private word(text: string, value: Json): Json {
    if (!this.source.startsWith(text, this.at)) return this.fail();
    this.at += text.length;
    return value;
  }

  private value(depth: i32): Json {
    this.space();
    if (depth > DEEPEST || ++this.values > MOST_VALUES) return this.fail();
    const c = this.peek();
    let value: Json;
    if (c == 0x7b || c == 0x5b) {
      value = this.list(c == 0x7b, depth);
    } else if (c == 0x22) {
      value = new Json(Kind.Text);
      value.text = this.string();
    } else if (c == 0x74) {
      value = this.word("true", new Json(Kind.Bool));
      value.yes = true;
    } else if (c == 0x66) {
      value = this.word("false", new Json(Kind.Bool));
    } else if (c == 0x6e) {
      value = this.word("null", new Json(Kind.Null));
    } else {
      value = this.numeral();
    }
    this.space();
    return value;
  }

  private list(object: bool, depth: i32): Json {
    const value = new Json(object ? Kind.Object : Kind.List);
    const close = object ? 0x7d : 0x5d;
    this.at++;
    this.space();
    if (this.take(close)) return value;
    while (!this.failed) {
      if (object) {
        this.space();
        value.names.push(this.string());
        this.space();
        if (!this.take(0x3a)) return this.fail();
      }
      value.items.push(this.value(depth + 1));
      if (this.failed || this.take(close)) return value;
      if (!this.take(0x2c)) return this.fail();
    }
    return value;
  }

  private digits(): bool {
    const from = this.at;
    for (let c = this.peek(); c >= 0x30 && c <= 0x39; c = this.peek()) this.at++;
    return this.at > from;
  }

  private numeral(): Json {
    const from = this.at;
    this.take(0x2d);
    if (!this.take(0x30) && !this.digits()) return this.fail();
    if (this.take(0x2e) && !this.digits()) return this.fail();
    if (this.take(0x65) || this.take(0x45)) {
      if (!this.take(0x2b)) this.take(0x2d);
      if (!this.digits()) return this.fail();
    }
    const value = new Json(Kind.Number);
    value.text = this.source.substring(from, this.at);
    return value;
  }

  private string(): string {
    if (!this.take(0x22)) {
      this.failed = true;
      return "";
    }
    let parts = "";
    let from = this.at;
    for (let c = this.peek(); c >= 0x20; c = this.peek()) {
      if (c == 0x22) {
        const last = this.source.substring(from, this.at++);
        return parts.length == 0 ? last : parts + last;
      }
      if (c != 0x5c) {
        this.at++;
        continue;
      }
      parts += this.source.substring(from, this.at);
      parts += this.escape();
      if (this.failed) return "";
      from = this.at;
    }
    this.failed = true;
    return "";
  }

  private unit(): i32 {
    let n = 0;
    for (let i = 0; i < 4; i++) {
      const c = this.peek();
      const lower = c | 0x20;
      if (c >= 0x30 && c <= 0x39) n = (n << 4) | (c - 0x30);
      else if (lower >= 0x61 && lower <= 0x66) n = (n << 4) | (lower - 0x57);
      else this.failed = true;
      this.at++;
    }
    return n;
  }

  /** Half a surrogate pair becomes the replacement character. */
  private escape(): string {
    this.at++;
    const c = this.peek();
    this.at++;
    if (c == 0x22 || c == 0x5c || c == 0x2f) return String.fromCharCode(c);
    if (c == 0x62) return "\b";
    if (c == 0x66) return "\f";
    if (c == 0x6e) return "\n";
    if (c == 0x72) return "\r";
    if (c == 0x74) return "\t";
    if (c != 0x75) {
      this.failed = true;
      return "";
    }
    const high = this.unit();
    if (high < 0xd800 || high > 0xdfff) return String.fromCharCode(high);
    if (high < 0xdc00 && this.source.startsWith("\\u", this.at)) {
      const back = this.at;
      this.at += 2;
      const low = this.unit();
      if (low >= 0xdc00 && low <= 0xdfff) return String.fromCharCode(high, low);
      this.at = back;
    }
    return "\ufffd";
  }
}

/** quote writes a text as a JSON string. */
export function quote(text: string): string {
  let out = '"';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 0x20 && c != 0x22 && c != 0x5c) continue;
    out += text.substring(from, i) + "\\u00" + String.fromCharCode(hex(c >> 4)) + String.fromCharCode(hex(c & 15));
    from = i + 1;
  }
  return out + text.substring(from) + '"';
}

function hex(n: i32): i32 {
  return n < 10 ? 0x30 + n : 0x57 + n;
}

/** write writes a value as it was read. */
export function write(value: Json): string {
  if (value.kind == Kind.Text) return quote(value.text);
  if (value.kind == Kind.Number) return value.text;
  if (value.kind == Kind.Bool) return value.yes ? "true" : "false";
  if (value.kind != Kind.List && value.kind != Kind.Object) return "null";
  const parts: string[] = [];
  for (let i = 0; i < value.items.length; i++) {
    const one = write(value.items[i]);
    parts.push(value.isObject() ? quote(value.names[i]) + ":" + one : one);
  }
  return value.isObject() ? "{" + parts.join(",") + "}" : "[" + parts.join(",") + "]";
}

/** Out writes an object. */
export class Out {
  private parts: string[] = [];

  /** A member whose value is JSON already. */
  json(name: string, value: string): void {
    this.parts.push(quote(name) + ":" + value);
  }

  /** A member with a text, unless it is empty. */
  text(name: string, value: string): void {
    if (value.length > 0) this.json(name, quote(value));
  }

  toString(): string {
    return "{" + this.parts.join(",") + "}";
  }
}
