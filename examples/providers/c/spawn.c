/* Renting a machine: one request, and never a second one. What happens when the
 * answer is lost is Atlas's work, by way of find_compute. */
#include "provider.h"

/* The members of the request, and the kind of value each has. */
enum { GPU, COUNT, CPU, SPOT, OFFER, NETWORK_VOLUME, VOLUME, TEMPLATE, NAME_, ID, ZONES, PRICE, IMAGE, ENTRYPOINT, COMMAND, PORTS, ENV, DISK, KEY, OPTIONS, MEMBERS };

static const struct {
	const char *name;
	char kind;
} members[MEMBERS] = {
	[GPU] = {"gpu", '"'}, [COUNT] = {"gpu_count", '0'}, [CPU] = {"cpu", '{'}, [SPOT] = {"spot", 't'}, [OFFER] = {"offer_id", '"'},
	[NETWORK_VOLUME] = {"network_volume_id", '"'}, [VOLUME] = {"volume_gb", '0'}, [TEMPLATE] = {"template_id", '"'}, [NAME_] = {"name", '"'},
	[ID] = {"request_id", '"'}, [ZONES] = {"region_hints", '['}, [PRICE] = {"max_price_per_hour", '0'}, [IMAGE] = {"image", '"'},
	[ENTRYPOINT] = {"entrypoint", '['}, [COMMAND] = {"command", '['}, [PORTS] = {"ports", '['}, [ENV] = {"env", '{'}, [DISK] = {"container_disk_gb", '0'},
	[KEY] = {"ssh_key", '"'}, [OPTIONS] = {"options", '{'},
};

/* read takes the request apart. It fails where a member has the wrong kind. */
static int read(const call *c, atlas_text v[MEMBERS], atlas_buffer *out)
{
	atlas_text key, value;
	for (uint32_t place = 0; json_next(c->request, &place, &key, &value);)
		for (int i = 0; i < MEMBERS; i++) {
			char kind = json_kind(value);
			if (!text_is(key, members[i].name) || kind == 'n')
				continue;
			if (kind != members[i].kind && !(kind == 'f' && members[i].kind == 't')) {
				atlas_buffer message = {0};
				put(&message, "request.");
				put(&message, members[i].name);
				put_text(&message, (atlas_text){" has the wrong type", 20}); /* with its zero */
				return fail(out, "validation", message.at);
			}
			v[i] = value;
		}
	return 1;
}

static int filled(atlas_text value) { return json_text(value).length > 0; }

/* possible refuses what Acme does not have, before anything is sent. */
static int possible(atlas_text v[MEMBERS], atlas_buffer *out)
{
	double volume;
	if (v[CPU].length > 0)
		return fail(out, "unsupported", "Acme sells no machines without GPUs");
	if (json_kind(v[SPOT]) == 't')
		return fail(out, "unsupported", "Acme sells no interruptible machines");
	if (filled(v[OFFER]))
		return fail(out, "unsupported", "Acme has no offers to take");
	if (filled(v[NETWORK_VOLUME]) || (json_number(v[VOLUME], -1e300, 1e300, &volume) && volume != 0))
		return fail(out, "unsupported", "Acme has no volumes: a machine keeps its disk while it is stopped");
	if (filled(v[TEMPLATE]))
		return fail(out, "unsupported", "Acme has no templates");
	if (!filled(v[NAME_]) || !filled(v[GPU]))
		return fail(out, "validation", "name or gpu is empty");
	if (json_member(v[OPTIONS], "labels").length > 0)
		return fail(out, "validation", "provider_opts.labels would take the place of the label by which Atlas finds the machine");
	return 1;
}

static void put_ports(atlas_buffer *body, atlas_text ports)
{
	atlas_text key, port;
	json_key(body, "ports");
	put(body, "[");
	for (uint32_t place = 0; json_next(ports, &place, &key, &port);) {
		int64_t number = 0;
		atlas_text kind = json_text(json_member(port, "protocol"));
		json_whole(json_member(port, "internal"), 0, 65535, &number);
		json_comma(body);
		put(body, "{\"port\":");
		put_whole(body, number);
		json_key(body, "kind");
		json_quote(body, kind.length > 0 ? kind : text_of("http"));
		put(body, "}");
	}
	put(body, "]");
}

static void put_given(atlas_buffer *body, const char *name, atlas_text value)
{
	if (value.length == 0)
		return;
	json_key(body, name);
	put_text(body, value);
}

/* put_body writes what is sent. provider_opts are laid upon it at the end: merge
 * takes them over. */
static void put_body(atlas_buffer *body, atlas_text v[MEMBERS])
{
	atlas_buffer size = {0};
	int64_t count = 1;
	double number;
	json_whole(v[COUNT], 1, INT32_MAX, &count);
	put_text(&size, json_text(v[GPU]));
	put(&size, "-");
	put_whole(&size, count);
	put(body, "{");
	put_given(body, "name", v[NAME_]);
	json_key(body, "size");
	json_quote(body, text_in(&size));
	put_given(body, "zones", v[ZONES]);
	if (json_number(v[PRICE], -1e300, 1e300, &number) && number != 0)
		put_given(body, "max_hourly_usd", v[PRICE]);
	put_given(body, "image", v[IMAGE]);
	put_given(body, "entrypoint", v[ENTRYPOINT]);
	put_given(body, "command", v[COMMAND]);
	if (v[PORTS].length > 0)
		put_ports(body, v[PORTS]);
	put_given(body, "variables", v[ENV]);
	if (filled(v[ID])) {
		json_key(body, "labels");
		put(body, "{\"" REQUEST_LABEL "\":");
		put_text(body, v[ID]);
		put(body, "}");
	}
	if (json_number(v[DISK], -1e300, 1e300, &number) && number != 0)
		put_given(body, "disk_gb", v[DISK]);
	put_given(body, "ssh_key", v[KEY]);
	put(body, "}");
}

/* has reports whether an object has a member of that name from a place on. */
static int has(atlas_text object, uint32_t place, atlas_text name)
{
	atlas_text key, value;
	while (json_next(object, &place, &key, &value))
		if (text_same(key, name))
			return 1;
	return 0;
}

static void copy(atlas_buffer *out, atlas_text key, atlas_text value)
{
	json_comma(out);
	json_quote(out, key);
	put(out, ":");
	put_text(out, value);
}

/* merge writes an object with the members of another laid upon it. A null takes
 * a member away. */
static void merge(atlas_buffer *out, atlas_text object, atlas_text over)
{
	atlas_text key, value;
	put(out, "{");
	for (uint32_t place = 0; json_next(object, &place, &key, &value);)
		if (!has(over, 0, key))
			copy(out, key, value);
	for (uint32_t place = 0; json_next(over, &place, &key, &value);)
		if (json_kind(value) != 'n' && !has(over, place, key))
			copy(out, key, value);
	put(out, "}");
}

int spawn(const call *asked, atlas_buffer *out)
{
	atlas_text v[MEMBERS] = {{0}};
	atlas_buffer body = {0}, merged = {0};
	atlas_answer answer;
	machine m;
	call c = *asked;
	if (!read(&c, v, out) || !possible(v, out))
		return 0;
	c.secrets[0] = v[ENV];
	c.secrets[1] = json_member(v[OPTIONS], "variables");
	put_body(&body, v);
	merge(&merged, text_in(&body), v[OPTIONS]);
	if (!ask(&c, "POST", text_of("/v1/machines"), text_in(&merged), &answer, out))
		return 0;
	if (!json_valid(answer.body) || !read_machine(answer.body, &m))
		return unreadable(&answer, "machine", out);
	put_machine(out, &m);
	return 1;
}
