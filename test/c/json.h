/* json.h - as much JSON as the tests need: a tree, paths, printing. */
#ifndef TEST_JSON_H
#define TEST_JSON_H

#include <stddef.h>

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

typedef struct json {
    enum json_type type;
    char *key;          /* of a member of an object */
    char *text;         /* of a string, decoded; of a number, as written */
    struct json *child; /* first element or member */
    struct json *next;  /* sibling */
} json;

/* NULL when the text is not one JSON value. Free with json_free. */
json *json_parse(const char *text, size_t size);
void json_free(json *value);

/* The member or element at a path such as "/result/items/0/id"; NULL when there is none. */
const json *json_at(const json *value, const char *path);

/* Text of the string or number at a path; "" when there is none. */
const char *json_text(const json *value, const char *path);
double json_number(const json *value, const char *path);

/* Malloc'ed compact text. */
char *json_print(const json *value);
json *json_copy(const json *value);
json *json_string(const char *text);

#endif
