/* The host's functions, memory and texts. */
#include "atlas_guest.h"

#define IMPORT(name) __attribute__((import_module("extism:host/env"), import_name(#name))) extern

IMPORT(input_length) uint64_t input_length(void);
IMPORT(input_load_u8) uint32_t input_load_u8(uint64_t offset);
IMPORT(input_load_u64) uint64_t input_load_u64(uint64_t offset);
IMPORT(output_set) void output_set(uint64_t offset, uint64_t length);
IMPORT(error_set) void error_set(uint64_t offset);
IMPORT(alloc) uint64_t extism_alloc(uint64_t length);
IMPORT(free) void extism_free(uint64_t offset);
IMPORT(length) uint64_t extism_length(uint64_t offset);
IMPORT(load_u8) uint32_t load_u8(uint64_t offset);
IMPORT(load_u64) uint64_t load_u64(uint64_t offset);
IMPORT(store_u8) void store_u8(uint64_t offset, uint32_t value);
IMPORT(store_u64) void store_u64(uint64_t offset, uint64_t value);
IMPORT(http_request) uint64_t http_request(uint64_t meta, uint64_t body);
IMPORT(http_status_code) int32_t http_status_code(void);
IMPORT(http_headers) uint64_t http_headers(void);
IMPORT(log_info) void log_info(uint64_t offset);

/* The compiler makes calls of these of its own accord. */
void *memcpy(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;
	while (n-- > 0)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int value, size_t n)
{
	char *t = to;
	while (n-- > 0)
		*t++ = (char)value;
	return to;
}

/* ---- Memory: it is taken from where the program's own ends, upwards. ----- */

#define PAGE 65536u
#define MOST 0x20000000u /* what the host lets an instance have */

extern char __heap_base;
static uintptr_t top;

void *atlas_take(uint32_t bytes)
{
	uintptr_t at = (top + 15) & ~(uintptr_t)15;
	uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) * PAGE;
	if (bytes > MOST || at + bytes > MOST)
		__builtin_trap();
	if (at + bytes > have && __builtin_wasm_memory_grow(0, (at + bytes - have + PAGE - 1) / PAGE) == (size_t)-1)
		__builtin_trap();
	top = at + bytes;
	return (void *)at;
}

/* ---- Memory of the host's, in which Extism passes texts ------------------ */

static atlas_text load(uint64_t offset)
{
	uint32_t n = (uint32_t)extism_length(offset), i = 0;
	char *to = atlas_take(n + 8);
	for (; i + 8 <= n; i += 8) {
		uint64_t eight = load_u64(offset + i);
		__builtin_memcpy(to + i, &eight, 8);
	}
	for (; i < n; i++)
		to[i] = (char)load_u8(offset + i);
	return (atlas_text){to, n};
}

static uint64_t store(atlas_text text)
{
	if (text.length == 0)
		return 0;
	uint64_t offset = extism_alloc(text.length);
	uint32_t i = 0;
	for (; i + 8 <= text.length; i += 8) {
		uint64_t eight;
		__builtin_memcpy(&eight, text.at + i, 8);
		store_u64(offset + i, eight);
	}
	for (; i < text.length; i++)
		store_u8(offset + i, (uint8_t)text.at[i]);
	return offset;
}

atlas_text atlas_begin(void)
{
	top = (uintptr_t)&__heap_base;
	uint32_t n = (uint32_t)input_length(), i = 0;
	char *to = atlas_take(n + 8);
	for (; i + 8 <= n; i += 8) {
		uint64_t eight = input_load_u64(i);
		__builtin_memcpy(to + i, &eight, 8);
	}
	for (; i < n; i++)
		to[i] = (char)input_load_u8(i);
	return (atlas_text){to, n};
}

int32_t atlas_end(const atlas_buffer *output)
{
	output_set(store(text_in(output)), output->length);
	return 0;
}

void atlas_log(atlas_text line)
{
	uint64_t offset = store(line);
	log_info(offset);
	extism_free(offset);
}

/* retry_after reads the header, which the host passes as {"retry-after":"7"}
 * among the others. A date instead of seconds counts as nothing said. */
static int32_t retry_after(void)
{
	uint64_t offset = http_headers();
	if (offset == 0)
		return 0;
	atlas_text headers = load(offset);
	extism_free(offset);
	if (!json_valid(headers))
		return 0;
	atlas_text text = json_text(json_member(headers, "retry-after"));
	int64_t seconds;
	if (!json_valid(text) || !json_whole(text, 1, 86400, &seconds))
		return 0;
	return (int32_t)seconds;
}

atlas_answer atlas_http(const char *method, atlas_text url, atlas_text body)
{
	atlas_buffer meta = {0};
	put(&meta, "{\"method\":\"");
	put(&meta, method);
	put(&meta, "\",\"url\":");
	json_quote(&meta, url);
	if (body.length > 0)
		put(&meta, ",\"headers\":{\"content-type\":\"application/json\"}");
	put(&meta, "}");
	uint64_t meta_at = store(text_in(&meta)), body_at = store(body);
	uint64_t offset = http_request(meta_at, body_at);
	extism_free(meta_at);
	extism_free(body_at);
	atlas_answer answer = {http_status_code(), {0}, 0};
	if (offset != 0) {
		answer.body = load(offset);
		extism_free(offset);
	}
	if (answer.status == 429 || answer.status == 503)
		answer.retry_after = retry_after();
	return answer;
}

/* ---- Texts --------------------------------------------------------------- */

atlas_text text_of(const char *literal)
{
	uint32_t n = 0;
	while (literal[n] != 0)
		n++;
	return (atlas_text){literal, n};
}

int text_same(atlas_text a, atlas_text b)
{
	if (a.length != b.length)
		return 0;
	for (uint32_t i = 0; i < a.length; i++)
		if (a.at[i] != b.at[i])
			return 0;
	return 1;
}

int text_is(atlas_text text, const char *literal) { return text_same(text, text_of(literal)); }

atlas_text text_in(const atlas_buffer *buffer) { return (atlas_text){buffer->at, buffer->length}; }

void put_text(atlas_buffer *out, atlas_text text)
{
	if (text.length == 0)
		return;
	if (text.length > out->room - out->length) {
		if (text.length > MOST - out->length)
			__builtin_trap();
		uint32_t room = (out->length + text.length) * 2 + 256;
		char *larger = atlas_take(room);
		if (out->length > 0)
			__builtin_memcpy(larger, out->at, out->length);
		out->at = larger;
		out->room = room;
	}
	__builtin_memcpy(out->at + out->length, text.at, text.length);
	out->length += text.length;
}

void put(atlas_buffer *out, const char *literal) { put_text(out, text_of(literal)); }

void put_whole(atlas_buffer *out, int64_t number)
{
	char digits[20];
	uint32_t at = sizeof digits;
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	do
		digits[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (number < 0)
		digits[--at] = '-';
	put_text(out, (atlas_text){digits + at, sizeof digits - at});
}

void put_decimal(atlas_buffer *out, double number)
{
	if (!(number >= 0) || number > 1e12)
		number = 0;
	uint64_t millionths = (uint64_t)(number * 1e6 + 0.5);
	put_whole(out, (int64_t)(millionths / 1000000));
	uint32_t rest = (uint32_t)(millionths % 1000000);
	if (rest == 0)
		return;
	char digits[7] = {'.', '0', '0', '0', '0', '0', '0'};
	uint32_t length = 7;
	for (uint32_t at = 6; at > 0; at--, rest /= 10)
		digits[at] = (char)('0' + rest % 10);
	while (digits[length - 1] == '0')
		length--;
	put_text(out, (atlas_text){digits, length});
}

void put_escaped(atlas_buffer *out, atlas_text text)
{
	static const char hex[] = "0123456789ABCDEF";
	for (uint32_t i = 0; i < text.length; i++) {
		uint8_t c = (uint8_t)text.at[i];
		int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '~';
		char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
		put_text(out, plain ? (atlas_text){text.at + i, 1} : (atlas_text){escape, 3});
	}
}
