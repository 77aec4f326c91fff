// pgJDBC: it prepares on the server what it has run five times; batches, fetch
// sizes, COPY, keys, cancel, time-outs, threads.
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

class with_pgjdbc {
    static Connection connect(String options) throws SQLException {
        Map<String, String> env = System.getenv();
        return DriverManager.getConnection("jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/"
            + env.get("PGDATABASE") + "?" + options, env.get("PGUSER"), env.get("PGPASSWORD"));
    }

    static void expect(Object got, Object wanted) {
        if (!Objects.deepEquals(got, wanted))
            throw new AssertionError("got " + got + ", not " + wanted);
    }

    interface Action { void run() throws Exception; }

    static SQLException refused(String state, Action action) throws Exception {
        try {
            action.run();
        } catch (SQLException failure) {
            expect(failure.getSQLState(), state);
            return failure;
        }
        throw new AssertionError("no error " + state);
    }

    static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    static Object value(Connection connection, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < parameters.length; i++)
                statement.setObject(i + 1, parameters[i]);
            ResultSet rows = statement.executeQuery();
            expect(rows.next(), true);
            return rows.getObject(1);
        }
    }

    static void types(Connection connection) throws Exception {
        execute(connection, "drop table if exists pgjdbc_items");
        execute(connection, "create table pgjdbc_items (id serial primary key, name text, tags text[], data bytea,"
            + " price numeric, at timestamptz)");
        Timestamp now = new Timestamp(System.currentTimeMillis());
        try (PreparedStatement insert = connection.prepareStatement(
                "insert into pgjdbc_items (name, tags, data, price, at) values (?, ?, ?, ?, ?)",
                Statement.RETURN_GENERATED_KEYS)) {
            insert.setString(1, "O'Reilly \\ ä");
            insert.setArray(2, connection.createArrayOf("text", new String[] {"a", "b"}));
            insert.setBytes(3, new byte[] {0, -1});
            insert.setBigDecimal(4, new BigDecimal("1.50"));
            insert.setTimestamp(5, now);
            expect(insert.executeUpdate(), 1);
            ResultSet keys = insert.getGeneratedKeys();
            expect(keys.next(), true);
            expect(keys.getInt("id"), 1);
        }
        try (Statement statement = connection.createStatement()) {
            ResultSet row = statement.executeQuery("select * from pgjdbc_items");
            expect(row.next(), true);
            expect(row.getString("name"), "O'Reilly \\ ä");
            expect(row.getArray("tags").getArray(), new String[] {"a", "b"});
            expect(row.getBytes("data"), new byte[] {0, -1});
            expect(row.getBigDecimal("price"), new BigDecimal("1.50"));
            expect(row.getTimestamp("at"), now);
            expect(row.next(), false);
        }
        ResultSet columns = connection.getMetaData().getColumns(null, "public", "pgjdbc_items", null);
        List<String> names = new ArrayList<>();
        while (columns.next())
            names.add(columns.getString("COLUMN_NAME"));
        expect(names, Arrays.asList("id", "name", "tags", "data", "price", "at"));
    }

    // Each statement more often than pgJDBC needs to prepare it.
    static void transactions(Connection connection) throws Exception {
        for (int i = 0; i < 10; i++) {
            connection.setAutoCommit(false);
            expect(value(connection, "select ?::int + 1", i), i + 1);
            expect(value(connection, "insert into pgjdbc_items (id) values (?) returning id", 2), 2);
            Savepoint savepoint = connection.setSavepoint();
            refused("23505", () -> value(connection, "insert into pgjdbc_items (id) values (?) returning id", 1));
            refused("25P02", () -> value(connection, "select 1"));
            connection.rollback(savepoint);
            expect(value(connection, "select count(*) from pgjdbc_items"), 2L);
            connection.rollback();
            connection.setAutoCommit(true);
            expect(value(connection, "select count(*) from pgjdbc_items"), 1L);
        }

        connection.setReadOnly(true);
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        connection.setAutoCommit(false);
        refused("25006", () -> execute(connection, "delete from pgjdbc_items"));
        connection.rollback();
        expect(value(connection, "show transaction_isolation"), "serializable");
        connection.commit();
        expect(connection.getTransactionIsolation(), Connection.TRANSACTION_SERIALIZABLE);
        connection.rollback();
        connection.setReadOnly(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        connection.setAutoCommit(true);
        expect(value(connection, "show transaction_isolation"), "read committed");
    }

    static void batches(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        try (PreparedStatement insert = connection.prepareStatement("insert into pgjdbc_items (id, name) values (?, ?)")) {
            for (int i = 10; i < 1010; i++) {
                insert.setInt(1, i);
                insert.setString(2, "n" + i);
                insert.addBatch();
            }
            expect(insert.executeBatch().length, 1000);
            connection.commit();
            insert.setInt(1, 5);
            insert.setString(2, "n5");
            insert.addBatch();
            insert.setInt(1, 10);
            insert.addBatch();
            expect(refused("23505", insert::executeBatch) instanceof BatchUpdateException, true);
            connection.rollback();
        }
        expect(value(connection, "select sum(id) from pgjdbc_items where name = 'n' || id"), 509500L);

        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(50);
            ResultSet rows = statement.executeQuery("select id from pgjdbc_items where id >= 10 order by id");
            for (int i = 10; i < 1010; i++) {
                expect(rows.next(), true);
                expect(rows.getInt(1), i);
                if (i % 100 == 0)
                    expect(value(connection, "select ?::int", i), i);
            }
            expect(rows.next(), false);
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    static void copy(Connection connection) throws Exception {
        var manager = connection.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder lines = new StringBuilder();
        for (int i = 2000; i < 3000; i++)
            lines.append(i).append("\tn").append(i).append('\n');
        expect(manager.copyIn("copy pgjdbc_items (id, name) from stdin", new StringReader(lines.toString())), 1000L);
        refused("23505", () -> manager.copyIn("copy pgjdbc_items (id, name) from stdin",
            new StringReader(lines.toString())));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        expect(manager.copyOut("copy (select id, name from pgjdbc_items where id >= 2000 order by id) to stdout", out),
            1000L);
        expect(out.toString(), lines.toString());
    }

    static void notifications(Connection connection, Connection other) throws Exception {
        execute(connection, "listen pgjdbc_news");
        execute(other, "notify pgjdbc_news, 'read all about it'");
        PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(60000);
        expect(heard != null && heard.length == 1 && heard[0].getParameter().equals("read all about it"), true);
        execute(connection, "unlisten *");
    }

    static void cancel(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
            timer.schedule(() -> { statement.cancel(); return 0; }, 300, TimeUnit.MILLISECONDS);
            refused("57014", () -> statement.execute("select pg_sleep(60)"));
            timer.shutdown();
            expect(value(connection, "select 1"), 1);
            statement.setQueryTimeout(1);
            refused("57014", () -> statement.execute("select pg_sleep(60)"));
        }
        expect(connection.isValid(10), true);
    }

    static void many(String options, int size) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(size);
        List<Future<?>> results = new ArrayList<>();
        for (int n = 0; n < size; n++) {
            String name = "thread " + n;
            results.add(threads.submit(() -> {
                try (Connection connection = connect(options)) {
                    for (int i = 0; i < 50; i++) {
                        connection.setAutoCommit(i % 5 == 0);
                        expect(value(connection, "select ?::text || '.' || ?::int", name, i), name + "." + i);
                        if (i % 5 != 0)
                            connection.commit();
                    }
                }
                return null;
            }));
        }
        threads.shutdown();
        for (Future<?> result : results)
            result.get();
    }

    // How many statements has it prepared under a name after all of this?
    static long work(String options) throws Exception {
        try (Connection connection = connect(options); Connection other = connect(options)) {
            types(connection);
            transactions(connection);
            batches(connection);
            copy(connection);
            notifications(connection, other);
            return (long) value(connection, "select count(*) from pg_prepared_statements where name <> ''");
        }
    }

    public static void main(String[] arguments) throws Exception {
        expect(work("") > 5, true);
        expect(work("reWriteBatchedInserts=true") > 5, true);
        expect(work("prepareThreshold=0"), 0L);
        try (Connection connection = connect("readOnlyMode=always&autosave=always")) {
            connection.setAutoCommit(false);
            refused("22012", () -> value(connection, "select 1 / ?::int", 0));
            expect(value(connection, "select 1"), 1);
            connection.commit();
            connection.setAutoCommit(true);
            connection.setReadOnly(true);
            refused("25006", () -> execute(connection, "delete from pgjdbc_items"));
            cancel(connection);
        }
        many("", 10);
        // nothing keeps a backend: more threads than backends
        many("prepareThreshold=0", 30);
        many("preferQueryMode=simple", 30);
        refused("28P01", () -> connect("password=wrong"));
    }
}
