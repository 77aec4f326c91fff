/*
 * console_query.c
 *	  Reads the statements that the console understands; pure.
 *
 * That is PgBouncer's SHOW (with its alias SELECT), and what drivers say
 * by themselves: SET, SHOW of a standard setting, BEGIN, COMMIT. A text is cut
 * at semicolons outside of quotes and comments; only the first words of a
 * statement are looked at, without regard to case. Nothing of a text is copied
 * or changed but these words.
 *
 * src/console_query.c
 */
#include "postgres.h"

#include "console_query.h"

#define MAX_WORD	40
#define MAX_WORDS	4

typedef struct Words
{
	char		word[MAX_WORDS][MAX_WORD];	/* in small letters; cut */
	int			n;				/* also those that are not kept */
} Words;

static const struct
{
	const char *name;
	ConsoleShow show;
}			shows[] = {
	{"clients", SHOW_CLIENTS},
	{"config", SHOW_CONFIG},
	{"databases", SHOW_DATABASES},
	{"help", SHOW_HELP},
	{"lists", SHOW_LISTS},
	{"pools", SHOW_POOLS},
	{"servers", SHOW_SERVERS},
	{"state", SHOW_STATE},
	{"stats", SHOW_STATS},
	{"stats_averages", SHOW_STATS_AVERAGES},
	{"stats_totals", SHOW_STATS_TOTALS},
	{"totals", SHOW_TOTALS},
	{"users", SHOW_USERS},
	{"version", SHOW_VERSION}
};

/* What the console says of itself; those without a value may only be set. */
static const struct
{
	const char *name;
	const char *value;
}			parameters[] = {
	{"client_encoding", "UTF8"},
	{"server_encoding", "UTF8"},
	{"datestyle", "ISO"},
	{"timezone", "UTC"},
	{"extra_float_digits", "2"},
	{"standard_conforming_strings", "on"},
	{"transaction_isolation", "read committed"},
	{"default_transaction_isolation", "read committed"},
	{"transaction_read_only", "on"},
	{"default_transaction_read_only", "on"},
	{"is_superuser", "off"},
	{"application_name", NULL},
	{"bytea_output", NULL},
	{"client_min_messages", NULL},
	{"idle_in_transaction_session_timeout", NULL},
	{"idle_session_timeout", NULL},
	{"intervalstyle", NULL},
	{"jit", NULL},
	{"lock_timeout", NULL},
	{"row_security", NULL},
	{"search_path", NULL},
	{"statement_timeout", NULL},
	/* other ways to write SET */
	{"names", NULL},
	{"time", NULL},
	{"transaction", NULL},
	{"characteristics", NULL}
};

static const struct
{
	const char *word;
	ConsoleKind kind;
	const char *tag;
}			commands[] = {
	{"begin", CONSOLE_BEGIN, "BEGIN"},
	{"start", CONSOLE_BEGIN, "START TRANSACTION"},
	{"commit", CONSOLE_END, "COMMIT"},
	{"end", CONSOLE_END, "COMMIT"},
	{"rollback", CONSOLE_END, "ROLLBACK"},
	{"abort", CONSOLE_END, "ROLLBACK"},
	{"close", CONSOLE_NOTHING, "CLOSE CURSOR"},
	{"deallocate", CONSOLE_NOTHING, "DEALLOCATE"},
	{"discard", CONSOLE_NOTHING, "DISCARD ALL"},
	{"reset", CONSOLE_NOTHING, "RESET"},
	{"unlisten", CONSOLE_NOTHING, "UNLISTEN"},
	{"disable", CONSOLE_REFUSED, NULL},
	{"enable", CONSOLE_REFUSED, NULL},
	{"kill", CONSOLE_REFUSED, NULL},
	{"kill_client", CONSOLE_REFUSED, NULL},
	{"pause", CONSOLE_REFUSED, NULL},
	{"reconnect", CONSOLE_REFUSED, NULL},
	{"reload", CONSOLE_REFUSED, NULL},
	{"resume", CONSOLE_REFUSED, NULL},
	{"shutdown", CONSOLE_REFUSED, NULL},
	{"suspend", CONSOLE_REFUSED, NULL},
	{"wait_close", CONSOLE_REFUSED, NULL}
};

/* ---- words ---- */

/* isalnum() would ask the locale. */
static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '.' || IS_HIGHBIT_SET(c);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' ||
		c == '\v';
}

/* Behind blanks and comments. One that does not end goes to the text's end. */
static const char *
skip_blanks(const char *p)
{
	for (;;)
	{
		if (is_space(*p))
			p++;
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\n\r");
		else if (p[0] == '/' && p[1] == '*')
		{
			const char *end = strstr(p + 2, "*/");

			p = end ? end + 2 : p + strlen(p);
		}
		else
			return p;
	}
}

/* Behind a quoted piece; a doubled quote is two pieces that touch. */
static const char *
skip_quoted(const char *p)
{
	const char *end = strchr(p + 1, *p);

	return end ? end + 1 : p + strlen(p);
}

/* The text is not empty at p. Returns the place behind its first token. */
static const char *
skip_token(const char *p)
{
	if (*p == '\'' || *p == '"')
		return skip_quoted(p);
	if (!is_word_char(*p))
		return p + 1;
	while (is_word_char(*p))
		p++;
	return p;
}

static void
keep_word(Words *words, const char *from, const char *to)
{
	int			n = words->n++;
	int			len = 0;

	if (n >= MAX_WORDS)
		return;
	for (const char *p = from; p < to && len < MAX_WORD - 1; p++)
	{
		if (*p != '"')
			words->word[n][len++] = pg_ascii_tolower((unsigned char) *p);
	}
	words->word[n][len] = '\0';
}

/* ---- what they mean ---- */

static bool
is_word(const Words *words, int n, const char *word)
{
	return n < Min(words->n, MAX_WORDS) && strcmp(words->word[n], word) == 0;
}

static int
find_parameter(const char *name)
{
	for (int i = 0; i < lengthof(parameters); i++)
	{
		if (strcmp(parameters[i].name, name) == 0)
			return i;
	}
	return -1;
}

static void
read_show(const Words *words, ConsoleStatement *s)
{
	const char *name = words->n == 2 ? words->word[1] : "";
	int			p;

	if (is_word(words, 1, "transaction") && is_word(words, 2, "isolation"))
		name = "transaction_isolation";
	for (int i = 0; i < lengthof(shows); i++)
	{
		if (strcmp(shows[i].name, name) != 0)
			continue;
		s->kind = CONSOLE_SHOW;
		s->show = shows[i].show;
		s->tag = "SHOW";
		return;
	}
	p = find_parameter(name);
	if (p < 0 || parameters[p].value == NULL)
		return;
	s->kind = CONSOLE_PARAMETER;
	s->name = parameters[p].name;
	s->value = parameters[p].value;
	s->tag = "SHOW";
}

/* SET [SESSION | LOCAL] name ... */
static void
read_set(const Words *words, ConsoleStatement *s)
{
	int			at = is_word(words, 1, "session") ||
		is_word(words, 1, "local") ? 2 : 1;

	if (at >= Min(words->n, MAX_WORDS) || words->n < 3)
		return;
	s->kind = find_parameter(words->word[at]) >= 0 ? CONSOLE_NOTHING :
		CONSOLE_REFUSED_SET;
	s->tag = s->kind == CONSOLE_NOTHING ? "SET" : NULL;
}

static void
read_command(const Words *words, ConsoleStatement *s)
{
	for (int i = 0; i < lengthof(commands); i++)
	{
		if (!is_word(words, 0, commands[i].word))
			continue;
		s->kind = commands[i].kind;
		s->name = commands[i].word;
		s->tag = commands[i].tag;
		return;
	}
}

static void
understand(const Words *words, ConsoleStatement *s)
{
	s->kind = CONSOLE_UNKNOWN;
	if (is_word(words, 0, "show") || is_word(words, 0, "select"))
		read_show(words, s);
	else if (is_word(words, 0, "set"))
		read_set(words, s);
	else
		read_command(words, s);
}

bool
pooler_console_query_next(const char **at, ConsoleStatement *statement)
{
	Words		words;
	const char *p = skip_blanks(*at);

	memset(statement, 0, sizeof(*statement));
	words.n = 0;
	while (*p == ';')
		p = skip_blanks(p + 1);
	statement->text = p;
	if (*p == '\0')
	{
		*at = p;
		statement->kind = CONSOLE_EMPTY;
		return false;
	}
	while (*p != '\0' && *p != ';')
	{
		const char *end = skip_token(p);

		keep_word(&words, p, end);
		statement->len = end - statement->text;
		p = skip_blanks(end);
	}
	*at = *p == ';' ? p + 1 : p;
	understand(&words, statement);
	return true;
}
