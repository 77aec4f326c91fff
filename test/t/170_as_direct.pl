# A client sees through the pooler what it sees on a direct connection: random
# sessions, each of them twice, by the same bytes, with all answers compared.
#
# For each seed some clients of the pooler share one or two backends. Each has a
# twin on the server's own port, in another database that was made by the same
# script. Step by step one of them does something; both answers are read to their
# end and must be the same message by message.
#
#	AS_DIRECT_SEED: 1, the first one.  AS_DIRECT_SEEDS: 16, how many.
#	AS_DIRECT_STEPS: 200 for each.  AS_DIRECT_SECONDS: no new seed after these.
#	AS_DIRECT_ONLY=3,7,20-40: only these steps. What a step is depends on seed and
#	number alone, so steps can be left out one by one.
#	AS_DIRECT_REDUCE=1: does that after a mismatch, and prints what is left.
#	AS_DIRECT_TRACE=1: prints each step.
#	AS_DIRECT_WITH=name,name: with what is known to differ (%with below), or all.
#
# What is documented as different, or is a matter of chance, and so is left out or
# made equal (README, "What a client may rely on", "Limits"):
#	- pids of backends; a notification's is compared as "own" or not
#	- currval() and lastval() outside of the transaction of nextval(), CACHE
#	- superuser-only variables of a library that is not loaded (plpgsql.*)
#	- temp_buffers once temporary tables were used
#	- max_pinned and pool_timeout: who would have to wait for a backend is not
#	  asked (see room_for)
#	- oids, numbers of temporary schemas, the two databases' names
#	- the order of ParameterStatus messages that come at once
#	- pg_settings.source of transaction_isolation and the like
#	- whether the temporary schema is there already, while nothing is in it
#	- file and line of an error that the worker tells
#	- by which name a CONTEXT calls a function: by that of its first caller
#	- when a notification comes; only their order is compared
use PoolerTest;
use Digest::MD5 'md5_hex';

my $first_seed = $ENV{AS_DIRECT_SEED} // 1;
my $seeds = $ENV{AS_DIRECT_SEEDS} // 16;
my $steps = $ENV{AS_DIRECT_STEPS} // 200;
my $seconds = $ENV{AS_DIRECT_SECONDS} // 0;
my ($trace, $reduce) = ($ENV{AS_DIRECT_TRACE}, $ENV{AS_DIRECT_REDUCE});

# Known to differ: not done unless asked for.
#	declaring		a PL/pgSQL function that declares what search_path finds: compiled anew
#					for each path, on a direct connection only for the first one
#	keepalives		SET tcp_keepalives_idle, another's turn, RESET: stays as it was set; SHOW
#					of it by a carried unnamed statement: -1
#	analysed_again	the unnamed statement, used after a SET that it survived, or after a
#					table was altered: analysed anew, not "must not change result type"
my %with = map { $_ => 0 } qw(declaring keepalives analysed_again);
foreach my $name (split /,/, $ENV{AS_DIRECT_WITH} // '')
{
    $with{$_} = 1 foreach $name eq 'all' ? keys %with : $name;
}

my $pooler = PoolerTest->new('as_direct',
    pools => 'one=main pool_size=1, two=main pool_size=2, session=main pool_size=6 mode=session',
    conf => "listen_addresses = '127.0.0.1'\nautovacuum = off\nlog_statement = none\nlog_min_messages = fatal\nlog_min_error_statement = panic\nlock_timeout = 300ms\n"
      . "pooler.max_pinned = 50\npooler.pool_timeout = 4s\npooler.wait_notice = -1\npooler.pool_recycle = -1\n",
    sql => "create role bob login; create role other; grant other to app, bob; grant app to bob;
        alter role bob set DateStyle = 'German'; alter role bob set work_mem = '3MB'; alter role bob set app.z = 'of bob';");
my %database = (pooled => 'main', direct => 'telehealth');
$pooler->node->safe_psql('postgres', "alter database $_ set IntervalStyle = 'iso_8601'; alter database $_ set app.y = 'of the database';
    alter role bob in database $_ set bytea_output = 'escape'; grant all on database $_ to public") foreach values %database;

# ---- what both databases have ----

my $setup = <<'END';
set client_min_messages = error;
set check_function_bodies = off;
drop schema if exists s1, s2, public cascade;
create schema public; create schema s1; create schema s2;
create domain s1.d as numeric(6, 1); create domain s2.d as numeric(6, 3);
create table s1.rt (a int, b text); create table s2.rt (b text, a int, c text);
insert into s1.rt values (1, 'one'); insert into s2.rt values ('two', 2, 'more');
create table s1.place as select 's1' as place; create table s2.place as select 's2' as place;
create table public.shared (i int primary key, v text);
insert into public.shared select g, 'v' || g from generate_series(1, 5) g;
create sequence public.sq;
create function public.dt(text) returns date language plpgsql as $$ begin return $1::date; end $$;
create function public.day() returns text language sql as $$ select ('01/02/2026'::date)::text || ' ' || ('1 day 2 hours'::interval)::text $$;
create function public.fset(text) returns text language plpgsql set search_path = s1 set work_mem = '2MB' as
    $$ begin perform set_config('work_mem', $1, false); perform set_config('app.x', $1, false); return current_setting('work_mem') || current_setting('search_path'); end $$;
create function public.flocal(text) returns text language plpgsql set DateStyle = 'SQL, DMY' as
    $$ begin set local bytea_output = 'escape'; perform set_config('app.x', $1, true); set TimeZone = 'Asia/Kabul'; return '01/02/2026'::date::text || current_setting('TimeZone'); end $$;
create function public.fsub(text) returns text language plpgsql as
    $$ begin
        begin perform set_config('DateStyle', $1, false); perform set_config('app.x', 'sub', false); perform 1 / 0;
        exception when division_by_zero then perform set_config('app.y', 'caught', false); end;
        return current_setting('DateStyle') || coalesce(current_setting('app.x', true), '-'); end $$;
create function public.fnotice(text) returns int language plpgsql as $$ begin raise notice 'notice %', $1; raise warning 'warning %', $1 using hint = 'a hint'; return 1; end $$;
create function public.fdyn(text) returns text language plpgsql as $$ declare r text; begin execute $1 into r; return r; end $$;
create procedure public.pr(text) language plpgsql as
    $$ begin perform set_config('app.x', $1, false); commit; perform set_config('work_mem', '5MB', false); rollback; perform set_config('app.y', $1, true); end $$;
create procedure public.perr(text) language plpgsql as
    $$ begin perform set_config('app.x', $1, false); commit; perform set_config('work_mem', '6MB', false); perform 1 / 0; end $$;
create function public.trf() returns trigger language plpgsql as $$ begin new.v = coalesce(new.v, current_setting('app.x', true), 'none'); raise notice 'trigger %', new.v; return new; end $$;
END
$setup .= join "\n", map { "create table public.t$_ (i int, v text default 'd', d date); create trigger trf before insert on public.t$_ for each row execute function public.trf();
    insert into public.t$_ values (1, 'one', '2026-02-01'), (2, 'two', null);" } 1 .. 5;
$setup .= 'grant all on schema public, s1, s2 to public; ' . join ' ', map { "grant all on all $_ in schema public, s1, s2 to public;" } qw(tables sequences functions procedures);
# of functions that declare what search_path finds
my $declaring = "create function public.fd() returns text language plpgsql as \$\$ declare v d := 1.23456; begin return v; end \$\$;
    create function public.fr() returns text language plpgsql as \$\$ declare r rt%rowtype; begin select * into r from rt; return r; end \$\$;";
$setup .= $declaring;

# ---- chance ----

sub seed_chance { my (@of) = @_; srand hex substr(md5_hex(join ' ', @of), 0, 8); return }
sub one_of { my (@list) = @_; return $list[ rand @list ] }
sub chance { my ($share) = @_; return rand() < $share }
sub weighted
{
    my (@pairs) = @_;
    my $sum = 0;
    for (my $i = 0; $i < @pairs; $i += 2) { $sum += $pairs[$i] }
    my $at = rand $sum;
    while (1)
    {
        my ($weight, $what) = splice @pairs, 0, 2;
        return $what if ($at -= $weight) < 0;
    }
}

# Each seed does more of this and none of that.
my %factor;
sub of_this_seed
{
    my (@pairs) = @_;
    for (my $i = 0; $i < @pairs; $i += 2) { $pairs[$i] *= $factor{ $pairs[ $i + 1 ] } // 1 }
    return weighted(@pairs);
}
sub take_sides { my (@subs) = @_; %factor = map { $_ => one_of(0.2, 1, 1, 1, 4) } @subs; return }

# ---- statements ----

my %values = (
    DateStyle => [ 'ISO, MDY', 'ISO, DMY', 'German', 'SQL, DMY', 'Postgres, MDY', 'YMD', 'bogus' ],
    IntervalStyle => [qw(postgres iso_8601 sql_standard nonsense)],
    TimeZone => [ 'UTC', 'Asia/Tokyo', 'Europe/Berlin', 'PST8PDT', '-3', 'No/Where' ],
    search_path => [ 's1, public', 's2, public', 'public', 'public, s1', '"$user", public', 'pg_temp, s1, public', 'pg_catalog, public, pg_temp', 'nowhere' ],
    work_mem => [ '1MB', '777kB', '64', '9MB', 'much' ],
    extra_float_digits => [ '0', '3', '-5', '99' ],
    bytea_output => [qw(hex escape other)],
    client_encoding => [ 'UTF8', 'latin1', 'SQL_ASCII', 'win1252', 'no_such' ],
    standard_conforming_strings => [qw(on off maybe)],
    application_name => [ 'an app', 'another', '', "with \xc3\xa4" ],
    default_transaction_isolation => [ 'read committed', 'repeatable read', 'serializable', 'some' ],
    default_transaction_read_only => [qw(on off off)],
    transaction_isolation => [ 'read committed', 'repeatable read', 'serializable' ],
    transaction_read_only => [qw(on off)],
    'app.x' => [ 'x1', 'x2', '', "long " . 'x' x 3000 ],
    'app.y' => [qw(y1 y2)], 'app.z' => [qw(z1 z2)], 'other.thing' => [qw(o1 o2)],
    statement_timeout => [ '60s', '0', '45000' ],
    idle_in_transaction_session_timeout => [ '60s', '0' ], idle_session_timeout => [ '60s', '0' ],
    lock_timeout => [ '200ms', '250ms' ],
    client_min_messages => [ 'notice', 'warning', 'error', 'log' ],
    xmloption => [qw(content document)], array_nulls => [qw(on off)], transform_null_equals => [qw(on off)],
    backslash_quote => [qw(on off safe_encoding)], quote_all_identifiers => [qw(on off)], escape_string_warning => [qw(on off)],
    enable_seqscan => [qw(on off)], plan_cache_mode => [qw(auto force_custom_plan force_generic_plan)], random_page_cost => [ '1.5', '4', '-1' ],
    row_security => [qw(on off)], check_function_bodies => [qw(on off)], default_tablespace => [ '', 'pg_default', 'no_such' ], temp_tablespaces => [ '', 'pg_default' ],
    synchronous_commit => [qw(on off local)], geqo_seed => [ '0.5', '0' ], default_text_search_config => [ 'simple', 'english', 'none such' ],
    constraint_exclusion => [qw(on partition)], lc_monetary => [ 'C', 'POSIX' ], xmlbinary => [qw(base64 hex)],
    role => [ 'other', 'none', 'app', 'bob', 'nobody' ], session_authorization => [qw(app bob default)],
    vacuum_cost_delay => [ '1ms', '0' ], timezone_abbreviations => [ 'Default', 'India' ], gin_pending_list_limit => [ '64kB', '1MB' ],
    log_statement => [qw(all none)], log_min_messages => ['debug1'], port => ['1'], no_such_setting => ['1'], max_connections => ['9'], server_version => ['1'], zero_damaged_pages => ['on'],
    local_preload_libraries => [''], session_preload_libraries => [''], password_encryption => [qw(md5 scram-sha-256)], in_hot_standby => ['off']);
$values{tcp_keepalives_idle} = [ '100', '7200' ] if $with{keepalives};
my @common = qw(DateStyle DateStyle TimeZone search_path search_path work_mem extra_float_digits bytea_output client_encoding standard_conforming_strings
  application_name default_transaction_isolation default_transaction_read_only app.x app.y app.z statement_timeout IntervalStyle);
my @settings = sort keys %values;
sub setting { return chance(0.6) ? one_of(@common) : one_of(@settings) }

# Text in quotes that reads the same whatever standard_conforming_strings is.
sub quoted { my ($text) = @_; return "'" . $text =~ s/'/''/gr . "'" }
sub set_value
{
    my ($name) = @_;
    my $value = one_of(@{ $values{$name} });
    return $name eq 'search_path' ? $value : quoted($value);
}

sub set_statement
{
    my $name = setting();
    my $any = quoted(one_of(@{ $values{$name} }));
    return weighted(
        8 => "set $name = " . set_value($name), 2 => "set session $name to " . set_value($name), 4 => "set local $name = " . set_value($name),
        1 => "set $name to default", 3 => "reset $name", 4 => "select set_config('$name', $any, false)", 3 => "select set_config('$name', $any, true)",
        1 => "select set_config('$name', null, false)", 1 => "update pg_settings set setting = $any where name = '$name'",
        1 => one_of("set time zone 'Asia/Kabul'", 'set time zone local', "set time zone interval '-08:00' hour to minute", "set names 'latin1'", 'set xml option document',
            'set names default', 'set time zone 5.5'),
        1 => one_of('set session characteristics as transaction read only', 'set session characteristics as transaction read write',
            'set session characteristics as transaction isolation level repeatable read'),
        1 => one_of('set transaction read only', 'set transaction isolation level serializable', 'set transaction isolation level repeatable read, read write',
            'set local transaction_deferrable = off'),
        1 => one_of('reset all', 'reset all', "set time zone default"));
}

my $values_of_all = "select md5(string_agg(name || '=' || coalesce(setting, 'NULL') || source || coalesce(reset_val, 'NULL') || context, ' ' order by name))
    from pg_settings where name !~ '^(plpgsql[.]|transaction_)'";
my $values_of_session = "select string_agg(name || '=' || coalesce(setting, 'NULL') || ':' || source || ':' || coalesce(reset_val, 'NULL'), ' ' order by name)
    from pg_settings where source not in ('default', 'configuration file', 'override', 'environment variable', 'command line') and name !~ '^(plpgsql[.]|transaction_)'";

sub show_statement
{
    my $name = setting();
    return weighted(
        6 => "show $name", 3 => "select current_setting('$name')", 2 => "select current_setting('$name', true)",
        2 => $values_of_session, 2 => $values_of_all, 1 => 'show transaction isolation level',
        2 => "select date '2026-02-01', timestamptz '2026-02-01 12:00:00+00', interval '1 day 2 hours'",
        2 => "select '01/02/2026'::date, public.day()", 1 => 'select 0.1::float8 / 3, 1::float4 / 3', 1 => "select '\\001a'::bytea, '\\\\'",
        1 => "select '\xc3\xa4', length('\xc3\xa4'), chr(228)", 2 => 'select current_user, session_user, current_schema()', 1 => 'select place from place',
        1 => 'select current_schemas(false)', 1 => "select array['null', NULL]::text, '{null}'::text[], 1 = null", 1 => "select to_char(1234.5, 'L9999.9'), 12.5::money",
        1 => "select \"current_user\"(), quote_ident('a'), to_tsvector('running dogs')", 1 => "select xmlforest('\\x41'::bytea as a)");
}

sub transaction_statement
{
    return weighted(
        6 => 'begin', 1 => 'begin isolation level serializable', 1 => 'start transaction read only', 1 => 'begin isolation level repeatable read, read write',
        7 => 'commit', 4 => 'rollback', 1 => 'end', 1 => 'commit and chain', 1 => 'rollback and chain', 1 => 'abort',
        3 => 'savepoint a', 2 => 'savepoint b', 3 => 'rollback to a', 1 => 'rollback to b', 1 => 'release a', 1 => 'release savepoint b');
}

# ROWS of one's own table, or only looks at those of another.
sub data_statement
{
    my ($p) = @_;
    my $t = "public.t$p->{n}";
    my $i = int rand 9;
    return weighted(
        4 => "select * from $t order by i, v, d", 3 => "insert into $t values ($i, 'v$i', '01/02/2026')", 2 => "insert into $t (i) values ($i) returning *",
        1 => "insert into $t (i, v) values ($i, null)", 2 => "update $t set v = 'u' || i where i = $i", 2 => "delete from $t where i = $i returning i, d",
        1 => "select count(*) from public.t" . (1 + int rand 5), 1 => "select sum(i) from $t where v > 'a' group by i > 3 order by 1",
        1 => 'select i from public.shared order by i limit 2', 1 => "select nextval('public.sq') > 0", 1 => "truncate $t",
        1 => "insert into public.shared values (1, 'twice')", 1 => "with x as (delete from $t where i > 5 returning *) insert into $t select i - 5, v, d from x",
        1 => "select i from $t where i = 1 for update", 1 => "explain (costs off) select * from $t where i = $i", 1 => "lock table $t in share mode",
        1 => "alter table $t add column if not exists e int", 1 => "alter table $t drop column if exists e", 1 => "create index if not exists t$p->{n}_i on $t (i)",
        1 => 'create table if not exists made' . $p->{n} . ' (m int)', 1 => 'drop table if exists made' . $p->{n}, 1 => "analyze $t", 1 => "vacuum $t",
        1 => "select 1 from $t, generate_series(1, 3)", 1 => "create or replace view v$p->{n} as select * from place", 1 => "select * from v$p->{n}", 1 => "drop view if exists v$p->{n}");
}

sub cursor_statement
{
    my ($p) = @_;
    return weighted(
        3 => 'declare c cursor for select generate_series(1, 9)', 2 => 'declare c scroll cursor for select i, v from generate_series(1, 9) i, lateral (select i || $$x$$) x (v)',
        2 => 'declare h cursor with hold for select generate_series(1, 5)', 1 => "declare h scroll cursor with hold for select * from public.t$p->{n} order by i, v",
        4 => 'fetch 2 from c', 2 => 'fetch 2 from h', 1 => 'fetch backward 1 from h', 1 => 'fetch all from c', 1 => 'move 1 in c', 1 => 'move last in h', 2 => 'close c', 2 => 'close h', 2 => 'close all',
        1 => 'select name, statement, is_holdable, is_scrollable from pg_cursors order by 1', 1 => "declare c binary cursor for select 1");
}

sub temp_statement
{
    return weighted(
        3 => 'create temp table tt (a int, b text)', 1 => 'create temp table tt (a int) on commit drop', 1 => 'create temp table tt on commit delete rows as select 1 as a',
        3 => "insert into tt values (1) returning *", 2 => 'select * from tt', 2 => 'drop table tt', 1 => 'create temp view tv as select 5 as five', 1 => 'select * from tv', 1 => 'drop view tv',
        1 => "create function pg_temp.tf() returns text language sql as 'select ''temp''::text'", 1 => 'select pg_temp.tf()', 1 => 'drop function pg_temp.tf()',
        1 => 'create temp table place as select $$temp$$ as place', 1 => 'drop table pg_temp.place', 1 => 'select count(*) from pg_temp.tt', 2 => 'discard temp',
        1 => 'create temp sequence ts; select nextval($$ts$$)', 1 => 'drop sequence if exists ts', 1 => "create type pg_temp.te as enum ('a')", 1 => 'drop type if exists pg_temp.te');
}

sub prepared_statement
{
    my ($p) = @_;
    return weighted(
        2 => 'prepare p as select 5', 2 => "prepare p (int) as select \$1 + 1, 'x'", 1 => "prepare q as select * from public.t$p->{n} order by i, v", 1 => "prepare q as select '01/02/2026'::date", 1 => 'prepare q as select place from place',
        1 => "prepare p as insert into public.t$p->{n} values (7) returning i", 3 => 'execute p', 2 => 'execute p(4)', 3 => 'execute q', 3 => 'deallocate p', 2 => 'deallocate q', 3 => 'deallocate all',
        1 => 'select name, statement, parameter_types, from_sql from pg_prepared_statements order by 1', 1 => "explain (costs off) execute q", 1 => 'create temp table tt as execute p');
}

sub session_statement
{
    my ($p) = @_;
    my $key = 10 * $p->{n} + int rand 3;
    return weighted(
        3 => 'listen news', 1 => 'listen other', 3 => "notify news, 'payload'", 1 => 'notify other', 2 => 'unlisten news', 2 => 'unlisten *', 1 => "select pg_notify('news', 'by function')", 2 => 'select * from pg_listening_channels() order by 1',
        2 => "select pg_advisory_lock($key)", 1 => "select pg_advisory_xact_lock($key)", 2 => "select pg_try_advisory_lock(1)", 2 => "select pg_advisory_unlock($key)", 1 => 'select pg_advisory_unlock(1)', 2 => 'select pg_advisory_unlock_all()',
        1 => 'select pg_try_advisory_xact_lock(1), pg_try_advisory_lock_shared(2)', 1 => 'select pg_advisory_unlock_shared(2)',
        1 => "select objid, mode from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() order by 1, 2",
        2 => 'set role other', 2 => 'reset role', 2 => 'set role none', 1 => 'set local role other', 1 => 'set role app', 1 => 'set session authorization app', 1 => 'set session authorization default', 1 => 'set session authorization bob', 1 => 'reset session authorization',
        3 => 'discard all', 1 => 'discard plans', 1 => 'discard temp', 1 => 'discard sequences', 2 => 'reset all', 1 => 'create role app', 1 => 'load $$plpgsql$$',
        1 => "select lo_creat(-1) > 0", 1 => 'select pg_export_snapshot() is not null', 1 => "set role 'other'", 1 => 'set local session authorization default', 1 => 'checkpoint');
}

sub function_statement
{
    my ($p) = @_;
    my $style = quoted(one_of(@{ $values{DateStyle} }));
    return weighted(
        2 => "select public.fset('3MB')", 1 => "select public.fset('bad')", 2 => "select public.flocal('in')", 2 => "select public.fsub($style)", 2 => "select public.fnotice('n')", 2 => "select public.dt('01/02/2026')",
        2 => "call public.pr('p1')", 1 => "call public.perr('p2')", 1 => "do 'begin raise notice ''do''; end'", 1 => "do 'begin perform 1 / 0; exception when others then raise notice ''caught %'', sqlerrm; end'",
        1 => "do 'begin set local work_mem = ''2MB''; set app.x = ''do''; commit; end'", 1 => "do 'begin for i in 1 .. 3 loop perform set_config(''app.y'', i::text, false); if i = 2 then rollback; else commit; end if; end loop; end'",
        1 => "select public.fdyn('select 1')", 1 => "select public.fdyn('nonsense')", 1 => "select public.fdyn('set app.x = 5')", 1 => "select public.fdyn('select place from place')",
        2 => $with{declaring} ? 'select public.fd()' : 'select 2', 2 => $with{declaring} ? 'select public.fr()' : "select public.dt('01/02/2026')", 1 => "do 'begin execute ''create temp table tt (a int)''; end'", 1 => "do 'begin execute ''listen news''; end'",
        1 => "create or replace function public.own$p->{n}() returns text language sql set DateStyle from current as 'select ''01/02/2026''::date::text'", 1 => "select public.own$p->{n}()",
        1 => "alter function public.day() stable", 1 => "do 'declare c cursor for select 1; begin open c; end'");
}

sub failing_statement
{
    return weighted(
        2 => 'select 1 / 0', 2 => 'selec 1', 1 => 'select no_such_column', 1 => 'select * from no_such_table', 1 => "select 'x'::int", 1 => 'select pg_catalog.no_such(1)', 1 => "select '\xff'", 1 => '', 1 => ';', 1 => '-- nothing',
        1 => 'select $1', 1 => 'execute no_such', 1 => 'fetch 1 from no_such', 1 => "select 'unterminated", 1 => 'vacuum full pg_class', 1 => 'create database x', 1 => 'select pg_read_file($$x$$)', 1 => 'select 1 as a, 2 as b; select', 1 => "select E'\\'x'");
}

my @statements = (30 => \&set_statement, 25 => \&show_statement, 18 => \&transaction_statement, 14 => \&data_statement, 7 => \&cursor_statement, 6 => \&temp_statement,
    6 => \&prepared_statement, 10 => \&session_statement, 10 => \&function_statement, 6 => \&failing_statement);

sub statement
{
    my ($p) = @_;
    return transaction_end() if $p->{status} eq 'E' && chance(0.4);
    return of_this_seed(@statements)->($p);
}
sub transaction_end { return one_of(qw(rollback rollback commit), 'rollback to a', 'rollback to b') }

# ---- messages ----

# Bind with formats: of all parameters, of all results.
sub bind_message
{
    my ($portal, $statement, $in, $out, @values) = @_;
    my $body = pack('Z* Z* n n n', $portal, $statement, 1, $in, scalar @values);
    $body .= defined $_ ? pack('N/a*', $_) : pack('N', 0xffffffff) foreach @values;
    return PoolerClient::message_bytes('B', $body . pack('n n', 1, $out));
}

# The bytes in words.
sub words
{
    my ($bytes) = @_;
    my @words;
    while (length $bytes >= 5)
    {
        my ($type, $length) = unpack 'a1 N', $bytes;
        my $body = substr $bytes, 5, $length - 4;
        substr($bytes, 0, $length + 1) = '';
        push @words, "$type" . (length $body ? "[" . brief($body) . "]" : '');
    }
    return join ' ', @words;
}
sub brief
{
    my ($text) = @_;
    my $shown = length $text > 700 ? substr($text, 0, 300) . '...(' . length($text) . ' bytes, ' . md5_hex($text) . ')' : $text;
    return $shown =~ s/([^ -~\n])/sprintf '\\x%02x', ord $1/ger;
}

sub oid { my ($oid) = @_; return $oid >= 16384 ? 'own' : $oid }
sub made_equal { my ($text) = @_; return $text =~ s/\btelehealth\b/main/gr =~ s/\bpg_(toast_)?temp_\d+/pg_$1temp_N/gr =~ s/\b(process|PID) \d+/$1 N/gr =~ s{ function (\S+) line }{" function " . $1 =~ s/"//gr =~ s/public[.]//gr . ' line '}ger =~ s/,pg_temp_N\}/}/gr }

# One message as a line.
sub line
{
    my ($type, $body) = @_;
    if ($type eq 'T')
    {
        my ($count, $at, @fields) = (unpack('n', $body), 2);
        foreach (1 .. $count)
        {
            my $name = unpack 'Z*', substr($body, $at);
            my ($table, $column, $of, $len, $mod, $format) = unpack 'N n N n N n', substr($body, $at + length($name) + 1);
            $at += length($name) + 1 + 18;
            push @fields, join ':', $name, oid($table), $column, oid($of), $len, $mod, $format;
        }
        return 'T ' . join ' ', @fields;
    }
    return 't ' . join ' ', map { oid($_) } unpack('x2 N*', $body) if $type eq 't';
    if ($type eq 'D')
    {
        my ($count, $at, @row) = (unpack('n', $body), 2);
        foreach (1 .. $count)
        {
            my $length = unpack 'l>', substr($body, $at, 4);
            push @row, $length < 0 ? 'NULL' : substr($body, $at + 4, $length);
            $at += 4 + ($length < 0 ? 0 : $length);
        }
        return 'D ' . made_equal(join '|', @row);
    }
    if ($type =~ /[EN]/)
    {
        my %field = map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body;
        # there or not, nothing is in it
        @field{qw(C F H L M R)} = ('', '', '', '', 'nothing in pg_temp', '') if $field{M} =~ /pg_temp[".].*does not exist/ || $field{M} =~ /^(schema "pg_temp"|table "(tt|place)"|sequence "ts"|type "(pg_temp.)?te") does not exist/;
        return "$type " . made_equal(join ' / ', map { "$_$field{$_}" } sort keys %field);
    }
    return "S " . join '=', unpack('Z* Z*', $body) if $type eq 'S';
    return "C " . unpack('Z*', $body) if $type eq 'C';
    return length $body ? "$type " . made_equal($body) : $type;
}

# ---- pairs ----

# Reads up to what is waited for: so many ReadyForQuery, or one of these types.
# Notifications are put aside, what is reported at once is put in order.
sub answer
{
    my ($client, $until) = @_;
    my (@lines, @reported, $again);
    my $more = $until =~ /^(\d+)/ ? $1 : 1;
    while ($more)
    {
        my ($type, $body) = $client->message;
        if (!defined $type) { $client->{eof} = 1; push @lines, 'end of the connection'; last }
        if ($type eq 'A') { note_notification($client, $body); next }
        if ($type eq 'K') { ($client->{pid}, $client->{key}) = unpack 'N N', $body; next }
        if ($type eq 'S') { push @reported, line($type, $body); next }
        push @lines, sort(splice @reported), line($type, $body);
        $client->{status} = $body if $type eq 'Z';
        # a COPY that failed before it met the query
        $more++ if $until eq '1 or 2' && $type eq 'Z' && !$again++ && !grep { /^E C08P01|^C/ } @lines;
        $more-- if $until =~ /^\d/ ? $type eq 'Z' : $type =~ /[Z\Q$until\E]/;
    }
    return [ @lines, sort @reported ];
}

sub try_answer
{
    my ($client, $until) = @_;
    return eval { answer($client, $until) } // [ 'NO ANSWER: ' . $@ =~ s/ at .*//sr ];
}

sub note_notification
{
    my ($client, $body) = @_;
    my ($pid, $channel, $payload) = unpack 'N Z* Z*', $body;
    push @{ $client->{heard} }, ($pid == $client->{pid} ? 'own' : 'of another') . " $channel $payload";
    return;
}

# What came by itself, as far as it is there.
sub hear
{
    my ($client) = @_;
    while (!$client->{eof} && $client->readable(0))
    {
        my ($type, $body) = $client->message;
        if (!defined $type) { $client->{eof} = 1; push @{ $client->{alone} }, 'end of the connection' }
        elsif ($type eq 'A') { note_notification($client, $body) }
        else { push @{ $client->{alone} }, line($type, $body) }
    }
    return;
}

my ($run, $step, @log);    # of one seed

sub differ
{
    my ($p, $what, $pooled, $direct) = @_;
    die { step => $step, client => $p->{n}, what => $what, pooled => $pooled, direct => $direct, log => [@log] };
}

sub texts { my ($lines) = @_; return join '', map { '    ' . brief($_) . "\n" } @$lines }

# Sends it to both, reads both. Returns the server's answer.
sub exchange
{
    my ($p, $bytes, $until) = @_;
    my $words = words($bytes);
    my %got;
    push @log, "step $step, client $p->{n}: $words";
    note $log[-1] if $trace;
    $p->{$_}->write($bytes) foreach qw(direct pooled);
    foreach my $side (qw(direct pooled))
    {
        $got{$side} = try_answer($p->{$side}, $until);
    }
    $log[-1] .= "\n" . texts($got{direct});
    differ($p, $words, $got{pooled}, $got{direct}) if join("\n", @{ $got{pooled} }) ne join("\n", @{ $got{direct} });
    differ($p, "no answer to $words", $got{pooled}, $got{direct}) if $got{direct}[0] =~ /^NO ANSWER/;
    $p->{status} = $p->{direct}{status};
    $p->{bound} = 1;
    if ($words =~ /alter|create|drop|truncate|discard/i) { $_->{outdated} = 1 foreach @{ $run->{pairs} } }
    $p->{outdated} = 1 if $words =~ /set|config|commit|rollback|abort|end|call|do '|P\[/i;
    listeners($words) if $words =~ /notify|commit|Z|end/;
    compare_heard($p, 0);
    return $got{direct};
}

# Whoever listens hears it before anything else happens.
sub listeners
{
    my ($words) = @_;
    $_->{listens} ||= $words =~ /listen/ foreach @{ $run->{pairs} };
    sleep 0.005 if $words =~ /notify/ && grep { $_->{listens} } @{ $run->{pairs} };
    return;
}

# What one twin has heard the other has as well, at the end all of it.
sub compare_heard
{
    my ($p, $all) = @_;
    my $end = time + 3;
    do
    {
        if (!$p->{gone}) { hear($_) foreach $p->{direct}, $p->{pooled} }
    } while ($all && @{ $p->{direct}{heard} // [] } != @{ $p->{pooled}{heard} // [] } && time < $end && sleep 0.01);
    my ($direct, $pooled) = map { $_->{heard} // [] } $p->{direct}, $p->{pooled};
    my $count = $all ? -1 : @$direct < @$pooled ? @$direct : @$pooled;
    differ($p, 'notifications', $pooled, $direct)
      if $all ? "@$direct" ne "@$pooled" : "@$direct[0 .. $count - 1]" ne "@$pooled[0 .. $count - 1]";
    differ($p, 'by itself', $p->{pooled}{alone} // [], $p->{direct}{alone} // []) if @{ $p->{pooled}{alone} // [] } || @{ $p->{direct}{alone} // [] };
    return;
}

my $serial = 0;
sub log_in
{
    my ($p) = @_;
    my $name = 'pair ' . ++$serial;
    my %options = %{ $p->{options} };
    $options{application_name} .= $name;
    push @log, "step $step, client $p->{n}: login of $p->{role} (" . join(', ', map { "$_ $options{$_}" } sort keys %options) . ')';
    note $log[-1] if $trace;
    my %address = (
        pooled => [ $p->{unix} ? $pooler->node->host : '127.0.0.1', $pooler->{port}, $run->{pool} ],
        direct => [ $p->{unix} ? $pooler->node->host : '127.0.0.1', $pooler->node->port, $database{direct} ]);
    my %got;
    foreach my $side (qw(direct pooled))
    {
        my ($host, $port, $database) = @{ $address{$side} };
        my $client = $p->{$side} = PoolerClient->connect(host => $host, port => $port);
        $client->write(PoolerClient::startup(user => $p->{role}, database => $database, %options));
        $got{$side} = [ map { s/\bpair \d+/pair/r } @{ try_answer($client, 1) } ];
    }
    differ($p, 'login', $got{pooled}, $got{direct}) if join("\n", @{ $got{pooled} }) ne join("\n", @{ $got{direct} });
    die "no login: @{ $got{direct} }" if $p->{direct}{eof};
    $p->{status} = 'I';
    $p->{listens} = $p->{bound} = $p->{seeded} = 0;
    $p->{id} = $pooler->sql("select id from pooler.clients where application_name = " . quoted($options{application_name}));
    return;
}

# Both are gone when nothing of them is left.
sub leave
{
    my ($p, $way) = @_;
    push @log, "step $step, client $p->{n}: $way";
    note $log[-1] if $trace;
    my ($pid, $id) = ($p->{direct}{pid}, $p->{id});
    foreach my $side (qw(direct pooled))
    {
        $p->{$side}{eof} && $way ne 'ended' ? $p->{$side}->vanish : $way eq 'ended' ? $p->{$side}->vanish : $p->{$side}->$way;
    }
    my $end = time + 5;
    sleep 0.002 until $pooler->sql("select (select count(*) from pg_stat_activity where pid = $pid)
        + (select count(*) from pooler.clients where id = " . ($id || 0) . ') + (select count(*) from pooler.backends where client = ' . ($id || 0) . q{ or state = 'leaving')}) eq '0' || time > $end;
    return;
}

# ---- actions: each does one or several exchanges ----

sub do_query { my ($p) = @_; return exchange($p, Query(statement($p)), 1) }

sub do_several
{
    my ($p) = @_;
    return exchange($p, Query(join '; ', map { statement($p) } 0 .. 1 + rand 4), 1);
}

my %types = (int => 23, text => 25, date => 1082, unknown => 0, bool => 16);

# A text with parameters; its types; values for it.
sub parametrized
{
    my ($p) = @_;
    my @of = @{ one_of(
            [ "select '01/02/2026'::date, '1 day 2 hours'::interval, '2026-02-01 12:00'::timestamptz", [] ], [ 'select place from place', [] ], [ 'select * from public.shared order by i', [] ], [ "select * from public.t$p->{n} order by i, v", [] ],
            [ 'select $1::int + 1', [], '4' ], [ 'select $1', [], 'text' ], [ 'select $1::date', [], '01/02/2026' ], [ 'select $1::timestamptz, $2::text', [], '2026-02-01 10:00', "\xc3\xa4" ], [ 'select $1 + $2', [ 23, 0 ], '1', '2' ],
            [ "insert into public.t$p->{n} values (\$1, \$2) returning *", [], '8', 'param' ], [ "select * from public.t$p->{n} where i = \$1 order by 1, 2", [20], '1' ], [ 'select set_config($1, $2, false)', [], 'app.x', 'by bind' ],
            [ 'select set_config($1, $2, true)', [], 'DateStyle', 'German' ], [ 'select generate_series(1, $1::int)', [], '7' ], [ 'select $1::bytea, $2::interval', [], '\x4142', '26 hours' ], [ 'select $2::text', [], undef, 'second' ],
            [ 'select public.fdyn($1)', [25], 'show DateStyle' ], [ 'select $1::numeric / $2', [], '1', one_of('0', '3') ], [ 'select $1 = $2', [ 9999, 25 ], '1', '1' ], [ 'update public.shared set v = v where i = $1', [], '-1' ]) };
    my ($sql, $types, @values) = @of;
    return ($sql, $types, \@values) if chance(0.4);
    return (statement($p), [], []);
}

sub values_for { my ($values) = @_; return chance(0.9) ? @$values : chance(0.5) ? (@$values, 'more') : map { one_of(undef, '', 'x', '1') } @$values }

# Parse to Execute in one batch.
sub do_extended
{
    my ($p) = @_;
    my $bytes = '';
    my $syncs = 0;
    foreach (0 .. rand 3)
    {
        my ($sql, $types, $values) = parametrized($p);
        my ($portal, $name) = (weighted(6 => '', 1 => 'po'), weighted(8 => '', 1 => 'n1', 1 => 'n2'));
        $bytes .= Parse($name, $sql, @$types);
        $bytes .= Describe('S', $name) if chance(0.3);
        $bytes .= bind_message($portal, $name, 0, chance(0.15), values_for($values));
        $bytes .= Describe('P', $portal) if chance(0.5);
        $bytes .= Execute($portal, weighted(6 => 0, 1 => 1, 1 => 3));
        $bytes .= Execute($portal, 2) if chance(0.15);
        $bytes .= Flush() if chance(0.1);
        $bytes .= Close(one_of('S', 'P'), one_of('', $name, $portal)) if chance(0.1);
        if (chance(0.4)) { $bytes .= Sync(); $syncs++ }
        if (chance(0.05)) { $bytes .= Sync(); $syncs++ }
    }
    $bytes .= Sync();
    return exchange($p, $bytes, $syncs + 1);
}

# The unnamed statement in one batch; used in others.
sub do_unnamed
{
    my ($p) = @_;
    my ($sql, $types, $values) = parametrized($p);
    ($sql, $types, $values) = (one_of("select '01/02/2026'::date", q{select 'a\\\\b'}, 'select 1 = null', 'select * from public.shared order by i'), [], []) if $with{analysed_again} && chance(0.7);
    exchange($p, Parse('', $sql, @$types) . (chance(0.2) ? Describe('S', '') : '') . Sync(), 1);
    do_beside_unnamed($p) if $with{analysed_again} && chance(0.7);
    $p->{values} = $values;
    $p->{outdated} = 0;
    return;
}

sub do_use_unnamed
{
    my ($p) = @_;
    return do_unnamed($p) if $p->{outdated} && !$with{analysed_again};
    my $values = $p->{values} // [];
    my $bytes = weighted(
        8 => sub { bind_message('', '', 0, chance(0.1), values_for($values)) . (chance(0.4) ? Describe('P', '') : '') . Execute('', one_of(0, 0, 2)) },
        2 => sub { Describe('S', '') }, 1 => sub { Close('S', '') }, 1 => sub { bind_message('', '', 0, 0, @$values) . Describe('P', '') })->();
    return exchange($p, $bytes . Sync(), 1);
}

# Named ones, over several batches.
sub do_named
{
    my ($p) = @_;
    my $name = one_of(qw(n1 n2));
    my ($sql, $types, $values) = parametrized($p);
    my $bytes = weighted(
        3 => sub { $p->{values} = $values; Parse($name, $sql, @$types) }, 4 => sub { bind_message('', $name, 0, 0, values_for($p->{values} // [])) . Describe('P', '') . Execute() },
        2 => sub { Describe('S', $name) }, 4 => sub { Close('S', $name) }, 1 => sub { bind_message('po', $name, 0, 0, @{ $p->{values} // [] }) . Execute('po', 1) },
        3 => sub { Parse($name, $sql, @$types) . bind_message('', $name, 0, 0, @$values) . Execute() . Close('S', $name) })->();
    return exchange($p, $bytes . Sync(), 1);
}

# A statement that the unnamed one outlives: by a named one that is closed again.
sub do_beside_unnamed
{
    my ($p) = @_;
    my $sql = chance(0.5) ? set_statement() : statement($p);
    return exchange($p, Parse('n3', $sql) . bind_message('', 'n3', 0, 0) . Execute() . Close('S', 'n3') . Sync(), 1);
}

# A portal of several batches.
sub do_portal
{
    my ($p) = @_;
    exchange($p, Query('begin'), 1) if $p->{status} eq 'I' && chance(0.8);
    exchange($p, Parse('', 'select generate_series(1, 9)') . bind_message('po', '', 0, 0) . Execute('po', 3) . Sync(), 1);
    exchange($p, Execute('po', 3) . Sync(), 1);
    exchange($p, Query(statement($p)), 1) if chance(0.5);
    exchange($p, Execute('po', one_of(0, 2)) . (chance(0.5) ? Close('P', 'po') : '') . Sync(), 1);
    exchange($p, Query(one_of('commit', 'rollback')), 1) if chance(0.8);
    return;
}

# Flush in the middle: what comes up to it is read first.
sub do_flush
{
    my ($p) = @_;
    my ($sql, $types, $values) = parametrized($p);
    my $name = one_of('', '', 'n1');
    my $failed = sub { return grep { /^E|^end/ } @{ $_[0] } };
    my $got = exchange($p, Parse($name, $sql, @$types) . Flush(), 'E1');
    if (!$failed->($got)) { $got = exchange($p, bind_message('', $name, 0, 0, @$values) . Describe('P', '') . Flush(), 'TnE') }
    if (!$failed->($got)) { $got = exchange($p, Execute('', one_of(0, 0, 2)) . Flush(), 'CsIEGW') }
    copy_in($p, 0) if grep { /^G/ } @$got;
    exchange($p, Parse('', 'select 2') . bind_message('', '', 0, 0) . Execute() . Sync(), 1);
    return;
}

# An error in the middle of a pipeline; what follows is skipped until Sync.
sub do_broken_pipeline
{
    my ($p) = @_;
    my $bytes = '';
    my $syncs = 1;
    foreach (1 .. 2 + rand 4)
    {
        my ($sql) = chance(0.4) ? failing_statement() : statement($p);
        $bytes .= Parse('', $sql) . bind_message('', '', 0, 0) . Execute();
        if (chance(0.3)) { $bytes .= Sync(); $syncs++ }
    }
    return exchange($p, $bytes . Sync(), $syncs);
}

# After its answer: more of it, and the end.
sub copy_in
{
    my ($p, $simple) = @_;
    my $good = join '', map { CopyData("$_\tcopied\t2026-02-0$_\n") } 1 .. 3;
    my $way = weighted(4 => 'good', 2 => 'bad', 2 => 'fails', 1 => 'large', 1 => 'query', 1 => 'sync');
    my $bytes = { good => $good . CopyDone(), bad => CopyData("nonsense\n") . $good . CopyDone(), fails => $good . PoolerClient::message_bytes('f', "on purpose\0"),
        large => (CopyData("5\t" . 'x' x 9000 . "\t\\N\n") x 20) . CopyDone(), query => CopyData("1\ty\t\\N\n") . Query('select 1'), sync => Sync() . Flush() . $good . CopyDone() }->{$way};
    exchange($p, $bytes . ($simple ? '' : Sync()), $way eq 'query' && $simple ? '1 or 2' : 1);
    exchange($p, ($good x 3) . (chance(0.5) ? CopyDone() : '') . Query('select 1'), 1) if $way =~ /bad|fails/ && chance(0.6);
    return;
}

sub do_copy
{
    my ($p) = @_;
    my $t = "public.t$p->{n}";
    my $sql = one_of("copy $t (i, v, d) from stdin", "copy $t (i, v, d) from stdin", "copy $t from stdin (format csv)", "copy (select i, v from generate_series(1, 3) i, (select 'x') x (v)) to stdout", "copy $t to stdout", "copy $t (i) to stdout (format binary)",
        'copy no_such from stdin', "copy (select generate_series(1, 20000)) to stdout", "begin; copy $t (i, v, d) from stdin; commit", "copy $t (i, v, d) from stdin; select 1 / 0");
    my $simple = chance(0.7);
    if ($simple)
    {
        my $got = exchange($p, Query($sql), 'G');
        copy_in($p, 1) if grep { /^G/ } @$got;
        return;
    }
    $sql =~ s/^begin; |; .*//g;
    my $got = exchange($p, Parse('', $sql) . bind_message('', '', 0, 0) . Execute() . Flush(), 'GCE');
    if (grep { /^G/ } @$got) { copy_in($p, 0) }
    else { exchange($p, Sync(), 1) }
    return exchange($p, Parse('', 'select 3') . Sync(), 1);    # nobody binds it again
}

sub do_late_copy
{
    my ($p) = @_;
    return exchange($p, Query('select 1') . one_of(Flush(), CopyDone()), 1) if chance(0.5);
    return exchange($p, one_of(CopyData('late'), CopyDone(), CopyData('x' x 50000) x 3, PoolerClient::message_bytes('f', "late\0")) . Query('select 1'), 1);
}

sub do_large
{
    my ($p) = @_;
    return exchange($p, one_of(Query("select repeat('x', 200000)"), Query('select i, repeat($$y$$, 90) from generate_series(1, 2000) i'), Query("select length('" . 'z' x 150000 . "')"), Query("set app.x = '" . 'w' x one_of(20000, 70000) . "'"),
            Query("select '" . 'q' x 300000 . "' as large; select 1 / 0")), 1);
}

sub do_large_unnamed
{
    my ($p) = @_;
    exchange($p, Parse('', "select length('" . 'u' x one_of(30000, 70000) . "')") . Sync(), 1);
    $p->{values} = [];
    return;
}

sub do_function_call
{
    my ($p) = @_;
    my ($oid, $value) = @{ one_of([ 1397, '-5' ], [ 1397, 'x' ], [ 957, '-1' ], [ 2077, 'work_mem' ], [ 1, '1' ]) };    # abs, lo_creat, current_setting, none
    $value = pack 'N', 0xfffffffb if $oid == 957;
    return exchange($p, PoolerClient::message_bytes('F', pack('N n n n N/a* n', $oid, 1, $oid == 957 ? 1 : 0, 1, $value, 0)), 1) if $oid != 957;
    return exchange($p, PoolerClient::message_bytes('F', pack('N n n n N/a* n', 764, 1, 1, 2, pack('N', 0), 0)), 1);
}

sub do_timeout
{
    my ($p) = @_;
    return exchange($p, Query(weighted(3 => "set local statement_timeout = '30ms'; select pg_sleep(2)", 2 => "begin; set local statement_timeout = '30ms'; select pg_sleep(2)", 1 => "begin; set local statement_timeout = '20s'; select pg_sleep(0.01); commit",
            2 => "set statement_timeout = '25ms'; select pg_sleep(2)", 1 => "do 'begin perform set_config(''statement_timeout'', ''20ms'', true); end'; select pg_sleep(0.03)")), 1);
}

# Another's table: fails if he has locked it.
sub do_lock
{
    my ($p) = @_;
    my $other = 1 + int rand 5;
    my $sql = one_of("lock table public.t$other in access exclusive mode nowait", "begin; set local lock_timeout = '30ms'; lock table public.t$other; commit", 'begin; lock table public.shared in exclusive mode nowait', 'alter table public.shared add column if not exists w int',
        'alter table public.shared drop column if exists w', "begin; set local lock_timeout = '40ms'; insert into public.shared values (9, 'mine')", 'create table s1.fresh (i int)', 'drop table if exists s1.fresh', 'create or replace view public.place as select $$public$$ as place', 'drop view public.place',
        "alter table public.t$other add column if not exists f text default 'f'", "alter table public.t$other drop column if exists f");
    return exchange($p, Query($sql), 1);
}

sub do_seed
{
    my ($p) = @_;
    my $got = exchange($p, Query(one_of('select setseed(0.25)', 'set seed = 0.5')), 1);
    exchange($p, Query('select random(), random()'), 1) if !grep { /^E/ } @$got;
    $p->{seeded} = 1 if !grep { /^E/ } @$got;
    return;
}

sub do_random { my ($p) = @_; return $p->{seeded} ? exchange($p, Query('select random()'), 1) : do_query($p) }

sub do_cancel
{
    my ($p) = @_;
    my $bytes = Query(one_of('select pg_sleep(5)', 'begin; select pg_sleep(5); commit', 'select 1; select pg_sleep(5)'));
    my %got;
    push @log, "step $step, client $p->{n}: " . words($bytes) . ', cancelled';
    $p->{$_}->write($bytes) foreach qw(direct pooled);
    my $end = time + 3;
    sleep 0.003 until $pooler->sql(q{select count(*) from pg_stat_activity where wait_event = 'PgSleep'}) eq '2' || time > $end || $p->{status} eq 'E';
    $p->{$_}->cancel foreach qw(direct pooled);
    foreach my $side (qw(direct pooled)) { $got{$side} = try_answer($p->{$side}, 1) }
    differ($p, 'cancel', $got{pooled}, $got{direct}) if join("\n", @{ $got{pooled} }) ne join("\n", @{ $got{direct} });
    $p->{status} = $p->{direct}{status};
    return;
}

# The server ends it.
sub do_end
{
    my ($p) = @_;
    my $way = one_of('terminate', 'in transaction', 'idle');
    if ($way eq 'terminate') { exchange($p, Query('select pg_terminate_backend(pg_backend_pid())'), 1) }
    else
    {
        my ($sql, $until) = $way eq 'idle' ? ("set idle_session_timeout = '60ms'", 'I') : ("begin; set local idle_in_transaction_session_timeout = '60ms'", 'T');
        exchange($p, Query('rollback'), 1) if $p->{status} ne 'I';
        my $got = exchange($p, Query($sql), 1);
        return if $p->{status} ne $until || grep { /^E/ } @$got;
        my %end;
        foreach my $side (qw(direct pooled)) { $end{$side} = try_answer($p->{$side}, 1) }
        foreach my $lines (values %end) { s{/ [FLR]\w+([.]c)? (?=/)}{}g foreach @$lines }
        differ($p, "time-out: $way", $end{pooled}, $end{direct}) if join("\n", @{ $end{pooled} }) ne join("\n", @{ $end{direct} });
    }
    return;
}

sub do_leave
{
    my ($p) = @_;
    compare_heard($p, 1);
    leave($p, one_of('quit', 'quit', 'vanish', 'reset'));
    startup_options($p) if chance(0.5);
    return log_in($p);
}

# Something of what pins.
sub do_release
{
    my ($p) = @_;
    exchange($p, Query(one_of('rollback', 'commit')), 1) if $p->{status} ne 'I';
    exchange($p, Query(one_of('discard all', 'discard all', 'deallocate all; close all; unlisten *', 'reset role; select pg_advisory_unlock_all()', 'drop table if exists pg_temp.tt')), 1);
    exchange($p, Query('discard all'), 1) if is_bound($p);
    exchange($p, Query('rollback'), 1) if $p->{status} ne 'I';
    do_leave($p) if is_bound($p);
    return;
}

my @actions = (40 => \&do_query, 12 => \&do_several, 14 => \&do_extended, 8 => \&do_unnamed, 12 => \&do_use_unnamed, 7 => \&do_named, 5 => \&do_beside_unnamed, 3 => \&do_portal, 4 => \&do_flush, 5 => \&do_broken_pipeline,
    5 => \&do_copy, 1 => \&do_late_copy, 1.5 => \&do_large, 0.7 => \&do_large_unnamed, 1 => \&do_function_call, 1 => \&do_timeout, 2.5 => \&do_lock, 0.3 => \&do_seed, 2 => \&do_random, 0.5 => \&do_cancel, 0.3 => \&do_end, 2 => \&do_leave);

# ---- a seed ----

# Who has a backend to himself: in a transaction, or pinned.
sub is_bound
{
    my ($p) = @_;
    return 1 if $p->{status} ne 'I';
    return 0 if !$p->{bound} || !$p->{id} || $run->{pool} eq 'session';
    my $end = time + 3;
    my $state;
    sleep 0.001 while ($state = $pooler->sql("select state from pooler.clients where id = $p->{id}")) eq 'active' && time < $end;
    $p->{bound} = $state eq 'pinned';
    return $p->{bound};
}

# Nobody is asked who would have to wait for a backend.
sub room_for
{
    my ($p) = @_;
    return 1 if $run->{pool} eq 'session' || is_bound($p);
    my @bound = grep { is_bound($_) } @{ $run->{pairs} };
    return @bound < $run->{size};
}

sub startup_options
{
    my ($p) = @_;
    my %options = (application_name => 'as direct ');
    if (chance(0.6))
    {
        my %may = (DateStyle => [ 'ISO, DMY', 'German' ], TimeZone => [ 'Asia/Kabul', 'UTC' ], client_encoding => [ 'UTF8', 'latin1', 'SQL_ASCII' ], extra_float_digits => [ '0', '3' ], search_path => [ 's2, public', 's1' ], statement_timeout => ['50s'], work_mem => ['8MB'], 'app.x' => ['started']);
        foreach my $name (sort keys %may) { $options{$name} = one_of(@{ $may{$name} }) if chance(0.3) }
        $options{options} = one_of('-c work_mem=5MB -c app.y=by\ options', '-c search_path=s1,public --statement_timeout=44s', '-c default_transaction_isolation=serializable', '-c DateStyle=SQL,DMY -c standard_conforming_strings=off', '-c default_transaction_read_only=on') if chance(0.4);
    }
    $p->{options} = \%options;
    return;
}

sub prepare_databases
{
    foreach my $database (values %database)
    {
        my $end = time + 10;
        my $failed = 1;
        while ($failed && time < $end)
        {
            my $ddl = $pooler->direct('setup', database => $database);
            my $result = $ddl->query($setup);
            $failed = @{ $result->{errors} } && $result->{errors}[0]{M};
            $ddl->quit;
        }
        die "setup of $database: $failed" if $failed;
    }
    return;
}

# Returns the mismatch, if there is one.
sub run_seed
{
    my ($seed, @steps) = @_;
    seed_chance($seed, 'setup');
    $step = 0;
    @log = ();
    my $pool = weighted(5 => 'one', 6 => 'two', 1 => 'session');
    $run = { pool => $pool, size => { one => 1, two => 2, session => 99 }->{$pool}, pairs => [] };
    take_sides(grep { ref } @statements, @actions);
    my $second_role = $pool ne 'one' && chance(0.4);
    foreach my $n (1 .. 3 + int rand 3)
    {
        my $p = { n => $n, role => $second_role && chance(0.4) ? 'bob' : 'app', unix => chance(0.25) };
        startup_options($p);
        push @{ $run->{pairs} }, $p;
    }
    prepare_databases();
    my $mismatch;
    eval {
        log_in($_) foreach @{ $run->{pairs} };
        foreach (@steps)
        {
            $step = $_;
            one_step($seed);
        }
        compare_heard($_, 1) foreach @{ $run->{pairs} };
        1;
    } or $mismatch = $@;
    # waits for all of them
    foreach my $p (grep { $_->{direct} && $_->{pooled} } @{ $run->{pairs} }) { eval { leave($p, 'vanish') } }
    return $mismatch;
}

sub one_step
{
    my ($seed) = @_;
    seed_chance($seed, $step);
    my @pairs = @{ $run->{pairs} };
    my $p = one_of(@pairs);
    my $action = of_this_seed(@actions);
    my $release = chance(0.4);
    if (!room_for($p))
    {
        $p = one_of(grep { is_bound($_) } @pairs) // $p;
        $action = \&do_release if $release;
    }
    $action->($p);
    if ($p->{direct}{eof})
    {
        leave($p, 'ended');
        log_in($p);
    }
    return;
}

# ---- all of it ----

sub shown
{
    my ($seed, $m) = @_;
    return "seed $seed: $m" if !ref $m;
    return "seed $seed, step $m->{step}, client $m->{client} (pool $run->{pool}): " . brief($m->{what}) . "\n  pooled:\n" . texts($m->{pooled}) . "  direct:\n" . texts($m->{direct});
}

# Leaves out what is not needed for it.
sub reduced
{
    my ($seed, $m, @steps) = @_;
    @steps = grep { $_ <= $m->{step} } @steps;
    my $end = time + ($ENV{AS_DIRECT_REDUCE_SECONDS} // 40);
    my $size = int(@steps / 2);
    while ($size >= 1)
    {
        my $at = 0;
        while ($at < @steps && time < $end)
        {
            my @fewer = @steps;
            splice @fewer, $at, $size;
            my $again = run_seed($seed, @fewer);
            if (ref $again && $again->{step} == $m->{step} && $again->{what} eq $m->{what}) { @steps = @fewer; $m = $again }
            else { $at += $size }
        }
        $size = int($size / 2);
    }
    return ($m, @steps);
}

my @all = 1 .. $steps;
if (defined $ENV{AS_DIRECT_ONLY})
{
    @all = map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/, $ENV{AS_DIRECT_ONLY};
}
my $start = time;
my $done = 0;
foreach my $seed ($first_seed .. $first_seed + $seeds - 1)
{
    last if $seconds && time > $start + $seconds;
    my $mismatch = run_seed($seed, @all);
    $done++;
    ok(!defined $mismatch, "AS_DIRECT_SEED=$seed: " . @all . ' steps as on a direct connection') and next;
    diag(shown($seed, $mismatch));
    next if !$reduce || !ref $mismatch;
    my ($less, @left) = reduced($seed, $mismatch, @all);
    diag('reduced to AS_DIRECT_ONLY=' . join(',', @left) . "\n" . join("\n", map { s/\n\z//r } @{ $less->{log} }) . "\n" . shown($seed, $less));
}
is($pooler->sql("select count(*) from pooler.clients where state = 'waiting'"), '0', "nobody waits after $done seeds");

done_testing;
