/*
 * rightsize.h
 *	  How large a pool should be by what it did; pure.
 *
 * src/rightsize.h
 */
#ifndef POOLER_RIGHTSIZE_H
#define POOLER_RIGHTSIZE_H

/* Too little to tell: less than a minute, or fewer holds than that. */
#define RIGHTSIZE_SECONDS	60
#define RIGHTSIZE_HOLDS		100

/* A pool, and what it did in `seconds` that are known. */
typedef struct RightsizeInput
{
	int			pool_size;
	int			max_overflow;	/* -1: no limit */
	int			seconds;
	double		holds;			/* times that a backend was held */
	double		held_s;			/* in all of these, also before these seconds */
	double		busy_mean;		/* backends, of the seconds */
	double		busy_p95;		/* likewise */
	double		waiting_p95;	/* clients, of the seconds */
	int			waiting_seconds;	/* in which somebody waited */
	double		timeouts;
} RightsizeInput;

typedef enum RightsizeVerdict
{
	RIGHTSIZE_UNKNOWN,
	RIGHTSIZE_KEEP,
	RIGHTSIZE_GROW,				/* the limit is too low */
	RIGHTSIZE_SHIFT,			/* overflow does what pool_size should */
	RIGHTSIZE_SHRINK
} RightsizeVerdict;

typedef struct RightsizeResult
{
	RightsizeVerdict verdict;
	double		rate;			/* holds a second */
	double		mean_held_s;
	double		offered;		/* busy on average */
	int			needed;			/* backends, with the guide's buffer */
	int			pool_size;		/* one step of the guide towards it */
	int			max_overflow;
} RightsizeResult;

extern RightsizeResult pooler_rightsize(const RightsizeInput *in);

#endif							/* POOLER_RIGHTSIZE_H */
