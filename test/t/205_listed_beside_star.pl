# A database that "*" serves is listed by its name at a reload, but with another database: who
# comes from then on is in the other one, and the pool that "*" made drains.
use PoolerTest;

my $pooler = PoolerTest->new('listed_beside', pools => '* pool_size=1, fire pool_size=1');
my $old = $pooler->client('old');
is($old->value('select current_database()'), 'main', '"*" serves main');
$old->run('begin');

# fire tells when the worker has the new file.
sub reload
{
    my ($pools, $size) = @_;
    $pooler->reconfigure("pooler.pools = '$pools, fire pool_size=$size'\n");
    return $pooler->poll_view("select pool_size from pooler.pools where pool = 'fire'", $size, "a reload: $pools");
}
sub pools_are { return $pooler->poll_view(q{select string_agg(concat_ws(' ', pool, database, state), ', ' order by database) from pooler.pools where pool = 'main'}, @_) }

reload('main=telehealth pool_size=1, * pool_size=1', 2);
pools_are('main main draining, main telehealth open', 'the one that was made drains');
is($pooler->client('new')->value('select current_database()'), 'telehealth', 'who comes now is where pooler.pools says');
is($old->value('select current_database()'), 'main', 'who is in a transaction ends it where it was');
$old->run('commit');
is($pooler->client('hems', database => 'hems')->value('select current_database()'), 'hems', 'others are served by "*"');

# A reload that changes nothing of this brings it no clients back.
reload('main=telehealth pool_size=1, * pool_size=1', 1);
is($pooler->client('newer')->value('select current_database()'), 'telehealth', 'after another reload, too');
$old->quit;
pools_are('main telehealth open', 'the old one has gone');

# The other way round, and the same database: that pool is kept.
reload('* pool_size=1', 2);
is($pooler->client('again')->value('select current_database()'), 'main', 'with "*" alone it is the database of that name');
my $stays = $pooler->client('stays');
$stays->run('create temp table mine as select 7 as n');
reload('main pool_size=1, * pool_size=1', 1);
is($stays->value('select n from mine'), '7', 'listed as what it is a pool goes on');
is($pooler->sql(q{select count(*) from pooler.pools where pool = 'main' and database = 'main'}), '1', 'as the same one');

done_testing;
