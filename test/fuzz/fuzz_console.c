/*
 * fuzz_console.c
 *	  libFuzzer target: any text as a statement of the console.
 *
 * links: src/console_query.c
 *
 * test/fuzz/fuzz_console.c
 */
#include "postgres.h"

#include "console_query.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

#define MUST(condition) \
	do { if (!(condition)) __builtin_trap(); } while (0)

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *text = malloc(size + 1);
	const char *at = text;
	const char *last = text;
	ConsoleStatement s;

	memcpy(text, data, size);
	text[size] = '\0';
	while (pooler_console_query_next(&at, &s))
	{
		/* it moves, stays inside, and what is done has a tag */
		MUST(at > last && at <= text + strlen(text));
		MUST(s.text >= last && s.len > 0 && s.text + s.len <= at);
		MUST((s.tag == NULL) == (s.kind == CONSOLE_REFUSED ||
								 s.kind == CONSOLE_REFUSED_SET ||
								 s.kind == CONSOLE_UNKNOWN));
		MUST(s.kind != CONSOLE_EMPTY);
		last = at;
	}
	MUST(*at == '\0' && s.kind == CONSOLE_EMPTY);
	free(text);
	return 0;
}
