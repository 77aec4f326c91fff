/*
 * await.h
 *	  A backend waits for one client alone.
 *
 * src/await.h
 */
#ifndef POOLER_AWAIT_H
#define POOLER_AWAIT_H

typedef enum AwaitResult
{
	AWAIT_SPOKE,				/* its next message is in the receive buffer */
	AWAIT_NOTHING,				/* what it said asks for no answer */
	AWAIT_LEFT,					/* end of file, or Terminate */
	AWAIT_GIVE_UP				/* the backend is needed elsewhere */
} AwaitResult;

/* Throws away what has been read from the client and not been run. */
extern void pooler_await_forget_unread(void);

/* Reads the first byte of what is there already. */
extern AwaitResult pooler_await_first_byte(void);

/* Inside a transaction: AWAIT_SPOKE or AWAIT_LEFT. */
extern AwaitResult pooler_await_in_transaction(void);

/* Does a client that was silent for so long speak soon enough to be kept where
 * there are fewer backends than clients? */
extern bool pooler_await_is_quick(int64 silence_us);

/* Is it worth trying to keep a client that is not pinned? */
extern bool pooler_await_may_keep(bool quick);

/* At a boundary, for a client that keeps this backend. `pinned`: for the sake
 * of its state, so nobody can recall it. */
extern AwaitResult pooler_await_client(bool pinned);

#endif							/* POOLER_AWAIT_H */
