//! Regular expressions that would not end. Boa's matcher backtracks and nothing can stop it, so the kind that takes
//! exponential time is tried on the beginning of the text first.

use std::time::{Duration, Instant};

use boa_engine::{
    Context, JsResult, JsString, JsValue,
    object::builtins::{JsFunction, JsRegExp},
};

use crate::budget::Budget;

/// Waits for the program's end if `exec` would have to be waited for in vain.
pub(crate) fn before(
    exec: &JsFunction,
    regexp: &JsValue,
    text: &JsString,
    budget: &Budget,
    context: &mut Context,
) -> JsResult<()> {
    let Some(regexp) = regexp.as_object().and_then(|object| JsRegExp::from_object(object.clone()).ok()) else {
        return Ok(());
    };
    if text.len() < FIRST + MORE || !repeats_repetition(&regexp.source(context)?) {
        return Ok(());
    }
    // A copy keeps its own `lastIndex`, which counts without these flags for nothing.
    let flags = regexp.flags(context)?.replace(['g', 'y'], "");
    let copy = JsRegExp::new(JsString::from(regexp.source(context)?), JsString::from(flags), context)?;
    // The last unit is one that patterns do not expect: what fails at the end is what backtracks.
    let units = text.to_vec();
    for length in (FIRST..=LAST.min(units.len() - MORE)).step_by(2) {
        let beginning = units.iter().take(length).copied().chain([0xffff]).collect::<Vec<u16>>();
        let beginning = [JsValue::from(JsString::from(beginning.as_slice()))];
        let begun = Instant::now();
        exec.call(&copy.clone().into(), &beginning, context)?;
        if begun.elapsed() > LONG {
            // Each unit more doubles this, and there are at least `MORE` of them.
            return budget.wait_for_stop();
        }
    }
    Ok(())
}

/// Whether something that repeats without a limit stands inside something that does, as in `(a+)+`.
fn repeats_repetition(source: &str) -> bool {
    let bytes = source.as_bytes();
    let (mut open, mut repeats, mut in_class, mut at) = (Vec::new(), false, false, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\\' => at += 1,
            b']' => in_class = false,
            _ if in_class => {}
            b'[' => in_class = true,
            b'(' => open.push(std::mem::take(&mut repeats)),
            b')' => {
                if repeats && is_unlimited(&bytes[at..]) {
                    return true;
                }
                repeats |= open.pop().unwrap_or(false);
            }
            _ => repeats |= is_unlimited(&bytes[at - 1..]),
        }
    }
    false
}

/// Whether `rest` begins with `*`, `+` or `{n,}`.
fn is_unlimited(rest: &[u8]) -> bool {
    match rest {
        [b'*' | b'+', ..] => true,
        [b'{', rest @ ..] => rest.split(|byte| *byte == b'}').next().is_some_and(|inside| inside.ends_with(b",")),
        _ => false,
    }
}

const FIRST: usize = 12;
const LAST: usize = 40;
/// Units that must follow, so that the time of a beginning times 2^16 is a fair guess of the whole.
const MORE: usize = 16;
const LONG: Duration = Duration::from_millis(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nested_repetition_is_suspected() {
        for source in ["(a+)+", "^(?:[a-z]+\\s?)*$", "(x(a{2,}b)?)*", "(?<w>\\w+,)*", "((a|b)*c)+"] {
            assert!(repeats_repetition(source), "{source}");
        }
        for source in
            ["a+b*", "(a+)(b+)", "[(a+)+]", "\\(a+\\)+", "(a{2,3})+", "(ab)+", "(a+)?", "(a+){2,3}", ")", "(a"]
        {
            assert!(!repeats_repetition(source), "{source}");
        }
    }
}
