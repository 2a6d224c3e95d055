#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *at, *end;
} reader;

typedef struct {
    char *data;
    size_t size, capacity;
} buffer;

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void put(buffer *b, const char *data, size_t size)
{
    if (b->size + size + 1 > b->capacity) {
        b->capacity = (b->size + size + 1) * 2;
        b->data = must(realloc(b->data, b->capacity));
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = '\0';
}

static void put_rune(buffer *b, unsigned long rune)
{
    char out[4];
    size_t size = 0;

    if (rune < 0x80) {
        out[size++] = (char)rune;
    } else if (rune < 0x800) {
        out[size++] = (char)(0xC0 | rune >> 6);
        out[size++] = (char)(0x80 | (rune & 0x3F));
    } else if (rune < 0x10000) {
        out[size++] = (char)(0xE0 | rune >> 12);
        out[size++] = (char)(0x80 | (rune >> 6 & 0x3F));
        out[size++] = (char)(0x80 | (rune & 0x3F));
    } else {
        out[size++] = (char)(0xF0 | rune >> 18);
        out[size++] = (char)(0x80 | (rune >> 12 & 0x3F));
        out[size++] = (char)(0x80 | (rune >> 6 & 0x3F));
        out[size++] = (char)(0x80 | (rune & 0x3F));
    }
    put(b, out, size);
}

static void skip_space(reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL && *r->at != '\0')
        r->at++;
}

static int take(reader *r, char wanted)
{
    skip_space(r);
    if (r->at == r->end || *r->at != wanted)
        return 0;
    r->at++;
    return 1;
}

static int read_hex(reader *r, unsigned long *rune)
{
    char digits[5] = {0};

    if (r->end - r->at < 4)
        return 0;
    memcpy(digits, r->at, 4);
    r->at += 4;
    *rune = strtoul(digits, NULL, 16);
    return strspn(digits, "0123456789abcdefABCDEF") == 4;
}

static int read_escape(reader *r, buffer *b)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    unsigned long rune, low;
    const char *known;
    char c;

    if (r->at == r->end)
        return 0;
    c = *r->at++;
    if (c == 'u') {
        if (!read_hex(r, &rune))
            return 0;
        if (rune >= 0xD800 && rune < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
            r->at += 2;
            if (!read_hex(r, &low))
                return 0;
            rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
        }
        put_rune(b, rune);
        return 1;
    }
    known = c == '\0' ? NULL : strchr(from, c);
    if (known == NULL)
        return 0;
    put(b, &to[known - from], 1);
    return 1;
}

static char *read_string(reader *r)
{
    buffer b = {NULL, 0, 0};

    if (!take(r, '"'))
        return NULL;
    put(&b, "", 0);
    while (r->at < r->end && *r->at != '"') {
        if (*r->at == '\\') {
            r->at++;
            if (!read_escape(r, &b))
                break;
        } else if ((unsigned char)*r->at < 0x20) {
            break;
        } else {
            put(&b, r->at++, 1);
        }
    }
    if (r->at < r->end && *r->at == '"') {
        r->at++;
        return b.data;
    }
    free(b.data);
    return NULL;
}

static json *new_value(enum json_type type)
{
    json *value = must(calloc(1, sizeof *value));
    value->type = type;
    return value;
}

static json *read_value(reader *r);

static json *read_members(reader *r, enum json_type type, char close)
{
    json *value = new_value(type), **tail = &value->child;
    char *key;

    r->at++;
    if (take(r, close))
        return value;
    do {
        key = NULL;
        if (type == JSON_OBJECT) {
            key = read_string(r);
            if (key == NULL || !take(r, ':')) {
                free(key);
                json_free(value);
                return NULL;
            }
        }
        *tail = read_value(r);
        if (*tail == NULL) {
            free(key);
            json_free(value);
            return NULL;
        }
        (*tail)->key = key;
        tail = &(*tail)->next;
    } while (take(r, ','));
    if (take(r, close))
        return value;
    json_free(value);
    return NULL;
}

static json *read_word(reader *r)
{
    static const char *const words[] = {"null", "false", "true"};
    static const enum json_type types[] = {JSON_NULL, JSON_FALSE, JSON_TRUE};
    buffer b = {NULL, 0, 0};
    json *value;
    size_t i;

    for (i = 0; i < 3; i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(r->end - r->at) >= size && memcmp(r->at, words[i], size) == 0) {
            r->at += size;
            return new_value(types[i]);
        }
    }
    while (r->at < r->end && (isdigit((unsigned char)*r->at) || (*r->at != '\0' && strchr("+-.eE", *r->at) != NULL)))
        put(&b, r->at++, 1);
    if (b.size == 0)
        return NULL;
    value = new_value(JSON_NUMBER);
    value->text = b.data;
    return value;
}

static json *read_value(reader *r)
{
    json *value;

    skip_space(r);
    if (r->at == r->end)
        return NULL;
    if (*r->at == '{')
        return read_members(r, JSON_OBJECT, '}');
    if (*r->at == '[')
        return read_members(r, JSON_ARRAY, ']');
    if (*r->at != '"')
        return read_word(r);
    value = new_value(JSON_STRING);
    value->text = read_string(r);
    if (value->text != NULL)
        return value;
    json_free(value);
    return NULL;
}

json *json_parse(const char *text, size_t size)
{
    reader r;
    json *value;

    if (text == NULL)
        return NULL;
    r.at = text;
    r.end = text + size;
    value = read_value(&r);
    skip_space(&r);
    if (value != NULL && r.at != r.end) {
        json_free(value);
        return NULL;
    }
    return value;
}

void json_free(json *value)
{
    while (value != NULL) {
        json *next = value->next;
        json_free(value->child);
        free(value->key);
        free(value->text);
        free(value);
        value = next;
    }
}

const json *json_at(const json *value, const char *path)
{
    while (value != NULL && *path == '/') {
        size_t size = strcspn(++path, "/");
        long index = strtol(path, NULL, 10);
        const json *child = value->child;
        if (value->type == JSON_OBJECT)
            while (child != NULL && (strlen(child->key) != size || memcmp(child->key, path, size) != 0))
                child = child->next;
        else
            while (child != NULL && index-- > 0)
                child = child->next;
        value = child;
        path += size;
    }
    return value;
}

const char *json_text(const json *value, const char *path)
{
    const json *found = json_at(value, path);
    return found != NULL && found->text != NULL ? found->text : "";
}

double json_number(const json *value, const char *path)
{
    return strtod(json_text(value, path), NULL);
}

static void print_string(buffer *b, const char *text)
{
    char escape[8];

    put(b, "\"", 1);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)*text);
            put(b, escape, 6);
        } else {
            put(b, text, 1);
        }
    }
    put(b, "\"", 1);
}

static void print_value(buffer *b, const json *value)
{
    static const char *const words[] = {"null", "false", "true"};
    const json *child;

    switch (value->type) {
    case JSON_NUMBER:
        put(b, value->text, strlen(value->text));
        return;
    case JSON_STRING:
        print_string(b, value->text);
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        put(b, value->type == JSON_ARRAY ? "[" : "{", 1);
        for (child = value->child; child != NULL; child = child->next) {
            if (child != value->child)
                put(b, ",", 1);
            if (value->type == JSON_OBJECT) {
                print_string(b, child->key);
                put(b, ":", 1);
            }
            print_value(b, child);
        }
        put(b, value->type == JSON_ARRAY ? "]" : "}", 1);
        return;
    default:
        put(b, words[value->type], strlen(words[value->type]));
    }
}

char *json_print(const json *value)
{
    buffer b = {NULL, 0, 0};
    print_value(&b, value);
    return b.data;
}

json *json_copy(const json *value)
{
    json *copy = new_value(value->type), **tail = &copy->child;
    const json *child;

    copy->text = value->text == NULL ? NULL : must(strdup(value->text));
    for (child = value->child; child != NULL; child = child->next) {
        *tail = json_copy(child);
        (*tail)->key = child->key == NULL ? NULL : must(strdup(child->key));
        tail = &(*tail)->next;
    }
    return copy;
}

json *json_string(const char *text)
{
    json *value = new_value(JSON_STRING);
    value->text = must(strdup(text));
    return value;
}
