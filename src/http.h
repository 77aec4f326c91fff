/*
 * http.h
 *	  Reads a request of HTTP/1 and writes the head of an answer; pure.
 *
 * src/http.h
 */
#ifndef POOLER_HTTP_H
#define POOLER_HTTP_H

#include "lib/stringinfo.h"

/* A longer request is answered with 431. */
#define HTTP_MAX_REQUEST	8192

typedef enum HttpResult
{
	HTTP_MORE,					/* the request has not ended yet */
	HTTP_OK,
	HTTP_BAD					/* request->status says how to refuse it */
} HttpResult;

/* A request's fields point into the bytes it was read from. */
typedef struct HttpRequest
{
	const char *path;			/* without the query */
	int			path_len;
	bool		head;			/* HEAD: no body in the answer */
	bool		openmetrics;	/* wants OpenMetrics rather than plain text */
	int			status;			/* 400, 405, 431 or 505 */
} HttpRequest;

/* Reads the first request in len bytes, of which none need be text. */
extern HttpResult pooler_http_read(const char *data, int len,
								   HttpRequest *request);

extern bool pooler_http_is_path(const HttpRequest *request, const char *path);

/* The answer's first lines up to the empty one; the connection ends after it. */
extern void pooler_http_put_head(StringInfo out, int status, const char *type,
								 int length);

/* "Not Found"; what the pooler does not use is "Error". */
extern const char *pooler_http_reason(int status);

#endif							/* POOLER_HTTP_H */
