/*
 * guc_pools.c
 *	  Reads the text of pooler.pools.
 *
 *	  pools     = [ entry { ',' entry } ]
 *	  entry     = name [ '=' database ] { parameter '=' value }
 *	  name, database, value = word
 *
 * A word is a run of characters without white space, comma, equal sign and
 * double quote, or anything at all between double quotes, in which "" stands
 * for one.  White space around the equal sign does no harm.  Names are taken as
 * they are, not folded to lower case: they are compared with what clients send
 * in their startup packets, and nothing folds that either.  An unquoted * as a
 * name stands for all databases that no entry names.
 *
 * Values have the units that the settings of the same names have.  Nothing
 * here reads a setting or shared memory (test/unit/test_pools.c).
 *
 * src/guc_pools.c
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>
#include <math.h>

#include "utils/builtins.h"
#include "utils/guc.h"

#include "guc.h"

#define MAX_BACKENDS_VALUE	0x3FFFF

typedef enum WordResult
{
	WORD_NONE,					/* end, comma or equal sign */
	WORD_BARE,
	WORD_QUOTED,
	WORD_BAD					/* no closing quote */
} WordResult;

typedef struct Parser
{
	const char *at;				/* next character */
	const char *entry;			/* start of this entry, for messages */
	PoolEntry  *entries;
	int			n;
	char	   *error;
} Parser;

typedef bool (*ReadValue) (PoolEntry *entry, const char *value, char **error);

static void
skip_space(Parser *p)
{
	while (isspace((unsigned char) *p->at))
		p->at++;
}

static bool
ends_word(char c)
{
	return c == '\0' || c == ',' || c == '=' || c == '"' ||
		isspace((unsigned char) c);
}

/* The text between double quotes; p->at is behind the first one. */
static WordResult
read_quoted(Parser *p, char *out)
{
	while (*p->at != '\0')
	{
		if (*p->at == '"')
		{
			if (p->at[1] != '"')
			{
				p->at++;
				*out = '\0';
				return WORD_QUOTED;
			}
			p->at++;
		}
		*out++ = *p->at++;
	}
	return WORD_BAD;
}

/* The next word, palloc'd: "" unless the result is BARE or QUOTED. */
static WordResult
read_word(Parser *p, char **word)
{
	char	   *out;

	skip_space(p);
	out = *word = palloc(strlen(p->at) + 1);
	*out = '\0';
	if (*p->at == '"')
	{
		p->at++;
		return read_quoted(p, out);
	}
	while (!ends_word(*p->at))
		*out++ = *p->at++;
	*out = '\0';
	return out > *word ? WORD_BARE : WORD_NONE;
}

static bool
take_equals(Parser *p)
{
	skip_space(p);
	if (*p->at != '=')
		return false;
	p->at++;
	return true;
}

/* Length of this entry's text: up to a comma outside double quotes. */
static int
entry_length(const Parser *p)
{
	const char *end = p->entry;
	bool		quoted = false;

	for (; *end != '\0' && (quoted || *end != ','); end++)
		if (*end == '"')
			quoted = !quoted;
	while (end > p->entry && isspace((unsigned char) end[-1]))
		end--;
	return end - p->entry;
}

/* Remembers the error, with the entry that it is in. */
static bool
fail(Parser *p, const char *what)
{
	int			len = entry_length(p);

	if (len == 0)
		p->error = psprintf("Entry %d: %s.", p->n + 1, what);
	else
		p->error = psprintf("Entry %d (%.*s): %s.", p->n + 1, len, p->entry,
							what);
	return false;
}

static bool
read_count(const char *value, int min, int *result, char **error)
{
	const char *hint = NULL;
	int			n;

	if (!parse_int(value, &n, 0, &hint) || n < min || n > MAX_BACKENDS_VALUE)
	{
		*error = psprintf("must be an integer from %d to %d", min,
						  MAX_BACKENDS_VALUE);
		return false;
	}
	*result = n;
	return true;
}

static bool
read_pool_size(PoolEntry *entry, const char *value, char **error)
{
	entry->has_pool_size = true;
	return read_count(value, 0, &entry->limits.pool_size, error);
}

static bool
read_max_overflow(PoolEntry *entry, const char *value, char **error)
{
	entry->has_max_overflow = true;
	return read_count(value, -1, &entry->limits.max_overflow, error);
}

static bool
read_recycle(PoolEntry *entry, const char *value, char **error)
{
	int		   *seconds = &entry->limits.recycle_s;
	const char *hint = NULL;

	entry->has_recycle = true;
	if (parse_int(value, seconds, GUC_UNIT_S, &hint) &&
		(*seconds == -1 || *seconds > 0))
		return true;
	*error = pstrdup("must be a time of at least a second (such as 1800, "
					 "30min or 1h), or -1 for never");
	return false;
}

static bool
read_timeout(PoolEntry *entry, const char *value, char **error)
{
	const char *hint = NULL;
	double		seconds;

	entry->has_timeout = true;
	if (!parse_real(value, &seconds, GUC_UNIT_S, &hint) ||
		!((seconds >= 0 && seconds <= INT_MAX / 1000) || seconds == -1))
	{
		*error = pstrdup("must be a time (such as 30, 0.5 or 500ms), 0 for at "
						 "once, or -1 for never");
		return false;
	}
	entry->limits.timeout_ms = seconds < 0 ? -1 : (int) ceil(seconds * 1000.0);
	return true;
}

static bool
read_bool(const char *value, bool *result, char **error)
{
	if (parse_bool(value, result))
		return true;
	*error = pstrdup("must be on or off");
	return false;
}

static bool
read_pre_ping(PoolEntry *entry, const char *value, char **error)
{
	entry->has_pre_ping = true;
	return read_bool(value, &entry->limits.pre_ping, error);
}

static bool
read_echo(PoolEntry *entry, const char *value, char **error)
{
	entry->has_echo = true;
	return read_bool(value, &entry->limits.echo, error);
}

static bool
read_mode(PoolEntry *entry, const char *value, char **error)
{
	entry->has_mode = true;
	if (pg_strcasecmp(value, "transaction") == 0)
		entry->limits.mode = MODE_TRANSACTION;
	else if (pg_strcasecmp(value, "session") == 0)
		entry->limits.mode = MODE_SESSION;
	else
	{
		*error = pstrdup("must be transaction or session");
		return false;
	}
	return true;
}

/* Under the names of SQLAlchemy and under those of the settings. */
static const struct
{
	const char *name;
	size_t		has;			/* offset of the flag that says it is set */
	ReadValue	read;
}			parameters[] =
{
	{"pool_size", offsetof(PoolEntry, has_pool_size), read_pool_size},
	{"max_overflow", offsetof(PoolEntry, has_max_overflow), read_max_overflow},
	{"recycle", offsetof(PoolEntry, has_recycle), read_recycle},
	{"pool_recycle", offsetof(PoolEntry, has_recycle), read_recycle},
	{"timeout", offsetof(PoolEntry, has_timeout), read_timeout},
	{"pool_timeout", offsetof(PoolEntry, has_timeout), read_timeout},
	{"pre_ping", offsetof(PoolEntry, has_pre_ping), read_pre_ping},
	{"pool_pre_ping", offsetof(PoolEntry, has_pre_ping), read_pre_ping},
	{"echo", offsetof(PoolEntry, has_echo), read_echo},
	{"echo_pool", offsetof(PoolEntry, has_echo), read_echo},
	{"mode", offsetof(PoolEntry, has_mode), read_mode}
};

static int
find_parameter(const char *name)
{
	for (int i = 0; i < lengthof(parameters); i++)
		if (pg_strcasecmp(parameters[i].name, name) == 0)
			return i;
	return -1;
}

static bool
set_parameter(Parser *p, const char *name, const char *value)
{
	PoolEntry  *entry = &p->entries[p->n];
	int			i = find_parameter(name);
	char	   *error = NULL;

	if (i < 0)
		return fail(p, psprintf("there is no parameter \"%s\"", name));
	if (*((bool *) ((char *) entry + parameters[i].has)))
		return fail(p, psprintf("parameter \"%s\" is given twice", name));
	if (!parameters[i].read(entry, value, &error))
		return fail(p, psprintf("\"%s\" %s, not \"%s\"", name, error, value));
	return true;
}

/* parameter=value pairs up to the entry's end */
static bool
read_parameters(Parser *p)
{
	for (;;)
	{
		char	   *name;
		char	   *value;
		WordResult	r = read_word(p, &name);

		if (r == WORD_BAD)
			return fail(p, "a double quote is not closed");
		if (r == WORD_NONE)
			break;
		if (!take_equals(p))
			return fail(p, psprintf("\"=\" and a value are missing after "
									"\"%s\"", name));
		r = read_word(p, &value);
		if (r == WORD_BAD)
			return fail(p, "a double quote is not closed");
		if (r == WORD_NONE)
			return fail(p, psprintf("\"%s\" has no value", name));
		if (!set_parameter(p, name, value))
			return false;
	}
	if (*p->at == '=')
		return fail(p, "\"=\" is not expected here");
	return true;
}

/* A name or database that was read, into its place. */
static bool
keep_name(Parser *p, WordResult r, const char *what, const char *word,
		  char *place)
{
	if (r == WORD_BAD)
		return fail(p, "a double quote is not closed");
	if (word[0] == '\0')
		return fail(p, psprintf("the %s is empty", what));
	if (strlen(word) >= NAMEDATALEN)
		return fail(p, psprintf("the %s is longer than %d bytes", what,
								NAMEDATALEN - 1));
	strlcpy(place, word, NAMEDATALEN);
	return true;
}

/* name [ '=' database ] */
static bool
read_names(Parser *p)
{
	PoolEntry  *entry = &p->entries[p->n];
	char	   *word;
	WordResult	r = read_word(p, &word);

	if (!keep_name(p, r, "name of the pool", word, entry->name))
		return false;
	entry->wildcard = r == WORD_BARE && strcmp(word, "*") == 0;
	if (!take_equals(p))
	{
		if (!entry->wildcard)
			strlcpy(entry->database, entry->name, NAMEDATALEN);
		return true;
	}
	if (entry->wildcard)
		return fail(p, "* stands for every database and cannot name one");
	r = read_word(p, &word);
	return keep_name(p, r, "name of the database", word, entry->database);
}

static bool
check_duplicate(Parser *p)
{
	PoolEntry  *entry = &p->entries[p->n];

	for (int i = 0; i < p->n; i++)
		if (p->entries[i].wildcard == entry->wildcard &&
			strcmp(p->entries[i].name, entry->name) == 0)
			return fail(p, psprintf("there are two pools of the name \"%s\"",
									entry->name));
	return true;
}

static bool
read_entry(Parser *p, int max)
{
	skip_space(p);
	p->entry = p->at;
	if (p->n >= max)
		return fail(p, psprintf("there may be %d pools at most", max));
	memset(&p->entries[p->n], 0, sizeof(PoolEntry));
	if (!read_names(p) || !read_parameters(p) || !check_duplicate(p))
		return false;
	p->n++;
	return true;
}

/*
 * Reads pooler.pools' text.  Returns the number of entries (at most max), or
 * -1 with *error set to a palloc'd sentence.  No text at all means no pools.
 */
int
pooler_guc_parse_pools(const char *text, PoolEntry *entries, int max,
					   char **error)
{
	Parser		p = {0};

	p.at = text;
	p.entries = entries;
	*error = NULL;
	skip_space(&p);
	if (*p.at == '\0')
		return 0;
	while (read_entry(&p, max))
	{
		if (*p.at == '\0')
			return p.n;
		p.at++;					/* the comma */
	}
	*error = p.error;
	return -1;
}
