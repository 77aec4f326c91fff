/*
 * catching.c
 *	  What an ERROR that is caught must not leave otherwise than it was.
 *
 * Between two messages each ERROR ends the backend (guard.c), but for a few that
 * are to be expected; and the worker goes on in the midst of what it does.
 *
 * src/catching.c
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "catching.h"

void
pooler_catching_begin(Catching *before)
{
	before->context = CurrentMemoryContext;
	before->exit_on_error = ExitOnAnyError;
	before->holdoff = InterruptHoldoffCount;
	before->cancel_holdoff = QueryCancelHoldoffCount;
	ExitOnAnyError = false;
}

void
pooler_catching_caught(const Catching *before)
{
	MemoryContextSwitchTo(before->context);
}

void
pooler_catching_end(const Catching *before)
{
	MemoryContextSwitchTo(before->context);
	InterruptHoldoffCount = before->holdoff;
	QueryCancelHoldoffCount = before->cancel_holdoff;
	ExitOnAnyError = before->exit_on_error;
}
