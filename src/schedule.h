/*
 * schedule.h
 *	  Who gets the next backend of a pool: pure, counts in, one action out.
 *
 * src/schedule.h
 */
#ifndef POOLER_SCHEDULE_H
#define POOLER_SCHEDULE_H

typedef struct ScheduleRoute
{
	int			backends;		/* born */
	int			births;			/* on their way */
	int			clients;
	bool		may_grow;		/* births are not held back */
	int			waiting;		/* clients that wait for a birth, or 1 where a
								 * client waits for a busy backend */
	int64		waiting_since;	/* of the oldest; us */
	int64		idle_since;		/* of the longest idle backend that may be
								 * retired; INT64_MAX: none */
	bool		idle_long;		/* long enough to be no loss to its route */
} ScheduleRoute;

typedef struct SchedulePool
{
	int			open;			/* all backends, whatever they do */
	int			unborn;
	int			coming;			/* opening, or leaving and soon to be free */
	int			limit;			/* the most that may be open */
	int			pool_size;
	int			spares;			/* unborn wanted while the pool is busy */
	int			idle;			/* backends of all routes */
	bool		may_open;		/* a slot of max_connections, and no back-off */
} SchedulePool;

typedef enum ScheduleAction
{
	SCHEDULE_NOTHING,
	SCHEDULE_BIRTH,				/* an unborn one becomes `route`'s */
	SCHEDULE_OPEN,				/* open another one */
	SCHEDULE_RETIRE,			/* retire the longest idle one of `victim` */
	SCHEDULE_TOKEN				/* a busy route shall give one up: see eligible */
} ScheduleAction;

typedef struct ScheduleDecision
{
	ScheduleAction action;
	int			route;			/* for whom; -1: nobody in particular */
	int			victim;
} ScheduleDecision;

extern ScheduleDecision pooler_schedule_next(const SchedulePool *pool,
											 const ScheduleRoute *routes,
											 int nroutes);

/* Has somebody work for every backend but the unborn?  Then spares are kept. */
extern bool pooler_schedule_is_busy(const SchedulePool *pool);

/* May this route be asked, by a token, to give one up for `waiting`? */
extern bool pooler_schedule_eligible(const ScheduleRoute *routes, int nroutes,
									 int route, int waiting);

#endif							/* POOLER_SCHEDULE_H */
