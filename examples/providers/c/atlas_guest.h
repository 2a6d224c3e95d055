/* atlas_guest.h: what a provider in C needs of its host, and JSON.
 *
 * A provider is one WebAssembly module that speaks the Extism ABI
 * (docs/plugin-abi.md). The host enters one exported function for each
 * operation, and never two at a time in the same instance. There is no C
 * library: this header and its two files are all there is.
 *
 * Nothing here traps on what a cloud or a caller may send. Memory lasts until
 * the next operation begins and is never given back by hand. */
#ifndef ATLAS_GUEST_H
#define ATLAS_GUEST_H

#include <stddef.h>
#include <stdint.h>

/* ATLAS_EXPORT makes an operation of a function: ATLAS_EXPORT(get_compute) { … } */
#define ATLAS_EXPORT(name) __attribute__((export_name(#name))) int32_t name(void)

/* A text is a piece of memory, not ended by a zero. An empty one stands for what
 * is not there. */
typedef struct {
	const char *at;
	uint32_t length;
} atlas_text;

/* A buffer grows as it is written to. A zeroed one is empty. */
typedef struct {
	char *at;
	uint32_t length, room;
} atlas_buffer;

/* ---- The host ---------------------------------------------------------- */

/* atlas_begin forgets the last operation's memory and returns the input. Call it
 * first in every operation. */
atlas_text atlas_begin(void);

/* atlas_end hands the output to the host and returns what the export returns. */
int32_t atlas_end(const atlas_buffer *output);

/* atlas_take returns memory that lasts as long as the operation. Where the
 * sandbox has none left, it ends the operation. */
void *atlas_take(uint32_t bytes);

/* atlas_log writes a line to the log of the host. Never log what may be secret. */
void atlas_log(atlas_text line);

typedef struct {
	int32_t status;      /* 0: there was no answer, and the host has decided the error */
	atlas_text body;     /* as it came: check it with json_valid before reading it */
	int32_t retry_after; /* seconds; 0: the cloud did not say */
} atlas_answer;

/* atlas_http sends a request and waits for the answer. The host adds the
 * credential. A body that is empty is none. */
atlas_answer atlas_http(const char *method, atlas_text url, atlas_text body);

/* ---- Texts ------------------------------------------------------------- */

atlas_text text_of(const char *literal);
int text_is(atlas_text text, const char *literal);
int text_same(atlas_text a, atlas_text b);

void put(atlas_buffer *out, const char *literal);
void put_text(atlas_buffer *out, atlas_text text);
void put_whole(atlas_buffer *out, int64_t number);
void put_decimal(atlas_buffer *out, double number); /* of 0 to 1e12, rounded to 6 places */
void put_escaped(atlas_buffer *out, atlas_text text); /* percent-encoded for a URL */
atlas_text text_in(const atlas_buffer *buffer);

/* ---- JSON -------------------------------------------------------------- */

/* json_valid reports whether a text is one JSON document in UTF-8, nested 64
 * deep at most. A value is the text that stands for it, such as {"a":1} or "b"
 * with its quotes; the functions below take values of valid documents only. An
 * empty text is the value that is not there. */
int json_valid(atlas_text document);

/* json_kind returns '{', '[', '"', '0' for numbers, 't', 'f', 'n' for null and
 * what is not there. */
char json_kind(atlas_text value);

/* json_next goes through the members of an object or the elements of an array.
 * place begins at 0. It returns 0 at the end, and for other values at once. */
int json_next(atlas_text container, uint32_t *place, atlas_text *key, atlas_text *value);

/* json_member returns the member of that name, the last where there are two. */
atlas_text json_member(atlas_text object, const char *name);

/* json_text returns the text that a string stands for, empty for other values. */
atlas_text json_text(atlas_text value);

/* json_number and json_whole return 0 where the value is no number in range. */
int json_number(atlas_text value, double low, double high, double *number);
int json_whole(atlas_text value, int64_t low, int64_t high, int64_t *number);

/* json_key begins a member; json_quote writes a text as a string. A comma is put
 * where one is needed. */
void json_key(atlas_buffer *out, const char *name);
void json_comma(atlas_buffer *out);
void json_quote(atlas_buffer *out, atlas_text text);

#endif
