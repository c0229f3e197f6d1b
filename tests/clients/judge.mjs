// What tedious reads from the exhibits. Usage: node judge.mjs <the line of JSON that the server printed>
// NODE_PATH does not work for modules, so that tedious is found from the directory in TOOLS.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual, inspect } from 'node:util';

const { Connection, Request, TYPES } = createRequire(`${process.env.TOOLS}/npm/`)('tedious');
const places = JSON.parse(process.argv[2]);
const ca = readFileSync(places.ca);
let passed = 0;
let failed = 0;

function check(name, got, expected) {
  if (isDeepStrictEqual(got, expected)) {
    passed += 1;
    console.log(`ok    tedious: ${name}`);
  } else {
    failed += 1;
    const short = (value) => inspect(value).slice(0, 200);
    console.log(`FAIL  tedious: ${name}: ${short(got)}, expected ${short(expected)}`);
  }
}

/** A connection, or the error that refused it. */
function connect(port, encrypt, { password = places.password, trust = ca, server = 'localhost', instanceName } = {}) {
  const connection = new Connection({
    server,
    authentication: { type: 'default', options: { userName: places.user, password } },
    options: {
      port,
      instanceName,
      encrypt,
      database: 'msdb',
      appName: 'judge',
      connectTimeout: 5000,
      requestTimeout: 20000,
      serverName: 'localhost',
      trustServerCertificate: false,
      cryptoCredentialsDetails: { ca: trust },
    },
  });
  return new Promise((resolve, reject) => {
    connection.on('error', () => {});
    connection.connect((error) => (error ? reject(error) : resolve(connection)));
  });
}

/** Every result set of a batch, or of a procedure where there are parameters. */
function ask(connection, sql, parameters = null, begun = () => {}) {
  const sets = [];
  return new Promise((resolve, reject) => {
    const request = new Request(sql, (error) => {
      if (error) {
        error.sets = sets;
        reject(error);
      } else {
        resolve(sets);
      }
    });
    request.on('columnMetadata', (columns) => sets.push({ names: columns.map((column) => column.colName), rows: [] }));
    request.on('row', (row) => {
      sets.at(-1).rows.push(row.map((cell) => cell.value));
      begun();
    });
    if (parameters) {
      parameters.forEach(([name, type, value]) => request.addParameter(name, type, value));
      connection.execSql(request);
    } else {
      connection.execSqlBatch(request);
    }
  });
}

const numberOf = (promise) => promise.then(() => 'no error', (error) => error.number ?? error.code);
const utc = (...fields) => new Date(Date.UTC(...fields));
/** Year 1, which Date.UTC takes for 1901. */
const dayOne = new Date('0001-01-01T00:00:00Z');

// Each column: its ordinary value and the end of its range. JavaScript has one kind of number, so that a decimal is
// nearly the nearest of them (tedious adds it up from four parts), and a Date has milliseconds; tedious gives what is below them as nanosecondsDelta.
const types = {
  bit: [true, false],
  tinyint: [200, 255],
  smallint: [-300, -32768],
  int: [-70000, -2147483648],
  bigint: ['5000000000', '-9223372036854775808'],
  float: [1.5, -2.5e-300],
  decimal_5_2: [123.45, -999.99],
  decimal_19_4: [1, -0.0005],
  decimal_28_0: [7, 1e28],
  decimal_38_10: [0, -1.2345678901234567e27],
  datetime: [utc(2026, 10, 22, 12, 34, 56, 997), utc(1753, 0, 1)],
  datetime2_0: [utc(2026, 2, 29, 2, 30), utc(9999, 11, 31, 23, 59, 59)],
  datetime2_3: [utc(2026, 2, 29, 2, 30, 0, 123), utc(9999, 11, 31, 23, 59, 59, 999)],
  datetime2_7: [dayOne, utc(9999, 11, 31, 23, 59, 59, 999)],
  datetimeoffset_0: [utc(2025, 11, 31, 18, 45), utc(2027, 0, 1, 8, 45)],
  datetimeoffset_7: [utc(2026, 10, 22, 12, 0, 0, 123), utc(2026, 10, 21, 22)],
  nvarchar_50: ['Grüße, 世界 🌍', ''],
  nvarchar_max: ['short', 'ä漢'.repeat(10000)],
  varchar_50: ['Zürich €5', ''],
  varchar_max: ['short', 'xyz'.repeat(5000)],
  varbinary_16: [Buffer.from([0, 255, 16]), Buffer.alloc(0)],
  varbinary_max: [Buffer.from([1]), Buffer.from(Array.from({ length: 9000 }, (_, at) => at % 256))],
  uniqueidentifier: ['0E984725-C51C-4BF4-9960-E1C80E27ABA0', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'],
};

/** A Date as its instant and the part below milliseconds; other values as they are. */
const plainValue = (value) =>
  value instanceof Date ? [value.getTime(), Math.round((value.nanosecondsDelta ?? 0) * 1e7) || 0] : value;
const below = { 'datetime2_7[1]': 9999, 'datetimeoffset_7[0]': 4567 };

async function judgeTypes(connection, place) {
  const [{ names, rows }] = await ask(connection, 'types');
  check(`${place}: names of the columns`, names, Object.keys(types).flatMap((name) => [name, `${name}_null`]));
  check(`${place}: number of rows`, rows.length, 3);
  names.forEach((name, at) => {
    const base = name.replace(/_null$/, '');
    const [ordinary, extreme] = types[base];
    [ordinary, extreme, name === base ? ordinary : null].forEach((expected, row) => {
      const wanted =
        expected instanceof Date ? [expected.getTime(), below[`${base}[${row % 2}]`] ?? 0] : expected;
      check(`${place}: ${name}[${row}]`, plainValue(rows[row][at]), wanted);
    });
  });
}

async function judgeAnswers(connection, place) {
  const sets = await ask(connection, 'sets');
  check(`${place}: several sets`, sets.map((set) => set.rows), [[[1]], [], [['three']]]);
  const [{ rows }] = await ask(connection, 'rows 5000');
  check(`${place}: 5000 rows`, rows, Array.from({ length: 5000 }, (_, n) => [
    n,
    `TARGET-${String(n).padStart(6, '0')}\\PAYROLL`,
  ]));
  check(`${place}: error 229`, await numberOf(ask(connection, 'denied')), 229);
  check(`${place}: unknown statement`, await numberOf(ask(connection, 'nonsense')), 102);
  const [echoed] = await ask(connection, 'echo @text, @number, @nothing, @at, @flag', [
    ['text', TYPES.NVarChar, "it's"],
    ['number', TYPES.Int, -5],
    ['nothing', TYPES.VarChar, null],
    ['at', TYPES.DateTime2, utc(2026, 10, 22, 12, 0, 0, 250)],
    ['flag', TYPES.Bit, true],
  ]);
  check(`${place}: parameters`, echoed.rows, [["N'it''s', (-5), NULL, '2026-11-22T12:00:00.2500000', 1"]]);
  const missing = new Promise((resolve, reject) => {
    connection.callProcedure(new Request('sp_help', (error) => (error ? reject(error) : resolve())));
  });
  check(`${place}: procedure that is not there`, await numberOf(missing), 2812);
  let seen = 0;
  const cancelled = ask(connection, 'wait', null, () => {
    seen += 1;
    if (seen === 3) {
      connection.cancel();
    }
  });
  check(`${place}: a wait is given up`, await numberOf(cancelled), 'ECANCEL');
  const began = await new Promise((resolve, reject) => {
    connection.beginTransaction((error) => (error ? reject(error) : resolve('begun')));
  });
  const ended = await new Promise((resolve, reject) => {
    connection.rollbackTransaction((error) => (error ? reject(error) : resolve('rolled back')));
  });
  check(`${place}: a transaction`, [began, ended], ['begun', 'rolled back']);
  await new Promise((resolve, reject) => connection.reset((error) => (error ? reject(error) : resolve())));
  const [after] = await ask(connection, 'rows 1');
  check(`${place}: the connection lives on`, after.rows.length, 1);
}

// Name of the check, server, client's encryption, whether the session is encrypted.
for (const [name, server, encrypt, encrypted] of [
  ['plain on none', 'none', false, false],
  ['plain on optional', 'login_only', false, false],
  ['full on optional', 'login_only', true, true],
  ['full on required', 'required', true, true],
  ['strict', 'strict', 'strict', true],
]) {
  const connection = await connect(places[server], encrypt);
  const [session] = await ask(connection, 'session');
  check(`${name}: session`, session.rows, [[`sa|msdb|judge|${encrypted}`]]);
  await judgeTypes(connection, name);
  await judgeAnswers(connection, name);
  connection.close();
  const wrong = connect(places[server], encrypt, { password: 'wrong' });
  check(`${name}: wrong password`, await wrong.then(() => 'let in', (error) => error.message), "Login failed for user 'sa'.");
}
for (const [name, server, encrypt] of [
  ['full', 'required', true],
  ['strict', 'strict', 'strict'],
]) {
  const untrusting = connect(places[server], encrypt, { trust: [] });
  const message = await untrusting.then(() => 'let in', (error) => error.message);
  check(`${name}: an authority that is not trusted`, /certificate/.test(message), true);
}
// The port comes from SQL Browser, which tedious asks for all instances.
const named = (instanceName) => connect(undefined, false, { server: '127.0.0.94', instanceName });
const connection = await named('payroll');
check('named instance: session', (await ask(connection, 'session'))[0].rows, [['sa|msdb|judge|false']]);
connection.close();
check('named instance that is not there', await numberOf(named('NOBODY')), 'EINSTLOOKUP');

check('strict on required', await numberOf(connect(places.required, 'strict')), 'ESOCKET');
check('full on strict', await numberOf(connect(places.strict, true)), 'ESOCKET');

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
