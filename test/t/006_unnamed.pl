# The unnamed statement is its client's: bound in later batches, on any backend.
use PoolerTest;

my $pooler = PoolerTest->new('unnamed', pools => 'main pool_size=1, telehealth pool_size=2');
my ($one, $two, $never, $direct) = ((map { $pooler->client($_) } qw(c1 c2 c3)), $pooler->direct('d'));

sub prepare { my ($client, $sql, @types) = @_; $client->write(Parse('', $sql, @types), Sync()); return $client->result }
sub bind_it { my ($client, @values) = @_; $client->write(Bind('', '', @values), Execute(), Sync()); return $client->result }

is(prepare($one, "select 'one', \$1::int")->{types}, '1Z', 'prepared by one client');
is(prepare($two, "select 'two', \$1::int")->{types}, '1Z', 'prepared by another');
foreach my $turn (1 .. 3)
{
    is_deeply(bind_it($one, $turn)->{rows}, [ [ 'one', $turn ] ], "each runs its own: one, turn $turn");
    is_deeply(bind_it($two, $turn)->{rows}, [ [ 'two', $turn ] ], "each runs its own: two, turn $turn");
}
is(bind_it($never, 1)->{errors}[0]{C}, '26000', 'who has prepared none has none');
is(bind_it($one, 9)->{rows}[0][0], 'one', 'and took nobody\'s');

# A simple query ends it, as on a direct connection.
prepare($_, 'select 1') foreach $one, $direct;
$_->run('select 2') foreach $one, $direct;
is_deeply(bind_it($one)->{log}, bind_it($direct)->{log}, 'a simple query ends it');
is(bind_it($two, 4)->{rows}[0][0], 'two', 'but only its own client\'s');

# So does Close; an error does not.
prepare($one, "select 'closed'");
$one->write(Close('S', ''), Sync());
$one->result;
$two->run('select 1');
is(bind_it($one)->{errors}[0]{C}, '26000', 'Close ends it');
prepare($one, "select 1 / \$1::int");
$two->run('select 1');
is(bind_it($one, 0)->{errors}[0]{C}, '22012', 'an error at run time');
$two->run('select 1');
is(bind_it($one, 1)->{rows}[0][0], '1', 'does not end it');
$one->write(Parse('', 'select no_such_column'), Sync());
$one->result;
$two->run('select 1');
is(bind_it($one, 1)->{errors}[0]{C}, '26000', 'a Parse that fails does');

# With parameter types, and split between Parse, Describe and Bind.
$one->write(Parse('', 'select $1', 23), Sync());
$one->result;
$two->run('select 1');
$one->write(Describe('S', ''), Sync());
like($one->result->{types}, qr/^tTZ$/, 'Describe in a batch of its own');
$two->run('select 1');
is(bind_it($one, 'x')->{errors}[0]{C}, '22P02', 'the parameter\'s type is kept');

# In the environment of its Parse.
$one->run("set search_path = pg_catalog; set DateStyle = 'ISO, DMY'");
prepare($one, "select '01/02/2026'::date");
$two->run("set DateStyle = 'ISO, MDY'");
is(bind_it($one)->{rows}[0][0], '2026-02-01', 'read in its client\'s settings');

# Byte by byte: the first byte of Bind comes alone.
prepare($one, "select 'slow', \$1::int");
$two->run('select 1');
my $bytes = join('', Bind('', '', 5), Execute(), Sync());
foreach my $byte (split //, $bytes)
{
    $one->write($byte);
}
is($one->result->{rows}[0][0], 'slow', 'a Bind that comes byte by byte');

# A large one.
my $large = 'x' x 200_000;
prepare($one, "select length('$large') + \$1::int");
is(bind_it($one, 1)->{rows}[0][0], '200001', 'a large one is kept');

# Inside a transaction nothing changes hands.
$one->run('begin');
prepare($one, "select 'in transaction'");
is(bind_it($one)->{rows}[0][0], 'in transaction', 'in a transaction');
$one->run('commit');

# Another client's that is the same is as good: nothing is parsed again for it.
my $console = $pooler->client('console', user => scalar getpwuid($<), database => 'pgbouncer');
sub parsed_again
{
    my ($main) = grep { $_->[0] eq 'main' } @{ $console->run('SHOW STATS')->{rows} };
    return $main->[10] - $main->[9];
}
sub alike
{
    my ($client, $again, $row, $name) = @_;
    my $before = parsed_again();
    is_deeply(bind_it($client)->{rows}, [$row], $name);
    is(parsed_again() - $before, $again, $again ? '... parsed again' : '... not parsed again');
}
my ($three, $four) = map { $pooler->client('same') } 1 .. 2;
$_->run('select 1') foreach $three, $four;
my $day = "select '01/02/2026'::date";
prepare($_, $day) foreach $three, $four;
alike($three, 0, ['2026-01-02'], 'the same text, parsed later by another');
alike($four, 1, ['2026-01-02'], 'and earlier');
prepare($three, $day);
prepare($four, $day, 23);
alike($three, 1, ['2026-01-02'], 'the same text with other types');
prepare($three, $day);
$four->run('begin');
$four->run('set local DateStyle = DMY');
$four->write(Parse('', 'commit'), Bind('end', ''), Parse('', $day), Execute('end'), Sync());
is($four->result->{types}, '121CSZ', 'a Parse with settings of a transaction that ends');
alike($three, 1, ['2026-01-02'], 'settings of a transaction');
prepare($_, $day) foreach $four, $three;
$four->run("set DateStyle = 'ISO, DMY'");
prepare($four, $day);
alike($three, 1, ['2026-01-02'], 'other settings');

# One that is older may mean another table. Its client holds the other backend
# until after a Parse of the same text here.
my ($before, $after, $guard) = map { $pooler->client('same', database => 'telehealth') } 1 .. 3;
$before->run("create schema app; create table public.patients as select 'public' as place");
$_->run('select 1') foreach $before, $after, $guard;
my $patients = 'select place from patients';
$before->write(Parse('', 'begin'), Bind('', ''), Execute(), Parse('', 'commit'), Bind('end', ''),
    Parse('', $patients), Sync());
is($before->result->{status}, 'T', 'parsed before, in a transaction');
$pooler->direct('ddl', database => 'telehealth')->run("create table app.patients as select 'app' as place");
prepare($after, $patients);
$guard->run('begin');
$before->write(Execute('end'), Sync());
is($before->result->{status}, 'I', 'which ends after');
is_deeply(bind_it($after)->{rows}, [['app']], 'the same text, parsed before a table of that name came before');
$guard->run('commit');

done_testing;
