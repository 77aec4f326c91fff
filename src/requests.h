/*
 * requests.h
 *	  What SQL functions ask of the worker: cancel a client, end a client.
 *
 * src/requests.h
 */
#ifndef POOLER_REQUESTS_H
#define POOLER_REQUESTS_H

extern void pooler_requests_serve(void);

#endif							/* POOLER_REQUESTS_H */
