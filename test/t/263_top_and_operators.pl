# pooler-top is for superusers, too, in any database: operators that others have made there, and that fit
# its figures better than the server's own, are not run by it.
use PoolerTest;

my $pooler = PoolerTest->new('top_operators', pools => 'main', sql => 'create role mallory login; grant create on schema public to mallory;');
my $node = $pooler->node;
my $top = $node->config_data('--sharedir') . '/extension/pooler-top.sql';
my @types = qw(int4 int8 float4 float8 numeric);
my $mallory = $pooler->direct('mallory', user => 'mallory', database => 'postgres');
foreach my $left (@types)
{
    foreach my $right (grep { $_ ne $left } @types)
    {
        my %result = ((map { $_ => 'float8' } qw(+ - * /)), map { $_ => 'bool' } qw(= <> < > <= >=));
        foreach my $operator (sort keys %result)
        {
            # a shell of an operator is of no use: it has a function of its own
            my $name = "taken_$left${right}_" . unpack('H*', $operator);
            $mallory->run("create function public.$name($left, $right) returns $result{$operator} language plpgsql as \$\$ begin raise exception 'taken over: % $operator %', pg_typeof(\$1), pg_typeof(\$2); end \$\$;
                create operator public.$operator (leftarg = $left, rightarg = $right, function = public.$name)");
        }
    }
}
is($pooler->sql("select 'it is ' || count(*) from pg_operator where oprnamespace = 'public'::regnamespace"), 'it is 200', 'operators for all pairs of numbers');

my $client = $pooler->client('load');
$client->run('select 1') foreach 1 .. 5;
my ($code, $output, $errors) = $node->psql('postgres', '', extra_params => [ map { ('-f', $top) } 1 .. 2 ]);
is($errors, '', 'none of them is run');
like($output, qr/^main\|.*^main\|/ms, 'it shows the pool twice');
done_testing;
