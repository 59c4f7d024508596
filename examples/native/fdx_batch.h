/* Reads the batches of libfedxdr_native (native/abi/README.md, "Batches") in C programs. It reads byte by byte, so it
 * works with any endianness and alignment. Every read is checked: a broken batch sets `broken` and does not crash. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fedxdr.h"

enum { FDX_BATCH_VERSION = 3, FDX_BATCH_SCHEMA = 1, FDX_BATCH_SECRET = 2, FDX_BATCH_LAST = 4, FDX_MAX_COLUMNS = 128 };
#define FDX_BATCH_MAGIC 0x42584446u
#define FDX_NULL_LENGTH 0xFFFFFFFFu

typedef enum FdxKind {
    FDX_TEXT = 1,
    FDX_DICTIONARY,
    FDX_INT,
    FDX_FLOAT,
    FDX_BOOL,
    FDX_TIME,
    FDX_TEXT_LIST,
    FDX_VARIANT,
} FdxKind;

/* A position in a sequence of bytes. */
typedef struct FdxReader {
    const uint8_t *at, *end;
    bool broken;
} FdxReader;

/* A column of the current batch, with what earlier batches of its stream said about it. */
typedef struct FdxColumn {
    uint8_t kind;
    char *name;
    char **entries; /* of its dictionary; entry n has index n + 1 */
    uint32_t entry_count;
    FdxReader data;
} FdxColumn;

/* One stream: a query delivers one per tenant. Initialize it with zeros. */
typedef struct FdxStream {
    char *tenant;
    uint16_t flags, column_count;
    uint32_t rows;
    FdxColumn columns[FDX_MAX_COLUMNS];
} FdxStream;

static inline uint64_t fdx_number(FdxReader *r, size_t size) {
    uint64_t number = 0;
    if (r->broken || (size_t)(r->end - r->at) < size) {
        r->broken = true;
        return 0;
    }
    for (size_t i = 0; i < size; i++) number |= (uint64_t)r->at[i] << (8 * i);
    r->at += size;
    return number;
}

static inline FdxReader fdx_part(FdxReader *r, uint32_t size) {
    FdxReader part = {r->at, r->at, r->broken};
    if (r->broken || (size_t)(r->end - r->at) < size) {
        r->broken = part.broken = true;
        return part;
    }
    part.end = r->at += size;
    return part;
}

/* A text; `ptr` is NULL for null. */
static inline FdxBytes fdx_text(FdxReader *r) {
    uint32_t length = (uint32_t)fdx_number(r, 4);
    FdxBytes text = {NULL, 0};
    if (r->broken || length == FDX_NULL_LENGTH) return text;
    FdxReader part = fdx_part(r, length);
    if (part.broken) return text;
    text.ptr = part.at;
    text.len = length;
    return text;
}

/* A copy with a terminating NUL; the caller frees it. */
static inline char *fdx_copy(FdxBytes text) {
    char *copy = malloc(text.len + 1);
    if (copy == NULL) abort();
    if (text.len > 0) memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    return copy;
}

static inline void fdx_column_clear(FdxColumn *column) {
    for (uint32_t i = 0; i < column->entry_count; i++) free(column->entries[i]);
    free(column->entries);
    column->entries = NULL;
    column->entry_count = 0;
}

static inline void fdx_stream_clear(FdxStream *stream) {
    for (uint16_t i = 0; i < stream->column_count; i++) {
        fdx_column_clear(&stream->columns[i]);
        free(stream->columns[i].name);
    }
    free(stream->tenant);
    memset(stream, 0, sizeof *stream);
}

/* Reads the head of a Dictionary or TextList column and adds its entries to the column's. */
static inline void fdx_dictionary(FdxColumn *column) {
    FdxReader *r = &column->data;
    if (fdx_number(r, 1) == 1) fdx_column_clear(column);
    uint32_t added = (uint32_t)fdx_number(r, 4);
    for (uint32_t i = 0; i < added && !r->broken; i++) {
        FdxBytes text = fdx_text(r);
        if (r->broken) return;
        char **grown = realloc(column->entries, (column->entry_count + 1) * sizeof *grown);
        if (grown == NULL) abort();
        column->entries = grown;
        column->entries[column->entry_count++] = fdx_copy(text);
    }
}

/* The number of the stream that a batch belongs to, or UINT32_MAX if it is not a batch. */
static inline uint32_t fdx_batch_stream(FdxBytes batch) {
    FdxReader r = {batch.ptr, batch.ptr + batch.len, false};
    bool known = fdx_number(&r, 4) == FDX_BATCH_MAGIC && fdx_number(&r, 2) == FDX_BATCH_VERSION;
    fdx_number(&r, 2);
    uint32_t stream = (uint32_t)fdx_number(&r, 4);
    return known && !r.broken ? stream : UINT32_MAX;
}

/* Reads a batch's head into its stream and points every column at its data. Columns are valid as long as the batch.
 * After the rows of a batch with FDX_BATCH_LAST, the stream is over: free it with fdx_stream_clear. */
static inline bool fdx_batch_read(FdxBytes batch, FdxStream *stream) {
    FdxReader r = {batch.ptr, batch.ptr + batch.len, false};
    if (fdx_batch_stream(batch) == UINT32_MAX) return false;
    fdx_number(&r, 6);
    uint16_t flags = (uint16_t)fdx_number(&r, 2);
    fdx_number(&r, 4);
    uint32_t rows = (uint32_t)fdx_number(&r, 4);
    uint16_t columns = (uint16_t)fdx_number(&r, 2);
    bool padded = fdx_number(&r, 2) == 0;
    if (r.broken || !padded || columns > FDX_MAX_COLUMNS) return false;
    if (flags & FDX_BATCH_SCHEMA) {
        /* A later schema only adds columns at the end: the dictionaries of the earlier columns stay valid. */
        if (columns < stream->column_count) return false;
        FdxBytes tenant = fdx_text(&r);
        free(stream->tenant);
        stream->tenant = fdx_copy(tenant);
        fdx_text(&r); /* the tenant's name, or null */
        for (uint16_t i = 0; i < columns; i++) {
            FdxColumn *column = &stream->columns[i];
            column->kind = (uint8_t)fdx_number(&r, 1);
            FdxBytes name = fdx_text(&r);
            free(column->name);
            column->name = fdx_copy(name);
            stream->column_count = i + 1 > stream->column_count ? (uint16_t)(i + 1) : stream->column_count;
        }
    }
    if (columns != stream->column_count) return false;
    stream->flags = flags;
    stream->rows = rows;
    for (uint16_t i = 0; i < columns; i++) stream->columns[i].data = fdx_part(&r, (uint32_t)fdx_number(&r, 4));
    return !r.broken && r.at == r.end;
}
