//! Hostile statements and hostile files, on the threads and stacks that real queries have.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use codemode_core::ToolError;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{pool::Pool, query, schema};

/// A database that `sql` fills, opened as for programs; with the text about its tables.
fn database(sql: &str) -> (TempDir, Arc<Pool>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.db");
    let fill = format!("BEGIN; {sql}; COMMIT;");
    Connection::open(&path).and_then(|connection| connection.execute_batch(&fill)).expect("it fills");
    let begin = Instant::now();
    let (pool, summary) = Pool::open(&path).expect("it opens");
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    (folder, pool, summary)
}

fn ask(pool: &Arc<Pool>, sql: impl Into<String>) -> Result<Value, ToolError> {
    let input = json!({ "sql": sql.into() });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(pool.clone().with(move |reader| query::run(reader, &input)))
}

/// What the statement answers in its first column, or what it is refused with.
fn first(pool: &Arc<Pool>, sql: impl Into<String>) -> String {
    match ask(pool, sql) {
        Ok(answer) => {
            answer["rows"][0].as_object().and_then(|row| row.values().next()).map_or("none".into(), Value::to_string)
        }
        Err(error) => error.to_string(),
    }
}

const NUMBERS: &str = "CREATE TABLE t (x); WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100) \
                       INSERT INTO t SELECT x FROM c;";

#[test]
fn what_recurses_in_sqlite_fits_the_stack_at_its_limit_and_is_refused_over_it() {
    let (_folder, pool, _) = database(NUMBERS);
    let repeated = |begin: &str, middle: &str, end: &str, count: usize| {
        format!("{}{middle}{}", begin.repeat(count), end.repeat(count))
    };
    let pattern = |operator: &str, part: &str, count: usize| {
        format!("SELECT '{}' {operator} '{}'", "a".repeat(40_000), part.repeat(count))
    };
    let chain = |count: usize| {
        let steps: Vec<String> =
            (1..count).map(|i| format!("c{i} AS (SELECT DISTINCT * FROM c{} LIMIT 5)", i - 1)).collect();
        format!("WITH c0 AS (SELECT * FROM t), {} SELECT max(x) FROM c{}", steps.join(", "), count - 1)
    };
    for (sql, said) in [
        (pattern("LIKE", "%a", 64), "1"),
        (pattern("GLOB", "*a", 64), "1"),
        (pattern("LIKE", "%a", 20_000), "pattern too complex"),
        (pattern("GLOB", "*a", 20_000), "pattern too complex"),
        (pattern("LIKE", "%a", 65) + " ESCAPE '!'", "pattern too complex"),
        (format!("SELECT {}1", "1 + ".repeat(490)), "491"),
        (format!("SELECT {}1", "1 + ".repeat(5_000)), "Expression tree is too large"),
        (format!("SELECT {}x FROM t", "- ".repeat(490)), "1"),
        (format!("SELECT {}", repeated("case when 1 then ", "1", " end", 240)), "1"),
        (format!("SELECT {}", repeated("(", "1", ")", 100_000)), "Recursion limit"),
        (format!("SELECT {}", repeated("abs(", "1", ")", 300)), "1"),
        (repeated("SELECT * FROM (", "SELECT x FROM t", ")", 2_000), "Recursion limit"),
        (vec!["SELECT x FROM t"; 500].join(" EXCEPT "), "none"),
        (vec!["SELECT x FROM t"; 501].join(" UNION "), "too many terms in compound SELECT"),
        (chain(450), "5"),
        (chain(2_000), "nested too deep"),
        (format!("SELECT json_valid('{}')", repeated("[", "", "]", 1_000)), "1"),
        (format!("SELECT json_valid('{}')", repeated("[", "", "]", 100_000)), "0"),
        (format!("SELECT json_extract('{}', '${}')", repeated("{\"a\":", "1", "}", 900), ".a".repeat(900)), "1"),
    ] {
        let answer = first(&pool, &sql);
        assert!(answer == said || answer.contains(said), "{}…: {answer}", sql.get(..60).unwrap_or(&sql));
    }
}

#[test]
fn no_step_takes_time_or_memory_without_end() {
    let (_folder, pool, _) = database(NUMBERS);
    let zeros = |bytes: usize| format!("hex(zeroblob({}))", bytes / 2);
    let windows = |count: usize| {
        let each: Vec<String> = (0..count).map(|i| format!("sum(x) OVER (PARTITION BY x ORDER BY x + {i})")).collect();
        format!("SELECT {} FROM t LIMIT 1", each.join(", "))
    };
    for (sql, said) in [
        (format!("SELECT instr({}, {} || 1)", zeros(4_000_000), zeros(2_000_000)), "0"),
        (format!("SELECT length(replace({}, {} || 1, ''))", zeros(4_000_000), zeros(2_000_000)), "4000000"),
        (format!("SELECT length(trim({}, replace({}, 0, 'x') || 0))", zeros(4_000_000), zeros(2_000_000)), "0"),
        (format!("SELECT length(unhex(replace({0}, 0, 'z'), {0} || 'z'))", zeros(2_000_000)), "0"),
        (format!("SELECT replace({}, 0, {})", zeros(100_000), zeros(100_000)), "too big"),
        ("SELECT json_patch('{}', '{}')".into(), "the function json_patch is refused"),
        ("SELECT printf('%1000000000d', 1)".into(), "too big"),
        ("SELECT hex(zeroblob(1000000000))".into(), "too big"),
        ("SELECT randomblob(1000000000)".into(), "too big"),
        (
            "WITH RECURSIVE c(x) AS (SELECT 'a' UNION ALL SELECT x || x FROM c) SELECT length(x) FROM c".into(),
            "too big",
        ),
        (windows(1_900), "so many calls of functions is refused"),
        (format!("SELECT 1 AS a{}", ", 1 AS a".repeat(1_998)), "1"),
        (format!("SELECT 1{}", ", 1".repeat(5_000)), "too many columns"),
        (format!("SELECT 1 WHERE 1 IN ({}1)", "1,".repeat(200_000)), "a statement 256 KiB"),
    ] {
        let begin = Instant::now();
        let answer = first(&pool, &sql);
        assert!(answer == said || answer.contains(said), "{}…: {answer}", sql.get(..60).unwrap_or(&sql));
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}: {}…", begin.elapsed(), sql.get(..60).unwrap_or(&sql));
    }
    // What real queries do: a hundred sums by month, a list of ten thousand numbers.
    let sums: Vec<String> = (0..100).map(|i| format!("round(sum(CASE WHEN x = {i} THEN x END), 2)")).collect();
    assert_eq!(first(&pool, format!("SELECT {} FROM t", sums.join(", "))), "null");
    let list: Vec<String> = (0..10_000).map(|i| i.to_string()).collect();
    assert_eq!(first(&pool, format!("SELECT count(*) FROM t WHERE x IN ({})", list.join(","))), "100");
    assert_eq!(first(&pool, windows(100)), "1");
}

#[test]
fn each_pragma_that_is_allowed_works_and_changes_nothing() {
    let (_folder, pool, _) = database(NUMBERS);
    for name in super::authorizer::READING_PRAGMAS {
        let answer = ask(&pool, format!("PRAGMA {name}"));
        assert!(answer.is_ok(), "{name}: {answer:?}");
        assert!(ask(&pool, format!("PRAGMA main.{name}")).is_ok(), "main.{name}");
        for form in [format!("PRAGMA {name} = 1"), format!("PRAGMA {name}(1)")] {
            let refused = first(&pool, &form);
            assert!(
                refused.contains(&format!("PRAGMA {name} = 1 is refused: programs can only read")),
                "{form}: {refused}"
            );
        }
    }
    for name in super::authorizer::LISTING_PRAGMAS {
        for form in [format!("PRAGMA {name}"), format!("PRAGMA {name}(t)"), format!("PRAGMA {name} = t")] {
            let answer = ask(&pool, &form);
            assert!(answer.is_ok(), "{form}: {answer:?}");
        }
    }
    assert_eq!(first(&pool, "PRAGMA journal_mode"), "\"delete\"");
    for sql in ["PRAGMA optimize", "PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint", "PRAGMA shrink_memory"] {
        assert!(first(&pool, sql).contains("is refused: programs can only read"), "{sql}");
    }
}

#[test]
fn a_hostile_schema_takes_neither_time_nor_prompt() {
    let chain = |count: usize, step: fn(usize) -> String| {
        let views: Vec<String> = (1..count).map(|i| format!("CREATE VIEW v{i} AS {};", step(i - 1))).collect();
        format!("{NUMBERS} CREATE VIEW v0 AS SELECT * FROM t; {}", views.concat())
    };
    for sql in [
        chain(60, |i| format!("SELECT x FROM v{i} UNION ALL SELECT x FROM v{i}")),
        chain(60, |i| format!("SELECT a.x FROM v{i} a, v{i} b WHERE a.x = (SELECT max(x) FROM v{i}) LIMIT 5")),
        chain(1_500, |i| format!("SELECT * FROM v{i}")),
    ] {
        let (_folder, pool, summary) = database(&sql);
        assert!(summary.len() < 5_000, "{summary}");
        assert_eq!(first(&pool, "SELECT count(*) FROM t"), "100");
    }
    let many: String = (0..3_000).map(|i| format!("CREATE TABLE t{i} (\"{}\");", "c".repeat(500))).collect();
    let (_folder, pool, summary) = database(&many);
    assert!(summary.len() < 5_000 && summary.contains("more; see describeSchema"), "{summary}");
    assert!(first(&pool, "SELECT * FROM nothing").len() < 5_000);
    let wide: String = (0..50)
        .map(|i| {
            let columns: Vec<String> = (0..1_500).map(|j| format!("c{j}_{} REFERENCES w0", "x".repeat(60))).collect();
            format!("CREATE TABLE w{i} ({});", columns.join(","))
        })
        .collect();
    let (_folder, pool, _) = database(&wide);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let described = runtime.block_on(pool.with(schema::describe)).expect("it is described");
    assert_eq!(described["truncated"], true);
    assert!(described.to_string().len() < 4 << 20);
}

#[test]
fn tables_behind_virtual_tables_are_not_shown() {
    let (_folder, pool, summary) = database(
        "CREATE VIRTUAL TABLE words USING fts5(body); CREATE VIRTUAL TABLE old USING fts4(body); \
         CREATE VIRTUAL TABLE places USING rtree(id, a, b); CREATE TABLE words_of (x);",
    );
    assert_eq!(summary, "Tables:\n  old(body)\n  places(id INT, a REAL, b REAL)\n  words(body)\n  words_of(x)");
    let nested = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    for table in ["words", "old"] {
        let answer = first(&pool, format!("SELECT count(*) FROM {table} WHERE {table} MATCH '{nested}'"));
        assert!(!answer.contains("inside the host"), "{answer}");
    }
}

#[test]
fn names_of_odd_bytes_harm_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.db");
    let fill = "CREATE TABLE good (x); CREATE TABLE odd_name (column_a, b); INSERT INTO odd_name VALUES (1, 2);";
    Connection::open(&path).and_then(|connection| connection.execute_batch(fill)).expect("it fills");
    replace_bytes(&path, b"odd_name", b"odd_\xff\xfee_");
    replace_bytes(&path, b"column_a", b"colum\xff_a");
    let (pool, summary) = Pool::open(&path).expect("it opens");
    assert!(summary.contains("good(x)"), "{summary}");
    for sql in ["SELECT * FROM good", "SELECT name, sql FROM sqlite_schema", "PRAGMA table_list"] {
        assert!(ask(&pool, sql).is_ok(), "{sql}");
    }
}

fn replace_bytes(path: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = std::fs::read(path).expect("the file");
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
        bytes.splice(at..at + from.len(), to.iter().copied());
    }
    std::fs::write(path, bytes).expect("the file");
}
