/*
 * guard.c
 *	  Makes each error between two messages the backend's end.
 *
 * elog.c does that where ExitOnAnyError is true, which is the variable of a
 * setting that is each client's own, exit_on_error; and settings change hands
 * between two messages. So guc.c has another variable for it meanwhile.
 *
 * src/guard.c
 */
#include "postgres.h"

#include "miscadmin.h"

#include "guard.h"
#include "variables.h"

static struct config_bool *setting = NULL;
static bool wanted;				/* its value, while guc.c has this variable */

static void
find_setting(void)
{
	setting = (struct config_bool *) pooler_variables_find("exit_on_error");
	if (setting == NULL || setting->variable != &ExitOnAnyError)
		ereport(FATAL,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pooler does not know this server's exit_on_error")));
}

void
pooler_guard_begin(void)
{
	if (setting == NULL)
		find_setting();
	wanted = ExitOnAnyError;
	setting->variable = &wanted;
	ExitOnAnyError = true;
}

void
pooler_guard_end(void)
{
	setting->variable = &ExitOnAnyError;
	ExitOnAnyError = wanted;
}
