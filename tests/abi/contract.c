/* The C ABI as a stranger sees it: native/abi/README.md, rule by rule.
 *   contract                                the rules that need no service
 *   contract SETTINGS REQUEST ROWS SECRET   and a pull of ROWS rows; documents are in files; no error may show SECRET
 * One line per failed check; the last line is "N checks, N failed". tests/contract.rs runs it, also under valgrind.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fdx_batch.h"
#include "support.h"

#define TENANT "11111111-1111-1111-1111-111111111111"
#define IDENTITY_HEADER "header-that-nobody-may-see-4711"

static const char *secret_text = IDENTITY_HEADER;

/* Checks an error's rules and frees it. */
static void check_error(FdxError *error, const char *what) {
    FdxErrorView view;
    memset(&view, 0, sizeof view);
    CHECK(error != NULL, "%s: no error object", what);
    if (error == NULL) return;
    CHECK(fdx_error_view(error, &view) == FDX_STATUS_OK, "%s: no view", what);
    CHECK(view.kind >= 1 && view.kind <= 10, "%s: kind %d", what, (int)view.kind);
    CHECK(view.retry_after_seconds >= -1, "%s: retry after %d", what, (int)view.retry_after_seconds);
    CHECK(starts_with(view.id, "Fdx."), "%s: id '%.*s'", what, TEXT(view.id));
    CHECK(view.message.len > 0, "%s: no message", what);
    CHECK(view.step.len > 0, "%s: no step", what);
    const FdxBytes texts[] = {view.id, view.message, view.advice, view.step, view.tenant, view.item,
          view.correlation_id, view.detail};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK(texts[i].len == 0 || texts[i].ptr != NULL, "%s: text %zu is NULL but not empty", what, i);
        CHECK(!contains(texts[i], secret_text), "%s: text %zu shows the secret", what, i);
    }
    fdx_error_free(error);
}

static FdxSession *open_session(const char *settings) {
    FdxSession *session = NULL;
    FdxError *error = NULL;
    FdxStatus status = fdx_session_open(text(settings), &session, &error);
    CHECK(status == FDX_STATUS_OK && session != NULL && error == NULL, "session: status %d", (int)status);
    if (error != NULL) check_error(error, "session");
    return session;
}

static FdxQuery *open_query(const FdxSession *session, const char *request) {
    FdxQuery *query = NULL;
    FdxError *error = NULL;
    FdxStatus status = fdx_query_open(session, text(request), &query, &error);
    CHECK(status == FDX_STATUS_OK && query != NULL && error == NULL, "query: status %d", (int)status);
    if (error != NULL) check_error(error, "query");
    return query;
}

/* A session whose identity endpoint is at `port` of this machine. */
static FdxSession *open_local(int port) {
    char settings[1024];
    snprintf(settings, sizeof settings,
             "{\"environment\":{\"IDENTITY_ENDPOINT\":\"http://127.0.0.1:%d/token\","
             "\"IDENTITY_HEADER\":\"" IDENTITY_HEADER "\"},"
             "\"tenants\":[\"" TENANT "\"],\"clientId\":\"22222222-2222-2222-2222-222222222222\","
             "\"credential\":{\"type\":\"managedIdentity\"},\"retry\":{\"attempts\":0,\"baseDelayMs\":1},"
             "\"endpoints\":{\"authority\":\"http://127.0.0.1:%d\",\"defender\":\"http://127.0.0.1:%d\"}}",
             port, port, port);
    return open_session(settings);
}

static const char *local_request = "{\"kind\":\"token\",\"resource\":\"Defender\"}";

/* Documents that do not fit are refused, each with an error object. */
static void refuses_settings(FdxBytes document, const char *what) {
    FdxSession *session = NULL;
    FdxError *error = NULL;
    CHECK(fdx_session_open(document, &session, &error) == FDX_STATUS_INVALID_ARGUMENT, "settings %s: accepted", what);
    CHECK(session == NULL, "settings %s: wrote a session", what);
    check_error(error, what);
    CHECK(fdx_session_open(document, &session, NULL) == FDX_STATUS_INVALID_ARGUMENT,
          "settings %s: needs the error output", what);
}

static void refuses_request(const FdxSession *session, FdxBytes document, const char *what) {
    FdxQuery *query = NULL;
    FdxError *error = NULL;
    CHECK(fdx_query_open(session, document, &query, &error) == FDX_STATUS_INVALID_ARGUMENT, "request %s: accepted",
          what);
    CHECK(query == NULL, "request %s: wrote a query", what);
    check_error(error, what);
    CHECK(fdx_query_open(session, document, &query, NULL) == FDX_STATUS_INVALID_ARGUMENT,
          "request %s: needs the error output", what);
}

static void test_garbage(const FdxSession *session) {
    static const uint8_t bad[] = {'{', '"', 0xFF, 0xFE, '"', ':', '1', '}'};
    static const uint8_t cut[] = {'{', '"', 0xE2, 0x82};
    const FdxBytes bad_utf8 = {bad, sizeof bad}, cut_utf8 = {cut, sizeof cut}, null_text = {NULL, 5},
          nothing = {NULL, 0};
    refuses_settings(bad_utf8, "of bad UTF-8");
    refuses_settings(cut_utf8, "of cut-off UTF-8");
    refuses_settings(null_text, "that are NULL but not empty");
    refuses_settings(nothing, "that are empty");
    refuses_settings(text("{"), "cut off");
    refuses_settings(text("[]"), "of another shape");
    refuses_settings(text("{\"credential\":{\"type\":\"managedIdentity\"},\"colour\":1}"), "with an unknown member");
    refuses_settings(text("{\"credential\":{\"type\":\"managedIdentity\",\"colour\":1}}"),
          "with an unknown member inside");
    refuses_settings(text("{\"credential\":{\"type\":\"crystalBall\"}}"), "with an unknown credential");
    refuses_settings(text("{\"credential\":{\"type\":\"managedIdentity\"},"
                          "\"endpoints\":{\"defender\":\"http://example.com\"}}"),
                     "with plain http to a far host");
    refuses_request(session, bad_utf8, "of bad UTF-8");
    refuses_request(session, null_text, "that is NULL but not empty");
    refuses_request(session, nothing, "that is empty");
    refuses_request(session, text("null"), "of another shape");
    refuses_request(session, text("{\"kind\":\"rows\",\"resource\":\"machines\",\"colour\":1}"),
          "with an unknown member");
    refuses_request(session, text("{\"kind\":\"rows\",\"resource\":\"unicorn\"}"), "for an unknown resource");
    refuses_request(session, text("{\"kind\":\"dance\"}"), "of an unknown kind");
}

static void test_nulls(FdxSession *session) {
    FdxSession *no_session = NULL;
    FdxQuery *query = NULL, *started = open_query(session, local_request);
    FdxBatch *batch = NULL;
    FdxError *error = NULL;
    FdxStats stats;
    FdxBytes view;
    FdxErrorView error_view;
    const FdxBytes settings = text("{\"credential\":{\"type\":\"managedIdentity\"}}"), request = text(local_request);
#define REFUSED(call) CHECK((call) == FDX_STATUS_INVALID_ARGUMENT, "%s: not refused", #call)
    REFUSED(fdx_session_open(settings, NULL, NULL));
    REFUSED(fdx_session_open(settings, NULL, &error));
    if (error != NULL) check_error(error, "NULL session output");
    error = NULL;
    REFUSED(fdx_query_open(NULL, request, &query, NULL));
    REFUSED(fdx_query_open(NULL, request, &query, &error));
    if (error != NULL) check_error(error, "NULL session");
    error = NULL;
    REFUSED(fdx_query_open(session, request, NULL, &error));
    if (error != NULL) check_error(error, "NULL query output");
    error = NULL;
    REFUSED(fdx_query_next(NULL, 0, &batch, &error));
    REFUSED(fdx_query_next(started, 0, NULL, &error));
    REFUSED(fdx_query_messages(NULL, &batch));
    REFUSED(fdx_query_messages(started, NULL));
    REFUSED(fdx_query_summary(NULL, &batch));
    REFUSED(fdx_query_summary(started, NULL));
    REFUSED(fdx_query_stats(NULL, &stats));
    REFUSED(fdx_query_stats(started, NULL));
    REFUSED(fdx_query_cancel(NULL));
    REFUSED(fdx_batch_view(NULL, &view));
    REFUSED(fdx_error_view(NULL, &error_view));
    CHECK(no_session == NULL && query == NULL && batch == NULL, "a refused call wrote its output");
    if (error != NULL) check_error(error, "NULL query");
    error = NULL;

    FdxStatus status = fdx_session_open(text("{"), &no_session, &error);
    CHECK(status == FDX_STATUS_INVALID_ARGUMENT && error != NULL, "status %d", (int)status);
    REFUSED(fdx_error_view(error, NULL));
    fdx_error_free(error);
    fdx_query_free(started);

    fdx_session_free(NULL);
    fdx_query_free(NULL);
    fdx_batch_free(NULL);
    fdx_error_free(NULL);
}

/* Pulls until the query is over and gives back the status that said so; item errors are counted. */
static FdxStatus drain(FdxQuery *query, FdxStream *streams, uint32_t stream_count, uint64_t *rows, unsigned *errors) {
    for (;;) {
        FdxBatch *batch = NULL;
        FdxError *error = NULL;
        FdxStatus status = fdx_query_next(query, 200, &batch, &error);
        CHECK((batch != NULL) == (status == FDX_STATUS_OK), "status %d: a batch or none", (int)status);
        CHECK((error != NULL) == (status == FDX_STATUS_ITEM_FAILED || status == FDX_STATUS_FAILED),
              "status %d: an error or none", (int)status);
        if (error != NULL) {
            *errors += 1;
            check_error(error, "next");
        }
        if (batch != NULL) {
            FdxBytes view;
            CHECK(fdx_batch_view(batch, NULL) == FDX_STATUS_INVALID_ARGUMENT, "batch view: NULL not refused");
            CHECK(fdx_batch_view(batch, &view) == FDX_STATUS_OK, "no view");
            uint32_t stream = fdx_batch_stream(view);
            CHECK(stream < stream_count, "stream %u", (unsigned)stream);
            if (stream < stream_count) {
                bool first = streams[stream].column_count == 0;
                CHECK(!(streams[stream].flags & FDX_BATCH_LAST), "a batch after the last one of its stream");
                CHECK(fdx_batch_read(view, &streams[stream]) && read_columns(&streams[stream]),
                      "batch: not as documented");
                CHECK(!first || (streams[stream].flags & FDX_BATCH_SCHEMA), "the first batch has no schema");
                *rows += streams[stream].rows;
            }
            fdx_batch_free(batch);
        }
        if (status != FDX_STATUS_OK && status != FDX_STATUS_PENDING && status != FDX_STATUS_ITEM_FAILED) return status;
    }
}

/* Nobody listens: the query fails with an error that says so, and stays over. */
static void test_failure(void) {
    FdxSession *session = open_local(closed_port());
    FdxQuery *query = open_query(session, local_request);
    FdxStream stream;
    uint64_t rows = 0;
    unsigned errors = 0;
    memset(&stream, 0, sizeof stream);
    fdx_session_free(session); /* rule 6: the query goes on */
    FdxStatus status = drain(query, &stream, 1, &rows, &errors);
    CHECK(status == FDX_STATUS_END || status == FDX_STATUS_FAILED, "nobody listens: status %d", (int)status);
    CHECK(rows == 0 && errors == 1, "nobody listens: %u errors", errors);
    for (int i = 0; i < 3; i++) {
        FdxBatch *batch = NULL;
        status = fdx_query_next(query, 0, &batch, NULL);
        CHECK(status == FDX_STATUS_END, "after the end: status %d", (int)status);
    }
    CHECK(fdx_query_cancel(query) == FDX_STATUS_OK, "a cancel after the end is refused");
    fdx_query_free(query);
    fdx_stream_clear(&stream);
}

struct Waiting {
    const FdxQuery *query;
    FdxStatus status;
    double seconds;
};

static void *wait_for_next(void *argument) {
    struct Waiting *waiting = argument;
    FdxBatch *batch = NULL;
    double start = now();
    do waiting->status = fdx_query_next(waiting->query, 20000, &batch, NULL);
    while (waiting->status == FDX_STATUS_BUSY); /* the other thread's probe may come first */
    waiting->seconds = now() - start;
    fdx_batch_free(batch);
    return NULL;
}

/* The identity endpoint takes the connection and never answers. */
static void test_cancel(void) {
    int listener, port = open_port(&listener);
    FdxSession *session = open_local(port);
    FdxQuery *query = open_query(session, local_request);
    struct Waiting waiting = {query, FDX_STATUS_OK, 0};
    FdxBatch *batch = NULL;
    FdxStats stats;
    pthread_t thread;

    CHECK(fdx_query_next(query, 0, &batch, NULL) == FDX_STATUS_PENDING, "something came from a silent service");
    double start = now();
    CHECK(fdx_query_next(query, 100, &batch, NULL) == FDX_STATUS_PENDING, "something came from a silent service");
    CHECK(now() - start >= 0.09, "next did not wait");

    CHECK(pthread_create(&thread, NULL, wait_for_next, &waiting) == 0, "no thread");
    FdxStatus status = FDX_STATUS_OK;
    for (start = now(); now() - start < 10 && status != FDX_STATUS_BUSY;) {
        pause_ms(1);
        status = fdx_query_next(query, 0, &batch, NULL);
    }
    CHECK(status == FDX_STATUS_BUSY, "a second consumer: status %d", (int)status);
    CHECK(fdx_query_stats(query, &stats) == FDX_STATUS_OK, "stats while next waits");
    CHECK(stats.tenants == 1 && stats.tenants_ended == 0 && stats.rows == 0, "stats: %u of %u tenants",
          stats.tenants_ended, stats.tenants);
    CHECK(stats.phase >= 1 && stats.phase <= 5, "phase %u", stats.phase);

    start = now();
    CHECK(fdx_query_cancel(query) == FDX_STATUS_OK, "cancel");
    CHECK(fdx_query_cancel(query) == FDX_STATUS_OK, "a second cancel");
    pthread_join(thread, NULL);
    CHECK(now() - start < 5, "next went on for %.1f s after the cancel", now() - start);
    CHECK(waiting.status == FDX_STATUS_CANCELLED, "cancelled from another thread: status %d", (int)waiting.status);
    CHECK(fdx_query_next(query, 0, &batch, NULL) == FDX_STATUS_CANCELLED, "cancelled does not stay so");
    CHECK(batch == NULL, "a batch after the cancel");
    fdx_query_free(query);

    query = open_query(session, local_request); /* freed while it runs */
    fdx_query_free(query);
    fdx_session_free(session);
    close(listener);
}

/* Rule 9. */
static void test_fork(const FdxSession *session) {
    FdxQuery *started = open_query(session, local_request);
    pid_t child = fork();
    if (child == 0) {
        FdxQuery *query = NULL;
        bool told = fdx_query_open(session, text(local_request), &query, NULL) == FDX_STATUS_FORKED
              && fdx_cache_clear() == FDX_STATUS_FORKED;
        alarm(10); /* a call that waits for the parent's threads never returns */
        told = told && fdx_abi_version() == 4;
        fdx_query_free(started);
        fdx_session_free((FdxSession *)session);
        fdx_shutdown();
        alarm(0);
        /* Not by _exit: the parent's threads are gone and what only they pointed at would count as leaked. */
        execl("/bin/sh", "sh", "-c", told && query == NULL ? "exit 0" : "exit 1", (char *)NULL);
        _exit(127);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a forked child is not told so, or hangs: status %d", status);
    fdx_query_free(started);
}

/* A file that never answers (here a pipe that nobody writes to) is an error, and keeps no other query waiting. */
static void test_pipe(const FdxSession *session) {
    char pipe[64], settings[512];
    snprintf(pipe, sizeof pipe, "/tmp/fedxdr-contract-%d", (int)getpid());
    CHECK(mkfifo(pipe, 0600) == 0, "no pipe");
    const char *credentials[] = {"{\"type\":\"workloadIdentity\",\"tokenFile\":\"%s\"}",
          "{\"type\":\"certificate\",\"path\":\"%s\"}"};
    for (size_t i = 0; i < sizeof credentials / sizeof *credentials; i++) {
        int length = snprintf(settings, sizeof settings,
                              "{\"tenants\":[\"" TENANT "\"],\"clientId\":\"22222222-2222-2222-2222-222222222222\","
                              "\"credential\":");
        length += snprintf(settings + length, sizeof settings - (size_t)length, credentials[i], pipe);
        snprintf(settings + length, sizeof settings - (size_t)length, "}");
        FdxSession *piped = NULL;
        FdxError *error = NULL;
        FdxErrorView view;
        alarm(30);
        FdxStatus status = fdx_session_open(text(settings), &piped, &error);
        if (i == 1) {
            CHECK(status == FDX_STATUS_INVALID_ARGUMENT && piped == NULL, "a pipe as certificate: status %d",
                  (int)status);
            CHECK(fdx_error_view(error, &view) == FDX_STATUS_OK && contains(view.id, "Fdx.Certificate.Unreadable"),
                  "id '%.*s'", TEXT(view.id));
            check_error(error, "a pipe as certificate");
            alarm(0);
            continue;
        }
        CHECK(status == FDX_STATUS_OK, "a pipe as token file: status %d", (int)status);
        FdxQuery *query = open_query(piped, local_request), *other = open_query(session, local_request);
        FdxBatch *batch = NULL;
        CHECK(fdx_query_next(other, 5000, &batch, &error) == FDX_STATUS_ITEM_FAILED,
              "another query waits for the pipe");
        check_error(error, "another query");
        CHECK(fdx_query_next(query, 5000, &batch, &error) == FDX_STATUS_ITEM_FAILED, "the query waits for the pipe");
        CHECK(fdx_error_view(error, &view) == FDX_STATUS_OK && contains(view.id, "Fdx.Workload.FileUnreadable"),
              "id '%.*s'", TEXT(view.id));
        check_error(error, "a pipe as token file");
        alarm(0);
        fdx_query_free(query);
        fdx_query_free(other);
        fdx_session_free(piped);
    }
    unlink(pipe);
}

static void test_pull(char *settings, char *request, uint64_t expected) {
    FdxSession *session = open_session(settings);
    FdxQuery *query = open_query(session, request);
    FdxStream streams[4];
    FdxStats stats;
    uint64_t rows = 0;
    unsigned errors = 0;
    memset(streams, 0, sizeof streams);
    fdx_session_free(session);
    FdxStatus status = drain(query, streams, 4, &rows, &errors);
    CHECK(status == FDX_STATUS_END && errors == 0, "pull: status %d, %u errors", (int)status, errors);
    CHECK(rows == expected, "pull: %llu rows", (unsigned long long)rows);
    CHECK(streams[0].tenant != NULL && streams[0].tenant[0] != 0, "pull: no tenant");
    CHECK(fdx_query_stats(query, &stats) == FDX_STATUS_OK && stats.rows == expected, "pull: stats of %llu rows",
          (unsigned long long)stats.rows);
    CHECK(stats.phase == 6 && stats.tenants_ended == stats.tenants, "pull: phase %u", stats.phase);
    FdxBatch *messages = NULL;
    while (fdx_query_messages(query, &messages) == FDX_STATUS_OK) {
        FdxStream stream;
        FdxBytes view;
        memset(&stream, 0, sizeof stream);
        CHECK(fdx_batch_view(messages, &view) == FDX_STATUS_OK, "no view");
        CHECK(fdx_batch_read(view, &stream) && read_columns(&stream) && stream.column_count == 2,
              "messages: not as documented");
        CHECK(!contains(view, secret_text), "a message shows the secret");
        fdx_stream_clear(&stream);
        fdx_batch_free(messages);
        messages = NULL;
    }
    FdxBatch *summary = NULL;
    CHECK(fdx_query_summary(query, &summary) == FDX_STATUS_OK, "no summary");
    if (summary != NULL) {
        FdxStream stream;
        FdxBytes view;
        memset(&stream, 0, sizeof stream);
        CHECK(fdx_batch_view(summary, &view) == FDX_STATUS_OK, "no view");
        CHECK(fdx_batch_read(view, &stream) && stream.rows == stats.tenants && read_columns(&stream) &&
              stream.column_count == 14, "summary: not as documented");
        fdx_stream_clear(&stream);
        fdx_batch_free(summary);
    }
    FdxBatch *batch = NULL;
    for (int i = 0; i < 3; i++) CHECK(fdx_query_next(query, 0, &batch, NULL) == FDX_STATUS_END, "END does not stay so");
    fdx_query_free(query);

    session = open_session(settings); /* left in the middle */
    query = open_query(session, request);
    CHECK(fdx_query_next(query, 20000, &batch, NULL) == FDX_STATUS_OK, "no first batch");
    fdx_query_free(query);
    fdx_batch_free(batch); /* a batch outlives its query */
    fdx_session_free(session);
    for (int i = 0; i < 4; i++) fdx_stream_clear(&streams[i]);
}

/* A connection whose assertions the caller makes: the query asks, waits, and goes on with what it is told. */
static void test_assertion(void) {
    char settings[512];
    snprintf(settings, sizeof settings,
             "{\"tenants\":[\"" TENANT "\"],\"clientId\":\"22222222-2222-2222-2222-222222222222\","
             "\"credential\":{\"type\":\"clientAssertion\"},"
             "\"retry\":{\"attempts\":0},\"endpoints\":{\"authority\":\"http://127.0.0.1:%d\"}}",
             closed_port());
    FdxSession *session = open_session(settings);
    const FdxBytes nothing = {NULL, 0}, null_text = {NULL, 5}, bad = {(const uint8_t *)"\xFF\xFE", 2};
    const struct {
        FdxBytes assertion, failure;
        const char *id;
    } answers[] = {
        {nothing, text("no vault today"), "Fdx.Assertion.ScriptFailed"},
        {nothing, nothing, "Fdx.Assertion.ScriptFailed"},
        {text("not a token"), nothing, "Fdx.Assertion.Invalid"},
        {text("e30.e30.fake"), nothing, "Fdx.Auth.Unreachable"},
    };
    CHECK(fdx_query_answer(NULL, nothing, nothing) == FDX_STATUS_INVALID_ARGUMENT, "NULL query");
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        FdxQuery *query = open_query(session, local_request);
        FdxBatch *batch = NULL;
        FdxError *error = NULL;
        CHECK(fdx_query_answer(query, text("a.b.c"), nothing) == FDX_STATUS_INVALID_ARGUMENT, "nothing was asked");
        CHECK(fdx_query_next(query, 20000, &batch, &error) == FDX_STATUS_NEEDS_ASSERTION, "it does not ask");
        CHECK(batch == NULL && error == NULL, "it writes more than a status");
        CHECK(fdx_query_next(query, 20000, &batch, &error) == FDX_STATUS_NEEDS_ASSERTION, "it does not ask again");
        CHECK(fdx_query_answer(query, null_text, nothing) == FDX_STATUS_INVALID_ARGUMENT, "NULL but not empty");
        CHECK(fdx_query_answer(query, bad, nothing) == FDX_STATUS_INVALID_ARGUMENT, "bad UTF-8");
        CHECK(fdx_query_answer(query, nothing, bad) == FDX_STATUS_INVALID_ARGUMENT, "a reason in bad UTF-8");
        CHECK(fdx_query_answer(query, answers[i].assertion, answers[i].failure) == FDX_STATUS_OK, "the answer");
        CHECK(fdx_query_answer(query, answers[i].assertion, answers[i].failure) == FDX_STATUS_INVALID_ARGUMENT,
              "answered twice");
        CHECK(fdx_query_next(query, 20000, &batch, &error) == FDX_STATUS_ITEM_FAILED, "no error");
        FdxErrorView view;
        memset(&view, 0, sizeof view);
        CHECK(fdx_error_view(error, &view) == FDX_STATUS_OK && contains(view.id, answers[i].id),
              "answer %zu: id '%.*s'", i, TEXT(view.id));
        check_error(error, "assertion");
        CHECK(fdx_query_next(query, 20000, &batch, NULL) == FDX_STATUS_END, "no end");
        fdx_query_free(query);
    }
    CHECK(fdx_cache_clear() == FDX_STATUS_OK, "cache"); /* the last answer looked like a token, and is kept */
    FdxQuery *left = open_query(session, local_request); /* left while it asks */
    FdxBatch *none = NULL;
    CHECK(fdx_query_next(left, 20000, &none, NULL) == FDX_STATUS_NEEDS_ASSERTION, "it does not ask");
    fdx_query_free(left);
    fdx_session_free(session);
}

/* A connection whose certificate the caller signs with: the query hands out what to sign, and sends the signature. */
static void test_signature(void) {
    char settings[512];
    snprintf(settings, sizeof settings,
             "{\"tenants\":[\"" TENANT "\"],\"clientId\":\"22222222-2222-2222-2222-222222222222\","
             "\"credential\":{\"type\":\"callerCertificate\",\"certificate\":\"ZmFrZQ==\",\"algorithm\":\"PS256\"},"
             "\"retry\":{\"attempts\":0},\"endpoints\":{\"authority\":\"http://127.0.0.1:%d\"}}",
             closed_port());
    FdxSession *session = open_session(settings);
    const FdxBytes nothing = {NULL, 0}, signature = {(const uint8_t *)"\xFF\x00 fake", 7};
    const struct {
        FdxBytes signature, failure;
        const char *id;
    } answers[] = {
        {nothing, text("the card was pulled"), "Fdx.Certificate.KeyRefused"},
        {signature, nothing, "Fdx.Auth.Unreachable"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        FdxQuery *query = open_query(session, local_request);
        FdxBatch *batch = NULL, *again = NULL;
        FdxError *error = NULL;
        CHECK(fdx_query_next(query, 20000, &batch, &error) == FDX_STATUS_NEEDS_SIGNATURE, "it does not ask");
        CHECK(fdx_query_next(query, 20000, &again, &error) == FDX_STATUS_NEEDS_SIGNATURE, "it does not ask again");
        CHECK(fdx_query_answer(query, answers[i].signature, answers[i].failure) == FDX_STATUS_OK, "the answer");
        FdxBytes view;
        CHECK(fdx_batch_view(batch, &view) == FDX_STATUS_OK && view.len > 10, "nothing to sign");
        CHECK(memchr(view.ptr, '.', view.len) != NULL, "what is signed has two parts");
        fdx_batch_free(batch); /* outlives its answer */
        fdx_batch_free(again);
        batch = NULL;
        CHECK(fdx_query_next(query, 20000, &batch, &error) == FDX_STATUS_ITEM_FAILED, "no error");
        FdxErrorView what;
        memset(&what, 0, sizeof what);
        CHECK(fdx_error_view(error, &what) == FDX_STATUS_OK && contains(what.id, answers[i].id),
              "answer %zu: id '%.*s'", i, TEXT(what.id));
        check_error(error, "signature");
        CHECK(fdx_query_next(query, 20000, &batch, NULL) == FDX_STATUS_END, "no end");
        fdx_query_free(query);
    }
    fdx_session_free(session);
}

int main(int argc, char **argv) {
    CHECK(fdx_abi_version() == 4, "version %u", fdx_abi_version());
    FdxBytes version = {0};
    CHECK(fdx_version(&version) == FDX_STATUS_OK, "version");
    CHECK(version.len >= 5 && memchr(version.ptr, '.', version.len), "it is no version");
    CHECK(fdx_version(NULL) == FDX_STATUS_INVALID_ARGUMENT, "no output");
    CHECK(fdx_cache_clear() == FDX_STATUS_OK, "the cache before any use");
    FdxSession *session = open_local(closed_port());
    test_garbage(session);
    test_nulls(session);
    test_failure();
    test_cancel();
    test_assertion();
    test_signature();
    test_fork(session);
    test_pipe(session);
    fdx_session_free(session);
    if (argc == 5) {
        char *settings = read_file(argv[1]), *request = read_file(argv[2]);
        secret_text = argv[4];
        CHECK(fdx_cache_clear() == FDX_STATUS_OK, "cache");
        test_pull(settings, request, strtoull(argv[3], NULL, 10));
        free(settings);
        free(request);
    }
    CHECK(fdx_cache_clear() == FDX_STATUS_OK, "cache");
    fdx_shutdown();
    fdx_shutdown();
    printf("%u checks, %u failed\n", check_count, check_failures);
    return check_failures == 0 ? 0 : 1;
}
