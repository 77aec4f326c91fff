# CREATE EXTENSION takes no schema pooler that somebody else made or may write to: his functions would
# be found beside pooler's own.
use PoolerTest;

my $pooler = PoolerTest->new('foreign_schema', pools => 'main', sql => 'create role other; create database foreign_schema;');
my $admin = $pooler->direct('schema', user => scalar getpwuid($<), database => 'foreign_schema');

sub refused
{
    my ($what, @statements) = @_;
    $admin->run($_) foreach @statements;
    my $result = $admin->query('create extension pooler');
    like(@{ $result->{errors} } ? "$result->{errors}[0]{C} $result->{errors}[0]{M}" : 'created', qr/^42501 schema "pooler" /, "$what: refused");
    like($result->{errors}[0]{D} // '', qr/other/, "$what: who, is said") if @{ $result->{errors} };
    $admin->query('drop extension if exists pooler');
    return $admin->run('drop schema if exists pooler cascade');
}

refused('a schema of another role', 'create schema pooler authorization other');
refused('one in which another role may create', 'create schema pooler', 'grant create on schema pooler to other');
refused('one with a function of another role', 'create schema pooler', 'grant create on schema pooler to other', 'set role other',
    'create function pooler.cancel_client(id int4) returns bool language sql return true', 'reset role', 'revoke create on schema pooler from other');

$admin->run('create schema pooler');
is($admin->sqlstate('create extension pooler'), '', 'one of a superuser that nobody else may write to is taken');
is($admin->value('select pooler.version() is not null'), 't', 'and works');
$admin->run('drop extension pooler cascade');
$admin->query('drop schema if exists pooler');
$admin->run('create schema pooler');
$admin->run('grant usage on schema pooler to public');
is($admin->sqlstate('create extension pooler'), '', 'who may only use it does no harm');
$admin->run('drop extension pooler cascade');
$admin->query('drop schema if exists pooler');
is($admin->sqlstate('create extension pooler'), '', 'as none at all');

done_testing;
