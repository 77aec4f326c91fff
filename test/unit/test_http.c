/*
 * test_http.c
 *	  Unit tests of src/http.c: TAP on stdout, no server.
 *
 * links: src/http.c
 *
 * Every buffer that is read from has exactly the bytes of the test, so that a
 * run under -fsanitize=address sees a read behind its end.
 *
 * test/unit/test_http.c
 */
#include "postgres.h"

#include "http.h"
#include "tap.h"

#define HOST	"Host: h\r\n"

/* Reads a copy of its own; the path is compared before that is freed. */
static HttpResult
read_bytes(const char *bytes, int len, HttpRequest *request, const char *path)
{
	char	   *copy = malloc(len > 0 ? len : 1);
	HttpResult	result;

	memcpy(copy, bytes, len);
	result = pooler_http_read(copy, len, request);
	if (path != NULL && result == HTTP_OK)
		ok(pooler_http_is_path(request, path), path);
	free(copy);
	return result;
}

static HttpResult
read_text(const char *text, HttpRequest *request)
{
	return read_bytes(text, strlen(text), request, NULL);
}

static void
good(const char *text, const char *path, bool head)
{
	HttpRequest request;

	is(read_bytes(text, strlen(text), &request, path), HTTP_OK, text);
	is(request.head, head, "GET or HEAD");
	for (int len = 0; len < strlen(text); len++)
		if (read_bytes(text, len, &request, NULL) != HTTP_MORE)
			is(len, -1, "a beginning of it is no request yet");
}

static void
bad(const char *text, int status)
{
	HttpRequest request;

	is(read_text(text, &request), HTTP_BAD, text);
	is(request.status, status, "its status");
}

static void
wants(const char *accept, bool openmetrics)
{
	char		text[512];
	HttpRequest request;

	snprintf(text, sizeof(text),
			 "GET /metrics HTTP/1.1\r\n" HOST "Accept: %s\r\n\r\n", accept);
	is(read_text(text, &request), HTTP_OK, accept);
	is(request.openmetrics, openmetrics, "its format");
}

static void
test_requests(void)
{
	good("GET / HTTP/1.0\r\n\r\n", "/", false);
	good("GET /metrics HTTP/1.1\r\n" HOST "\r\n", "/metrics", false);
	good("HEAD /metrics?x=/live HTTP/1.1\r\nhOsT:\r\n\r\n", "/metrics", true);
	good("GET /live HTTP/1.1\n" "Host: h\n\n", "/live", false);
	good("GET /live HTTP/1.1\r\n" HOST "X:\ty\r\nContent-Length: 3\r\n\r\n",
		 "/live", false);
	bad("POST /metrics HTTP/1.1\r\n" HOST "\r\n", 405);
	bad("get /metrics HTTP/1.1\r\n" HOST "\r\n", 405);
	bad("GET /metrics HTTP/2.0\r\n" HOST "\r\n", 505);
	bad("GET /metrics HTTP/1.1 \r\n" HOST "\r\n", 505);
	bad("GET /metrics\r\n\r\n", 400);
	bad("GET  /metrics HTTP/1.1\r\n" HOST "\r\n", 400);
	bad("GET metrics HTTP/1.1\r\n" HOST "\r\n", 400);
	bad("G(T /metrics HTTP/1.1\r\n" HOST "\r\n", 400);
	bad("\r\nGET / HTTP/1.0\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400);
	bad("GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\n" HOST "Accept : */*\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\n" HOST "nothing\r\n\r\n", 400);
	bad("GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400);
	bad("GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void
test_bytes(void)
{
	HttpRequest request;
	char		large[HTTP_MAX_REQUEST + 1];

	is(read_bytes("GET /\0", 6, &request, NULL), HTTP_BAD, "a NUL byte");
	is(read_bytes("GET / HTTP/1.0\r\n\r\n\0", 19, &request, NULL), HTTP_OK,
	   "what follows is not looked at");
	is(read_bytes("GET / HTTP/1.0\rX: y\r\n", 22, &request, NULL), HTTP_BAD,
	   "a CR in a line");
	is(read_bytes("GET / HTTP/1.0\r\r\n", 17, &request, NULL), HTTP_BAD,
	   "a CR before the line's end");
	is(read_bytes("\x16\x03\x01", 3, &request, NULL), HTTP_BAD, "TLS");
	is(read_bytes("", 0, &request, NULL), HTTP_MORE, "nothing");
	memset(large, 'a', sizeof(large));
	is(read_bytes(large, HTTP_MAX_REQUEST - 1, &request, NULL), HTTP_MORE,
	   "a long line");
	is(read_bytes(large, HTTP_MAX_REQUEST, &request, NULL), HTTP_BAD,
	   "too long");
	is(request.status, 431, "its status");
	is(read_bytes(large, sizeof(large), &request, NULL), HTTP_BAD,
	   "much too long");
}

static void
test_formats(void)
{
	wants("application/openmetrics-text", true);
	wants("APPLICATION/OpenMetrics-Text ; version=1.0.0 ; q=0.1", true);
	wants("application/openmetrics-text;version=1.0.0,application/openmetrics-"
		  "text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  true);
	wants("application/openmetrics-text;version=2.0.0", false);
	wants("application/openmetrics-text;q=0", false);
	wants("application/openmetrics-text;q=0.000", false);
	wants("application/openmetrics-text;q=0.4,text/plain;q=0.5", false);
	wants("application/openmetrics-text;q=0.5,text/plain;q=0.5", true);
	wants("application/openmetrics-text;q=x", false);
	wants("application/openmetrics-text;q=2", false);
	wants("application/openmetrics-text;q=0.x", false);
	wants("application/openmetrics-textile", false);
	wants("text/plain", false);
	wants("*/*", false);
	wants("", false);
	wants(",;,=;q,;q=", false);
}

static void
test_answers(void)
{
	StringInfoData out;

	initStringInfo(&out);
	pooler_http_put_head(&out, 405, "text/plain", 7);
	ok(strncmp(out.data, "HTTP/1.1 405 Method Not Allowed\r\n", 33) == 0,
	   "the status line");
	ok(strstr(out.data, "\r\nAllow: GET, HEAD\r\n") != NULL, "what is allowed");
	ok(strstr(out.data, "\r\nContent-Length: 7\r\n") != NULL, "the length");
	ok(strcmp(out.data + out.len - 4, "\r\n\r\n") == 0, "the end");
}

int
main(void)
{
	test_requests();
	test_bytes();
	test_formats();
	test_answers();
	return tap_end();
}
