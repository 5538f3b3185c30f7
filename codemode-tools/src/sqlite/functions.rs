//! Functions that SQLite computes by comparing every place of a text with all of another: on two texts of megabytes they
//! take hours, within one step that no interrupt reaches. These give the same answers in one pass, and look at the flag that
//! cancels the query before it.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
};

use memchr::memmem;
use rusqlite::{
    Connection, Error, Result, ToSql,
    ffi::{self, ErrorCode},
    functions::{Context, FunctionFlags, SqlFnOutput},
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{
    arguments::{before_nul, look, text},
    like,
};

/// Puts them in the place of SQLite's own. They end the query when `cancelled` is set.
pub(super) fn replace_slow(connection: &Connection, cancelled: &Arc<AtomicBool>) -> Result<()> {
    define(connection, cancelled, ("instr", 2), |context, _| instr(context))?;
    define(connection, cancelled, ("replace", 3), |context, _| replace(context))?;
    define(connection, cancelled, ("unhex", 2), |context, _| unhex(context))?;
    for (name, left, right) in [("trim", true, true), ("ltrim", true, false), ("rtrim", false, true)] {
        for arguments in [1, 2] {
            define(connection, cancelled, (name, arguments), move |context, _| trim(context, left, right))?;
        }
    }
    for (name, arguments, glob) in [("like", 2, false), ("like", 3, false), ("glob", 2, true)] {
        define(connection, cancelled, (name, arguments), move |context, cancelled| {
            like::answer(context, glob, cancelled)
        })?;
    }
    Ok(())
}

fn define<T: SqlFnOutput>(
    connection: &Connection,
    cancelled: &Arc<AtomicBool>,
    (name, arguments): (&str, i32),
    answer: impl Fn(&Context<'_>, &AtomicBool) -> Result<T> + Send + Sync + std::panic::UnwindSafe + 'static,
) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    let cancelled = cancelled.clone();
    connection.create_scalar_function(name, arguments, flags, move |context| {
        look(&cancelled)?;
        answer(context, &cancelled)
    })
}

/// Text of any bytes: a database may hold some that is not UTF-8.
struct Text(Vec<u8>);

impl ToSql for Text {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn instr(context: &Context<'_>) -> Result<Option<i64>> {
    let (Some(within), Some(wanted)) = (text(context, 0)?, text(context, 1)?) else { return Ok(None) };
    if wanted.is_empty() {
        return Ok(Some(1));
    }
    let are_blobs = matches!((context.get_raw(0), context.get_raw(1)), (ValueRef::Blob(_), ValueRef::Blob(_)));
    let before = memmem::find(&within, &wanted).and_then(|at| within.get(..at));
    let place = before.map_or(0, |before| {
        1 + if are_blobs { before.len() } else { before.iter().filter(|byte| !is_continuation(**byte)).count() }
    });
    Ok(Some(place as i64))
}

fn replace(context: &Context<'_>) -> Result<Option<Text>> {
    let (Some(within), Some(wanted)) = (text(context, 0)?, text(context, 1)?) else { return Ok(None) };
    if before_nul(&wanted).is_empty() {
        return Ok(Some(Text(within.into_owned())));
    }
    let Some(with) = text(context, 2)? else { return Ok(None) };
    let (mut out, mut rest) = (Vec::with_capacity(within.len()), 0);
    for at in memmem::find_iter(&within, &*wanted) {
        out.extend_from_slice(within.get(rest..at).unwrap_or_default());
        out.extend_from_slice(&with);
        rest = at + wanted.len();
        if out.len() > MAX_TEXT_BYTES {
            return Err(too_big());
        }
    }
    out.extend_from_slice(within.get(rest..).unwrap_or_default());
    Ok(Some(Text(out)))
}

fn trim(context: &Context<'_>, left: bool, right: bool) -> Result<Option<Text>> {
    let Some(within) = text(context, 0)? else { return Ok(None) };
    let set = if context.len() == 1 { Some(std::borrow::Cow::Borrowed(&b" "[..])) } else { text(context, 1)? };
    let Some(set) = set else { return Ok(None) };
    let set = Set::of(before_nul(&set));
    let mut kept: &[u8] = &within;
    while left && !kept.is_empty() {
        let (first, rest) = kept.split_at(first_length(kept));
        if !set.contains(first) {
            break;
        }
        kept = rest;
    }
    while right && !kept.is_empty() {
        let ascii = kept.last().is_some_and(u8::is_ascii);
        let begin = if ascii { kept.len() - 1 } else { kept.iter().rposition(|b| !is_continuation(*b)).unwrap_or(0) };
        let (rest, last) = kept.split_at(begin);
        if !set.contains(last) {
            break;
        }
        kept = rest;
    }
    Ok(Some(Text(kept.to_vec())))
}

/// Characters, as SQLite divides a text into them.
struct Set<'a> {
    single: [bool; 256],
    longer: HashSet<&'a [u8]>,
}

impl<'a> Set<'a> {
    fn of(mut text: &'a [u8]) -> Self {
        let mut set = Self { single: [false; 256], longer: HashSet::new() };
        while !text.is_empty() {
            let (first, rest) = text.split_at(first_length(text));
            match first {
                [byte] => set.single[usize::from(*byte)] = true,
                _ => drop(set.longer.insert(first)),
            }
            text = rest;
        }
        set
    }

    fn contains(&self, character: &[u8]) -> bool {
        match character {
            [byte] => self.single[usize::from(*byte)],
            _ => self.longer.contains(character),
        }
    }
}

/// Bytes of the first character: only after a byte from 0xc0 on the next ones belong to it.
fn first_length(text: &[u8]) -> usize {
    match text.first() {
        Some(0xc0..) => {
            text.iter().skip(1).position(|byte| !is_continuation(*byte)).map_or(text.len(), |after| after + 1)
        }
        Some(_) => 1,
        None => 0,
    }
}

fn unhex(context: &Context<'_>) -> Result<Option<Value>> {
    let (Some(hex), Some(passed)) = (text(context, 0)?, text(context, 1)?) else { return Ok(None) };
    let passed = Set::of(before_nul(&passed));
    let digit = |character: &[u8]| match character {
        [byte] => char::from(*byte).to_digit(16),
        _ => None,
    };
    let (mut out, mut high) = (Vec::new(), None);
    let mut rest = before_nul(&hex);
    while !rest.is_empty() {
        let (character, after) = rest.split_at(first_length(rest));
        rest = after;
        // What is passed over may stand between bytes, not between the two digits of one.
        match (digit(character), high.take()) {
            (Some(digit), None) => high = Some(digit),
            (Some(digit), Some(high)) => out.push((high << 4 | digit) as u8),
            (None, None) if passed.contains(character) => {}
            (None, _) => return Ok(None),
        }
    }
    Ok(if high.is_some() { None } else { Some(Value::Blob(out)) })
}

fn too_big() -> Error {
    Error::SqliteFailure(ffi::Error { code: ErrorCode::TooBig, extended_code: ffi::SQLITE_TOOBIG }, None)
}

/// Over `SQLITE_LIMIT_LENGTH`, by which SQLite checks the result.
const MAX_TEXT_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_those_of_sqlite() {
        let (own, sqlite) =
            (Connection::open_in_memory().expect("opens"), Connection::open_in_memory().expect("opens"));
        replace_slow(&own, &Arc::default()).expect("they are taken");
        let values = [
            "NULL",
            "''",
            "' '",
            "'a'",
            "'aa'",
            "'banana'",
            "'an'",
            "'  b an '",
            "'é'",
            "'éaé'",
            "'日本語'",
            "'本'",
            "x''",
            "x'6161'",
            "x'61'",
            "x'00'",
            "x'c3a9'",
            "12345",
            "-3",
            "1.5",
            "1e20",
            "0.1+0.2",
            "'a'||char(0)||'b'",
            "char(0)",
            "'4a 4B-'",
            "'4a4B'",
            "' -'",
            "'4'",
            "'4 a'",
            "'g'",
            "'z'",
            "CAST(x'61ff' AS TEXT)",
        ];
        let ask = |connection: &Connection, sql: &str| -> (String, Value) {
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("it answers")
        };
        for a in values {
            let mut calls: Vec<String> = ["trim", "ltrim", "rtrim"].map(|name| format!("{name}({a})")).into();
            for b in values {
                calls.extend(["instr", "trim", "ltrim", "rtrim", "unhex"].map(|name| format!("{name}({a}, {b})")));
                calls.extend(["''", "'xyz'", "a", "NULL"].map(|c| format!("replace({a}, {b}, {c})")));
            }
            for call in calls {
                let sql = format!("SELECT typeof({call}), hex({call}) FROM (SELECT 7.25 AS a)");
                assert_eq!(ask(&own, &sql), ask(&sqlite, &sql), "{call}");
            }
        }
    }
}
