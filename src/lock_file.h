/*
 * lock_file.h
 *	  What the postmaster says of itself in postmaster.pid.
 *
 * src/lock_file.h
 */
#ifndef POOLER_LOCK_FILE_H
#define POOLER_LOCK_FILE_H

/* A line of it (utils/pidfile.h: LOCK_FILE_LINE_...) without its end, for
 * MAXPGPATH bytes. False: it has none, or cannot be read. */
extern bool pooler_lock_file_line(int number, char *line);

#endif							/* POOLER_LOCK_FILE_H */
