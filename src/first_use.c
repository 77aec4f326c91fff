/*
 * first_use.c
 *	  What a client's first bytes mean for its unnamed statement.
 *
 * The server drops the old unnamed statement only after it has read the whole
 * message that replaces it: one that it cannot read (layout, encoding) leaves
 * the statement for whatever follows in the same packet. So only what has been
 * seen whole, and cannot be misread, replaces it surely.
 *
 * src/first_use.c
 */
#include "postgres.h"

#include "port/pg_bswap.h"

#include "first_use.h"

/* Of the type, the length, and an empty name. */
#define PARSE_HEAD	6

/* Plain text in any encoding, up to its terminator; -1: it is not. */
static int
ascii_length(const char *text, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (text[i] == '\0')
			return i;
		if (IS_HIGHBIT_SET(text[i]))
			return -1;
	}
	return -1;
}

static bool
is_good_query(const char *body, int len)
{
	return len > 0 && ascii_length(body, len) == len - 1;
}

/* "", the text, the number of types and the types. */
static bool
is_good_parse(const char *body, int len)
{
	int			text;
	uint16		types;

	if (len < 1 || body[0] != '\0')
		return false;
	text = ascii_length(body + 1, len - 1);
	if (text < 0 || len < 1 + text + 1 + 2)
		return false;
	memcpy(&types, body + 1 + text + 1, 2);
	return len == 1 + text + 1 + 2 + 4 * (int) pg_ntoh16(types);
}

static bool
replaces_surely(const char *head, int len)
{
	uint32		body;

	if (len < 5)
		return false;
	memcpy(&body, head + 1, 4);
	body = pg_ntoh32(body);
	if (body < 4 || body - 4 > (uint32) (len - 5))
		return false;			/* not seen whole */
	return head[0] == 'Q' ? is_good_query(head + 5, body - 4) :
		is_good_parse(head + 5, body - 4);
}

/* Bind: the portal's name, the statement's. Describe: 'S', the statement's. */
static bool
binds(const char *head, int len)
{
	const char *name = head + 6;

	if (len < 7)
		return false;
	if (head[0] == 'B')
	{
		const char *portal_end = memchr(head + 5, '\0', len - 5);

		if (portal_end == NULL)
			return false;
		name = portal_end + 1;
	}
	else if (head[0] != 'D' || head[5] != 'S')
		return false;
	return name < head + len && *name == '\0';
}

FirstUse
pooler_first_use(const char *head, int len)
{
	bool		replaces = len >= 1 && head[0] == 'Q';

	if (len >= PARSE_HEAD && head[0] == 'P')
		replaces = head[PARSE_HEAD - 1] == '\0';
	if (replaces)
		return replaces_surely(head, len) ? USE_REPLACES_SURELY : USE_REPLACES;
	return binds(head, len) ? USE_BINDS : USE_UNKNOWN;
}

bool
pooler_first_ends_with_sync(const char *head, int len)
{
	return len >= 1 && memchr("BCDEPS", head[0], 6) != NULL;
}
