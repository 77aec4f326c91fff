/*
 * answer.h
 *	  Answers a client in the server's place: time-out, cancel, notice.
 *
 * src/answer.h
 */
#ifndef POOLER_ANSWER_H
#define POOLER_ANSWER_H

/* Does a waiting client that the worker owns want an answer?  Ask before giving
 * one. False: it has sent what is answered by nothing, which is skipped, or has
 * left; it is armed again, read on silently, or closed. */
extern bool pooler_answer_is_wanted(int slot);

/* Answers a waiting client that the worker owns with an error, keeps the
 * protocol's books and its session. */
extern void pooler_answer_error(int slot, const char *sqlstate,
								const char *message, const char *detail,
								const char *hint);

/* Event of the worker's loop; the client's state is CLIENT_ANSWERING. */
extern void pooler_answer_readable(int slot);

/* Tells a waiting client that the worker owns that it waits; once per wait. */
extern void pooler_answer_notice(int slot, const char *message);
extern bool pooler_answer_was_noticed(int slot);
extern void pooler_answer_forget_notice(int slot);

/* A cancel request, from the wire or from SQL. */
extern void pooler_answer_cancel(int slot);

/* The same by what the client was told at its login; done when it returns. */
extern void pooler_answer_cancel_request(int32 pid, int32 key);

#endif							/* POOLER_ANSWER_H */
