/* JSON: a document is checked once, and then read where it lies. */
#include "atlas_guest.h"

#define DEEPEST 64

typedef struct {
	const uint8_t *at, *end;
} scan;

static void space(scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

static int take(scan *s, char c)
{
	if (s->at == s->end || *s->at != (uint8_t)c)
		return 0;
	s->at++;
	return 1;
}

static int word(scan *s, const char *text)
{
	while (*text != 0)
		if (!take(s, *text++))
			return 0;
	return 1;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* rune passes over one character of UTF-8, without overlong forms, surrogates
 * and what lies beyond U+10FFFF. */
static int rune(scan *s)
{
	uint8_t c = *s->at++;
	if (c < 0x80)
		return 1;
	int more = c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : 0;
	if (more == 0 || s->end - s->at < more)
		return 0;
	uint8_t second = *s->at;
	if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F) || (c == 0xF0 && second < 0x90) || (c == 0xF4 && second > 0x8F))
		return 0;
	for (; more > 0; more--, s->at++)
		if ((*s->at & 0xC0) != 0x80)
			return 0;
	return 1;
}

static int string(scan *s)
{
	if (!take(s, '"'))
		return 0;
	while (s->at < s->end) {
		uint8_t c = *s->at;
		if (c == '"') {
			s->at++;
			return 1;
		}
		if (c < ' ')
			return 0;
		if (c != '\\') {
			if (!rune(s))
				return 0;
			continue;
		}
		if (s->end - s->at < 2)
			return 0;
		c = s->at[1];
		s->at += 2;
		if (c == 'u') {
			if (s->end - s->at < 4)
				return 0;
			for (int i = 0; i < 4; i++)
				if (hex_digit(*s->at++) < 0)
					return 0;
		} else if (c != '"' && c != '\\' && c != '/' && c != 'b' && c != 'f' && c != 'n' && c != 'r' && c != 't') {
			return 0;
		}
	}
	return 0;
}

static int digits(scan *s)
{
	const uint8_t *from = s->at;
	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > from;
}

static int number(scan *s)
{
	take(s, '-');
	if (!take(s, '0') && !digits(s))
		return 0;
	if (take(s, '.') && !digits(s))
		return 0;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		return digits(s);
	}
	return 1;
}

static int value(scan *s, int depth);

static int list(scan *s, char close, int depth)
{
	s->at++;
	space(s);
	if (take(s, close))
		return 1;
	for (;;) {
		if (close == '}') {
			space(s);
			if (!string(s))
				return 0;
			space(s);
			if (!take(s, ':'))
				return 0;
		}
		if (!value(s, depth + 1))
			return 0;
		if (take(s, close))
			return 1;
		if (!take(s, ','))
			return 0;
	}
}

static int value(scan *s, int depth)
{
	int ok = 0;
	space(s);
	if (depth > DEEPEST || s->at == s->end)
		return 0;
	switch (*s->at) {
	case '{': ok = list(s, '}', depth); break;
	case '[': ok = list(s, ']', depth); break;
	case '"': ok = string(s); break;
	case 't': ok = word(s, "true"); break;
	case 'f': ok = word(s, "false"); break;
	case 'n': ok = word(s, "null"); break;
	default: ok = number(s);
	}
	space(s);
	return ok;
}

int json_valid(atlas_text document)
{
	scan s = {(const uint8_t *)document.at, (const uint8_t *)document.at + document.length};
	return value(&s, 0) && s.at == s.end;
}

/* ---- Reading what is known to be valid ----------------------------------- */

static scan scan_of(atlas_text text)
{
	scan s = {(const uint8_t *)text.at, (const uint8_t *)text.at + text.length};
	space(&s);
	return s;
}

char json_kind(atlas_text text)
{
	scan s = scan_of(text);
	if (s.at == s.end)
		return 'n';
	char c = (char)*s.at;
	return c == '-' || (c >= '0' && c <= '9') ? '0' : c;
}

/* pass returns the value that stands at the scan and goes behind it. */
static atlas_text pass(scan *s)
{
	const uint8_t *from = s->at;
	int depth = 0;
	do {
		uint8_t c = *s->at;
		if (c == '"') {
			string(s);
			continue;
		}
		depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
		s->at++;
		if (depth == 0 && c != '}' && c != ']') /* a number or a word */
			while (s->at < s->end && *s->at != ',' && *s->at != '}' && *s->at != ']' && *s->at > ' ')
				s->at++;
	} while (depth > 0 && s->at < s->end);
	return (atlas_text){(const char *)from, (uint32_t)(s->at - from)};
}

int json_next(atlas_text container, uint32_t *place, atlas_text *key, atlas_text *found)
{
	scan s = scan_of(container);
	if (s.at == s.end || (*s.at != '{' && *s.at != '['))
		return 0;
	int object = *s.at == '{';
	s.at = *place == 0 ? s.at + 1 : (const uint8_t *)container.at + *place;
	space(&s);
	take(&s, ',');
	space(&s);
	if (s.at == s.end || *s.at == '}' || *s.at == ']')
		return 0;
	*key = (atlas_text){0};
	if (object) {
		*key = json_text(pass(&s));
		space(&s);
		take(&s, ':');
		space(&s);
	}
	*found = pass(&s);
	*place = (uint32_t)((const char *)s.at - container.at);
	return 1;
}

atlas_text json_member(atlas_text object, const char *name)
{
	atlas_text key, one, found = {0};
	uint32_t place = 0;
	if (json_kind(object) == '{')
		while (json_next(object, &place, &key, &one))
			if (text_is(key, name))
				found = one;
	return found;
}

static uint32_t unit(const uint8_t *at)
{
	uint32_t u = 0;
	for (int i = 0; i < 4; i++)
		u = u << 4 | (uint32_t)hex_digit(at[i]);
	return u;
}

static char *encode(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xC0 | c >> 6);
		*to++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*to++ = (char)(0xE0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	} else {
		*to++ = (char)(0xF0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	}
	return to;
}

/* escaped decodes the escape that stands behind a backslash. Half a surrogate
 * pair becomes the replacement character. */
static char *escaped(char *to, scan *s)
{
	uint8_t c = *s->at++;
	switch (c) {
	case 'b': *to++ = '\b'; return to;
	case 'f': *to++ = '\f'; return to;
	case 'n': *to++ = '\n'; return to;
	case 'r': *to++ = '\r'; return to;
	case 't': *to++ = '\t'; return to;
	case 'u': break;
	default: *to++ = (char)c; return to;
	}
	uint32_t high = unit(s->at);
	s->at += 4;
	if (high < 0xD800 || high > 0xDFFF)
		return encode(to, high);
	if (high < 0xDC00 && s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u') {
		uint32_t low = unit(s->at + 2);
		if (low >= 0xDC00 && low <= 0xDFFF) {
			s->at += 6;
			return encode(to, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
		}
	}
	return encode(to, 0xFFFD);
}

atlas_text json_text(atlas_text string_value)
{
	if (json_kind(string_value) != '"')
		return (atlas_text){0};
	scan s = scan_of(string_value);
	const uint8_t *from = ++s.at;
	while (*s.at != '"' && *s.at != '\\')
		s.at++;
	if (*s.at == '"')
		return (atlas_text){(const char *)from, (uint32_t)(s.at - from)};
	char *text = atlas_take(string_value.length), *to = text;
	for (s.at = from; *s.at != '"';) {
		if (*s.at == '\\') {
			s.at++;
			to = escaped(to, &s);
		} else {
			*to++ = (char)*s.at++;
		}
	}
	return (atlas_text){text, (uint32_t)(to - text)};
}

int json_number(atlas_text text, double low, double high, double *out)
{
	if (json_kind(text) != '0')
		return 0;
	scan s = scan_of(text);
	int negative = take(&s, '-'), exponent = 0, shift = 0, minus = 0;
	double n = 0;
	for (; s.at < s.end && *s.at >= '0' && *s.at <= '9'; s.at++)
		n = n * 10 + (*s.at - '0');
	if (take(&s, '.'))
		for (; s.at < s.end && *s.at >= '0' && *s.at <= '9'; s.at++)
			if (shift > -17) {
				n = n * 10 + (*s.at - '0');
				shift--;
			}
	if (take(&s, 'e') || take(&s, 'E')) {
		minus = take(&s, '-');
		take(&s, '+');
		for (; s.at < s.end && *s.at >= '0' && *s.at <= '9'; s.at++)
			if (exponent < 1000)
				exponent = exponent * 10 + (*s.at - '0');
	}
	double power = 1;
	exponent = (minus ? -exponent : exponent) + shift;
	for (int i = exponent < 0 ? -exponent : exponent; i > 0 && i < 400; i--)
		power *= 10;
	if (exponent > 399 || exponent < -399)
		n = exponent > 0 && n > 0 ? 1e308 * 10 : 0;
	else
		n = exponent < 0 ? n / power : n * power;
	*out = negative ? -n : n;
	return *out >= low && *out <= high;
}

int json_whole(atlas_text text, int64_t low, int64_t high, int64_t *out)
{
	double n;
	if (!json_number(text, (double)low, (double)high, &n) || n != (double)(int64_t)n)
		return 0;
	*out = (int64_t)n;
	return 1;
}

/* ---- Writing ------------------------------------------------------------- */

void json_comma(atlas_buffer *out)
{
	char last = out->length > 0 ? out->at[out->length - 1] : '{';
	if (last != '{' && last != '[' && last != ':')
		put(out, ",");
}

void json_key(atlas_buffer *out, const char *name)
{
	json_comma(out);
	put(out, "\"");
	put(out, name);
	put(out, "\":");
}

void json_quote(atlas_buffer *out, atlas_text text)
{
	static const char hex[] = "0123456789abcdef";
	put(out, "\"");
	uint32_t from = 0;
	for (uint32_t i = 0; i < text.length; i++) {
		uint8_t c = (uint8_t)text.at[i];
		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		put_text(out, (atlas_text){text.at + from, i - from});
		put_text(out, (atlas_text){escape, 6});
		from = i + 1;
	}
	put_text(out, (atlas_text){text.at + from, text.length - from});
	put(out, "\"");
}
