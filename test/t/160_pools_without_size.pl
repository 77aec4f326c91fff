# pool_size = 0 is no limit, whatever max_overflow says: views neither divide by it nor take one
# busy backend for a full pool; and what the checklist proposes can be pasted, whatever a pool is called.
use PoolerTest;

my $odd = "it's; rm";
my $pooler = PoolerTest->new('without_size',
    pools => q{main pool_size=0 max_overflow=0, telehealth pool_size=0 max_overflow=5, hems pool_size=1 max_overflow=1, "it''s; rm"=fire pool_size=1 max_overflow=0});
my $monitor = $pooler->direct('monitor', user => scalar getpwuid($<), database => 'postgres');
my $clients = { map { $_ => $pooler->client('busy', database => $_) } 'main', 'telehealth', 'hems', $odd };
my $item = 'from pooler.checklist where item = 8';

# How to make a load: of somebody, in words for a shell.
my $remedy = $pooler->sql("select remedy $item");
my @counts = $remedy =~ / -c (-?\d+)/g;
is(scalar(grep { $_ < 1 } @counts), 0, 'no load of 0 clients is proposed') or diag $remedy;
my ($commands) = $remedy =~ /^Look at this row while the load runs: (.*)$/;
$commands =~ s/\b(HOST|YOUR_TRANSACTIONS)\b/x/g;
open my $shell, '-|', 'sh', '-c', "pgbench() { for last; do :; done; echo \"\$last\"; }; $commands" or die $!;
my @names = <$shell>;
close $shell;
chomp @names;
ok((grep { $_ eq $odd } @names), 'a shell finds the name of the pool in it') or diag $remedy;
like($remedy, qr/ '[^ ]* ?[^ ]*; rm'/, 'which is in single quotes');

# Who has one backend of a pool without limit, and all of those that have one.
$_->run('begin') foreach values %$clients, my $second = $pooler->client('second', database => 'hems');
$pooler->poll_view('select sum(active), count(*) filter (where active > 0) from pooler.pools', '5|4', 'backends of all pools are busy');
isnt($pooler->sql("select verdict $item"), 'ok', 'one busy backend does not fill a pool without limit');

# Utilisation: there is nothing to divide by.
$pooler->poll_view('select count(distinct pool) from pooler.history where busy > 0', 4, 'each pool has a sample');
my $all = $monitor->query('select * from pooler.utilisation');
is(join(' ', map { $_->{M} } @{ $all->{errors} }), '', 'pooler.utilisation answers');
sub utilisation { my ($pool) = @_; return join '|', map { $_ // '' } @{ $monitor->query("select pool_limit, utilisation_1min, utilisation_5min, utilisation_15min, busy_1min > 0 from pooler.utilisation where pool = '$pool'")->{rows}[0] // [] } }
is(utilisation($_), '||||t', "$_: pool_size = 0 is no limit, of which nothing is a share") foreach qw(main telehealth);
like(utilisation('hems'), qr/^2\|0?\.?\d+\|/, 'hems: a limit is one');

done_testing;
