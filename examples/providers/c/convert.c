/* The one place that knows the cloud's field names. */
#include "provider.h"

/* What cannot be true is left out of an answer rather than handed to callers who
 * would trust it. */
#define DEAREST 1e6 /* USD per hour that can be a price */
#define MOST_GPUS (1 << 20)

/* strings returns a value that is a string, or nothing. */
static atlas_text strings(atlas_text value)
{
	return json_kind(value) == '"' && json_text(value).length > 0 ? value : (atlas_text){0};
}

int read_machine(atlas_text value, machine *m)
{
	atlas_text key, field;
	*m = (machine){0};
	for (uint32_t place = 0; json_next(value, &place, &key, &field);) {
		if (text_is(key, "id"))
			m->id = strings(field);
		else if (text_is(key, "name"))
			m->name = strings(field);
		else if (text_is(key, "state"))
			m->state = strings(field);
		else if (text_is(key, "gpu"))
			m->gpu = strings(field);
		else if (text_is(key, "gpus") && !json_whole(field, 0, MOST_GPUS, &m->gpus))
			m->gpus = 0;
		else if (text_is(key, "zone"))
			m->zone = strings(field);
		else if (text_is(key, "image"))
			m->image = strings(field);
		else if (text_is(key, "hourly_usd"))
			m->price = field;
		else if (text_is(key, "address"))
			m->address = strings(field);
		else if (text_is(key, "ports"))
			m->ports = field;
		else if (text_is(key, "ssh"))
			m->ssh = field;
		else if (text_is(key, "labels"))
			m->request_id = strings(json_member(field, REQUEST_LABEL));
		else if (text_is(key, "created"))
			m->created = field;
		else if (text_is(key, "started"))
			m->started = field;
	}
	return json_kind(value) == '{' && m->id.length > 0;
}

/* put_value writes a member whose value the cloud gave, where it gave one. */
static void put_value(atlas_buffer *out, const char *name, atlas_text value)
{
	if (value.length == 0)
		return;
	json_key(out, name);
	put_text(out, value);
}

/* status maps a state of Acme's. One that is not known yet is a machine on its
 * way up: that costs money and is looked at again. */
static void put_status(atlas_buffer *out, atlas_text state)
{
	const char *status = "provisioning", *actions = "[\"stop\",\"terminate\"]";
	if (text_is(state, "on"))
		status = "running";
	else if (text_is(state, "off"))
		status = "stopped", actions = "[\"start\",\"terminate\"]";
	else if (text_is(state, "broken"))
		status = "failed", actions = "[\"terminate\"]";
	json_key(out, "status");
	json_quote(out, text_of(status));
	json_key(out, "actions");
	put(out, actions);
}

static int two(atlas_text text, uint32_t at) { return (text.at[at] - '0') * 10 + (text.at[at + 1] - '0'); }

/* put_time writes a time in UTC with whole seconds, as Acme sends them. What is
 * no such time is left out: a wrong time would be worse than none. */
static void put_time(atlas_buffer *out, const char *name, atlas_text value)
{
	static const char shape[] = "0000-00-00T00:00:00Z";
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	atlas_text text = json_text(value);
	if (text.length != sizeof shape - 1)
		return;
	for (uint32_t i = 0; i < text.length; i++)
		if (shape[i] == '0' ? text.at[i] < '0' || text.at[i] > '9' : text.at[i] != shape[i])
			return;
	int year = two(text, 0) * 100 + two(text, 2), month = two(text, 5), day = two(text, 8);
	if (year < 2000 || month < 1 || month > 12 || two(text, 11) > 23 || two(text, 14) > 59 || two(text, 17) > 59)
		return;
	int leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (day < 1 || day > days[month - 1] + leap)
		return;
	json_key(out, name);
	json_quote(out, text);
}

static void put_port(atlas_buffer *out, atlas_text port, atlas_text address)
{
	atlas_text kind = json_text(json_member(port, "kind"));
	int64_t internal, external;
	int tcp = text_is(kind, "tcp");
	if (!json_whole(json_member(port, "port"), 1, 65535, &internal) || (!tcp && !text_is(kind, "http")))
		return;
	json_comma(out);
	put(out, "{\"internal\":");
	put_whole(out, internal);
	json_key(out, "protocol");
	json_quote(out, kind);
	if (json_whole(json_member(port, "external"), 1, 65535, &external)) {
		json_key(out, "external");
		put_whole(out, external);
		if (tcp && address.length > 0) {
			atlas_buffer url = {0};
			put(&url, "tcp://");
			put_text(&url, json_text(address));
			put(&url, ":");
			put_whole(&url, external);
			put_value(out, "host", address);
			json_key(out, "url");
			json_quote(out, text_in(&url));
		}
	}
	if (!tcp)
		put_value(out, "url", strings(json_member(port, "url")));
	put(out, "}");
}

static void put_ssh(atlas_buffer *out, atlas_text ssh)
{
	atlas_text host = strings(json_member(ssh, "host")), user = strings(json_member(ssh, "user"));
	int64_t port;
	if (host.length == 0 || !json_whole(json_member(ssh, "port"), 1, 65535, &port))
		return;
	json_key(out, "ssh");
	put(out, "{");
	put_value(out, "host", host);
	json_key(out, "port");
	put_whole(out, port);
	json_key(out, "username");
	put_text(out, user.length > 0 ? user : text_of("\"\""));
	put(out, "}");
}

void put_gone(atlas_buffer *out, atlas_text id)
{
	put(out, "{");
	json_key(out, "id");
	json_quote(out, id);
	json_key(out, "provider");
	put(out, "\"" NAME "\"");
	json_key(out, "status");
	put(out, "\"terminated\",\"gpu_count\":0,\"ports\":[]}");
}

void put_machine(atlas_buffer *out, const machine *m)
{
	atlas_text key, port;
	double price;
	json_comma(out);
	put(out, "{");
	put_value(out, "id", m->id);
	json_key(out, "provider");
	put(out, "\"" NAME "\"");
	put_status(out, json_text(m->state));
	put_value(out, "native_status", m->state);
	put_value(out, "name", m->name);
	put_value(out, "request_id", m->request_id);
	put_value(out, "gpu_type", m->gpu);
	put_value(out, "gpu_native", m->gpu);
	json_key(out, "gpu_count");
	put_whole(out, m->gpus);
	if (json_number(m->price, 0, DEAREST, &price))
		put_value(out, "cost_per_hour", m->price);
	put_value(out, "region", m->zone);
	put_value(out, "image", m->image);
	put_value(out, "public_ip", m->address);
	json_key(out, "ports");
	put(out, "[");
	if (json_kind(m->ports) == '[')
		for (uint32_t place = 0; json_next(m->ports, &place, &key, &port);)
			put_port(out, port, m->address);
	put(out, "]");
	put_ssh(out, m->ssh);
	put_time(out, "created_at", m->created);
	put_time(out, "started_at", m->started);
	put(out, "}");
}

/* most_of returns the largest number of GPUs of a kind that is sold in one
 * machine. */
static int64_t most_of(atlas_text sizes, atlas_text gpu)
{
	atlas_text key, size;
	int64_t most = 0, count;
	for (uint32_t place = 0; json_next(sizes, &place, &key, &size);)
		if (text_same(json_text(json_member(size, "gpu")), gpu) && json_whole(json_member(size, "gpus"), 1, MOST_GPUS, &count) && count > most)
			most = count;
	return most;
}

static const char *stock_of(atlas_text value)
{
	int64_t stock;
	if (!json_whole(value, 0, INT32_MAX, &stock))
		return "unknown";
	return stock == 0 ? "unavailable" : stock < 4 ? "low" : stock < 16 ? "medium" : "high";
}

static void put_size(atlas_buffer *out, atlas_text size, atlas_text gpu, int64_t count, int64_t most)
{
	atlas_text key, zone, memory = json_member(size, "gpu_memory_gb"), zones = json_member(size, "zones");
	double number;
	json_comma(out);
	put(out, "{\"id\":");
	json_quote(out, gpu);
	json_key(out, "provider");
	put(out, "\"" NAME "\"");
	if (text_is(gpu, "a100"))
		put(out, ",\"canonical\":\"a100_80g\"");
	else if (text_is(gpu, "l40s") || text_is(gpu, "h100"))
		put_value(out, "canonical", strings(json_member(size, "gpu")));
	put_value(out, "display_name", strings(json_member(size, "name")));
	if (json_number(memory, 0, 1e6, &number))
		put_value(out, "memory_gb", memory);
	if (json_number(json_member(size, "hourly_usd"), 0, DEAREST, &number)) {
		json_key(out, "price_per_hour");
		put_decimal(out, number / (double)count);
	}
	json_key(out, "stock");
	json_quote(out, text_of(stock_of(json_member(size, "stock"))));
	json_key(out, "max_count");
	put_whole(out, most);
	json_key(out, "regions");
	put(out, "[");
	if (json_kind(zones) == '[')
		for (uint32_t place = 0; json_next(zones, &place, &key, &zone);)
			if (strings(zone).length > 0) {
				json_comma(out);
				put_text(out, zone);
			}
	put(out, "]}");
}

void put_sizes(atlas_buffer *out, atlas_text sizes, int64_t count)
{
	atlas_text key, size;
	int64_t gpus;
	for (uint32_t place = 0; json_next(sizes, &place, &key, &size);) {
		atlas_text gpu = json_text(json_member(size, "gpu"));
		if (gpu.length > 0 && json_whole(json_member(size, "gpus"), 1, MOST_GPUS, &gpus) && gpus == count)
			put_size(out, size, gpu, count, most_of(sizes, gpu));
	}
}
