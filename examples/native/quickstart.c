/* FedXdr without PowerShell: the same library through the C ABI. Shows the token and counts a tenant's vulnerabilities.
 *   quickstart ADDRESSES.json      what the fake tenant printed when it started; FEDXDR_DEMO_TENANT can name the file
 * Compile: cc -std=c11 -I native/abi/include examples/native/quickstart.c -L target/release -lfedxdr_native
 * `examples/native/demo.sh` does all of it. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <time.h>

#include "fdx_batch.h"
#include "json.h"

static FdxBytes text(const char *string) {
    FdxBytes bytes = {(const uint8_t *)string, strlen(string)};
    return bytes;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Prints what went wrong and what to do about it, and frees the error. */
static void tell(FdxError *error) {
    FdxErrorView view;
    if (fdx_error_view(error, &view) == FDX_STATUS_OK) {
        fprintf(stderr, "%.*s: ", (int)view.id.len, (const char *)view.id.ptr);
        fprintf(stderr, "%.*s\n", (int)view.message.len, (const char *)view.message.ptr);
        if (view.advice.len > 0) fprintf(stderr, "%.*s\n", (int)view.advice.len, (const char *)view.advice.ptr);
    }
    fdx_error_free(error);
}

typedef void OnBatch(FdxStream *stream, void *state);

/* Sends a request and passes every batch of the answer to `on_batch`. True if it ended without an error. */
static bool run(const FdxSession *session, const char *request, OnBatch *on_batch, void *state) {
    static FdxStream stream; /* one tenant, so one stream */
    FdxQuery *query = NULL;
    FdxError *error = NULL;
    FdxStatus status = fdx_query_open(session, text(request), &query, &error);
    bool well = status == FDX_STATUS_OK;
    while (status == FDX_STATUS_OK || status == FDX_STATUS_PENDING || status == FDX_STATUS_ITEM_FAILED) {
        FdxBatch *batch = NULL;
        FdxBytes view;
        status = fdx_query_next(query, 1000, &batch, &error);
        if (status == FDX_STATUS_OK) {
            if (fdx_batch_view(batch, &view) == FDX_STATUS_OK && fdx_batch_read(view, &stream))
                on_batch(&stream, state);
            else
                well = false;
            fdx_batch_free(batch);
        }
        if (error != NULL) {
            well = false;
            tell(error);
            error = NULL;
        }
    }
    if (error != NULL) tell(error);
    fdx_query_free(query);
    fdx_stream_clear(&stream);
    return well && status == FDX_STATUS_END;
}

/* Prints the texts of one row's column, of any text kind. The caller never asks for the token itself. */
static void print_texts(FdxColumn *column) {
    FdxReader *data = &column->data;
    if (column->kind == FDX_TEXT) {
        FdxBytes value = fdx_text(data);
        printf("%.*s", (int)value.len, (const char *)value.ptr);
        return;
    }
    fdx_dictionary(column);
    uint32_t count = column->kind == FDX_TEXT_LIST ? (uint32_t)fdx_number(data, 4) : 1;
    for (uint32_t i = 0; count != FDX_NULL_LENGTH && i < count && !data->broken; i++) {
        uint32_t index = (uint32_t)fdx_number(data, 4);
        if (index > 0 && index <= column->entry_count) printf("%s%s", i > 0 ? ", " : "", column->entries[index - 1]);
    }
}

static void show_token(FdxStream *stream, void *state) {
    static const char *const shown[] = {"audience", "appId", "roles"};
    (void)state;
    if (stream->rows == 0) return;
    printf("  %-10s%s\n", "tenant", stream->tenant);
    for (uint16_t i = 0; i < stream->column_count; i++)
        for (size_t k = 0; k < sizeof shown / sizeof *shown; k++)
            if (strcmp(stream->columns[i].name, shown[k]) == 0) {
                printf("  %-10s", shown[k]);
                print_texts(&stream->columns[i]);
                printf("\n");
            }
}

enum { MAX_SEVERITIES = 16 };

typedef struct Tally {
    uint64_t rows, unknown, counts[MAX_SEVERITIES];
    char names[MAX_SEVERITIES][32];
    bool broken;
} Tally;

static void count_rows(FdxStream *stream, void *state) {
    Tally *tally = state;
    tally->rows += stream->rows;
    for (uint16_t i = 0; i < stream->column_count; i++) {
        FdxColumn *column = &stream->columns[i];
        if (strcmp(column->name, "vulnerabilitySeverityLevel") != 0 || column->kind != FDX_DICTIONARY) continue;
        fdx_dictionary(column);
        for (uint32_t row = 0; row < stream->rows; row++) {
            uint32_t index = (uint32_t)fdx_number(&column->data, 4);
            const char *name = index > 0 && index <= column->entry_count ? column->entries[index - 1] : "(none)";
            size_t slot = 0;
            while (slot < MAX_SEVERITIES && tally->names[slot][0] != 0 && strcmp(tally->names[slot], name) != 0)
                slot++;
            if (slot == MAX_SEVERITIES) {
                tally->unknown++;
                continue;
            }
            if (tally->names[slot][0] == 0) snprintf(tally->names[slot], sizeof tally->names[slot], "%s", name);
            tally->counts[slot]++;
        }
        tally->broken |= column->data.broken;
    }
}

/* The settings document for the addresses that the fake tenant printed. */
static bool read_settings(const char *path, char *settings, size_t size) {
    static char json[1 << 16];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    json[fread(json, 1, sizeof json - 1, file)] = 0;
    fclose(file);
    char endpoint[256], header[256], tenant[128], client[128], identity[128], authority[256], defender[256];
    bool whole = json_text(json_member(json, "identityEndpoint"), endpoint, sizeof endpoint) &&
                 json_text(json_member(json, "identityHeader"), header, sizeof header) &&
                 json_text(json_member(json_first(json_member(json, "tenants")), "tenantId"), tenant, sizeof tenant) &&
                 json_text(json_member(json, "clientId"), client, sizeof client) &&
                 json_text(json_member(json_member(json, "managedIdentity"), "clientId"), identity, sizeof identity) &&
                 json_text(json_member(json, "authority"), authority, sizeof authority) &&
                 json_text(json_member(json, "defender"), defender, sizeof defender);
    int length = snprintf(settings, size,
                          "{\"environment\":{\"IDENTITY_ENDPOINT\":\"%s\",\"IDENTITY_HEADER\":\"%s\"},"
                          "\"tenants\":[\"%s\"],\"clientId\":\"%s\","
                          "\"credential\":{\"type\":\"managedIdentity\",\"clientId\":\"%s\"},"
                          "\"endpoints\":{\"authority\":\"%s\",\"defender\":\"%s\"},\"userAgent\":\"quickstart.c\"}",
                          endpoint, header, tenant, client, identity, authority, defender);
    if (!whole || length < 0 || (size_t)length >= size) {
        fprintf(stderr, "%s: not what the fake tenant prints\n", path);
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    static char settings[4096];
    static Tally tally;
    const char *path = argc > 1 ? argv[1] : getenv("FEDXDR_DEMO_TENANT");
    if (path == NULL) {
        fprintf(stderr, "usage: %s ADDRESSES.json\n", argv[0]);
        return 2;
    }
    if (!read_settings(path, settings, sizeof settings)) return 2;
    FdxSession *session = NULL;
    FdxError *error = NULL;
    if (fdx_session_open(text(settings), &session, &error) != FDX_STATUS_OK) {
        tell(error);
        return 1;
    }
    printf("Demo: the identity endpoint, Entra and Defender are stand-ins on this machine; the data is invented.\n");
    printf("\nThe token\n");
    if (!run(session, "{\"kind\":\"token\",\"resource\":\"Defender\"}", show_token, NULL)) return 1;
    double start = now();
    const char *rows = "{\"kind\":\"rows\",\"resource\":\"softwareVulnerabilitiesByMachine\"}";
    bool well = run(session, rows, count_rows, &tally) && !tally.broken;
    double seconds = now() - start;
    printf("\nVulnerabilities\n");
    for (size_t i = 0; i < MAX_SEVERITIES && tally.names[i][0] != 0; i++)
        printf("  %-10s%10llu\n", tally.names[i], (unsigned long long)tally.counts[i]);
    if (tally.unknown > 0) printf("  %-10s%10llu\n", "others", (unsigned long long)tally.unknown);
    printf("\n%llu rows in %.2f s: ", (unsigned long long)tally.rows, seconds);
    printf("%.0f rows per second\n", (double)tally.rows / seconds);
    fdx_session_free(session);
    return well ? 0 : 1;
}
