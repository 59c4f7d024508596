/* Nothing secret stays in memory: after everything is freed, the cache cleared and the workers stopped, the process's
 * memory is searched for the token, the assertion and what the settings held.
 *   wipe SETTINGS SECRET...       settings and secrets in files, so that they are no part of this program's arguments
 * One line per find; the last line is "N searched, N found". tests/wipe.rs runs it. */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "fdx_batch.h"

#define MASK 0x5A
#define PATTERNS 16

static unsigned failures;

#define CHECK(condition, ...)              \
    do {                                   \
        if (!(condition)) {                \
            failures++;                    \
            printf("%s: ", #condition);    \
            printf(__VA_ARGS__);           \
            printf("\n");                  \
        }                                  \
    } while (0)

static FdxBytes text(const char *string) {
    FdxBytes bytes = {(const uint8_t *)string, strlen(string)};
    return bytes;
}

/* Reads a file without the C library's buffers, which would keep what went through them. */
static size_t read_bytes(const char *path, uint8_t *content, size_t room) {
    int file = open(path, O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, content, room);
    if (length <= 0) {
        perror(path);
        exit(2);
    }
    close(file);
    return (size_t)length;
}

/* What is searched for, masked: this list must not be what is found. */
static struct {
    uint8_t bytes[256];
    size_t length;
} patterns[PATTERNS];
static size_t pattern_count;

static void forget(void *memory, size_t length) {
    volatile uint8_t *at = memory;
    while (length-- > 0) *at++ = 0;
}

/* The last characters of a secret: those of a token are its signature, which nothing else has. */
static void search_for(const uint8_t *secret, size_t length) {
    size_t used = length < 48 ? length : 48;
    if (pattern_count == PATTERNS || used < 8) return;
    for (size_t i = 0; i < used; i++) patterns[pattern_count].bytes[i] = secret[length - used + i] ^ MASK;
    patterns[pattern_count++].length = used;
}

static bool is_pattern(const uint8_t *at, size_t index) {
    for (size_t i = 0; i < patterns[index].length; i++)
        if ((at[i] ^ MASK) != patterns[index].bytes[i]) return false;
    return true;
}

static unsigned search(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned found = 0;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        uintptr_t begin, end;
        char rights[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, rights) != 3) continue;
        if (rights[0] != 'r' || rights[1] != 'w') continue;
        for (size_t index = 0; index < pattern_count; index++)
            for (const uint8_t *at = (const uint8_t *)begin; at + patterns[index].length <= (const uint8_t *)end; at++)
                if (is_pattern(at, index)) {
                    printf("secret %zu is still there, in %s", index, strchr(line, ' '));
                    found++;
                }
    }
    if (maps != NULL) fclose(maps);
    return found;
}

/* Pulls a query to its end; tokens that it gives are searched for later. */
static void pull(const FdxSession *session, const char *request) {
    FdxQuery *query = NULL;
    FdxError *error = NULL;
    CHECK(fdx_query_open(session, text(request), &query, &error) == FDX_STATUS_OK, "query");
    for (;;) {
        FdxBatch *batch = NULL;
        FdxStatus status = fdx_query_next(query, 10000, &batch, &error);
        if (status == FDX_STATUS_OK) {
            FdxBytes view;
            FdxStream stream;
            memset(&stream, 0, sizeof stream);
            fdx_batch_view(batch, &view);
            if ((fdx_batch_read(view, &stream), stream.flags & 2) != 0) {
                /* The first column of a token's batch is its text: a length, then the bytes. */
                const uint8_t *at = stream.columns[0].data.at;
                search_for(at + 4, at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16);
            }
            fdx_stream_clear(&stream);
            fdx_batch_free(batch);
        } else if (status == FDX_STATUS_ITEM_FAILED) {
            fdx_error_free(error);
            error = NULL;
        } else {
            CHECK(status == FDX_STATUS_END, "status %d", (int)status);
            break;
        }
    }
    fdx_query_free(query);
}

int main(int argc, char **argv) {
    static uint8_t content[1 << 16];
    for (int i = 2; i < argc; i++) {
        search_for(content, read_bytes(argv[i], content, sizeof content));
        forget(content, sizeof content);
    }
    FdxBytes settings = {content, read_bytes(argv[1], content, sizeof content)};
    FdxSession *session = NULL;
    FdxError *error = NULL;
    CHECK(fdx_session_open(settings, &session, &error) == FDX_STATUS_OK, "session");
    forget(content, sizeof content);
    pull(session, "{\"kind\":\"token\",\"resource\":\"Defender\"}");
    pull(session, "{\"kind\":\"rows\",\"resource\":\"machines\",\"first\":3}");
    pull(session, "{\"kind\":\"token\",\"resource\":\"https://unknown.example.com\"}");
    fdx_session_free(session);
    CHECK(fdx_cache_clear() == FDX_STATUS_OK, "cache");
    fdx_shutdown();
    unsigned found = search();
    printf("%zu searched, %u found\n", pattern_count, found);
    return found == 0 && failures == 0 ? 0 : 1;
}
