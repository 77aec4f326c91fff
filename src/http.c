/*
 * http.c
 *	  Reads a request of HTTP/1 and writes the head of an answer; pure.
 *
 * As much of RFC 9110 and 9112 as a read-only endpoint needs: a request line,
 * lines of headers of which Host and Accept matter, an empty line. A body is
 * nobody's business: the connection ends after the answer, and so nothing that
 * follows is ever taken for another request.
 *
 * Whatever is not text, and whatever RFC 9112 wants refused (a folded line, a
 * blank before the colon, a second Host), is BAD.
 *
 * src/http.c
 */
#include "postgres.h"

#include <ctype.h>

#include "http.h"

/* A line, or a part of one. */
typedef struct Text
{
	const char *at;
	int			len;
} Text;

/* How much a client wants each format, in thousandths. */
typedef struct Wishes
{
	int			openmetrics;
	int			plain;
} Wishes;

static bool
is(Text t, const char *word)
{
	return t.len == strlen(word) && pg_strncasecmp(t.at, word, t.len) == 0;
}

static Text
trim(Text t)
{
	while (t.len > 0 && (*t.at == ' ' || *t.at == '\t'))
	{
		t.at++;
		t.len--;
	}
	while (t.len > 0 && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
		t.len--;
	return t;
}

/* The part up to `separator`, without it; the rest stays. */
static Text
cut(Text *rest, char separator)
{
	const char *end = rest->len > 0 ?
		memchr(rest->at, separator, rest->len) : NULL;
	Text		part = *rest;

	if (end == NULL)
	{
		rest->at += rest->len;
		rest->len = 0;
		return part;
	}
	part.len = end - rest->at;
	rest->at += part.len + 1;
	rest->len -= part.len + 1;
	return part;
}

/* A line without its end. False: it has none yet. */
static bool
next_line(Text *rest, Text *line)
{
	if (rest->len == 0 || memchr(rest->at, '\n', rest->len) == NULL)
		return false;
	*line = cut(rest, '\n');
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

static bool
is_text(Text t)
{
	for (int i = 0; i < t.len; i++)
	{
		unsigned char c = t.at[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* A line that has not ended; its last byte may be of its end. */
static bool
begins_text(Text t)
{
	if (t.len > 0 && t.at[t.len - 1] == '\r')
		t.len--;
	return is_text(t);
}

static bool
is_token(Text t)
{
	for (int i = 0; i < t.len; i++)
		if (!isalnum((unsigned char) t.at[i]) &&
			strchr("!#$%&'*+-.^_`|~", t.at[i]) == NULL)
			return false;
	return t.len > 0;
}

/* "0.75" in thousandths; what is no such number is 0. */
static int
quality(Text t)
{
	int			q;
	int			scale = 100;

	if (t.len < 1 || (t.at[0] != '0' && t.at[0] != '1') ||
		(t.len > 1 && t.at[1] != '.'))
		return 0;
	q = (t.at[0] - '0') * 1000;
	for (int i = 2; i < t.len && scale > 0; i++, scale /= 10)
	{
		if (!isdigit((unsigned char) t.at[i]))
			return 0;
		q += (t.at[i] - '0') * scale;
	}
	return Min(q, 1000);
}

/* One of Accept's media ranges with its parameters. */
static void
read_range(Text range, Wishes *wishes)
{
	Text		type = trim(cut(&range, ';'));
	bool		known = true;
	int			q = 1000;

	while (range.len > 0)
	{
		Text		value = cut(&range, ';');
		Text		name = trim(cut(&value, '='));

		value = trim(value);
		if (is(name, "q"))
			q = quality(value);
		if (is(name, "version"))
			known = is(value, "1.0.0") || is(value, "0.0.1");
	}
	if (is(type, "application/openmetrics-text") && known)
		wishes->openmetrics = Max(wishes->openmetrics, q);
	if (is(type, "text/plain") || is(type, "text/*") || is(type, "*/*"))
		wishes->plain = Max(wishes->plain, q);
}

/* GET /path HTTP/1.1 */
static int
read_request_line(Text line, HttpRequest *request, bool *needs_host)
{
	Text		method = cut(&line, ' ');
	Text		target = cut(&line, ' ');
	Text		path;

	if (!is_token(method) || target.len < 1 || target.at[0] != '/' ||
		line.len < 5 || memcmp(line.at, "HTTP/", 5) != 0)
		return 400;
	if (line.len != 8 || memcmp(line.at, "HTTP/1.", 7) != 0 ||
		!isdigit((unsigned char) line.at[7]))
		return 505;
	*needs_host = line.at[7] != '0';
	request->head = method.len == 4 && memcmp(method.at, "HEAD", 4) == 0;
	if (!request->head &&
		(method.len != 3 || memcmp(method.at, "GET", 3) != 0))
		return 405;
	path = cut(&target, '?');
	request->path = path.at;
	request->path_len = path.len;
	return 0;
}

/* 0, or the status that refuses the request. */
static int
read_header(Text line, int *hosts, Wishes *wishes)
{
	const char *colon = memchr(line.at, ':', line.len);
	Text		name = cut(&line, ':');

	if (colon == NULL || !is_token(name))
		return 400;
	if (is(name, "Host") && ++*hosts > 1)
		return 400;
	if (is(name, "Accept"))
		while (line.len > 0)
			read_range(cut(&line, ','), wishes);
	return 0;
}

static HttpResult
refuse(HttpRequest *request, int status)
{
	request->status = status;
	return HTTP_BAD;
}

/* See http.h. */
HttpResult
pooler_http_read(const char *data, int len, HttpRequest *request)
{
	Text		rest = {data, Min(len, HTTP_MAX_REQUEST)};
	Text		line;
	Wishes		wishes = {0};
	bool		needs_host = false;
	int			hosts = 0;
	int			status;

	memset(request, 0, sizeof(*request));
	for (int n = 0; next_line(&rest, &line); n++)
	{
		if (n > 0 && line.len == 0)
		{
			request->openmetrics = wishes.openmetrics > 0 &&
				wishes.openmetrics >= wishes.plain;
			return needs_host && hosts == 0 ? refuse(request, 400) : HTTP_OK;
		}
		status = !is_text(line) ? 400 :
			n == 0 ? read_request_line(line, request, &needs_host) :
			read_header(line, &hosts, &wishes);
		if (status != 0)
			return refuse(request, status);
	}
	if (!begins_text(rest))
		return refuse(request, 400);
	return len < HTTP_MAX_REQUEST ? HTTP_MORE : refuse(request, 431);
}

bool
pooler_http_is_path(const HttpRequest *request, const char *path)
{
	return request->path_len == strlen(path) &&
		memcmp(request->path, path, request->path_len) == 0;
}

const char *
pooler_http_reason(int status)
{
	switch (status)
	{
		case 200:
			return "OK";
		case 400:
			return "Bad Request";
		case 404:
			return "Not Found";
		case 405:
			return "Method Not Allowed";
		case 408:
			return "Request Timeout";
		case 431:
			return "Request Header Fields Too Large";
		case 503:
			return "Service Unavailable";
		case 505:
			return "HTTP Version Not Supported";
		default:
			return "Error";
	}
}

/* See http.h. */
void
pooler_http_put_head(StringInfo out, int status, const char *type, int length)
{
	appendStringInfo(out, "HTTP/1.1 %d %s\r\n", status,
					 pooler_http_reason(status));
	appendStringInfo(out, "Content-Type: %s\r\n", type);
	appendStringInfo(out, "Content-Length: %d\r\n", length);
	if (status == 405)
		appendStringInfoString(out, "Allow: GET, HEAD\r\n");
	appendStringInfoString(out, "Cache-Control: no-store\r\n"
						   "X-Content-Type-Options: nosniff\r\n"
						   "Connection: close\r\n\r\n");
}
