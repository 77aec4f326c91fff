/*
 * capacity.h
 *	  The arithmetic of max_connections; pure.
 *
 * src/capacity.h
 */
#ifndef POOLER_CAPACITY_H
#define POOLER_CAPACITY_H

/* The guide's formula: ceil(servers x databases x (size + overflow) x
 * (1 + buffer)).  -1: unlimited (max_overflow = -1 or pool_size = 0), or too
 * large for an int. */
extern int	pooler_capacity_required(int app_servers, int databases,
									 int pool_size, int max_overflow,
									 double buffer);

/*
 * How many backends all pools together may have open.
 *	  max_backends		the setting, or -1: what max_connections leaves
 *	  max_connections	the server's
 *	  reserved			superuser_reserved_ + reserved_connections + reserve
 *	  others			connections now that are not the pooler's
 *	  listed			pools named in pooler.pools: each can always have one
 */
extern int	pooler_capacity_backends(int max_backends, int max_connections,
									 int reserved, int others, int listed);

#endif							/* POOLER_CAPACITY_H */
