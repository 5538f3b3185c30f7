//! Measures, before any recursive parser runs, how deeply a program nests, in one pass over its bytes.
//!
//! Programs over the limits are refused by these figures, so they must not be too low. Where text is ambiguous without a
//! parser (is `/` a division or a regular expression?) the scan notes it and counts everything instead. What it takes for
//! certain may still be wrong where the parser reports an error and reads on: so the stack is sized by [`most`], which
//! knows no tokens, and what was parsed is measured once more.
//!
//! The scan also bounds how often the parser reads again what it has read: behind a `(`, `<` or `?` it guesses what
//! follows (an arrow function? type arguments?), and where that was wrong it goes back. One guess inside another makes
//! that quadratic.

mod limits;
mod scan;
mod words;

pub(crate) use limits::{Limit, MAX_CHAIN, MAX_NESTING, Nesting, TooDeep};

use limits::{MAX_CHAIN_UNSURE, MAX_NESTING_UNSURE, MAX_REREADS_UNSURE};
use scan::Scan;
use words::is_word;

/// Bounds the nesting of `text`, or says where it passes the limits.
pub(crate) fn measure(text: &str) -> Result<Nesting, TooDeep> {
    match Scan::new(text).run()? {
        Ok(nesting) => Ok(nesting),
        Err(offset) => count_everything(text, offset),
    }
}

/// The bound that holds however the ambiguous text is read.
fn count_everything(text: &str, offset: u32) -> Result<Nesting, TooDeep> {
    let Nesting { brackets, chain } = most(text);
    if brackets > MAX_NESTING_UNSURE || chain > MAX_CHAIN_UNSURE {
        let limit = if brackets > MAX_NESTING_UNSURE { Limit::Brackets } else { Limit::Operators };
        return Err(TooDeep { offset, limit });
    }
    let guesses = text.bytes().filter(|byte| matches!(byte, b'(' | b'<' | b'?')).count() as u64;
    if guesses * u64::from(brackets + chain) / 2 > MAX_REREADS_UNSURE {
        return Err(TooDeep { offset, limit: Limit::Rereads });
    }
    Ok(Nesting { brackets, chain })
}

/// Whether `text` is so short that it nests within the limits whatever its tokens are, as JSX for example.
pub(crate) fn is_shallow(text: &str) -> bool {
    count_everything(text, 0).is_ok()
}

/// More than any reading of `text` can nest: as if nothing in it ever closed.
pub(crate) fn most(text: &str) -> Nesting {
    let (mut brackets, mut chain, mut in_word) = (0, 0, false);
    for byte in text.bytes() {
        let word = is_word(byte);
        match byte {
            b'(' | b'[' | b'{' => brackets += 1,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if word => chain += u32::from(!in_word),
            _ => chain += 1,
        }
        in_word = word;
    }
    Nesting { brackets, chain }
}
