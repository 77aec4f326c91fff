/*
 * refusal.c
 *	  What the server said when it refused a login, out of libpq's text.
 *
 * libpq keeps no fields of a message that ends a login, only its text:
 *
 *	  ...: SEVERITY:  SQLSTATE: message
 *	  DETAIL:  ...
 *	  HINT:  ...
 *	  LOCATION:  function, file:line
 *
 * The severity is in the language of lc_messages, so it is the SQLSTATE that is
 * looked for. A detail or hint under a translated label is left out.
 *
 * src/refusal.c
 */
#include "postgres.h"

#include "refusal.h"

#define STATE_LEN 5

/* "  28000: message" in this text, or NULL. */
static const char *
find_state(const char *text)
{
	for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  "))
	{
		const char *state = at + 3;

		if (strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == STATE_LEN &&
			state[STATE_LEN] == ':' && state[STATE_LEN + 1] == ' ')
			return state;
	}
	return NULL;
}

/* The rest of the line, without spaces before it. */
static void
copy_line(const char *at, char *out)
{
	Size		len;

	at += strspn(at, " ");
	len = Min(strcspn(at, "\n"), POOLER_MAX_MESSAGE - 1);
	memcpy(out, at, len);
	out[len] = '\0';
}

static void
copy_field(const char *text, const char *label, char *out)
{
	const char *at = strstr(text, label);

	if (at != NULL)
		copy_line(at + strlen(label), out);
}

/* Both limits have the SQLSTATE of a server that is full; which one it is tells the
 * function that says so, in the text's last line. */
static RefusedBy
refused_by(const char *sqlstate, const char *text)
{
	const char *end = text + strlen(text);
	const char *line;

	while (end > text && end[-1] == '\n')
		end--;
	for (line = end; line > text && line[-1] != '\n'; line--)
		;
	if (strcmp(sqlstate, "53300") != 0)
		return REFUSED_OTHERWISE;
	if (strstr(line, " InitializeSessionUserId, ") != NULL)
		return REFUSED_BY_ROLE_LIMIT;
	if (strstr(line, " CheckMyDatabase, ") != NULL)
		return REFUSED_BY_DATABASE_LIMIT;
	return REFUSED_OTHERWISE;
}

bool
pooler_refusal_read(const char *text, Refusal *refusal)
{
	const char *state = find_state(text);

	memset(refusal, 0, sizeof(*refusal));
	if (state == NULL)
	{
		strlcpy(refusal->message, text, POOLER_MAX_MESSAGE);
		return false;
	}
	memcpy(refusal->sqlstate, state, STATE_LEN);
	copy_line(state + STATE_LEN + 1, refusal->message);
	copy_field(state, "\nDETAIL:", refusal->detail);
	copy_field(state, "\nHINT:", refusal->hint);
	refusal->by = refused_by(refusal->sqlstate, state);
	return true;
}

/* Class 28, invalid authorization specification. */
bool
pooler_refusal_by_rules(const Refusal *refusal)
{
	return strncmp(refusal->sqlstate, "28", 2) == 0;
}
