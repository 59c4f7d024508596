/* What contract.c needs besides the ABI: checks, texts, ports, and a reader that looks at every value of a batch. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fdx_batch.h"

static unsigned check_count, check_failures;

#define CHECK(condition, ...)                        \
    do {                                             \
        check_count++;                               \
        if (!(condition)) {                          \
            check_failures++;                        \
            printf("line %d: %s: ", __LINE__, #condition); \
            printf(__VA_ARGS__);                     \
            printf("\n");                            \
        }                                            \
    } while (0)

/* For %.*s. */
#define TEXT(bytes) (int)(bytes).len, (const char *)(bytes).ptr

static FdxBytes text(const char *string) {
    FdxBytes bytes = {(const uint8_t *)string, strlen(string)};
    return bytes;
}

static bool starts_with(FdxBytes bytes, const char *start) {
    return bytes.len >= strlen(start) && memcmp(bytes.ptr, start, strlen(start)) == 0;
}

static bool contains(FdxBytes bytes, const char *part) {
    size_t length = strlen(part);
    for (size_t i = 0; length <= bytes.len && i <= bytes.len - length; i++)
        if (memcmp(bytes.ptr + i, part, length) == 0) return true;
    return false;
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    char *content = calloc(1, 1 << 16);
    if (file == NULL || content == NULL || fread(content, 1, (1 << 16) - 1, file) == 0) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return content;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void pause_ms(long milliseconds) {
    struct timespec pause = {0, milliseconds * 1000000};
    nanosleep(&pause, NULL);
}

/* A port of this machine that takes connections and never says a word. */
static int open_port(int *listener) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *listener = socket(AF_INET, SOCK_STREAM, 0);
    if (*listener < 0 || bind(*listener, (struct sockaddr *)&address, length) != 0 || listen(*listener, 16) != 0 ||
        getsockname(*listener, (struct sockaddr *)&address, &length) != 0) {
        perror("listen");
        exit(2);
    }
    return ntohs(address.sin_port);
}

/* A port that nobody listens at. */
static int closed_port(void) {
    int listener, port = open_port(&listener);
    close(listener);
    return port;
}

static bool read_value(FdxReader *r, int depth) {
    uint32_t count;
    switch (fdx_number(r, 1)) {
    case 0: case 1: case 2: break;
    case 3: case 4: case 8: fdx_number(r, 8); break;
    case 5: return fdx_text(r).ptr != NULL;
    case 6:
    case 7:
        if (depth > 64) return false;
        r->at--;
        bool object = fdx_number(r, 1) == 7;
        uint32_t bytes = (uint32_t)fdx_number(r, 4);
        if ((size_t)(r->end - r->at) < bytes) return false;
        const uint8_t *end = r->at + bytes;
        count = (uint32_t)fdx_number(r, 4);
        for (uint32_t i = 0; i < count && !r->broken; i++) {
            if (object) fdx_text(r);
            if (!read_value(r, depth + 1)) return false;
        }
        if (r->at != end) return false;
        break;
    default: return false;
    }
    return !r->broken;
}

static bool is_index(const FdxColumn *column, uint64_t index) { return index <= column->entry_count; }

static bool read_cell(FdxColumn *column) {
    FdxReader *r = &column->data;
    uint32_t count;
    switch (column->kind) {
    case FDX_TEXT: fdx_text(r); return true;
    case FDX_DICTIONARY: return is_index(column, fdx_number(r, 4));
    case FDX_INT: case FDX_FLOAT: case FDX_TIME: fdx_number(r, 8); return true;
    case FDX_BOOL: return fdx_number(r, 1) <= 2;
    case FDX_TEXT_LIST:
        count = (uint32_t)fdx_number(r, 4);
        for (uint32_t i = 0; count != FDX_NULL_LENGTH && i < count && !r->broken; i++)
            if (!is_index(column, fdx_number(r, 4))) return false;
        return true;
    case FDX_VARIANT: return read_value(r, 0);
    default: return false;
    }
}

/* Reads every value: a column has to be of a known kind and to end where its length says. */
static bool read_columns(FdxStream *stream) {
    for (uint16_t i = 0; i < stream->column_count; i++) {
        FdxColumn *column = &stream->columns[i];
        if (column->name == NULL || column->name[0] == 0) return false;
        if (column->kind == FDX_DICTIONARY || column->kind == FDX_TEXT_LIST) fdx_dictionary(column);
        for (uint32_t row = 0; row < stream->rows; row++)
            if (!read_cell(column) || column->data.broken) return false;
        if (column->data.at != column->data.end) return false;
    }
    return true;
}
