# pooler: a connection pooler inside the PostgreSQL server.
#
#	make; make install		with PG_CONFIG=... for another server
#	make test			everything that must hold (test/run)
#	make demo			the main job, on real load (test/demo)
#	make bench			speed beside direct and PgBouncer, the shortest view
#	make bench-all			all of it (test/bench/run), half an hour
#	make soak			mixed load and faults, ten minutes each (SOAK_SECONDS)
#	make model			the handoff, the pool and the kept client in Promela
#	make model-quick		the short ones of these checks
#	make check-postgres		PostgreSQL's own regression suite through the pooler
#	make lane-X			one of the slow checks, test/lanes/X:
#	    lane-cassert		every test on a PostgreSQL with assertions
#	    lane-newer			every test on PostgreSQL 17 and 18
#	    lane-valgrind		short tests under valgrind
#	    lane-sanitize		every test with AddressSanitizer and UBSan
#	    lane-warnings		-Werror with gcc and clang
#	    lane-fuzz			any bytes into the readers, a minute each
#	    lane-tidy			clang-tidy
#	    lane-cppcheck		cppcheck
#	    lane-coverage		which lines of src/ the tests reach
#	    lane-all			all of them

EXTENSION = pooler
MODULE_big = pooler
DATA = sql/pooler--0.1.sql psql/pooler-top.sql
DOCS = monitoring/grafana-dashboard.json monitoring/postgres_exporter.yml monitoring/prometheus-rules.yml
SOURCES = $(wildcard src/*.c)
SRC_HEADERS = $(wildcard src/*.h)
OBJS = $(SOURCES:.c=.o)

REGRESS = $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql))
REGRESS_OPTS = --inputdir=test

POOLER_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" pooler.control)
WARNINGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wmissing-prototypes
PG_CPPFLAGS = -I$(libpq_srcdir) -DPOOLER_VERSION='"$(POOLER_VERSION)"'
PG_CFLAGS = $(WARNINGS)
SHLIB_LINK = $(libpq)
EXTRA_CLEAN = $(UNIT_TESTS) $(INJECT) $(CLIENTS)

# A library that is loaded at start gains nothing from bitcode.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else
all install:
	@echo "The server's headers are needed: apt-get install postgresql-server-dev-15 libkrb5-dev" >&2; exit 1
endif

$(OBJS): $(SRC_HEADERS) Makefile pooler.control

# These install what they need and then come back for the targets below.
.PHONY: test soak demo bench bench-all model model-quick check-postgres
test:
	@PG_CONFIG='$(PG_CONFIG)' test/run
# The same programs as in the tests, for longer.
SOAK_SECONDS ?= 600
soak:
	@POOLER_TEST_SECONDS=$(SOAK_SECONDS) PG_CONFIG='$(PG_CONFIG)' test/run 061 062
demo:
	@PG_CONFIG='$(PG_CONFIG)' test/demo/run
bench:
	@BENCH_ONLY=select-1,select-8,select-64 PG_CONFIG='$(PG_CONFIG)' test/bench/run
bench-all:
	@PG_CONFIG='$(PG_CONFIG)' test/bench/run
model:
	@test/model/run
# PostgreSQL's own regression suite; some minutes.
check-postgres:
	@PG_CONFIG='$(PG_CONFIG)' test/postgres/run
model-quick:
	@test/model/run quick

LANES = cassert newer valgrind sanitize fuzz warnings tidy cppcheck coverage
.PHONY: lane-all $(LANES:%=lane-%)
lane-all: $(LANES:%=lane-%)
$(LANES:%=lane-%): lane-%:
	@PG_CONFIG='$(PG_CONFIG)' test/lanes/$*

# Pure files, tested without a server: test/unit/test_X.c says what it links.
UNIT_TESTS = $(patsubst %.c,%,$(wildcard test/unit/test_*.c))
.PHONY: unit
unit: $(UNIT_TESTS)
	@status=0; for t in $(UNIT_TESTS); do echo "# $$t"; ./$$t || status=1; done; exit $$status

# Besides its own text a test needs libpgcommon and libpgport (StringInfo, palloc).
LINKS = $$(sed -n 's,^ \* links: ,,p' $(1)) -L$(pkglibdir) -L$(libdir) \
	-lpgcommon -lpgport -lm
test/unit/test_%: test/unit/test_%.c test/unit/tap.h $(SOURCES) $(SRC_HEADERS)
	$(CC) $(CFLAGS) $(CPPFLAGS) -Isrc -o $@ $< $(call LINKS,$<)

# test/fuzz/fuzz_TARGET.c as the program TO (test/lanes/fuzz).
.PHONY: fuzz-target
fuzz-target:
	clang -g -O1 -w -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined $(CPPFLAGS) -Isrc -o '$(TO)' \
		test/fuzz/fuzz_$(TARGET).c $(call LINKS,test/fuzz/fuzz_$(TARGET).c)

# The library in which tests let steps and calls fail; never installed.
INJECT = test/tmp/inject
INJECT_OBJS = $(SOURCES:src/%.c=$(INJECT)/%.o) $(INJECT)/inject.o
WRAPS = accept4 dup3 epoll_create1 epoll_ctl epoll_pwait epoll_wait poll \
	socketpair recv recvmsg send sendmsg pooler_net_copy_file \
	pooler_net_this_process pg_strong_random \
	dsa_allocate_extended palloc MemoryContextAlloc MemoryContextAllocZero
INJECT_CC = $(CC) $(CFLAGS) $(CPPFLAGS) -Isrc -U_FORTIFY_SOURCE \
	-DPOOLER_INJECT_BUILD
.PHONY: inject
inject: $(INJECT)/pooler.so
$(INJECT)/pooler.so: $(INJECT_OBJS)
	$(CC) -shared -o $@ $^ $(WRAPS:%=-Wl,--wrap=%) $(LDFLAGS) $(SHLIB_LINK)
$(INJECT_OBJS): $(SRC_HEADERS) Makefile pooler.control
$(INJECT)/%.o: src/%.c
	@mkdir -p $(@D)
	$(INJECT_CC) -c -o $@ $<
$(INJECT)/inject.o: test/inject/inject.c
	@mkdir -p $(@D)
	$(INJECT_CC) -c -o $@ $<

# The programs of test/clients in Java and Go; test/setup has Go's drivers.
CLIENTS = test/tmp/clients
GOPATH = $(realpath test/tmp/go)
GO = GO111MODULE=off GOPATH='$(GOPATH)' GOCACHE='$(GOPATH)/cache' go
GO_CHECKS = test/clients/checks.go
GO_CLIENTS = $(filter-out $(GO_CHECKS),$(wildcard test/clients/*.go))
.PHONY: clients
clients: $(GO_CLIENTS:test/clients/%.go=$(CLIENTS)/%) \
	$(patsubst test/clients/%.java,$(CLIENTS)/%.class,$(wildcard test/clients/*.java))
$(CLIENTS)/%: test/clients/%.go $(GO_CHECKS)
	@mkdir -p $(@D)
	$(GO) build -o $@ $^
$(CLIENTS)/%.class: test/clients/%.java
	@mkdir -p $(@D)
	ecj -proc:none -17 -cp /usr/share/java/postgresql.jar -d $(@D) $<

.PHONY: check-headers check-layers check-symbols check-versions
.PHONY: check-warnings check-tidy check-cppcheck
check-headers:
	@for h in $(SRC_HEADERS); do \
		printf '#include "postgres.h"\n#include "%s"\n' $$h | \
		$(CC) $(CFLAGS) $(CPPFLAGS) -Werror -fsyntax-only -x c - || exit 1; done

check-layers:
	@awk -f test/layers.awk src/LAYERS $(SOURCES) $(SRC_HEADERS)

check-symbols: all
	@! nm -D --defined-only pooler.so | awk '{ print $$3 }' | \
		grep -vE '^(pooler_.*|pg_finfo_pooler_.*|_PG_init|Pg_magic_func)$$'

check-versions:
	@VERSION='$(POOLER_VERSION)' WARNINGS='$(WARNINGS)' test/versions

# Every C file here, one compiler's or checker's process for each.
C_FILES = $(SOURCES) $(wildcard test/unit/*.c test/fuzz/*.c)
EACH = printf '%s\n' $(C_FILES) | xargs -P $$(nproc) -I{}

# COPT=-Werror makes an error of each warning (test/lanes/warnings).
check-warnings:
	@$(EACH) $(CC) $(CFLAGS) $(CPPFLAGS) -Isrc -c -o /dev/null {}

check-tidy:
	@$(EACH) clang-tidy --quiet --warnings-as-errors='*' {} -- $(CFLAGS) -Isrc \
		$(CPPFLAGS:-I%=-isystem %)

check-cppcheck:
	@cppcheck --quiet -j $$(nproc) --std=c99 --error-exitcode=1 --inline-suppr \
		--enable=warning,portability,performance \
		--suppress='*:$(includedir_server)/*' -D__GNUC__ -D__x86_64__ -D__linux__ \
		$(filter-out -Wdate-time,$(CPPFLAGS)) -Isrc $(C_FILES)
