# pooler.health's remedies: one that cannot be had has no statements, none lowers a pool_size
# of 0, and README's own example loses none where two pools need theirs.
use PoolerTest;

my $pooler = PoolerTest->new('remedies', pools => 'main pool_size=1 max_overflow=0 timeout=0.2, telehealth pool_size=1 max_overflow=0 timeout=0.2, hems pool_size=0 max_overflow=-1');

sub health { my ($pool, $metric, $columns) = @_; return "select $columns from pooler.health where pool = '$pool' and metric = '$metric'" }

sub exhaust
{
    my ($pool) = @_;
    my ($holder, $waiter) = map { $pooler->client($_, database => $pool) } qw(holder waiter);
    $holder->run('begin');
    is($waiter->sqlstate('select 1'), '53300', "$pool: a time-out");
    $_->quit foreach $holder, $waiter;
    return $pooler->poll_view(health($pool, 'exhaustion', 'verdict'), 'warning', "$pool: exhaustion");
}

# The example, for this pool's exhaustion, by psql; it may have a prompt of more lines.
my ($example) = slurp_file('README.md') =~ /^ *\w*=# (SELECT [^;]*?statements[^;]*?pooler\.health.*?\\gexec)$/ms or die 'no example';
$example =~ s/^ *\w*-# //mg;
like($example, qr/verdict/, 'README has an example');
sub follow_example
{
    my ($pool) = @_;
    my $sql = $example =~ s/\bpool = '[^']*'/pool = '$pool'/r =~ s/\bmetric = '[^']*'/metric = 'exhaustion'/r;
    my ($code, undef, $errors) = $pooler->node->psql('postgres', "$sql\n");
    return is("$code $errors", '0 ', "$pool: the example can be run");
}
my $limits = 'select string_agg(concat_ws($$ $$, pool, pool_size, max_overflow), $$, $$ order by pool) from pooler.pools where pool in ($$main$$, $$telehealth$$)';
exhaust($_) foreach qw(main telehealth);
is($pooler->sql($limits), 'main 1 0, telehealth 1 0', 'two pools of one backend each');
follow_example('main');
$pooler->poll_view($limits, 'main 1 1, telehealth 1 0', 'the one that is asked for gets its second');
exhaust('telehealth');
follow_example('telehealth');
$pooler->poll_view($limits, 'main 1 1, telehealth 1 1', 'and the other one, beside it');

# Idle surplus of a pool without size.
my @burst = map { $pooler->client("burst $_", database => 'hems') } 1 .. 6;
$_->run('begin') foreach @burst;
$_->run('commit') foreach @burst;
$pooler->reconfigure("pooler.health_idle_time = 100ms\n");
$pooler->poll_view("select idle + unborn >= 6 from pooler.pools where pool = 'hems'", 't', 'pool_size = 0 keeps what was needed');
$pooler->poll_view(health('hems', 'idle surplus', "evidence ~ 'not needed for 0.1 s: [6-9]'"), 't', 'which is not needed any more');
unlike($pooler->sql(health('hems', 'idle surplus', "coalesce(remedy, 'none')")), qr/from 0 to/, 'a size of 0 is not lowered');
$_->quit foreach @burst;

# 64 entries, and a pool that '*' made.
my $full = join ', ', (map { "p$_=postgres pool_size=0" } 1 .. 63), '* pool_size=1 max_overflow=0 timeout=0.2';
$pooler->sql("alter system set pooler.pools = '$full'");
$pooler->reconfigure('');
$pooler->poll_view("select count(*) from pooler.pools where pool like 'p%' and state <> 'draining'", 63, '63 pools and *');
$pooler->poll_view("select count(*) from pooler.pools where state = 'draining'", 0, 'the former ones have gone');
exhaust('fire');
like($pooler->sql(health('fire', 'exhaustion', 'remedy')), qr/no room for an entry/, 'there is no room for its remedy');
is($pooler->sql(health('fire', 'exhaustion', "array_to_string(statements, ' ')")), '', 'so there is nothing to run, and no evidence to forget');

done_testing;
