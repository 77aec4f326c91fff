/*
 * rightsize.c
 *	  How large a pool should be by what it did; pure.
 *
 * How many backends are busy is seen, on average as well. (Little's law would
 * have it from the holds that ended, each as long as it was; but one that began
 * hours ago would count for all of them in the second in which it ends.) The size
 * has to serve nearly every second, not the average, so what is needed is the
 * 95th percentile of those that were busy and of the clients that waited beside
 * them, with the guide's buffer of 20 %.
 *
 *	  grow		clients waited in 5 % of the seconds, or timed out: pool_size
 *				where it was busy on average, else max_overflow, for peaks
 *	  shift		more were busy on average than pool_size: the limit stays, but
 *				backends are not opened and closed all the time
 *	  shrink	pool_size is more than a fifth larger than what is needed; the
 *				limit stays
 *
 * Each by one of the guide's steps, 20 to 50 %.
 *
 * src/rightsize.c
 */
#include "postgres.h"

#include <math.h>

#include "metrics.h"
#include "rightsize.h"

#define BUFFER			0.2
#define WAITING_SHARE	0.05

static void
grow(const RightsizeInput *in, RightsizeResult *r)
{
	int			limit = in->pool_size + in->max_overflow;
	int			more = pooler_metrics_step(limit, r->needed - limit);

	r->verdict = RIGHTSIZE_GROW;
	if (r->offered + in->waiting_p95 >= in->pool_size)
		r->pool_size += more;
	else
		r->max_overflow += more;
}

static void
shift(const RightsizeInput *in, RightsizeResult *r)
{
	int			wanted = (int) ceil(r->offered) - in->pool_size;
	int			more = Min(pooler_metrics_step(in->pool_size, wanted),
						   in->max_overflow);

	r->verdict = RIGHTSIZE_SHIFT;
	r->pool_size += more;
	r->max_overflow -= more;
}

static void
shrink(const RightsizeInput *in, RightsizeResult *r)
{
	int			less = pooler_metrics_step(in->pool_size,
										   in->pool_size - r->needed);

	less = Min(less, in->pool_size - Max(r->needed, 1));
	r->verdict = RIGHTSIZE_SHRINK;
	r->pool_size -= less;
	if (in->max_overflow >= 0)
		r->max_overflow += less;
}

RightsizeResult
pooler_rightsize(const RightsizeInput *in)
{
	bool		limited = in->max_overflow >= 0 && in->pool_size > 0;
	RightsizeResult r = {
		.verdict = RIGHTSIZE_UNKNOWN,
		.pool_size = in->pool_size,
		.max_overflow = in->max_overflow
	};

	if (in->seconds < RIGHTSIZE_SECONDS || in->holds < RIGHTSIZE_HOLDS)
		return r;
	r.verdict = RIGHTSIZE_KEEP;
	r.rate = in->holds / in->seconds;
	r.mean_held_s = in->held_s / in->holds;
	r.offered = in->busy_mean;
	r.needed = (int) ceil((Max(in->busy_p95, r.offered) + in->waiting_p95) *
						  (1 + BUFFER));
	if (in->waiting_seconds > in->seconds * WAITING_SHARE || in->timeouts > 0)
	{
		/* one without limit has all that there is */
		if (limited)
			grow(in, &r);
	}
	else if (limited && in->max_overflow > 0 && r.offered > in->pool_size)
		shift(in, &r);
	else if (in->pool_size > 1 && r.needed * (1 + BUFFER) < in->pool_size)
		shrink(in, &r);
	return r;
}
