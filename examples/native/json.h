/* Just enough JSON to read an address from a document that one of our programs wrote. */
#pragma once

#include <stdbool.h>
#include <string.h>

static const char *json_space(const char *at) { return at + strspn(at, " \t\r\n"); }

/* The position after the string that begins at `at`. */
static const char *json_skip_string(const char *at) {
    for (at++; *at != '"' && *at != 0; at++)
        if (*at == '\\' && at[1] != 0) at++;
    return *at == '"' ? at + 1 : at;
}

/* The position after the value that begins at `at`. */
static const char *json_skip(const char *at) {
    int depth = 0;
    do {
        at = json_space(at);
        if (*at == '"') at = json_skip_string(at);
        else if (*at == '{' || *at == '[') depth++, at++;
        else if (*at == '}' || *at == ']') depth--, at++;
        else if (*at == ',' || *at == ':') at++;
        else at += strcspn(at, ",:{}[]\" \t\r\n");
    } while (depth > 0 && *at != 0);
    return at;
}

/* The member `name` of the object at `at`, or NULL. */
static const char *json_member(const char *at, const char *name) {
    size_t length = strlen(name);
    if (at == NULL || *(at = json_space(at)) != '{') return NULL;
    for (at = json_space(at + 1); *at == '"'; at = json_space(at)) {
        bool found = strncmp(at + 1, name, length) == 0 && at[length + 1] == '"';
        at = json_space(json_skip_string(at));
        if (*at != ':') return NULL;
        at = json_space(at + 1);
        if (found) return at;
        at = json_space(json_skip(at));
        if (*at == ',') at++;
    }
    return NULL;
}

/* The first element of the array at `at`, or NULL. */
static const char *json_first(const char *at) {
    if (at == NULL || *(at = json_space(at)) != '[') return NULL;
    at = json_space(at + 1);
    return *at == ']' ? NULL : at;
}

/* Copies the string at `at`; refuses a string with escapes. */
static bool json_text(const char *at, char *text, size_t size) {
    if (at == NULL || *at != '"') return false;
    size_t length = strcspn(at + 1, "\"\\");
    if (at[length + 1] != '"' || length >= size) return false;
    memcpy(text, at + 1, length);
    text[length] = 0;
    return true;
}
