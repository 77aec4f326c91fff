# Where state hides in a library, the client is pinned and the backend closed.
use PoolerTest;

my $pooler = PoolerTest->new('taint', pools => 'main pool_size=2');
$pooler->node->safe_psql('main', 'create extension dblink; create extension plperl;
    grant execute on function dblink_connect_u(text, text) to app;
    create function perl() returns text language plperl as $$ return $_SHARED{x} = "set" $$;
    create function perl_trigger() returns trigger language plperl as $$ $_SHARED{x} = 1; return; $$;
    create table watched (i int); grant all on watched to app;
    create trigger t before insert on watched for each row execute function perl_trigger();');

foreach (
    [ 'setseed()', 'select setseed(0.5)' ],
    [ 'SET seed', 'set seed = 0.5' ],
    [ 'a function with globals', 'select perl()' ],
    [ 'the same, called inside another', q{do $$ begin perform perl(); end $$} ],
    [ 'a trigger function', 'insert into watched values (1)' ],
    [ 'DO in such a language', 'do $$ $_SHARED{x} = 1 $$ language plperl' ],
    [ 'dblink', "select dblink_connect_u('c', 'host=" . $pooler->node->host . ' port=' . $pooler->node->port . " dbname=main user=app')" ])
{
    my ($name, $sql) = @$_;
    my $client = $pooler->client('tainted');
    $client->run($sql);
    my $pid = $client->value('select pg_backend_pid()');
    $pooler->poll_view("select pinned_by <> '{}' from pooler.clients where application_name = 'tainted'",
        't', "$name pins its client");
    $client->run('discard all');
    is($client->value('select pg_backend_pid()'), $pid, "$name: no cleaning undoes it");
    $client->quit;
    $pooler->poll_view("select count(*) from pooler.backends where pid = $pid", '0',
        "$name: the backend is closed when the client has left");
    $pooler->poll_view('select backends from pooler.pools', '2', "$name: and another one opened");
}
cmp_ok($pooler->sql('select closed from pooler.pools'), '>=', 6, 'the pool counts what it closed');

done_testing;
