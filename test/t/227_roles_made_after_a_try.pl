# Who was told that there is no such role is let in once it is made, and none is let in
# any more once it is gone: what the worker keeps of names that it has not found is void
# with any change of roles.
use PoolerTest;

my $pooler = PoolerTest->new('tries', pools => 'main');
my $other = $pooler->direct('other', user => scalar getpwuid($<), database => 'fire');

sub refused
{
    my ($role) = @_;
    my $client = $pooler->client('tries', user => $role, may_fail => 1);
    my $error = $client->{login}{errors}[0];
    $client->quit;
    return $error ? $error->{M} : '';
}
sub let_in { my ($role) = @_; my $client = $pooler->client('in', user => $role); my $user = $client->value('select current_user'); $client->quit; return $user }

sub unknown
{
    my ($role, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(join(', ', map { refused($role) } 1 .. 3), join(', ', ("role \"$role\" does not exist") x 3), "$role $name");
}

unknown('late', 'is not there yet');
$other->run('begin; create role late login');
unknown('late', 'is not committed');
$other->run('rollback');
unknown('late', 'was rolled back');
$other->run('create role late login');
is(let_in('late'), 'late', 'late is made and let in');
unknown('later', 'is not there yet');
$other->run('alter role late rename to later');
is(let_in('later'), 'later', 'late is called later now');
unknown('late', 'is no name any more');
$other->run('drop role later');
unknown('later', 'is gone');
$other->run('create role later login');
is(let_in('later'), 'later', 'and another one is there');

# More names than are kept.
is(refused("no$_"), "role \"no$_\" does not exist", "no$_") foreach 1 .. 600;
is(let_in('later'), 'later', 'a role in use is none of them');
$other->run('create role no300 login');
is(let_in('no300'), 'no300', 'one of them is made');
is(refused('no299'), 'role "no299" does not exist', 'another one is not');

done_testing;
