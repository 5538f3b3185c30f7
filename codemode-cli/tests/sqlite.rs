//! `--sqlite`: a database that programs can read, and nothing more.

mod support;

use std::{fs, time::Duration};

use rusqlite::Connection;
use serde_json::{Value, json};
use support::{Folder, SOON};

/// Runs every statement of `cases`, and gives each answer's rows or the error's code and message.
fn query(folder: &Folder, database: &str, cases: &Value) -> Vec<Value> {
    let source = format!(
        "const out: unknown[] = [];
         for (const input of {cases} as any[]) {{
           try {{ const {{ rows, truncated, note }} = await external_querySql(input); out.push({{ rows, truncated, note }}); }}
           catch (error: any) {{ out.push([error.code, error.message]); }}
         }}
         return out;"
    );
    let result = folder.program(source, &["--sqlite", database]).result();
    result.as_array().expect("a list").clone()
}

fn shop() -> Folder {
    let folder = Folder::with_shop();
    folder.run(&["stubs", "--sqlite", "shop.db"]).ends(0);
    folder
}

#[test]
fn whatever_writes_or_reaches_outside_is_refused_and_the_file_stays() {
    let folder = shop();
    let before = fs::read(folder.path("shop.db")).expect("a database");
    let refused = [
        ("INSERT INTO products VALUES (99, 'x', 'desk', 1)", "INSERT into products is refused"),
        ("REPLACE INTO products VALUES (1, 'x', 'desk', 1)", "INSERT into products is refused"),
        ("UPDATE products SET name = 'x' RETURNING name", "UPDATE of products is refused"),
        ("WITH gone AS (SELECT 1) DELETE FROM sales", "DELETE from sales is refused"),
        ("DROP TABLE sales", "DROP TABLE sales is refused"),
        ("CREATE TABLE t (x)", "CREATE TABLE t is refused"),
        ("CREATE TEMP TABLE t (x)", "CREATE TABLE t is refused"),
        ("ALTER TABLE sales RENAME TO s", "ALTER TABLE sales is refused"),
        ("ATTACH 'other.db' AS other", "ATTACH is refused"),
        ("VACUUM", "refused"),
        ("VACUUM INTO 'copy.db'", "refused"),
        ("BEGIN", "a transaction (each statement has its own) is refused"),
        ("PRAGMA journal_mode = WAL", "PRAGMA journal_mode = WAL is refused"),
        ("PRAGMA user_version = 7", "PRAGMA user_version = 7 is refused"),
        ("PRAGMA writable_schema = ON", "PRAGMA writable_schema = ON is refused"),
        ("PRAGMA query_only = OFF", "PRAGMA query_only = OFF is refused"),
        ("PRAGMA temp_store_directory = '/'", "PRAGMA temp_store_directory"),
        ("SELECT 1; SELECT 2", "several statements in one call are refused"),
        ("SELECT 1; DROP TABLE sales", "DROP TABLE sales is refused"),
    ];
    let cases: Vec<Value> = refused.iter().map(|(sql, _)| json!({ "sql": sql })).collect();
    for (answer, (sql, said)) in query(&folder, "shop.db", &json!(cases)).iter().zip(refused) {
        let message = answer[1].as_str().unwrap_or_default();
        assert!(answer[0] == "SQL_REFUSED" && message.contains(said), "{sql}: {answer}");
    }
    let reads = [
        "SELECT count(*) AS n FROM products",
        "WITH p AS (SELECT * FROM products) SELECT count(*) AS n FROM p;",
        "VALUES (14)",
        "PRAGMA table_info(products)",
        "PRAGMA user_version",
        "EXPLAIN QUERY PLAN SELECT 1",
    ];
    let cases: Vec<Value> = reads.iter().map(|sql| json!({ "sql": sql })).collect();
    for (answer, sql) in query(&folder, "shop.db", &json!(cases)).iter().zip(reads) {
        assert!(answer["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{sql}: {answer}");
    }
    for (sql, code) in [
        ("SELECT load_extension('x')", "SQL_REFUSED"),
        ("SELECT readfile('/etc/passwd')", "SQL_ERROR"),
        ("SELECT writefile('x', 'y')", "SQL_ERROR"),
    ] {
        assert_eq!(query(&folder, "shop.db", &json!([{ "sql": sql }]))[0][0], code, "{sql}");
    }
    assert_eq!(fs::read(folder.path("shop.db")).expect("a database"), before);
    assert_eq!(folder.names(), ["shop.db", "shop.sql", "top-products.ts"]);
}

#[test]
fn mistakes_in_sql_and_params_say_what_to_write() {
    let folder = shop();
    let wrong = [
        (json!({ "sql": "SELECT * FROM product" }), "SQL_ERROR", "there are: products, ratings"),
        (json!({ "sql": "SELECT\n  naem FROM products" }), "SQL_ERROR", "naem (line 2, column 3 of the SQL)"),
        (json!({ "sql": "SELECT 1 WHERE \"x\" = 1" }), "SQL_ERROR", "no such column: \"x\""),
        (json!({ "sql": "SELEC 1" }), "SQL_ERROR", "near \"SELEC\": syntax error (line 1, column 1"),
        (json!({ "sql": " -- nothing" }), "SQL_ERROR", "sql holds no statement"),
        (json!({ "sql": "SELECT ?" }), "SQL_PARAMS", "has 1 parameter, params holds 0"),
        (json!({ "sql": "SELECT ?, ?", "params": [1, 2, 3] }), "SQL_PARAMS", "has 2 parameters, params holds 3"),
        (json!({ "sql": "SELECT :a", "params": {} }), "SQL_PARAMS", "no value for :a; pass { a: … }"),
        (json!({ "sql": "SELECT :a", "params": { "a": 1, "b": 2 } }), "SQL_PARAMS", "no parameter b; it has :a"),
        (json!({ "sql": "SELECT ?", "params": { "a": 1 } }), "SQL_PARAMS", "pass params as an array"),
        (json!({ "sql": "SELECT ?", "params": [[1]] }), "INVALID_INPUT", "$.params"),
        (json!({ "sql": 5 }), "INVALID_INPUT", "$.sql: expected string"),
        (json!({ "query": "SELECT 1" }), "INVALID_INPUT", "sql"),
    ];
    let cases: Vec<&Value> = wrong.iter().map(|(input, ..)| input).collect();
    for (answer, (input, code, said)) in query(&folder, "shop.db", &json!(cases)).iter().zip(&wrong) {
        assert_eq!(answer[0], *code, "{input}: {answer}");
        assert!(answer[1].as_str().is_some_and(|message| message.contains(said)), "{input}: {answer}");
    }
}

#[test]
fn values_keep_their_meaning_both_ways() {
    let folder = Folder::new();
    folder.file("v.sql", "CREATE TABLE v (x); INSERT INTO v VALUES (NULL), (1), ('é'), (x'00ff');");
    let sql = "SELECT 9223372036854775807 AS big, -9007199254740991 AS safe, x'00ff' AS blob, NULL AS none, 1.5 AS real, \
               2.0 AS whole, 9e999 AS inf, 'é' || char(0) || 'x' AS text, CAST(x'41ff' AS TEXT) AS odd, 1 AS \"a\", 2 AS \"a\"";
    let answers = query(
        &folder,
        "v.db",
        &json!([
            { "sql": sql },
            { "sql": "SELECT :s AS s, :n AS n, :t AS t, typeof(:i) AS i, :r AS r",
              "params": { "s": "'; DROP TABLE v; --", "n": null, "t": true, "i": 5, "r": 0.5 } },
            { "sql": "SELECT ?2 AS b, ?1 AS a", "params": ["first", "second"] },
            { "sql": "SELECT x FROM v ORDER BY rowid" },
        ]),
    );
    assert_eq!(
        answers[0]["rows"],
        json!([{ "big": "9223372036854775807", "safe": -9_007_199_254_740_991_i64, "blob": "AP8=", "none": null,
            "real": 1.5, "whole": 2, "inf": "Infinity", "text": "é\u{0}x", "odd": "A\u{fffd}", "a": 1, "a_2": 2 }])
    );
    assert!(answers[0]["note"].as_str().is_some_and(|note| note.contains("not UTF-8")));
    assert_eq!(
        answers[1]["rows"],
        json!([{ "s": "'; DROP TABLE v; --", "n": null, "t": 1, "i": "integer", "r": 0.5 }])
    );
    assert_eq!(answers[2]["rows"], json!([{ "b": "second", "a": "first" }]));
    assert_eq!(answers[3]["rows"], json!([{ "x": null }, { "x": 1 }, { "x": "é" }, { "x": "AP8=" }]));
}

#[test]
fn big_answers_are_cut_with_a_word_and_endless_queries_end() {
    let folder = shop();
    let many = |limit: &str| {
        format!("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c {limit}) SELECT x, 'y' AS y FROM c")
    };
    let answers = query(
        &folder,
        "shop.db",
        &json!([{ "sql": format!("SELECT count(*) AS n FROM ({})", many("LIMIT 20000")) }, { "sql": "SELECT zeroblob(100000000)" }]),
    );
    assert_eq!(answers[0]["rows"], json!([{ "n": 20_000 }]));
    assert_eq!(answers[1][0], "SQL_TOO_LARGE");
    let source = format!(
        "const {{ rows, truncated, note }} = await external_querySql({{ sql: {:?} }}); return [rows.length, truncated, note]",
        many("LIMIT 20000")
    );
    let answer = folder.program(source, &["--sqlite", "shop.db"]).result();
    assert_eq!((&answer[0], &answer[1]), (&json!(10_000), &json!(true)));
    assert!(answer[2].as_str().is_some_and(|note| note.contains("LIMIT and OFFSET")), "{answer}");

    let endless =
        format!("return await external_querySql({{ sql: {:?} }})", format!("SELECT count(*) FROM ({})", many("")));
    let ran = folder.program(endless, &["--sqlite", "shop.db", "--timeout", "300ms"]).ends(1);
    assert!(ran.took < SOON, "{ran:#?}");
    ran.says("querySql #1").says("cancelled").says("Timeout: ").says("still open: external_querySql");
}

#[test]
fn no_query_ends_the_host() {
    let folder = shop();
    // Built inside the program: its own size is limited.
    let source = "const many = 'a'.repeat(40000);
        const queries = [
          `select '${many}' like '${'%a'.repeat(20000)}'`,
          `select '${many}' glob '${'*a'.repeat(20000)}'`,
          `select ${Array(1999).fill('1').join()}`,
          `select instr(hex(zeroblob(2000000)), hex(zeroblob(1000000)) || 1)`,
        ];
        const out: unknown[] = [];
        for (const sql of queries) {
          try { out.push((await external_querySql({ sql })).rowCount) } catch (error: any) { out.push(error.message) }
        }
        return out;";
    let ran = folder.program(source, &["--sqlite", "shop.db"]);
    assert!(ran.took < Duration::from_secs(15), "{ran:#?}");
    let too_complex = "LIKE or GLOB pattern too complex";
    assert_eq!(ran.result(), json!([too_complex, too_complex, 1, 1]));
}

#[test]
fn the_schema_is_described() {
    let folder = Folder::new();
    folder.file(
        "s.sql",
        "CREATE TABLE owner (a INTEGER, b TEXT DEFAULT 'x', PRIMARY KEY (a, b));
         CREATE TABLE \"odd \"\"name\" (id INTEGER PRIMARY KEY, a INT NOT NULL REFERENCES owner);
         CREATE VIEW broken AS SELECT * FROM gone;
         PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema VALUES ('table', 'strange', 'strange', 0, 'CREATE VIRTUAL TABLE strange USING nomodule');
         INSERT INTO owner VALUES (1, 'y');",
    );
    let answer = folder.program("return await external_describeSchema({})", &["--sqlite", "s.db"]).result();
    let tables = answer["tables"].as_array().expect("tables");
    let names: Vec<&Value> = tables.iter().map(|table| &table["name"]).collect();
    assert_eq!(names, ["broken", "odd \"name", "owner", "strange"]);
    assert_eq!((&tables[0]["kind"], &tables[0]["columns"]), (&json!("view"), &json!([])));
    assert_eq!(tables[1]["foreignKeys"], json!([{ "columns": ["a"], "table": "owner", "references": ["a"] }]));
    assert_eq!((&tables[2]["primaryKey"], &tables[2]["rowCount"]), (&json!(["a", "b"]), &json!(1)));
    assert_eq!(tables[2]["columns"][1], json!({ "name": "b", "type": "TEXT", "notNull": false, "default": "'x'" }));
}

#[test]
fn what_is_no_database_is_a_problem_of_its_file() {
    let folder = shop();
    let whole = fs::read(folder.path("shop.db")).expect("a database");
    folder.file("text.db", "hello").file("cut.db", &whole[..5000]).file("bad.sql", "CREATE TABLE a (x);\nINSRT 1;");
    folder.file("out.sql", "ATTACH 'other.db' AS o; CREATE TABLE o.t (x);");
    folder.file("p.ts", "return 1");
    for (database, said) in [
        (
            "nope.db",
            "the database nope.db does not exist\nhelp: give an existing one, or put the SQL that makes it into nope.sql",
        ),
        ("text.db", "text.db is not an SQLite database"),
        ("cut.db", "cut.db is damaged"),
        (".", ". is a directory"),
        (":memory:", ":memory: does not exist"),
        ("bad.db", "bad.db cannot be made from bad.sql: line 2: near \"INSRT\": syntax error"),
        ("out.db", "out.db cannot be made from out.sql"),
        ("no/where.db", "does not exist"),
    ] {
        let ran = folder.run(&["run", "p.ts", "--sqlite", database]).ends(2).says(said);
        assert_eq!(ran.stdout, "");
    }
    assert!(!folder.path("bad.db").exists() && !folder.path("other.db").exists());
    assert!(!folder.names().iter().any(|name| name.starts_with('.')), "{:?}", folder.names());
}

#[test]
fn a_database_is_made_again_only_from_newer_text_and_only_if_it_was_made_so() {
    let folder = Folder::new();
    let count = |folder: &Folder| {
        folder
            .program("return (await external_querySql({ sql: 'SELECT x FROM t' })).rows", &["--sqlite", "t.db"])
            .result()
    };
    let touch = |name: &str, seconds: u64| {
        let file = fs::File::options().write(true).open(folder.path(name)).expect("a file");
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(seconds)).expect("its time can be set");
    };
    folder.file("t.sql", "CREATE TABLE t (x); INSERT INTO t VALUES (1);");
    touch("t.sql", 1_000_000);
    assert_eq!(count(&folder), json!([{ "x": 1 }]));
    folder.file("t.sql", "CREATE TABLE t (x); INSERT INTO t VALUES (2);");
    touch("t.sql", 2_000_000);
    assert_eq!(count(&folder), json!([{ "x": 2 }]));

    // Somebody's own database stays, whatever stands beside it.
    let own = Connection::open(folder.path("own.db")).expect("a database");
    own.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES ('own');")
        .expect("it fills");
    folder.file("own.sql", "CREATE TABLE t (x);");
    touch("own.sql", 4_000_000_000);
    let rows = query(&folder, "own.db", &json!([{ "sql": "SELECT x FROM t" }]));
    assert_eq!(rows[0]["rows"], json!([{ "x": "own" }]), "also in WAL mode, with its writer still there");
}
