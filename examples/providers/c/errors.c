/* Failures: of the cloud, and of requests that nothing is sent for. */
#include "provider.h"

#define LONGEST 500 /* what of a cloud's text goes into a message */

int fail(atlas_buffer *out, const char *kind, const char *message)
{
	*out = (atlas_buffer){0};
	put(out, "{\"error\":{\"kind\":\"");
	put(out, kind);
	put(out, "\",\"message\":");
	json_quote(out, text_of(message));
	put(out, "}}");
	return 0;
}

int unreadable(const atlas_answer *answer, const char *what, atlas_buffer *out)
{
	*out = (atlas_buffer){0};
	put(out, "{\"error\":{\"kind\":\"provider\",\"message\":\"the answer is no ");
	put(out, what);
	put(out, "\",\"hint\":\"the cloud's API may have changed, or something between answered in its place\",\"status\":");
	put_whole(out, answer->status);
	put(out, "}}");
	return 0;
}

static const char *kind_of(int32_t status)
{
	switch (status) {
	case 400: case 413: case 422: return "validation";
	case 401: return "unauthorized";
	case 402: return "funds";
	case 403: return "forbidden";
	case 404: case 410: return "not_found";
	case 408: case 504: return "timeout";
	case 409: return "conflict";
	case 429: return "rate_limited";
	}
	return status >= 400 ? "provider" : "unknown";
}

static int begins(atlas_text text, atlas_text with)
{
	return with.length <= text.length && text_same((atlas_text){text.at, with.length}, with);
}

/* hide copies the beginning of a text without the secrets of the call: a cloud may
 * repeat in an error what it was sent. Values too short to be secrets are left
 * alone. */
static atlas_text hide(const call *c, atlas_text text)
{
	atlas_text key, value, *secrets;
	atlas_buffer out = {0};
	uint32_t count = 0;
	for (int i = 0; i < 2; i++)
		for (uint32_t place = 0; json_next(c->secrets[i], &place, &key, &value);)
			count++;
	secrets = atlas_take(count * (uint32_t)sizeof *secrets);
	count = 0;
	for (int i = 0; i < 2; i++)
		for (uint32_t place = 0; json_next(c->secrets[i], &place, &key, &value);) {
			secrets[count] = json_text(value);
			count += secrets[count].length >= 4;
		}
	for (uint32_t at = 0; at < text.length && out.length <= LONGEST;) {
		atlas_text rest = {text.at + at, text.length - at};
		uint32_t longest = 0;
		for (uint32_t i = 0; i < count; i++)
			if (secrets[i].length > longest && begins(rest, secrets[i]))
				longest = secrets[i].length;
		if (longest > 0)
			put(&out, "[redacted]");
		else
			put_text(&out, (atlas_text){rest.at, 1});
		at += longest > 0 ? longest : 1;
	}
	return text_in(&out);
}

/* clip cuts a text between two characters. */
static atlas_text clip(atlas_text text, uint32_t most)
{
	if (text.length > most) {
		while (most > 0 && ((uint8_t)text.at[most] & 0xC0) == 0x80)
			most--;
		text.length = most;
	}
	return text;
}

int failure(const call *c, const atlas_answer *answer, atlas_buffer *out)
{
	atlas_text error = {0}, key, field;
	if (json_valid(answer->body))
		error = json_member(answer->body, "error");
	atlas_text code = json_text(json_member(error, "code"));
	const char *kind = kind_of(answer->status), *hint = "";
	if (answer->status == 409 && text_is(code, "sold_out")) {
		kind = "capacity";
		hint = "try another GPU or zone, or later";
	} else if (answer->status == 409 && text_is(code, "too_expensive")) {
		kind = "budget";
	} else if (text_is(text_of(kind), "not_found") && !text_is(code, "no_such_machine")) {
		kind = "provider";
		hint = "what answered is not Acme; check base_url";
	}
	atlas_buffer message = {0};
	put_text(&message, json_text(json_member(error, "message")));
	if (message.length == 0)
		put(&message, "the cloud gave no reason");
	atlas_text fields = json_member(error, "fields");
	for (uint32_t place = 0; message.length < LONGEST && json_next(fields, &place, &key, &field);) {
		put(&message, "; ");
		put_text(&message, json_text(field));
	}
	atlas_text said = clip(hide(c, text_in(&message)), LONGEST);
	*out = (atlas_buffer){0};
	put(out, "{\"error\":{\"kind\":\"");
	put(out, kind);
	put(out, "\",\"message\":");
	json_quote(out, said);
	if (*hint != 0) {
		json_key(out, "hint");
		json_quote(out, text_of(hint));
	}
	json_key(out, "status");
	put_whole(out, answer->status);
	if (answer->retry_after > 0) {
		json_key(out, "retry_after_ms");
		put_whole(out, (int64_t)answer->retry_after * 1000);
	}
	put(out, "}}");
	return 0;
}
