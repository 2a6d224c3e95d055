// Failures of the cloud.

import { Answer, Call, Failed } from "./host";
import { Json, Kind, parse } from "./json";

const LONGEST = 500; // what of a cloud's text goes into a message

/** The value of an answer's JSON; one that is not there where it has none. */
export function parsed(answer: Answer): Json {
  const value = parse(answer.body);
  return value !== null ? value : new Json(Kind.Absent);
}

/** unreadable is the error of an answer that is not what the cloud's contract says. */
export function unreadable(call: Call, answer: Answer, what: string): string {
  call.failed = new Failed("provider", "the answer is no " + what, "the cloud's API may have changed, or something between answered in its place", answer.status);
  return "";
}

/** failure is the error of an answer that is no success: the status decides its
 * kind, and Acme's code word where the status does not tell enough. */
export function failure(call: Call, answer: Answer): string {
  if (answer.status == 0) return call.fail("transport", "the request got no answer");
  const error = parsed(answer).get("error");
  const code = error.get("code").string();
  const failed = new Failed(kindOf(answer.status), "", "", answer.status, answer.retryAfter);
  if (answer.status == 409 && code == "sold_out") {
    failed.kind = "capacity";
    failed.hint = "try another GPU or zone, or later";
  } else if (answer.status == 409 && code == "too_expensive") {
    failed.kind = "budget";
  } else if (failed.kind == "not_found" && code != "no_such_machine") {
    failed.kind = "provider";
    failed.hint = "what answered is not Acme; check base_url";
  }
  failed.message = clip(hide(sentence(error), call.secrets));
  call.failed = failed;
  return "";
}

function sentence(error: Json): string {
  let text = error.get("message").string();
  if (text.length == 0) text = "the cloud gave no reason";
  const fields = error.get("fields");
  for (let i = 0; i < fields.items.length && text.length < LONGEST; i++) text += "; " + fields.items[i].string();
  return text;
}

/** A cloud may repeat in an error what it was sent. Values too short to be
 * secrets are left alone. */
function hide(text: string, secrets: string[]): string {
  for (let i = 0; i < secrets.length; i++) {
    if (secrets[i].length >= 4) text = text.split(secrets[i]).join("[redacted]");
  }
  return text;
}

/** clip cuts a text, not within a surrogate pair. */
function clip(text: string): string {
  if (text.length <= LONGEST) return text;
  return text.substring(0, (text.charCodeAt(LONGEST) & 0xfc00) == 0xdc00 ? LONGEST - 1 : LONGEST);
}

function kindOf(status: i32): string {
  if (status == 400 || status == 413 || status == 422) return "validation";
  if (status == 401) return "unauthorized";
  if (status == 402) return "funds";
  if (status == 403) return "forbidden";
  if (status == 404 || status == 410) return "not_found";
  if (status == 408 || status == 504) return "timeout";
  if (status == 409) return "conflict";
  if (status == 429) return "rate_limited";
  return status >= 400 ? "provider" : "unknown";
}
