/*
 * pool.pml
 *	  One pool: births, two routes under one limit, retirement, tokens.
 *
 * Names are those of src/dispatch.c, surplus.c, waits.c, upkeep.c, schedule.c,
 * open.c, deliver.c, hear.c, member.c, route.c, pool.c and backend.c. A client and
 * its backend are here as simple as can be: how one gets hold of the other safely
 * is what handoff.pml is about.
 *
 *	  Worker	its turns, as in worker.c: events, the ticks, the schedule. What
 *				it counts is read at once, what it then does comes later, when
 *				the backends may have gone on.
 *	  Backend	a member's process, one after the other: login, birth, clients
 *	  Client	clients 0 .. NC-1; client c is of route c % 2
 *
 * Time is left out: who is the longest idle and which of two routes with as
 * many backends comes first is any of them (-DFIRSTCOME: who waits first),
 * pool_timeout, recycle and a client that is silent for too long may come at
 * any turn, as often as their budget says. Mutants: test/model/run.
 */
#ifndef NC
#define NC 3
#endif
#ifndef LIMIT
#define LIMIT 2					/* pool_size + max_overflow */
#endif
#ifndef POOL_SIZE
#define POOL_SIZE 1
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef RECYCLES
#define RECYCLES 0
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 0				/* pool_timeout */
#endif
#ifndef FAILURES
#define FAILURES 0				/* births that the server refuses */
#endif
#ifndef GIVES
#define GIVES 0					/* looks that find another pool without any */
#endif
#ifndef KEEPS
#define KEEPS 0					/* times a flag `keep` is set */
#endif
#ifndef HANGS
#define HANGS 0					/* statements that never end */
#endif

#define NR 2
#define NM LIMIT
#define NONE 255
#define ROUTE(c) ((c) % 2)

mtype = {
	FREE, OPENING, UNBORN, BIRTH, BORN, LEAVING,	/* MEMBER_ */
	ACTIVITY_NONE, IDLE, SERVING, PRIVATE, RECALLED, GONE,
	LOGGED_IN, IS_BORN, REFUSED, LEAVES, END_OF_FILE
};

/* shared */
mtype state[NM] = FREE;
mtype activity[NM] = ACTIVITY_NONE;
bool leave[NM], die[NM];
byte young[NM];				/* > 0: `role_quantum` has not passed since birth */
byte client[NM] = NONE;
byte route[NM] = NONE;
bool wanted, eligible[NR], keep[NR];
short idle[NR];
chan ready[NR] = [NC] of { byte };	/* the routes' epolls */
chan told[NM] = [3] of { mtype };	/* libpq and control */

/* the worker's */
chan held[NR] = [NC] of { byte };
chan order = [NC] of { byte };	/* by waiting_since: held and not taken since */
byte backends[NR], births[NR], clients[NR];
byte open;
bool dirty = true;
bool giving;					/* `gives`: the next place is another pool's */
bool saturated[NR];
byte first;						/* the route that has waited longer */

bool asked[NC];
bool stuck[NC];
byte served_by[NC];				/* backends that serve it: never two */
byte kills, recycles, timeouts, failures, gives, keeps, hangs;

inline forget_wait(x)
{
	if
	:: order??[eval(x)] -> order??eval(x)
	:: !order??[eval(x)]
	fi
}

/* ---- clients ---- */

proctype Client(byte c)
{
end:
	do
	:: atomic { !asked[c] ->
		asked[c] = true;
		if
		:: client[0] == c || client[NM - 1] == c	/* kept */
		:: else -> ready[ROUTE(c)]!c
		fi }
	:: c > 0 && !asked[c] -> break
	od
}

/* ---- backends ---- */

/*
 * `role_quantum` means here: long enough for a backend that was born to take two
 * clients, or those that are ready.
 */
#ifdef NOQUANTUM
#define OLD(b) true
#else
#define OLD(b) (young[b] == 0 || len(ready[route[b]]) == 0)
#endif

/* take_token(), pooler_backend_must_leave() */
inline must_leave()
{
	if
	:: !leave[b] && wanted && eligible[route[b]] && OLD(b) ->
		if
		:: atomic { wanted -> wanted = false }; leave[b] = true
		:: !wanted
		fi
	:: else
	fi
}

inline give_up()
{
	atomic {
		activity[b] = ACTIVITY_NONE;
		served_by[c]--;
		client[b] = NONE;
		if
		:: asked[c] -> ready[route[b]]!c
		:: else
		fi;
		c = NONE }
}

proctype Backend(byte b)
{
	byte c = NONE;

end:
	do
	:: atomic { state[b] == OPENING -> c = NONE };
		told[b]!LOGGED_IN;
end_unborn:
		if
		:: state[b] == UNBORN && (leave[b] || die[b]) && state[b] != BIRTH -> goto exit
		:: state[b] == BIRTH
		fi;
		if
		:: atomic { failures < FAILURES -> failures++; told[b]!REFUSED };
			goto gone
		:: atomic { told[b]!IS_BORN; young[b] = 2 }
		fi;
boundary:
		must_leave();
		if
		:: leave[b] || die[b] -> goto leaving
		:: else
		fi;
		atomic { activity[b] = IDLE; idle[route[b]]++ };
end_idle:
		if
		:: atomic { nempty(ready[route[b]]) ->
			ready[route[b]]?c;
			client[b] = c;
			served_by[c]++;
			assert(served_by[c] == 1 && ROUTE(c) == route[b] && asked[c]);
			forget_wait(c);
			activity[b] = SERVING;
			young[b] = young[b] - (young[b] > 0 && state[b] == BORN);
			idle[route[b]]-- }
		:: atomic { !leave[b] && wanted && eligible[route[b]] && OLD(b) ->
			/* idle_turn(): it stays IDLE meanwhile */
			wanted = false };
			leave[b] = true;
			goto end_idle
		:: atomic { leave[b] || die[b] ->
			activity[b] = ACTIVITY_NONE;
			idle[route[b]]-- };
			goto leaving
		fi;
statement:
		if
		:: atomic { hangs < HANGS -> hangs++; stuck[c] = true }; die[b]
		:: true
		fi;
		if
		:: die[b] -> goto leaving
		:: else
		fi;
		atomic { asked[c] = false; stuck[c] = false };
		must_leave();
		if
		:: leave[b] || !keep[route[b]] -> give_up(); goto boundary
		:: else
		fi;
		activity[b] = PRIVATE;
		if
		:: !keep[route[b]] -> give_up(); goto boundary
		:: else
		fi;
end_private:
		if
		:: atomic { asked[c] -> activity[b] = SERVING }; goto statement
		:: atomic { activity[b] == RECALLED || leave[b] || die[b] };
			give_up(); goto boundary
		:: atomic { !leave[b] && wanted && eligible[route[b]] ->
			wanted = false };
			leave[b] = true;
			goto end_private
		fi;
leaving:
		activity[b] = GONE;
		told[b]!LEAVES;
exit:
		told[b]!END_OF_FILE;
gone:
		skip					/* another process, once the slot is free */
	od
}

/* ---- the worker ---- */

inline recall_all(r)
{
	m = 0;
	do
	:: m < NM ->
		if
		:: state[m] == BORN && route[m] == r && activity[m] == PRIVATE ->
			activity[m] = RECALLED
		:: else
		fi;
		m++
	:: else -> break
	od
}

/* pooler_route_backends_changed(); in d_step: update_keep is in kept.pml */
inline backends_changed(r)
{
	if
	:: clients[r] > backends[r] && keep[r] -> keep[r] = false; recall_all(r)
	:: else
	fi;
	if
	:: backends[r] == 0 -> saturated[r] = false
	:: else ->
#ifndef HELDFORGOTTEN
		do
		:: nempty(held[r]) -> held[r]?s; ready[r]!s
		:: empty(held[r]) -> break
		od
#endif
	fi
}

inline leave_route(b)
{
	if
	:: route[b] != NONE && state[b] == BORN ->
		backends[route[b]]--;
		backends_changed(route[b])
	:: route[b] != NONE && state[b] == BIRTH ->
		births[route[b]]--;
		backends_changed(route[b])
	:: else
	fi
}

/* drop() and take_back_client(): a client whose session is lost is replaced */
inline drop(b)
{
	leave_route(b);
	if
	:: client[b] != NONE ->
		s = client[b];
		client[b] = NONE;
		served_by[s]--;
		asked[s] = false;
		stuck[s] = false
	:: else
	fi;
	state[b] = FREE;
	activity[b] = ACTIVITY_NONE;
	route[b] = NONE;
	leave[b] = false;
	die[b] = false;
#ifndef OPENFORGOTTEN
	open--;
#endif
	dirty = true
}

/* The error and the end of the batch; the client may speak again. */
inline answer(s)
{
	assert(asked[s] && served_by[s] == 0);
	forget_wait(s);
	asked[s] = false
}

inline member_event(b)
{
	if
	:: d_step { nempty(told[b]) ->
		told[b]?x;
		if
		:: x == LOGGED_IN -> state[b] = UNBORN; dirty = true
		:: x == IS_BORN ->
			assert(state[b] == BIRTH);
			state[b] = BORN;
			births[route[b]]--;
			backends[route[b]]++;
			backends_changed(route[b])
		:: x == REFUSED ->
			s = route[b];
			r = route[b];
			drop(b);
			/* tell_held() */
			do
			:: nempty(held[r]) -> held[r]?s; answer(s)
			:: empty(held[r]) -> break
			od
		:: x == LEAVES ->
			leave_route(b);
			route[b] = NONE;
			state[b] = LEAVING;
			dirty = true
		:: x == END_OF_FILE -> drop(b)
		fi;
		r = 0; s = 0; m = 0; x = 0 }
	:: empty(told[b])
	fi
}

/* EVENT_ROUTE: nobody else takes them */
inline route_event(r)
{
	d_step {
		if
		:: backends[r] == 0 ->
			do
			:: nempty(ready[r]) ->
				ready[r]?s;
				held[r]!s;
				if
				:: !order??[eval(s)] -> order!s
				:: order??[eval(s)]
				fi
			:: empty(ready[r]) -> break
			od
		:: else
		fi;
		s = 0 }
}

/* pooler_waits_look() */
inline fast(r)
{
	d_step {
		saturated[r] = backends[r] > 0 && idle[r] <= 0 && !keep[r] &&
			len(ready[r]) > 0;
		if
		:: len(held[r]) > 0 || saturated[r] -> dirty = true
		:: else
		fi }
}

#define WAITING(r) (len(held[r]) + saturated[r])
#define HELD_BY(r) (backends[r] + births[r])
#define DEFICIT(r) (WAITING(r) > births[r] -> WAITING(r) - births[r] : 0)
#define LACKS(r) (clients[r] - HELD_BY(r))
#define IDLE_SINCE(b) (state[b] == BORN && \
					   (activity[b] == IDLE || activity[b] == PRIVATE))

/* pooler_schedule_eligible() */
#define GREATER(r) (backends[1 - (r)] > backends[r])
#define ELIGIBLE(r, w) ((r) != (w) && backends[r] > 0 && \
						(HELD_BY(w) > 0 -> backends[r] >= HELD_BY(w) + 2 : \
						 (GREATER(r) -> DEFICIT(r) == 0 : true)))

/* count_pool(), count_members(): what is seen at one moment */
inline count()
{
	unborn = 0; coming = 0; u = NONE;
	rest[0] = NONE; rest[1] = NONE;
	m = 0;
	do
	:: m < NM ->
		if
		:: state[m] == UNBORN && !leave[m] -> unborn++; u = m
		:: state[m] == OPENING || state[m] == LEAVING ||
			state[m] == UNBORN && leave[m] -> coming++
		:: IDLE_SINCE(m) && leave[m] -> coming++
		:: IDLE_SINCE(m) && !leave[m] ->
			if
			:: OLD(m) -> rest[route[m]] = m
			:: else
			fi
		:: else
		fi;
		m++
	:: else -> break
	od;
	m = 0;
	w = NONE;
	if
	:: DEFICIT(0) > 0 && DEFICIT(1) == 0 -> w = 0
	:: DEFICIT(1) > 0 && DEFICIT(0) == 0 -> w = 1
	:: DEFICIT(0) > 0 && DEFICIT(1) > 0 ->
		if
		:: HELD_BY(0) < HELD_BY(1) -> w = 0
		:: HELD_BY(1) < HELD_BY(0) -> w = 1
		:: HELD_BY(0) == HELD_BY(1) && len(held[0]) > 0 && len(held[1]) > 0 ->
			order?<m>;
			w = ROUTE(m);
			m = 0
		:: HELD_BY(0) == HELD_BY(1) && (len(held[0]) == 0 || len(held[1]) == 0) ->
			w = first
		fi
	:: else
	fi
}

/* Which of the two has waited longer */
inline stamp()
{
	d_step {
		if
		:: WAITING(0) > 0 && WAITING(1) == 0 -> first = 0
		:: WAITING(1) > 0 && WAITING(0) == 0 -> first = 1
		:: WAITING(0) == 0 && WAITING(1) == 0 -> first = 0
		:: else
		fi }
}

/* schedule_once(): one action; `more` is false where it says so */
#define MAY_OPEN (open < LIMIT && !giving)
inline schedule_once()
{
	d_step {
		count();
		act = 0;
		if
		:: w == NONE ->
			/* one_for_each(), then keep_ready() */
			w = NONE; x = 0;
			if
			:: LACKS(0) > 0 && LACKS(0) >= LACKS(1) -> w = 0
			:: LACKS(1) > 0 && LACKS(1) > LACKS(0) -> w = 1
			:: else
			fi;
			if
			:: w != NONE && clients[0] + clients[1] <= POOL_SIZE ->
				if
				:: unborn > 0 -> act = 1
				:: unborn == 0 && rest[1 - w] != NONE &&
					backends[1 - w] > clients[1 - w] &&
					coming < LACKS(w) -> act = 3
				:: else
				fi
			:: else
			fi;
			if
			:: act == 0 && open < POOL_SIZE && MAY_OPEN -> act = 2
			:: else
			fi
		:: w != NONE && unborn > 0 -> act = 1
		:: w != NONE && unborn == 0 && coming >= DEFICIT(0) + DEFICIT(1)
#ifdef NOLIMIT
		:: w != NONE && unborn == 0 && coming < DEFICIT(0) + DEFICIT(1) &&
			true -> act = 2
#else
		:: w != NONE && unborn == 0 && coming < DEFICIT(0) + DEFICIT(1) &&
			MAY_OPEN -> act = 2
#endif
		:: w != NONE && unborn == 0 && coming < DEFICIT(0) + DEFICIT(1) &&
			!MAY_OPEN && rest[1 - w] != NONE -> act = 3
		:: w != NONE && unborn == 0 && coming < DEFICIT(0) + DEFICIT(1) &&
			!MAY_OPEN && rest[1 - w] == NONE -> act = 4
		:: else
		fi };
#ifndef GAP
	if
	:: act != 4 && !giving -> wanted = false
	:: else
	fi;
#endif
	if
	:: d_step { act == 1 ->
		assert(u != NONE);
		/* what it had said meanwhile is still unread */
		state[u] = BIRTH;
		route[u] = w;
		births[w]++ }
	:: d_step { act == 2 ->
		u = 0;
		do
		:: u < NM && state[u] != FREE -> u++
		:: else -> break
		od;
		assert(u < NM);
		state[u] = OPENING;
		open++;
		assert(open <= LIMIT) }
	:: act == 3 -> leave[rest[1 - w]] = true	/* pooler_member_retire() */
	:: act == 4 && giving
	:: act == 4 && !giving ->
		/* offer_token() */
#ifndef NOTOKEN
		d_step {
			eligible[0] = ELIGIBLE(0, w);
			eligible[1] = ELIGIBLE(1, w) };
		wanted = true
#else
		skip
#endif
	:: act == 0
	fi
}

inline slow()
{
#if GIVES > 0
	giving = false;				/* it is said again at each look */
#endif
	if
	/* pooler_dispatch_give() */
	:: d_step { gives < GIVES ->
		gives++; giving = true;
		eligible[0] = true; eligible[1] = true;
		wanted = true; dirty = true }
	/* pool_timeout: of a held one, or of one in a saturated route */
	:: d_step { timeouts < TIMEOUTS && nempty(held[0]) ->
		timeouts++; held[0]?s; answer(s); s = 0 }
	:: d_step { timeouts < TIMEOUTS && nempty(held[1]) ->
		timeouts++; held[1]?s; answer(s); s = 0 }
	:: d_step { timeouts < TIMEOUTS && saturated[0] && nempty(ready[0]) ->
		timeouts++; ready[0]?s; answer(s); s = 0 }
	:: d_step { recycles < RECYCLES && (state[0] == BORN || state[0] == UNBORN) ->
		recycles++; leave[0] = true }
	:: d_step { kills < KILLS && (state[0] == BORN || state[0] == UNBORN) ->
		kills++; die[0] = true }
#if LIMIT > 1
	:: d_step { kills < KILLS && (state[1] == BORN || state[1] == UNBORN) ->
		kills++; die[1] = true }
#endif
	:: d_step { keeps < KEEPS && clients[0] <= backends[0] && !keep[0] ->
		keeps++; keep[0] = true }
	:: d_step { keeps < KEEPS && clients[1] <= backends[1] && !keep[1] ->
		keeps++; keep[1] = true }
	:: true
	fi
}

proctype Worker()
{
	byte b, r, s, m, w, u, act, n;
	byte unborn, coming;
	byte rest[NR];
	mtype x;

	d_step {
		clients[0] = (NC + 1) / 2;
		clients[1] = NC / 2 };
end:
	do
	:: true ->
		b = 0;
		do
		:: b < NM -> member_event(b); b++
		:: else -> break
		od;
		b = 0;
		route_event(0);
		route_event(1);
		slow();
		fast(0);
		fast(1);
		stamp();
		/* pooler_dispatch_pools() */
		if
		:: dirty ->
			dirty = false;
#ifdef GAP
			wanted = false;
#endif
			n = 0;
			do
			:: n < NM ->
				schedule_once();
				if
				:: act == 0 || act == 4 -> break
				:: else -> n++
				fi
			:: else -> break
			od;
			atomic { n = 0; act = 0; w = 0; u = 0 }
		:: else
		fi
	od
}

init
{
	byte c;

	atomic {
		run Worker();
		c = 0;
		do
		:: c < NM -> run Backend(c); c++
		:: else -> break
		od;
		c = 0;
		do
		:: c < NC -> run Client(c); c++
		:: else -> break
		od }
}

/* who asks is served, whatever the other route does */
ltl served { [] (asked[0] -> <> (!asked[0])) }
