# More roles and applications than there is room for: what nobody uses makes room
# for others, and where everything is used somebody hears so.
use PoolerTest;

my $most = 512;    # roles in pools, at once
my $pooler = PoolerTest->new('many', pools => 'main pool_size=4',
    conf => "pooler.role_quantum = 0\npooler.max_client_conn = 700\npooler.pool_timeout = -1\n",
    sql => join '', map { "create role r$_ login;" } 1 .. $most + 2);

# Each has a client: there is no room for another role.
my @clients = map { $pooler->client("application $_", user => "r$_") } 1 .. $most;
is($pooler->sql('select count(*) from pooler.routes'), $most, 'as many roles as there is room for');
my $refused = $pooler->client('one more', user => 'r' . ($most + 1), may_fail => 1)->{login};
is("$refused->{errors}[0]{S} $refused->{errors}[0]{C} $refused->{errors}[0]{M}", 'FATAL 53300 pooler has no room for another role', 'another one hears so');
is("$refused->{errors}[0]{D} $refused->{errors}[0]{H}", "There are clients or backends of $most pairs of a pool and a role, and may be of no more. "
      . 'Use fewer roles at once: one makes room when its clients have left.', 'and why, and what to do');
ok($refused->{eof}, 'and is let go');
is($pooler->client('same role', user => 'r1')->value('select current_user'), 'r1', 'not so another client of one of them');
is($clients[-1]->value('select current_user'), "r$most", 'and they are served');

# Nor for another row of pooler.usage.
$pooler->poll_view('select count(role), sum(clients) filter (where role is null) from pooler.usage', '256|256', 'applications without a row are in their pool\'s rest');
$pooler->poll_view('select (select sum(transactions) from pooler.usage) = (select transactions from pooler.pools)', 't', 'with what they do');

# One leaves, and its backend, if it has one: there is room.
$clients[9]->run('select 1') foreach 1 .. 5;
$clients[9]->quit;
$pooler->poll_view("select backends, clients from pooler.routes where role = 'r10'", '0|0', 'one leaves');
is($pooler->client('in its place', user => 'r' . ($most + 1))->value('select current_user'), 'r' . ($most + 1), 'and there is room for another');
$pooler->poll_view("select transactions from pooler.routes where role = 'r${\ ($most + 1)}'", '1', 'whose counters are its own');
is($pooler->sql("select count(*), count(*) filter (where role = 'r10') from pooler.routes"), "$most|0", 'in its place');

done_testing;
