/*
 * hear.h
 *	  What backends tell the worker (control.h).
 *
 * src/hear.h
 */
#ifndef POOLER_HEAR_H
#define POOLER_HEAR_H

/* Something came from its control socket. */
extern void pooler_hear(int member);

#endif							/* POOLER_HEAR_H */
