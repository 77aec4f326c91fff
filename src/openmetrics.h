/*
 * openmetrics.h
 *	  The text of /metrics.
 *
 * src/openmetrics.h
 */
#ifndef POOLER_OPENMETRICS_H
#define POOLER_OPENMETRICS_H

#include "lib/stringinfo.h"

/*
 * Appends everything that there is to tell, as OpenMetrics or in Prometheus'
 * own format. In the worker. `ready`: does /ready say so? What it needs while
 * it works stays in the current context.
 */
extern void pooler_openmetrics_put(StringInfo out, bool openmetrics,
								   bool ready);

#endif							/* POOLER_OPENMETRICS_H */
