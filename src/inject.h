/*
 * inject.h
 *	  Steps at which a test can let something fail.
 *
 * In the library that is built and installed a step is nothing. `make inject`
 * builds another one, for test/t/06*.pl only, in which a step looks whether it
 * is to fail, and how: test/inject/inject.c.
 *
 * src/inject.h
 */
#ifndef POOLER_INJECT_H
#define POOLER_INJECT_H

#ifdef POOLER_INJECT_BUILD
extern void pooler_inject(const char *step);
#define POOLER_INJECT(step) pooler_inject(step)
#else
#define POOLER_INJECT(step) ((void) 0)
#endif

#endif							/* POOLER_INJECT_H */
