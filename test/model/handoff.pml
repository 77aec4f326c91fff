/*
 * handoff.pml
 *	  The handoff of clients between the worker and a route's backends.
 *
 * One route, its epoll, NB backends and NC client slots; the names are those of
 * src/. Each step here is one access of the code to what it shares: an atomic
 * variable, the epoll, a socket. What a process does alone is done in the same
 * step. README.md says what is asserted, assumed and left out.
 *
 *	  Client	whoever is connected at a slot: asks, waits, may leave
 *	  Backend	take.c, handoff.c, await.c, backend.c
 *	  Worker	member.c, hear.c, client.c, route.c, cancel.c, answer.c, waits.c
 *	  Monitor	looks when nothing can move any more
 *
 * Faults and choices have a budget each, 0 if not given (-DLEAVES=1). A mutant
 * (-DNOLOCK) breaks one rule and must fail; test/model/run has the list.
 */
#define NC 2
#define NB 2
#ifndef CLIENTS
#define CLIENTS 2				/* 1: the other slot stays free */
#endif
#ifndef BACKENDS
#define BACKENDS 2				/* 1: the other member stays free */
#endif
#ifndef LEAVES
#define LEAVES 0				/* clients that go, each replaced by another */
#endif
#ifndef KILLS
#define KILLS 0					/* pg_terminate_backend() */
#endif
#ifndef INVALIDATIONS
#define INVALIDATIONS 0			/* the worker takes a backend for hung */
#endif
#ifndef RETIRES
#define RETIRES 0				/* `leave`: recycled, shrunk, a token */
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef TICKS
#define TICKS 0					/* looks at who has waited too long */
#endif
#ifndef TERMINATES
#define TERMINATES 0			/* pooler.terminate_client() */
#endif
#ifndef REFUSALS
#define REFUSALS 0				/* settings that cannot be loaded; outdated */
#endif
#ifndef FAILURES
#define FAILURES 0				/* births that the server refuses */
#endif
#ifndef HANGS
#define HANGS 0					/* statements that never end */
#endif
#ifndef STOPS
#define STOPS 0					/* SIGSTOP, for ever; INVALIDATIONS then mean it */
#endif
#ifndef KEEPS
#define KEEPS 0					/* times the flag `keep` is set */
#endif
#ifndef PINS
#define PINS 0					/* 1: a client may be pinned, and unpinned */
#endif
#ifndef BLOCKS
#define BLOCKS 0				/* 1: transactions of several statements */
#endif

#define NONE 255
#define WORKER 254

mtype = {
	ACTIVITY_NONE, ACTIVITY_IDLE, ACTIVITY_TAKEN, ACTIVITY_SERVING,
	ACTIVITY_RETURNING, ACTIVITY_CLEANING, ACTIVITY_PRIVATE,
	ACTIVITY_RECALLED, ACTIVITY_PINNED, ACTIVITY_GONE,
	CLIENT_FREE, CLIENT_ARMED, CLIENT_HELD, CLIENT_ANSWERING,
	MEMBER_BIRTH, MEMBER_BORN, MEMBER_LEAVING,
	FETCH, CLOSED, HUNG_UP, LEAVING, END_OF_FILE,
	BORN, REFUSED
};

/* control sockets; END_OF_FILE: the process has exited */
chan to_worker[NB] = [3] of { mtype, byte, byte };
chan to_backend[NB] = [1] of { byte };	/* FILE: its generation; 0: NO_FILE */
mtype libpq[NB];				/* BORN, REFUSED: the worker has not read it */

/* the route's epoll */
chan ready = [NC] of { byte };
bool armed[NC], listed[NC];

/* a client's socket */
bool data[NC], eof[NC];			/* unread; shut by the peer or by the worker */
bool connected[NC];

/* shared memory */
byte generation[NC] = 1;
mtype state[NC] = CLIENT_FREE;
bool has_last_words[NC];
bool terminated[NC];			/* nothing more of it is to be run */
byte won[NC];					/* PoolerClient.owner: 0, member + 1, WORKER */
mtype activity[NB] = ACTIVITY_NONE;
byte client[NB] = NONE;			/* slot and generation */
byte client_generation[NB];
bool leave[NB], lock[NB];
bool keep;
short idle;

/* the worker's own */
mtype member[NB] = MEMBER_BIRTH;
chan held = [NC] of { byte };
byte backends, clients;
bool watched = true;			/* the route is nested in the worker's epoll */
bool noted;						/* its event is in the batch at hand */
bool overtaken;					/* a birth is in the next batch before it */

/* a backend's own */
bool up[NB] = true;				/* this member's process lives */
bool die[NB];					/* SIGTERM has come: ProcDiePending */
byte cancel[NB];				/* 1: SIGINT is on its way, 2: QueryCancelPending */
byte have[NB * NC];				/* generation of the file that is open, or 0 */

/* what nobody knows */
byte owner[NC] = NONE;			/* as `won` */
bool asked[NC];					/* the client waits for an answer */
bool stuck[NC];					/* in a statement that never ends */
byte cancel_for[NB] = NONE;
bool unseen[NB];				/* it was ended while it was idle */
bool alone[NB];					/* waits privately, and has seen the flag on */
chan order = [NC] of { byte };	/* as the worker came to hold them */
byte leaves, kills, invalidations, retires, cancels, ticks, terminates;
byte refusals, failures, hangs, stops, keeps;

inline event(c)
{
	if
	:: armed[c] && !listed[c] && (data[c] || eof[c]) ->
		listed[c] = true;
		ready!c
	:: else
	fi
}

/* EPOLL_CTL_ADD, EPOLL_CTL_MOD: at once in the list if it is readable */
inline arm(c)
{
	armed[c] = true;
	event(c)
}

/* epoll_wait(): it looks again whether the client is readable. */
inline take_event(c)
{
	ready?c;
	listed[c] = false;
	if
	:: data[c] || eof[c] -> armed[c] = false
	:: else
	fi
}

/* takes_over(), take_over(): from a backend that says so, ends or hangs */
inline own(c, who)
{
	assert(owner[c] == who);
	owner[c] = WORKER;
	won[c] = WORKER
}

/* pooler_route_arm() */
inline route_arm(c)
{
	assert(owner[c] == WORKER);
	owner[c] = NONE;
	won[c] = 0;
	state[c] = CLIENT_ARMED;
	arm(c)
}

/* ---- clients ---- */

proctype Client(byte c)
{
	do
	:: atomic { connected[c] && !asked[c] && !eof[c] ->
		asked[c] = true;
		data[c] = true;
		event(c) }
	:: atomic { connected[c] && !eof[c] && leaves < LEAVES ->
		leaves++;
		eof[c] = true;
		event(c) }
	:: c == CLIENTS - 1 -> break	/* falls silent, so that all can be quiet */
	od
}

/* ---- backends ---- */

inline set_activity(x)
{
	activity[b] = x
}

/* pooler_backend_end_serving(): one store under the lock */
inline end_serving(x)
{
	atomic {
#ifndef NOLOCK
		!lock[b];
#endif
		set_activity(x);
		alone[b] = false }
}

inline deliver()
{
	if
	:: cancel[b] == 1 -> cancel[b] = 2
	:: else
	fi
}

inline drop_cancel()
{
	if
	:: cancel[b] == 2 ->
		cancel[b] = 0;
		cancel_for[b] = NONE
	:: else
	fi
}

inline may_stop()
{
	if
	:: atomic { b == 1 && stops < STOPS -> stops++; false }
	:: true
	fi
}

/* The worker may have given it to another meanwhile. */
inline rearm()
{
	if
#ifdef BLINDREARM
	:: atomic { true ->
#else
	:: atomic { won[c] == b + 1 ->
		assert(owner[c] == b && have[b * NC + c] == generation[c]);
#endif
		owner[c] = NONE;
		won[c] = 0 };
		client[b] = NONE;
		may_stop();
		atomic {
			deliver();
			/* else ENOENT: it was won, and closed, before we came to this */
			if
			:: have[b * NC + c] == generation[c] -> arm(c)
			:: else
			fi }
#ifndef BLINDREARM
	:: won[c] != b + 1 -> client[b] = NONE
#endif
	fi
}

/* keep_serving(): no longer PRIVATE; is the client still ours? */
inline keep_serving()
{
	if
	:: atomic { activity[b] == ACTIVITY_PRIVATE ||
				activity[b] == ACTIVITY_RECALLED ->
		alone[b] = false;
		set_activity(ACTIVITY_SERVING) }
	:: activity[b] == ACTIVITY_GONE -> goto leaving
	fi
}

/* The statement's own time: what may befall a backend that serves. */
inline run_statement()
{
	atomic {
		assert(owner[c] == b && have[b * NC + c] == generation[c]);
		assert(data[c]);
		data[c] = false;
		/* PostgresMain() drops what has come while it was reading */
		if
		:: cancel[b] != 0 ->
			assert(cancel_for[b] == c);
			cancel[b] = 0;
			cancel_for[b] = NONE
		:: true
		fi };
	if
	:: atomic { cancel[b] != 0 ->
		assert(cancel_for[b] == c);
		cancel[b] = 0;
		cancel_for[b] = NONE }
	:: true
	:: die[b] -> goto fatal
	:: atomic { b == 1 && hangs < HANGS ->
		hangs++;
		stuck[c] = true };
		if
		:: die[b] -> goto fatal
		:: atomic { cancel[b] != 0 ->
			assert(cancel_for[b] == c);
			cancel[b] = 0;
			cancel_for[b] = NONE;
			stuck[c] = false }
		fi
	fi;
	atomic {
		assert(owner[c] == b);
		asked[c] = false }
}

proctype Backend(byte b)
{
	byte c = NONE;
	byte g;
	byte copied;				/* generation of a file that was copied */
	bool hung_up, pinned;

birth:
	atomic {
		die[b] = false;
		unseen[b] = false;
		cancel[b] = 0;
		cancel_for[b] = NONE;
		alone[b] = false;
		c = 0;
		do
		:: c < NC -> have[b * NC + c] = 0; c++
		:: else -> break
		od;
		c = NONE;
		g = 0;
		hung_up = false;
		pinned = false };
	if
	:: atomic { failures < FAILURES ->
		failures++;
		up[b] = false;
		libpq[b] = REFUSED;
		goto reborn }
	:: libpq[b] = BORN
	fi;

boundary:							/* await_next_message() */
	atomic {
		c = NONE;
		g = 0;
		hung_up = false;
		pinned = false };
	if
	:: leave[b] -> goto leaving
	:: else
	fi;

	/* take(), pooler_backend_idle_on() */
	if
	:: atomic { activity[b] != ACTIVITY_GONE -> set_activity(ACTIVITY_IDLE) }
	:: activity[b] == ACTIVITY_GONE -> goto leaving
	fi;
	idle++;
sleep:
	if
	:: atomic { nempty(ready) ->
		take_event(c);
		deliver();
		if
		:: armed[c] -> goto sleep
		:: else
		fi;
		g = generation[c];
		hung_up = eof[c] }
	:: atomic { die[b] ->
		/* FATAL; pooler_handoff_exit() */
		if
		:: activity[b] == ACTIVITY_IDLE ->
			set_activity(ACTIVITY_GONE);
			idle--
		:: else
		fi };
		goto fatal
	:: atomic { leave[b] ->
		/* leave_idle() */
		if
		:: activity[b] == ACTIVITY_IDLE ->
			set_activity(ACTIVITY_GONE);
			idle--
		:: else
		fi };
		goto leaving
	fi;
	may_stop();
	/* win() */
	atomic { client[b] = c; client_generation[b] = g };
	if
#ifdef STALEWIN
	:: atomic { won[c] == 0 ->
#else
	:: atomic { won[c] == 0 && generation[c] == g ->
#endif
		won[c] = b + 1;
		owner[c] = b }
#ifdef STALEWIN
	:: atomic { won[c] != 0 ->
#else
	:: atomic { won[c] != 0 || generation[c] != g ->
#endif
		client[b] = NONE;
		goto sleep }
	fi;
	if
	:: atomic { activity[b] == ACTIVITY_IDLE -> set_activity(ACTIVITY_TAKEN) }
	:: activity[b] != ACTIVITY_IDLE ->
		/* leave_unbegun() */
#ifdef CLIENTEXCHANGE
		if
		:: atomic { client[b] != NONE -> client[b] = NONE };
			to_worker[b]!HUNG_UP, c, g
		:: client[b] == NONE
		fi;
#else
		to_worker[b]!HUNG_UP, c, g;
#endif
		goto leaving
	fi;
	idle--;

	/* born before its role was altered: hand_back_unopened() */
	if
	:: atomic { refusals < REFUSALS -> refusals++ }
		leave[b] = true;
		goto hand_back
	:: true
	fi;
	/* open_client() */
	hung_up = hung_up && !has_last_words[c];
	if
#ifdef NOGEN
	:: have[b * NC + c] != 0 -> goto opened
	:: have[b * NC + c] == 0 && hung_up -> goto hand_back
	:: have[b * NC + c] == 0 && !hung_up
#else
	:: have[b * NC + c] == g -> goto opened
	:: have[b * NC + c] != g && hung_up -> goto hand_back
	:: have[b * NC + c] != g && !hung_up
#endif
	fi;
	/* copy_file() */
	if
	:: true ->
		copied = generation[c];
		may_stop();
		if
#ifdef COPYUNSEEN
		:: atomic { true ->
#else
		:: atomic { won[c] == b + 1 && generation[c] == g ->
#endif
			assert(copied == g);
			have[b * NC + c] = copied;
			copied = 0 };
			goto opened
#ifndef COPYUNSEEN
		:: atomic { won[c] != b + 1 || generation[c] != g -> copied = 0 }
#endif
		fi
	:: true	/* the kernel forbids it */
	fi;
	to_worker[b]!FETCH, c, g;
	if
	:: atomic { to_backend[b]?g;
		if
		:: g != 0 -> have[b * NC + c] = g
		:: else
		fi }
	:: die[b] -> goto fatal
	fi;
	if
	:: g == 0 ->
		/* that client is gone; it can only be one that was taken from us */
		assert(activity[b] != ACTIVITY_TAKEN);
		goto leaving
	:: else
	fi;

opened:
	may_stop();
	/* die_unseen() */
#ifndef NOUNSEEN
	if
	:: die[b] ->
#ifdef UNSEENSTORE
		set_activity(ACTIVITY_RETURNING);
		rearm();
#else
		if
		:: atomic { activity[b] == ACTIVITY_TAKEN ->
			set_activity(ACTIVITY_RETURNING) };
			rearm()
		:: activity[b] != ACTIVITY_TAKEN
		fi;
#endif
		goto leaving
	:: else
	fi;
#endif
	/* start_serving() */
#if !defined(KEEPSIG) && !defined(LATEDROP)
	drop_cancel();
#endif
	if
#ifdef BLINDSERVE
	:: set_activity(ACTIVITY_SERVING)
#else
	:: atomic { activity[b] == ACTIVITY_TAKEN ->
		set_activity(ACTIVITY_SERVING) }
	:: activity[b] != ACTIVITY_TAKEN ->
#ifdef LOSTCLEAR
		client[b] = NONE;
#endif
		goto leaving
#endif
	fi;
	/* refuse_client() */
	if
	:: atomic { refusals < REFUSALS -> refusals++ }
		leave[b] = true;
		goto give_up
	:: true
	fi;

	/* begin_client() */
	if
	:: terminated[c] -> goto left
	:: !terminated[c]
	fi;

first_byte:
	atomic {
		assert(owner[c] == b && have[b * NC + c] == generation[c]);
		if
		:: data[c] && terminated[c] -> goto left	/* may_be_heard() */
		:: data[c] && !terminated[c]
		:: !data[c] && eof[c] -> goto left
		:: !data[c] && !eof[c] -> goto after_transaction
		fi };
statement:
	run_statement();
	if
	:: true
	:: BLOCKS ->
		/* inside_transaction() */
		if
		:: data[c] && !terminated[c] -> goto statement
		:: terminated[c] -> goto left
		:: !data[c] && eof[c] -> goto left
		:: die[b] -> goto fatal
		fi
	fi;

after_transaction:
	if
	:: PINS -> pinned = true
	:: atomic { true -> pinned = false }
	fi;
	if
	:: pinned -> end_serving(ACTIVITY_PINNED)
	:: !pinned && !leave[b] ->
#ifdef FLAGFIRST
		if
		:: keep -> end_serving(ACTIVITY_PRIVATE); alone[b] = true
		:: !keep -> goto give_up
		fi
#else
		end_serving(ACTIVITY_PRIVATE);
		if
		:: atomic { keep && activity[b] == ACTIVITY_PRIVATE -> alone[b] = true }
		:: keep && activity[b] != ACTIVITY_PRIVATE
		:: !keep ->
			keep_serving();
			goto give_up
		fi
#endif
	:: !pinned && leave[b] -> goto give_up
	fi;
	may_stop();
	/* await_or_recall() */
	if
	:: pinned && (data[c] || eof[c]) -> set_activity(ACTIVITY_SERVING)
	:: pinned && die[b] -> goto fatal
	:: !pinned && (data[c] || eof[c]) -> keep_serving()
	:: !pinned ->
		/* recalled, shall leave or die, or the client is silent for long */
		keep_serving();
		goto give_up
	fi;
	goto first_byte;

give_up:
	/* return_client() */
	end_serving(ACTIVITY_RETURNING);
	may_stop();
	if
	:: true
	:: die[b] -> goto fatal			/* told to nobody: it is detached */
	fi;
#ifndef KEEPSIG
	drop_cancel();
#endif
	rearm();
	goto boundary;

left:
	/* client_left() */
	end_serving(ACTIVITY_CLEANING);
	if
	:: true -> drop_cancel()
	:: die[b] -> goto fatal			/* while it rolls back, or cleans up */
	fi;
	to_worker[b]!CLOSED, c, g;
	client[b] = NONE;
	goto boundary;

hand_back:
	if
	:: atomic { activity[b] == ACTIVITY_TAKEN ->
		set_activity(ACTIVITY_RETURNING) };
		to_worker[b]!HUNG_UP, c, g;
		may_stop();
		client[b] = NONE
	:: activity[b] != ACTIVITY_TAKEN -> goto leaving
	fi;
	goto boundary;

leaving:
	/* pooler_backend_leave() */
	set_activity(ACTIVITY_GONE);
	to_worker[b]!LEAVING, 0, 0;
fatal:
	atomic { to_worker[b]!END_OF_FILE, 0, 0; up[b] = false };
reborn:
	/* the same member, another process */
	atomic { up[b] -> goto birth }
}

/* ---- the worker ---- */

inline recall_all()
{
	i = 0;
	do
	:: i < NB ->
		if
		:: atomic { member[i] == MEMBER_BORN &&
				activity[i] == ACTIVITY_PRIVATE ->
			activity[i] = ACTIVITY_RECALLED;
			alone[i] = false }
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

inline update_keep(may_set)
{
	if
	:: atomic { clients <= backends && !keep && may_set -> keep = true }
	:: clients > backends && keep ->
#ifdef RECALLFIRST
		recall_all();
		keep = false
#else
		keep = false;
		recall_all()
#endif
	:: else
	fi
}

/* pooler_route_backends_changed() */
inline backends_changed()
{
	update_keep(false);
	if
	:: backends == 0 -> watched = true
	:: else ->
		watched = false;
#ifndef HELDFORGOTTEN
		do
		:: atomic { nempty(held) ->
			held?s;
			assert(order?[eval(s)]);
			order?_;
			route_arm(s) }
		:: empty(held) -> break
		od
#endif
	fi
}

inline unhold(s)
{
	if
	:: state[s] == CLIENT_HELD ->
		held??eval(s);
		order??eval(s)
	:: else
	fi
}

/* pooler_client_close() */
inline close_client(s)
{
	atomic {
		assert(owner[s] == WORKER);
		unhold(s);
		/* EPOLL_CTL_DEL */
		if
		:: listed[s] -> ready??eval(s)
		:: else
		fi;
		listed[s] = false;
		armed[s] = false;
		owner[s] = NONE;
		won[s] = 0;
		state[s] = CLIENT_FREE;
		connected[s] = false;
		generation[s]++;
		data[s] = false;
		asked[s] = false;
		eof[s] = false;
		has_last_words[s] = false;
		terminated[s] = false;
		clients-- };
	update_keep(false)
}

/* The error and the end of the batch; the client may speak again. */
inline answer(s)
{
	assert(owner[s] == WORKER && data[s]);
	unhold(s);
	state[s] = CLIENT_ANSWERING
}

inline leave_route()
{
	if
	:: member[b] == MEMBER_BORN ->
		backends--;
		member[b] = MEMBER_LEAVING;
		backends_changed()
	:: else
	fi
}

/* What a backend owns goes over to the worker if it wins its word; else NONE. */
inline take_over()
{
	s = client[b];
	g = client_generation[b];
	atomic {
		client[b] = NONE;
		if
		:: s == NONE
		:: s != NONE && generation[s] == g && won[s] == b + 1 -> own(s, b)
		:: s != NONE && (generation[s] != g || won[s] != b + 1) -> s = NONE
		fi }
}

#define UNBEGUN(b) (activity[b] == ACTIVITY_TAKEN || \
					activity[b] == ACTIVITY_RETURNING)

/* take_back_client() */
inline take_back()
{
	take_over();
	if
	:: s == NONE
	:: s != NONE && UNBEGUN(b) ->
#ifdef NOTAKEBACK
		skip
#else
		atomic { route_arm(s) }
#endif
	:: s != NONE && !UNBEGUN(b) ->
#ifdef TAKEBACKALL
		atomic { route_arm(s) }
#else
		/* it has lost its session: not for a backend that was idle */
		assert(!unseen[b]);
		close_client(s)
#endif
	fi;
	s = NONE
}

/* drop(), and the birth that follows */
inline drop()
{
	leave_route();
	take_back();
	atomic {
		if
		:: nempty(to_backend[b]) -> to_backend[b]?_
		:: empty(to_backend[b])
		fi;
		activity[b] = ACTIVITY_NONE;
		leave[b] = false;
		member[b] = MEMBER_BIRTH;
		up[b] = true }
}

inline serve_message()
{
	if
	:: m == FETCH ->
		if
		:: generation[s] == g -> to_backend[b]!g
		:: else -> to_backend[b]!0
		fi
#ifdef ANYBODYSAYS
#define SAYS_SO (generation[s] == g)
#else
#define SAYS_SO (generation[s] == g && won[s] == b + 1)
#endif
	:: m == CLOSED && SAYS_SO ->
		own(s, b);
		close_client(s)
	:: m == HUNG_UP && SAYS_SO ->
		own(s, b);
		if
		:: !data[s] && eof[s] -> close_client(s)
		:: else ->
			atomic {
#ifndef HANGUPLOOP
				has_last_words[s] = data[s];
#endif
				route_arm(s) }
		fi
	:: (m == CLOSED || m == HUNG_UP) && !SAYS_SO
	:: m == LEAVING -> leave_route()
	:: m == END_OF_FILE -> drop()
	fi
}

/* pooler_route_harvest() */
inline harvest_all()
{
	atomic {
		do
		:: nempty(ready) ->
			take_event(s);
			if
			:: !armed[s] && won[s] == 0 ->
				assert(owner[s] == NONE && state[s] == CLIENT_ARMED);
				won[s] = WORKER;
				owner[s] = WORKER;
				got!s
			:: else
			fi
		:: empty(ready) -> break
		od }
}

/* pooler_waits_route_event() */
inline route_event()
{
	noted = false;
	if
#ifdef ROUTEEVENT
	:: true -> harvest_all()
#else
	:: backends == 0 -> harvest_all()
	:: backends > 0				/* it was in one batch with a birth */
#endif
	fi;
	do
	:: nempty(got) ->
		got?s;
		/* pooler_client_harvested() */
		if
		:: atomic { data[s] ->
			state[s] = CLIENT_HELD;
			order!s;
#ifdef HELDSORTED
			held!!s
#else
			held!s
#endif
			}
		:: atomic { !data[s] && !eof[s] -> route_arm(s) }
		:: !data[s] && eof[s] -> close_client(s)
		fi
	:: empty(got) -> break
	od;
	s = NONE
}

/* harvest_due(): takes those who are ready, arms again who is not meant */
inline harvest_due()
{
	harvest_all();
	do
	:: atomic { nempty(got) ->
		got?s;
		if
		:: data[s] && ticks < TICKS ->
			ticks++;				/* pool_timeout */
			answer(s)
		:: route_arm(s)
		fi }
	:: empty(got) -> break
	od;
	s = NONE
}

/* pooler_cancel_running(): b is whom it found */
inline cancel_running()
{
	b = 0;
	do
	:: b < NB ->
		if
		:: client[b] == s ->
			lock[b] = true;
			if
			:: client[b] == s && activity[b] == ACTIVITY_SERVING ->
				atomic { cancel[b] = 1; cancel_for[b] = s };
				lock[b] = false;
				break
			:: else -> lock[b] = false
			fi
		:: else
		fi;
		b++
	:: else -> break
	od
}

/* pooler_answer_cancel(), with seize() */
inline answer_cancel()
{
	cancel_running();
	if
	:: b < NB
	:: b == NB && state[s] == CLIENT_HELD -> atomic { answer(s) }
	:: b == NB && state[s] == CLIENT_ARMED && data[s] &&
		client[0] != s && client[1] != s ->
		i = s;
		harvest_all();
		do
		:: atomic { nempty(got) ->
			got?s;
			if
			:: s == i && data[s] ->
				answer(s);
				i = NONE
			:: else -> route_arm(s)
			fi }
		:: empty(got) -> break
		od;
		if
		:: i != NONE -> s = i; cancel_running()
		:: i == NONE
		fi
	:: else
	fi;
	i = 0
}

/* pooler_route_rescue(): to one that is armed this does nothing */
inline rescue()
{
	s = 0;
	do
	:: s < NC ->
		if
		:: state[s] == CLIENT_ARMED && won[s] == 0 ->
#ifdef RESCUESTORE
			atomic { won[s] = 0; owner[s] = NONE; arm(s) }
#else
			atomic { arm(s) }
#endif
		:: else
		fi;
		s++
	:: else -> break
	od
}

/* pooler_member_invalidate() */
inline invalidate()
{
	if
	:: atomic { activity[b] == ACTIVITY_IDLE ->
		activity[b] = ACTIVITY_GONE };
		idle--
	:: atomic { activity[b] == ACTIVITY_TAKEN ||
				activity[b] == ACTIVITY_PRIVATE ||
				activity[b] == ACTIVITY_RECALLED ||
				activity[b] == ACTIVITY_RETURNING ->
		alone[b] = false;
		activity[b] = ACTIVITY_GONE }
	:: else -> goto busy
	fi;
#ifdef CLIENTEXCHANGE
	atomic {
		s = client[b];
		client[b] = NONE;
		if
		:: s != NONE && generation[s] == client_generation[b] ->
			owner[s] = WORKER;
			route_arm(s)
		:: else
		fi };
#else
	take_over();
	if
	:: s != NONE -> atomic { route_arm(s) }
	:: else
	fi;
#endif
#ifndef NORESCUE
	rescue();
#endif
	leave[b] = true;
	die[b] = true;
	leave_route();
busy:
	skip
}

#define MAY_COME(s) (s < CLIENTS && state[s] == CLIENT_FREE && \
					 generation[s] <= LEAVES + TERMINATES + 1)
#define MAY_DIE(b) (up[b] && libpq[b] == 0 && !die[b])

proctype Worker()
{
	byte b, g, i;
	byte s = NONE;
	mtype m;
	chan got = [NC] of { byte };

	do
	:: atomic {
		/* between two events: */
		/* nobody keeps a client whom the worker wants back */
		assert(keep || !alone[0] || member[0] == MEMBER_LEAVING);
		assert(keep || !alone[1] || member[1] == MEMBER_LEAVING);
		/* nobody is held where a backend could serve him */
		assert(empty(held) || backends == 0);
		b = 0; g = 0; m = 0; s = NONE }
		if

		/* accept: a client comes and enters the route */
		:: atomic { MAY_COME(0) || MAY_COME(1) ->
			if
			:: MAY_COME(0) -> s = 0
			:: MAY_COME(1) -> s = 1
			fi;
			clients++;
			connected[s] = true;
			owner[s] = WORKER };
			update_keep(false);
			atomic { route_arm(s) }

		/* EVENT_ROUTE, in a batch with others */
		:: watched && nempty(ready) && !noted && !overtaken -> noted = true
		:: noted ->
			route_event();
			overtaken = (libpq[0] != 0 || libpq[1] != 0)

		/* EVENT_LIBPQ comes before what the backend says afterwards */
		:: atomic { libpq[0] != 0 || libpq[1] != 0 ->
			if
			:: libpq[0] != 0 -> b = 0
			:: libpq[1] != 0 -> b = 1
			fi;
			m = libpq[b];
			libpq[b] = 0;
			overtaken = false };
			if
			:: m == BORN ->
				member[b] = MEMBER_BORN;
				backends++;
				backends_changed()
			:: m == REFUSED ->
				backends_changed();
				drop();
				do			/* tell_held() */
				:: atomic { nempty(held) -> held?<s>; answer(s) }
				:: empty(held) -> break
				od
			fi

		/* EVENT_CONTROL */
		:: atomic { nempty(to_worker[0]) && libpq[0] == 0 ||
					nempty(to_worker[1]) && libpq[1] == 0 ->
			if
			:: nempty(to_worker[0]) && libpq[0] == 0 -> b = 0
			:: nempty(to_worker[1]) && libpq[1] == 0 -> b = 1
			fi;
			to_worker[b]?m, s, g };
			serve_message()

		/* EVENT_CLIENT: the end of a batch that is being answered */
		:: atomic { state[0] == CLIENT_ANSWERING ||
					state[1] == CLIENT_ANSWERING ->
			if
			:: state[0] == CLIENT_ANSWERING -> s = 0
			:: state[1] == CLIENT_ANSWERING -> s = 1
			fi;
			data[s] = false;
			asked[s] = false;
			route_arm(s) }

		/* a tick: who has waited too long, or wished to be cancelled? */
		:: backends > 0 && idle <= 0 && !keep && nempty(ready) &&
			ticks < TICKS -> harvest_due()
		:: atomic { ticks < TICKS && nempty(held) ->
			ticks++;
			held?<s>;
			if
			:: len(held) == 2 -> s = 1 - s
			:: true
			fi;
			answer(s) }
		:: atomic { keeps < KEEPS && !keep && clients <= backends -> keeps++ };
			update_keep(true)

		/* terminate(): of one that is ARMED its owner will see it */
		:: atomic { terminates < TERMINATES &&
					(state[0] != CLIENT_FREE || state[1] != CLIENT_FREE) ->
			terminates++;
			if
			:: state[0] != CLIENT_FREE -> s = 0
			:: state[1] != CLIENT_FREE -> s = 1
			fi;
			terminated[s] = true };
			if
#ifdef WORKERCLOSES
			:: state[s] == CLIENT_ARMED -> close_client(s)
#else
			:: atomic { state[s] == CLIENT_ARMED ->
				eof[s] = true;
				event(s) }
#endif
			:: state[s] == CLIENT_HELD -> close_client(s)
			:: else
			fi;
			cancel_running()
#ifndef NOPRESS
		/* press(): its statement may have begun since then */
		:: atomic { (terminated[0] && stuck[0] || terminated[1] && stuck[1]) ->
			if
			:: terminated[0] && stuck[0] -> s = 0
			:: terminated[1] && stuck[1] -> s = 1
			fi };
			cancel_running()
#endif

		:: atomic { cancels < CANCELS -> cancels++;
			if
			:: s = 0
			:: s = 1
			fi };
			answer_cancel()
		:: atomic { invalidations < INVALIDATIONS && stops == STOPS &&
					(STOPS == 0 && member[0] == MEMBER_BORN ||
					 member[1] == MEMBER_BORN) ->
			if
			:: STOPS == 0 && member[0] == MEMBER_BORN -> b = 0
			:: member[1] == MEMBER_BORN -> b = 1
			fi;
			invalidations++ };
			invalidate()
		:: atomic { retires < RETIRES -> retires++;
			if
			:: leave[0] = true
			:: leave[1] = true
			fi }

		/* not the worker's doing: pg_terminate_backend() */
		:: atomic { kills < KILLS && (MAY_DIE(0) || MAY_DIE(1)) ->
			kills++;
			if
			:: MAY_DIE(0) -> b = 0
			:: MAY_DIE(1) -> b = 1
			fi;
			die[b] = true;
			unseen[b] = activity[b] == ACTIVITY_IDLE }
		fi
	od
}

/* Nothing can move any more: then nobody waits and everything is accounted for. */
proctype Monitor()
{
	do
	:: timeout ->
		d_step {
			assert(hangs || !asked[0] && !asked[1]);
			assert(idle == (activity[0] == ACTIVITY_IDLE) +
				   (activity[1] == ACTIVITY_IDLE)) }
	od
}

init
{
	atomic {
		run Worker();
		run Monitor();
		run Backend(0);
		run Client(0);
#if BACKENDS > 1
		run Backend(1);
#else
		up[1] = false;
		member[1] = MEMBER_LEAVING;
#endif
#if CLIENTS > 1
		run Client(1)
#endif
		}
}

/* who asks is answered, unless he leaves */
ltl served { [] (asked[0] && !eof[0] -> <> (!asked[0] || eof[0] || stuck[1])) }

/* who is terminated is gone, also out of a statement that would never end */
ltl ended { [] (terminated[0] -> <> !terminated[0]) }

/* who has left is noticed, whatever he left behind */
ltl reaped { [] (connected[0] && eof[0] -> <> (!connected[0] || stuck[0] || stuck[1])) }
