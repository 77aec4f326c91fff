/*
 * kept.pml
 *	  The kept client: who waits privately, and who recalls him.
 *
 * One route with NB backends and NC clients; the last client may come later,
 * when the others are kept by the flag. What is asked: is a client that speaks
 * ever left alone while a backend sits with one that is silent? Names are those
 * of src/await.c, backend.c, handoff.c, route.c and member.c; each step is one
 * access to what is shared. Sessions, files and cancels are in handoff.pml.
 *
 *	  -DSHARED	a backend also keeps its client where the route has more
 *				clients than backends, if `idle` >= 1 or the route is not
 *				`contended`; the worker's tick notes contention, and recalls
 *				those with silent clients, while nobody is idle
 *	  without	a backend keeps its client while the flag `keep` is on
 *
 * Budgets, 0 if not given: KILLS, RETIRES, INVALIDATIONS, HANGS, KEEPS (1: the
 * flag is on at first, until the last client comes). Mutants: test/model/run.
 */
#ifndef NB
#define NB 2
#endif
#ifndef NC
#define NC 3
#endif
#ifndef KILLS
#define KILLS 0					/* pg_terminate_backend() */
#endif
#ifndef RETIRES
#define RETIRES 0				/* `leave` is set */
#endif
#ifndef INVALIDATIONS
#define INVALIDATIONS 0			/* the worker takes a backend for hung */
#endif
#ifndef HANGS
#define HANGS 0					/* statements that never end */
#endif
#ifndef KEEPS
#define KEEPS 0
#endif

#define NONE 255
#define WORKER 254

mtype = { IDLE, TAKEN, SERVING, RETURNING, PRIVATE, RECALLED, GONE };

chan ready = [NC] of { byte };	/* the route's epoll: armed and readable */
bool armed[NC], data[NC];
bool connected[NC];
byte owner[NC] = NONE;

mtype activity[NB] = RETURNING;
byte client[NB] = NONE;
bool leave[NB], die[NB];
short idle;
bool keep = KEEPS;
bool contended;
byte gone;						/* backends that have left; one always stays */

byte kills, retires, invalidations, hangs;

#define WAITS(c) (armed[c] && data[c])

/* is_needed_by_none(), but for `keep`: one step a term, as `idle` is read first */
#ifdef NOFLAG
#define CALM true
#else
#define CALM !contended
#endif

inline event(c)
{
	if
	:: armed[c] && data[c] -> ready!c
	:: else
	fi
}

inline arm(c, who)
{
	assert(owner[c] == who && !armed[c]);
	owner[c] = NONE;
	armed[c] = true;
	event(c)
}

proctype Backend(byte b)
{
	byte c = NONE;

boundary:
	/* take(): pooler_backend_idle_on() */
	if
	:: die[b] || leave[b] -> goto leaving
	:: else
	fi;
	activity[b] = IDLE;
	idle++;
	if
	:: atomic { nempty(ready) ->
		ready?c;
		armed[c] = false;
		assert(owner[c] == NONE);
		owner[c] = b;
		client[b] = c }
	:: atomic { die[b] || leave[b] ->
		/* leave_idle(), pooler_handoff_exit() */
		if
		:: activity[b] == IDLE -> activity[b] = GONE
		:: else -> goto leaving
		fi };
		idle--;
		goto leaving
	:: atomic { activity[b] == GONE -> goto leaving }
	fi;
	if
	:: atomic { activity[b] == IDLE -> activity[b] = TAKEN }
	:: atomic { activity[b] != IDLE ->
		/* leave_unbegun(): counted by whoever moved us */
		client[b] = NONE;
		arm(c, b);
		c = NONE };
		goto leaving
	fi;
	idle--;
	if
	:: atomic { activity[b] == TAKEN -> activity[b] = SERVING }
	:: atomic { activity[b] != TAKEN -> c = NONE }; goto leaving
	fi;

statement:
	atomic {
		assert(owner[c] == b && data[c] && !armed[c]);
		if
		:: data[c] = false
		:: hangs < HANGS -> hangs++; hung: false
		fi };

	/* after_transaction(), pooler_await_may_keep() */
	if
	:: leave[b] || die[b] -> goto give_up
#ifdef LOOKFIRST
	:: else ->
		if
		:: idle >= 1 || keep -> activity[b] = PRIVATE
		:: else -> goto give_up
		fi
#else
	:: else -> activity[b] = PRIVATE
	fi;
	/* pooler_await_client(): PRIVATE first, then look */
	if
	:: keep
#ifdef SHARED
	:: !keep && idle >= 1
	:: !keep && idle < 1 ->
		if
		:: CALM
		:: !(CALM) -> goto wake
		fi
#else
	:: !keep -> goto wake
#endif
#endif
	fi;
	/* await_or_recall() */
	if
	:: data[c] && owner[c] == b -> goto spoke
	:: activity[b] != PRIVATE || leave[b] || die[b]
	fi;
wake:
	/* keep_serving() */
	if
	:: atomic { activity[b] == PRIVATE -> activity[b] = SERVING }
	:: atomic { activity[b] == RECALLED -> activity[b] = SERVING }
	:: atomic { activity[b] == GONE -> c = NONE }; goto leaving
	fi;
give_up:
	activity[b] = RETURNING;
	client[b] = NONE;
	atomic { arm(c, b); c = NONE };
	goto boundary;

spoke:
	if
	:: atomic { activity[b] == PRIVATE -> activity[b] = SERVING };
		goto statement
	:: atomic { activity[b] == RECALLED -> activity[b] = SERVING };
		goto statement
	:: atomic { activity[b] == GONE -> c = NONE }
	fi;
leaving:
	activity[b] = GONE
}

inline select_backend(x)
{
	x = 0;
	do
	:: x < NB - 1 -> x++
	:: !die[x] && !leave[x] && activity[x] != GONE -> break
	od
}

#define SILENT(b) (client[b] != NONE && !data[client[b]])

/* pooler_route_recall(): all, or those with silent clients */
inline recall(all)
{
	i = 0;
	do
	:: i < NB ->
		if
		:: atomic { activity[i] == PRIVATE && (all || SILENT(i)) ->
			activity[i] = RECALLED; i++ }
		:: atomic { !(activity[i] == PRIVATE && (all || SILENT(i))) -> i++ }
		fi
	:: i >= NB -> break
	od;
	i = 0
}

#define MAY_GO (gone < NB - 1)

#if NC == 3
#define SOMEBODY_WAITS (WAITS(0) || WAITS(1) || WAITS(2))
#else
#define SOMEBODY_WAITS (WAITS(0) || WAITS(1) || WAITS(2) || WAITS(3))
#endif
#if NB == 2
#define SOMEBODY_IS_SILENT (activity[0] == PRIVATE && SILENT(0) || \
	activity[1] == PRIVATE && SILENT(1))
#else
#define SOMEBODY_IS_SILENT (activity[0] == PRIVATE && SILENT(0) || \
	activity[1] == PRIVATE && SILENT(1) || activity[2] == PRIVATE && SILENT(2))
#endif

/* pooler_waits_look(): by the clock, here only when it would do something. The
 * silent are recalled whether or not somebody waits, but that may come late. */
proctype Tick()
{
	byte i;
end:
	do
	:: atomic { idle <= 0 && !keep &&
			(SOMEBODY_IS_SILENT || SOMEBODY_WAITS && !contended) ->
		if
		:: SOMEBODY_WAITS -> contended = true
		:: else
		fi };
		recall(false);
#ifdef RECALLONCE
		break
#endif
	/* note_contention(): nobody has waited for a while */
	:: atomic { contended && (idle > 0 || keep || !SOMEBODY_WAITS) ->
		contended = false }
	od
}

proctype Worker()
{
	byte b, i, s;

	/* the last client comes: more clients than backends, pooler_route_update_keep() */
	if
	:: KEEPS ->
#ifdef RECALLFIRST
		recall(true);
		keep = false;
#else
		keep = false;
		recall(true);
#endif
	:: !KEEPS
	fi;
	atomic {
		connected[NC - 1] = true;
		owner[NC - 1] = WORKER;
		arm(NC - 1, WORKER) };

end:
	do
	:: atomic { kills < KILLS && MAY_GO ->
		kills++; gone++;
		select_backend(b);
		die[b] = true }
	:: atomic { retires < RETIRES && MAY_GO ->
		retires++; gone++;
		select_backend(b);
		leave[b] = true }
	:: atomic { invalidations < INVALIDATIONS && MAY_GO ->
		invalidations++; gone++;
		select_backend(b) };
		/* disarm_member() */
		if
		:: atomic { activity[b] == IDLE -> activity[b] = GONE };
			idle--
		:: atomic { activity[b] == TAKEN || activity[b] == PRIVATE ||
				activity[b] == RECALLED ->
			activity[b] = GONE;
			s = client[b];
			client[b] = NONE;
			owner[s] = WORKER;
			arm(s, WORKER) }
		:: atomic { activity[b] != IDLE && activity[b] != TAKEN &&
				activity[b] != PRIVATE && activity[b] != RECALLED -> gone-- }
		fi
	od
}

proctype Client(byte c)
{
end:
	do
	:: atomic { connected[c] && !data[c] -> data[c] = true; event(c) }
	:: connected[c] -> break	/* falls silent */
	od
}

/* Nothing can move any more: nobody waits whom a backend could serve. */
proctype Monitor()
{
	byte c, b;
end:
	do
	:: timeout ->
		d_step {
			c = 0;
			do
			:: c < NC ->
				b = 0;
				do
				:: b < NB ->
					assert(!WAITS(c) || activity[b] != PRIVATE &&
						   activity[b] != RECALLED && activity[b] != IDLE);
					b++
				:: else -> break
				od;
				assert(hangs > 0 || !data[c]);
				c++
			:: else -> break
			od;
			b = 0; c = 0;
			do
			:: b < NB -> c = c + (activity[b] == IDLE -> 1 : 0); b++
			:: else -> break
			od;
			assert(idle == c);
			b = 0; c = 0 };
	od
}

init
{
	byte c;

	atomic {
		do
		:: c < NC - 1 -> connected[c] = true; armed[c] = true; c++
		:: else -> break
		od;
		run Worker();
#if defined(SHARED) && !defined(NORECALL)
		run Tick();
#endif
		c = 0;
		do
		:: c < NB -> run Backend(c); c++
		:: else -> break
		od;
		c = 0;
		do
		:: c < NC -> run Client(c); c++
		:: else -> break
		od;
		run Monitor() }
}

/* who speaks is served */
ltl served { [] (data[0] -> <> !data[0]) }
