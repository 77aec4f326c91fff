/*
 * console.h
 *	  A client of the console: its login, its socket and its end.
 *
 * src/console.h
 */
#ifndef POOLER_CONSOLE_H
#define POOLER_CONSOLE_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

#include "login.h"
#include "since.h"

typedef struct Console Console;

/* LOGIN -> CONSOLE: says `out` and the login's end. False: an error has been
 * said, or it does not read. */
extern bool pooler_console_enter(int slot, const LoginState *login,
								 StringInfo out);

/* Event of the worker's loop: it can be read, or written to. */
extern void pooler_console_ready(int slot);

/* By the clock: consoles that are idle, or stopped in the middle, for too long. */
extern void pooler_console_upkeep(TimestampTz now);

/* The clock was set. */
extern void pooler_console_follow_clock(const ClockStep *step);

#endif							/* POOLER_CONSOLE_H */
