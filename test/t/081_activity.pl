# pooler.activity: a row for each client; of those that wait their place, since
# when, for whom, and the statement in its own encoding, for whom it concerns.
use utf8;
use PoolerTest;
use Encode;

my $pooler = PoolerTest->new('activity', pools => 'main pool_size=1 timeout=60, telehealth, fire pool_size=1 timeout=0.5, latin pool_size=1',
    sql => q{create role plain login; create role other login;
        create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C' owner app;},
    conf => "track_activity_query_size = 100\n");

sub activity
{
    my ($name, $columns) = @_;
    return "select $columns from pooler.activity where application_name = '$name'";
}
sub is_waiting { my ($name, $query, $what) = @_; return $pooler->poll_view(activity($name, 'query'), encode('UTF-8', $query), $what) }

# Nobody waits: idle, in a transaction, running.
my %main = map { $_ => $pooler->client($_) } qw(holder first second third);
$_->run('select 1') foreach values %main;
is($pooler->sql(activity('first', 'pool, role, address, state, backend, reason, waits_for, blocked_by, queue_position, waiting_since, query')),
    'main|app|127.0.0.1|idle|||||||', 'an idle client');
$main{holder}->run('begin');
$main{holder}->run('select 1 as payment');
is($pooler->sql(activity('holder', 'state, reason, waits_for, queue_position, query')), 'active|idle in transaction|||select 1 as payment', 'one in a transaction');
is($pooler->sql('select a.backend = b.pid and a.id = b.client from pooler.activity as a, pooler.backends as b where a.application_name = $$holder$$ and b.pool = $$main$$'),
    't', 'its backend');

# Three wait, one after the other: places, since when, for whom.
foreach my $name (qw(first second third))
{
    $main{$name}->write(PoolerTest::Query("select '$name'"));
    is_waiting($name, "select '$name'", "the statement of the $name that waits");
}
is($pooler->sql("select application_name, queue_position, waits_for from pooler.activity where state = 'waiting' order by queue_position"),
    "first|1|backend\nsecond|2|backend\nthird|3|backend", 'their places, as they came');
is($pooler->sql("select bool_and(a.blocked_by = array[b.pid]) from pooler.activity as a, pooler.backends as b where a.state = 'waiting' and b.pool = 'main'"),
    't', 'for whose backend');
is($pooler->sql("select bool_and(waiting_since between clock_timestamp() - interval '1 min' and clock_timestamp()) from pooler.activity where state = 'waiting'"), 't', 'since when');
is($pooler->sql("select count(*) from pooler.activity") - $pooler->sql('select count(*) from pooler.clients'), 0, 'a row for each client');

# Whose statement it is, and who else may see it.
$pooler->sql('grant usage on schema pooler to plain, app; grant select on pooler.activity, pooler.holders to plain, app;
    grant execute on function pooler.clients(), pooler.waiting() to plain, app');
my $plain = $pooler->direct('plain', user => 'plain', database => 'postgres');
my $app = $pooler->direct('as app', user => 'app', database => 'postgres');
my $all = 'select string_agg(query, $$, $$ order by queue_position) from pooler.activity where state = $$waiting$$';
is($plain->value($all), join(', ', ('<insufficient privilege>') x 3), 'not for a plain role');
is($plain->value(activity('holder', 'query')), '<insufficient privilege>', 'nor what runs');
is($plain->value('select count(*) from pooler.waiting() where query <> $$<insufficient privilege>$$'), 0, 'nor from the function');
is($app->value($all), "select 'first', select 'second', select 'third'", 'for its own role');
$pooler->sql('grant pg_read_all_stats to plain');
is($plain->value($all), "select 'first', select 'second', select 'third'", 'and for pg_read_all_stats');
$_->quit foreach $plain, $app;

# The places move up, and a wait that ends is none.
$main{holder}->run('commit');
is($main{$_}->result->{rows}[0][0], $_, "the $_ is served") foreach qw(first second third);
$pooler->poll_view("select count(*) from pooler.activity where state = 'waiting' or waits_for is not null or queue_position is not null", 0, 'nobody waits');
$pooler->poll_view(activity('first', 'state, query'), 'idle|', 'an idle client shows no statement');

# What waits is shown and not an earlier one: other messages, another wait of the
# same client, one that is cancelled.
$main{holder}->run('begin');
$main{first}->write(PoolerTest::Parse('', 'select 7 as parsed'), PoolerTest::Bind('', ''), PoolerTest::Execute(), PoolerTest::Sync());
is_waiting('first', 'select 7 as parsed', 'the text of a Parse');
is($pooler->sql('select pooler.cancel_client(id) from pooler.activity where application_name = $$first$$'), 't', 'cancelled by its id');
is($main{first}->result->{errors}[0]{C}, '57014', 'it hears so');
$main{first}->write(PoolerTest::Bind('', 'nowhere'), PoolerTest::Execute(), PoolerTest::Sync());
$pooler->poll_view(activity('first', 'state, waiting_since < clock_timestamp() - interval $$300 ms$$, query'), 'waiting|t|', 'a Bind alone has no text, nor the one before');
$pooler->sql('select pooler.cancel_client(id) from pooler.activity where application_name = $$first$$');
$main{first}->result;
$main{first}->write(PoolerTest::Query("select 'next'"));
is_waiting('first', "select 'next'", 'its next wait shows its next statement');
$main{second}->write(PoolerTest::Query('select 1; drop table nothing; select 2'));
is_waiting('second', 'select 1; drop table nothing; select 2', 'all of several');
$main{third}->write(PoolerTest::Query(encode('UTF-8', "select '" . ('é' x 60) . "'")));
is_waiting('third', "select '" . ('é' x 45), 'a long one is cut where a character ends');

# A client that ends, and one that has its slot next.
my $id = $pooler->sql(activity('first', 'id'));
is($pooler->sql("select pooler.terminate_client($id)"), 't', 'ended by its id');
$pooler->poll_view("select count(*) from pooler.activity where id = $id", 0, 'it is gone');
$main{holder}->run('commit');
$main{$_}->result foreach qw(second third);
$main{fourth} = $pooler->client('fourth');
$main{holder}->run('begin');
$main{fourth}->write(PoolerTest::Query("select 'fourth'"));
is_waiting('fourth', "select 'fourth'", 'its successor shows its own');
$main{holder}->run('commit');
$main{fourth}->result;

# Encodings: the client's, the viewer's database's.
$main{fourth}->run('set client_encoding = latin1');
$main{third}->run('set client_encoding = sjis');
$main{holder}->run('begin');
$main{fourth}->write(PoolerTest::Query(encode('iso-8859-1', "select 'größe'")));
is_waiting('fourth', "select 'größe'", 'LATIN1 in a database with UTF8');
$main{third}->write(PoolerTest::Query(encode('shiftjis', "select '表示'")));
is_waiting('third', "select '表示'", 'SJIS, whose bytes may be those of ASCII');
$main{second}->write(PoolerTest::Query("select '\xff\xfe'"));
is_waiting('second', "select '??'", 'what is not valid is made harmless');
$pooler->node->safe_psql('latin', 'create extension pooler');
my $latin = $pooler->direct('latin viewer', user => scalar getpwuid($<), database => 'latin', client_encoding => 'latin1');
is($latin->value(activity('fourth', 'query')), encode('iso-8859-1', "select 'größe'"), 'in a database with LATIN1');
is($latin->value(activity('third', 'query')) =~ /^select '\?+'?/ ? 1 : 0, 1, 'which has no such characters');
$latin->quit;
$main{holder}->run('commit');
$main{$_}->result foreach qw(second third fourth);
my $west = $pooler->client('west', database => 'latin', client_encoding => 'latin1');
my $west_holder = $pooler->client('west holder', database => 'latin');
$west->run('select 1');
$west_holder->run('begin');
$west->write(PoolerTest::Query(encode('iso-8859-1', "select 'Ärger'")));
is_waiting('west', "select 'Ärger'", 'the encoding of the startup packet');
$west_holder->run('commit');
$west->result;
my $west2 = $pooler->client('west2', database => 'latin', client_encoding => 'latin1');
$west_holder->run('begin');
$west2->write(PoolerTest::Query(encode('iso-8859-1', "select 'Übel'")));
is_waiting('west2', "select 'Übel'", 'also where the worker finished the login');
$west_holder->run('commit');
$west2->result;

# A lock, and who has it.
my %tele = map { $_ => $pooler->client($_, database => 'telehealth') } qw(has wants);
$tele{has}->run('create table t ()');
$tele{wants}->run('select 1');
$tele{has}->run('begin');
$tele{has}->run('lock table t');
$tele{wants}->write(PoolerTest::Query('lock table t; select 4'));
$pooler->poll_view(activity('wants', 'state, reason, waits_for, queue_position, query'), 'active|lock|lock||lock table t; select 4', 'one that waits for a lock');
is($pooler->sql('select w.blocked_by = array[h.backend] from pooler.activity as w, pooler.activity as h where w.application_name = $$wants$$ and h.application_name = $$has$$'),
    't', 'and whose it is');
$tele{has}->run('commit');
$tele{wants}->result;

# Whatever comes and goes meanwhile: nobody is shown with another one's statement,
# nor with half of one.
my @crowd = map { $pooler->client("crowd$_") } 1 .. 6;
my ($shown, $wrong, $asked) = (0, 0, 0);
my $ask = sub { my ($n) = @_; $asked++; $crowd[$n]->write(PoolerTest::Query("select pg_sleep(0.03), '" . ("<crowd" . ($n + 1) . '>') x 4 . "'")) };
$ask->($_) foreach 0 .. $#crowd;
while ($asked < 150)
{
    foreach my $n (grep { $crowd[$_]->readable(0) } 0 .. $#crowd) { $crowd[$n]->result; $ask->($n) }
    my ($some, $bad) = split /\|/, $pooler->sql(q{select count(query), count(*) filter (where query <>
        format($$select pg_sleep(0.03), '%s'$$, repeat('<' || application_name || '>', 4)))
        from pooler.activity where state = 'waiting' and application_name like 'crowd%'});
    $shown += $some;
    $wrong += $bad;
}
$_->result foreach @crowd;
cmp_ok($shown, '>', 20, "$shown times a statement was shown");
is($wrong, 0, 'each time the right one');

# With track_activities off nothing is published.
$pooler->reconfigure("track_activities = off\n");
$pooler->poll_view('select setting from pg_settings where name = $$track_activities$$', 'off', 'track_activities is off');
my %fire = map { $_ => $pooler->client($_, database => 'fire') } qw(fire1 fire2);
$fire{$_}->run('select 1') foreach keys %fire;
$fire{fire1}->run('begin');
$fire{fire2}->write(PoolerTest::Query('select 5'));
$pooler->poll_view(activity('fire2', 'state, waiting_since < clock_timestamp() - interval $$300 ms$$, query'), 'waiting|t|', 'no statement is shown');
is($fire{fire2}->result->{errors}[0]{C}, '53300', 'its time is up');

done_testing;
