// What mssql-jdbc reads: see ask.py for the questions and the form of the answers.

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.StringJoiner;
import java.util.Timer;
import java.util.TimerTask;
import microsoft.sql.DateTimeOffset;

public class Judge {
    static final DateTimeFormatter LOCAL = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSSS");
    static final DateTimeFormatter ZONED = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSSS xxx");
    static final Map<String, Connection> connections = new HashMap<>();
    static String trusted;

    public static void main(String[] arguments) throws Exception {
        java.util.logging.LogManager.getLogManager().reset();
        trusted = store(arguments[0]);
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] fields = line.split("\t");
            String batch = new String(Base64.getDecoder().decode(fields[6]), StandardCharsets.UTF_8);
            out.println(ask(fields, Integer.parseInt(fields[5]), batch));
        }
    }

    static String ask(String[] way, int seconds, String batch) {
        var sets = new StringJoiner(",", "[", "]");
        String error = "";
        var alarm = new Timer(true);
        try (Statement statement = connect(way).createStatement()) {
            // The driver's own time-out ends with the first row.
            alarm.schedule(new Cancel(statement), seconds * 1000L);
            boolean hasRows = statement.execute(batch);
            while (hasRows || statement.getUpdateCount() != -1) {
                if (hasRows) {
                    sets.add(set(statement.getResultSet()));
                }
                hasRows = statement.getMoreResults();
            }
        } catch (SQLException refused) {
            error = "HY008".equals(refused.getSQLState()) ? "timeout" : refused.getErrorCode() > 0 ? String.valueOf(refused.getErrorCode()) : refused.getMessage();
        } catch (Exception other) {
            error = other.toString();
        }
        alarm.cancel();
        return "{\"sets\":" + sets + ",\"error\":" + quoted(error) + "}";
    }

    static class Cancel extends TimerTask {
        final Statement statement;

        Cancel(Statement statement) {
            this.statement = statement;
        }

        public void run() {
            try {
                statement.cancel();
            } catch (SQLException gone) {
                // The answer was complete.
            }
        }
    }

    static Connection connect(String[] way) throws Exception {
        String key = String.join("\t", java.util.Arrays.copyOf(way, 5));
        if (!connections.containsKey(key)) {
            var options = new Properties();
            options.put("encrypt", way[0]);
            options.put("user", way[2]);
            options.put("password", way[3]);
            options.put("databaseName", way[4]);
            options.put("applicationName", "judge");
            options.put("loginTimeout", "20");
            options.put("connectRetryCount", "0");
            options.put("trustStore", trusted);
            options.put("trustStorePassword", "changeit");
            connections.put(key, DriverManager.getConnection("jdbc:sqlserver://localhost:" + way[1], options));
        }
        return connections.get(key);
    }

    /** A store with this authority, or with none that signed anything here. */
    static String store(String trust) throws Exception {
        if (trust.isEmpty()) {
            return System.getProperty("java.home") + "/lib/security/cacerts";
        }
        Path path = Files.createTempFile("trust", ".p12");
        path.toFile().deleteOnExit();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (var pem = new FileInputStream(trust); var file = new FileOutputStream(path.toFile())) {
            store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(pem));
            store.store(file, "changeit".toCharArray());
        }
        return path.toString();
    }

    static String set(ResultSet rows) throws SQLException {
        ResultSetMetaData columns = rows.getMetaData();
        var names = new StringJoiner(",", "[", "]");
        for (int at = 1; at <= columns.getColumnCount(); at++) {
            names.add("[" + quoted(columns.getColumnName(at)) + "," + quoted(columns.getColumnTypeName(at)) + "]");
        }
        var all = new StringJoiner(",", "[", "]");
        while (rows.next()) {
            var row = new StringJoiner(",", "[", "]");
            for (int at = 1; at <= columns.getColumnCount(); at++) {
                row.add(quoted(text(rows.getObject(at))));
            }
            all.add(row.toString());
        }
        return "{\"columns\":" + names + ",\"rows\":" + all + "}";
    }

    static String text(Object cell) {
        if (cell instanceof Boolean bit) {
            return bit ? "1" : "0";
        } else if (cell instanceof BigDecimal number) {
            return number.toPlainString();
        } else if (cell instanceof DateTimeOffset at) {
            return at.getOffsetDateTime().format(ZONED);
        } else if (cell instanceof Timestamp at) {
            return at.toLocalDateTime().format(LOCAL);
        } else if (cell instanceof byte[] bytes) {
            return HexFormat.of().formatHex(bytes);
        }
        return cell == null ? null : cell.toString();
    }

    static String quoted(String text) {
        if (text == null) {
            return "null";
        }
        var json = new StringBuilder("\"");
        text.chars().forEach(c -> {
            if (c == '"' || c == '\\') {
                json.append('\\').append((char) c);
            } else if (c < ' ') {
                json.append(String.format("\\u%04x", c));
            } else {
                json.append((char) c);
            }
        });
        return json.append('"').toString();
    }
}
