# main=main becomes main=telehealth at a reload: while the old pool drains, views that know pools by
# their name take what is its for the new one's neither there nor here.
use PoolerTest;

my $pooler = PoolerTest->new('same_name', pools => 'main=main pool_size=1 max_overflow=0', conf => "pooler.health_wait = 100ms\n");
my $old = $pooler->client('old');
$old->run('select 1') foreach 1 .. 20;
$old->run('begin');
my $old_backend = $old->value('select pg_backend_pid()');
$pooler->poll_view(q{select count(*) > 1 from pooler.history where pool = 'main' and busy > 0.9}, 't', 'a pool that is busy');
$pooler->sql("alter system set pooler.pools = 'main=telehealth pool_size=2 max_overflow=0 timeout=600'");
$pooler->reconfigure('');
$pooler->poll_view(q{select string_agg(concat_ws(' ', pool, database, state), ', ' order by database) from pooler.pools}, 'main main draining, main telehealth open', 'two of its name');
is($pooler->sql(q{select string_agg(concat_ws(' ', application_name, database), ', ') from pooler.clients}), 'old main', 'pooler.clients tells them apart');

# Utilisation and history are those of the new one.
$pooler->poll_view(q{select count(*), min(pool_limit), min(seconds) > 1, max(busy_most) from pooler.utilisation where pool = 'main'}, '1|2|t|0', 'utilisation of the new one, in which nobody works');
is($pooler->sql('select max(busy) from pooler.history'), '0', 'and its history');

# The histogram.
is($pooler->sql(q{select coalesce(sum(count), 0) from pooler.histogram('main', 'held')}), '0', 'nobody has held a backend of it');

# Who waits, and for whom.
my @new = map { $pooler->client("new $_") } 1 .. 3;
$_->run('begin') foreach @new[ 0, 1 ];
my @backends = map { $_->value('select pg_backend_pid()') } @new[ 0, 1 ];
$new[2]->write(Query('select 3'));
$pooler->poll_view(q{select state from pooler.activity where application_name = 'new 3'}, 'waiting', 'one waits');
is($pooler->sql(q{select blocked_by from pooler.activity where application_name = 'new 3'}), "{$backends[0],$backends[1]}", 'for those of its own pool');
is($pooler->sql('select string_agg(concat_ws(\' \', application_name, database), \', \' order by since) from pooler.holders'), 'old main, new 1 telehealth, new 2 telehealth', 'pooler.holders tells them apart');
$pooler->poll_view(q{select string_agg(application_name, ', ' order by application_name) from pooler.diagnose() where problem ~ 'reached'}, 'new 1, new 2', 'they are to be looked at');
$_->run('commit') foreach @new[ 0, 1 ];
is($new[2]->result->{rows}[0][0], '3', 'it is served');
is($pooler->sql(q{select sum(count) from pooler.histogram('main', 'login')}), '3', 'three logins of the new one');
$old->run('commit');
$pooler->poll_view(q{select string_agg(database, ' ') from pooler.pools}, 'telehealth', 'the old one has drained');

done_testing;
