# What the server says while a backend is opened is logged by the server, in the
# log's own form: no role can write lines of its own there.
use PoolerTest;

my $pooler = PoolerTest->new('said_while_opening', pools => 'main pool_size=1', conf => "log_line_prefix = 'prefix [%p] '\n");
my $direct = $pooler->direct('own');
$direct->run(q{alter role app set default_tablespace = E'none\nforged [1] FATAL:  a line of its own'});
$direct->run('alter role app set client_min_messages = debug5');
$pooler->new_log;
my $client = $pooler->client('pooled');
is($client->value('select 1'), '1', 'a client is served');
$pooler->logged(qr/^prefix \[\d+\] WARNING:  invalid value for parameter "default_tablespace": "none\n\tforged/m, 'the log has the warning');
$pooler->restart;
is($pooler->client('again')->value('select 1'), '1', 'again');
my $log = PostgreSQL::Test::Utils::slurp_file($pooler->node->logfile);
unlike($log, qr/^forged/m, 'no line is forged');
is_deeply([ grep { !/^(prefix|\t)/ } split /\n/, $log =~ s/\A.*?(?=^prefix)//msr ], [], 'and each has its prefix');

done_testing;
