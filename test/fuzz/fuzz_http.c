/*
 * fuzz_http.c
 *	  libFuzzer target: any bytes from a peer, read by src/http.c.
 *
 * Traps on answers that contradict each other: what is refused stays so with
 * more bytes, what has ended does not change by what follows.
 *
 * links: src/http.c
 *
 * test/fuzz/fuzz_http.c
 */
#include "postgres.h"

#include "http.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

#define MUST(condition) \
	do { if (!(condition)) __builtin_trap(); } while (0)

/* The first `len` of the bytes, in a block of their own. */
static HttpResult
read_copy(const char *data, int len, HttpRequest *request)
{
	char	   *copy = malloc(Max(len, 1));
	HttpResult	result;

	memcpy(copy, data, len);
	result = pooler_http_read(copy, len, request);
	switch (result)
	{
		case HTTP_MORE:
			MUST(len < HTTP_MAX_REQUEST);
			break;
		case HTTP_OK:
			MUST(request->path >= copy && request->path_len > 0);
			MUST(request->path + request->path_len <= copy + len);
			(void) pooler_http_is_path(request, "/metrics");
			break;
		case HTTP_BAD:
			MUST(request->status >= 400 && request->status <= 505);
			break;
	}
	free(copy);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	const char *bytes = (const char *) data;
	HttpRequest whole;
	HttpRequest part;
	HttpResult	result = read_copy(bytes, (int) size, &whole);
	int			len = 0;
	HttpResult	first = HTTP_MORE;

	/* as it comes in pieces: the first word counts */
	while (len < size && first == HTTP_MORE)
		first = read_copy(bytes, len = Min(len + 97, (int) size), &part);
	MUST(first == result);
	if (result == HTTP_OK)
		MUST(part.path_len == whole.path_len &&
			 part.head == whole.head &&
			 part.openmetrics == whole.openmetrics);
	return 0;
}
