/* A provider for Acme Compute, the invented cloud of sim/acme: the manifest and
 * the operations. It has no clock, never sleeps, never retries and never sees the
 * credential: the host does all that. */
#include "provider.h"

#define MOST_PAGES 90           /* the host lets a call ask 100 times */
#define LONGEST_PAGE 512        /* of the word that leads to the next page */
#define ENOUGH_MACHINES 1000    /* for one answer; Atlas asks for the rest */
#define ENOUGH_BYTES (8u << 20)

ATLAS_EXPORT(describe)
{
	atlas_buffer out = {0};
	atlas_begin();
	put(&out, "{\"name\":\"" NAME "\",\"abi\":1,\"version\":\"0.1.0\",\"description\":\"Acme Compute, an invented cloud\","
		"\"capabilities\":[\"gpu\",\"stop_start\",\"http_proxy\",\"raw_tcp\"],"
		"\"urls\":[{\"name\":\"api\",\"url\":\"" ADDRESS "\"}],\"hosts\":[\"api.acmecompute.invalid\"],"
		"\"credential\":{\"env\":[\"ACME_C_API_KEY\"],\"scheme\":\"Bearer\"},"
		"\"rate_limits\":[{\"requests\":300,\"window_ms\":60000}],\"api\":{\"generation\":\"v1\",\"checked\":\"2026-11-24\"},"
		"\"gpus\":[{\"canonical\":\"l40s\",\"native\":\"l40s\",\"memory_gb\":48},{\"canonical\":\"a100_80g\",\"native\":\"a100\",\"memory_gb\":80},"
		"{\"canonical\":\"h100\",\"native\":\"h100\",\"memory_gb\":80}]}");
	return atlas_end(&out);
}

int begin(call *c, atlas_buffer *out)
{
	atlas_text input = atlas_begin();
	*c = (call){0};
	if (json_valid(input))
		c->request = json_member(input, "request");
	if (json_kind(c->request) != '{')
		return fail(out, "plugin", "the input is no JSON object with a request");
	c->base = json_text(json_member(json_member(json_member(input, "context"), "urls"), "api"));
	if (c->base.length == 0)
		c->base = text_of(ADDRESS);
	while (c->base.at[c->base.length - 1] == '/')
		c->base.length--;
	return 1;
}

int ask(const call *c, const char *method, atlas_text path, atlas_text body, atlas_answer *answer, atlas_buffer *out)
{
	atlas_buffer url = {0};
	put_text(&url, c->base);
	put_text(&url, path);
	*answer = atlas_http(method, text_in(&url), body);
	if (answer->status == 0)
		return fail(out, "transport", "the request got no answer");
	if (answer->status < 200 || answer->status > 299)
		return failure(c, answer, out);
	return 1;
}

/* machine_path writes the path of the machine that the request names. An
 * identifier that Acme cannot have given is refused here, so that it leads
 * nowhere else. */
static int machine_path(const call *c, const char *below, atlas_buffer *path, atlas_buffer *out)
{
	atlas_text id = json_text(json_member(c->request, "id"));
	int ok = id.length >= 1 && id.length <= 64;
	for (uint32_t i = 0; ok && i < id.length; i++) {
		char ch = id.at[i];
		ok = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_';
	}
	if (!ok)
		return fail(out, "validation", "the id is none of Acme's");
	put(path, "/v1/machines/");
	put_text(path, id);
	put(path, below);
	return 1;
}

/* one carries out a request about one machine and writes the machine it answers. */
static int one(const call *c, const char *method, const char *below, const char *body, atlas_buffer *out)
{
	atlas_buffer path = {0};
	atlas_answer answer;
	machine m;
	if (!machine_path(c, below, &path, out) || !ask(c, method, text_in(&path), text_of(body), &answer, out))
		return 0;
	if (!json_valid(answer.body) || !read_machine(answer.body, &m))
		return unreadable(&answer, "machine", out);
	put_machine(out, &m);
	return 1;
}

/* terminated deletes a machine. A machine that is not there any more is what was
 * asked for. Acme says yes without a body: a page of something between must not
 * pass for it. */
static int terminated(const call *c, atlas_buffer *out)
{
	atlas_buffer path = {0};
	atlas_answer answer;
	if (!machine_path(c, "", &path, out))
		return 0;
	if (ask(c, "DELETE", text_in(&path), (atlas_text){0}, &answer, out)) {
		if (answer.body.length > 0)
			return unreadable(&answer, "confirmation", out);
		put(out, "{}");
		return 1;
	}
	atlas_text error = json_valid(answer.body) ? json_member(answer.body, "error") : (atlas_text){0};
	if (answer.status != 404 || !text_is(json_text(json_member(error, "code")), "no_such_machine"))
		return 0;
	*out = (atlas_buffer){0};
	put_gone(out, json_text(json_member(c->request, "id")));
	return 1;
}

/* among reports whether a list of strings has one that is the same as value. */
static int among(atlas_text list, atlas_text value)
{
	atlas_text key, one, text = json_text(value);
	if (text.length > 0 && json_kind(list) == '[')
		for (uint32_t place = 0; json_next(list, &place, &key, &one);)
			if (text_same(json_text(one), text))
				return 1;
	return 0;
}

/* listed reads the listing from where the request says, and writes its machines,
 * or with find those that the request names by what their creates carried. A page
 * that is not whole is an error: a machine that is missing from a listing would be
 * taken for gone. */
static int listed(const call *c, int find, atlas_buffer *out)
{
	atlas_text ids = json_member(c->request, "request_ids"), names = json_member(c->request, "names"), key, value;
	atlas_text page = json_text(json_member(c->request, "cursor"));
	uint32_t bytes = 0, read = 0;
	if (page.length > LONGEST_PAGE)
		return fail(out, "validation", "the cursor is none of this provider's");
	put(out, "{\"items\":[");
	for (int n = 0; n < MOST_PAGES; n++) {
		atlas_buffer path = {0};
		atlas_answer answer;
		machine m;
		put(&path, "/v1/machines?per_page=100");
		if (page.length > 0) {
			put(&path, "&page=");
			put_escaped(&path, page);
		}
		if (!ask(c, "GET", text_in(&path), (atlas_text){0}, &answer, out))
			return 0;
		atlas_text list = {0}, next = {0};
		if (json_valid(answer.body)) {
			list = json_member(answer.body, "machines");
			next = json_text(json_member(answer.body, "next_page"));
		}
		if (json_kind(list) != '[' || next.length > LONGEST_PAGE)
			return unreadable(&answer, "list of machines", out);
		for (uint32_t place = 0; json_next(list, &place, &key, &value);) {
			if (!read_machine(value, &m))
				return unreadable(&answer, "list of machines", out);
			read++;
			if (!find || among(ids, m.request_id) || among(names, m.name))
				put_machine(out, &m);
		}
		if (next.length == 0) {
			put(out, "]}");
			return 1;
		}
		if (text_same(next, page))
			break;
		page = next;
		bytes += answer.body.length;
		if (read >= ENOUGH_MACHINES || bytes >= ENOUGH_BYTES) {
			put(out, "],\"next\":");
			json_quote(out, page);
			put(out, "}");
			return 1;
		}
	}
	return fail(out, "provider", "the listing of machines does not end");
}

static int sizes(const call *c, atlas_buffer *out)
{
	atlas_answer answer;
	int64_t count = 1;
	json_whole(json_member(c->request, "gpu_count"), 1, INT32_MAX, &count);
	if (!ask(c, "GET", text_of("/v1/sizes"), (atlas_text){0}, &answer, out))
		return 0;
	atlas_text list = json_valid(answer.body) ? json_member(answer.body, "sizes") : (atlas_text){0};
	if (json_kind(list) != '[')
		return unreadable(&answer, "list of sizes", out);
	put(out, "{\"items\":[");
	put_sizes(out, list, count);
	put(out, "]}");
	return 1;
}

/* OPERATION exports an operation whose value the expression writes to out. */
#define OPERATION(name, expression) \
	ATLAS_EXPORT(name) \
	{ \
		atlas_buffer value = {0}, output = {0}, *out = &value; \
		call started, *c = &started; \
		if (!begin(c, out) || !(expression)) \
			return atlas_end(out); \
		put(&output, "{\"value\":"); \
		put_text(&output, text_in(out)); \
		put(&output, "}"); \
		return atlas_end(&output); \
	}

OPERATION(spawn_compute, spawn(c, out))
OPERATION(get_compute, one(c, "GET", "", "", out))
OPERATION(list_compute, listed(c, 0, out))
OPERATION(find_compute, listed(c, 1, out))
OPERATION(stop, one(c, "POST", "/power", "{\"state\":\"off\"}", out))
OPERATION(start, one(c, "POST", "/power", "{\"state\":\"on\"}", out))
OPERATION(terminate, terminated(c, out))
OPERATION(list_gpu_types, sizes(c, out))
