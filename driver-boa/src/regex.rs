//! Regular expressions that would not end. Boa's matcher backtracks and nothing can stop it, so what may take exponential
//! time, or a power of the text's length, is tried on parts of the text first.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};

use boa_engine::{
    Context, JsObject, JsResult, JsString, JsValue, js_string, object::builtins::JsRegExp,
    property::PropertyDescriptor, string::JsStrVariant,
};

use crate::natives::Guard;

/// Waits for the program's end if `exec` would have to be waited for in vain.
pub(crate) fn before(guard: &Guard, regexp: &JsValue, text: &JsString, context: &mut Context) -> JsResult<()> {
    let Some(regexp) = regexp.as_object().and_then(|object| JsRegExp::from_object(object.clone()).ok()) else {
        return Ok(());
    };
    // Half a surrogate pair cannot be told here.
    let Ok(source) = regexp.source(context) else { return Ok(()) };
    let growth = Growth::of(&source);
    if text.len() <= growth.harmless() {
        return Ok(());
    }
    let sticky = regexp.sticky(context)?;
    if sticky && text.len() <= growth.at_one_place().harmless() {
        return Ok(());
    }
    let index = regexp.borrow().properties().get(&js_string!("lastIndex").into());
    let last = index.as_ref().and_then(PropertyDescriptor::value).and_then(JsValue::as_number);
    let goes_on = sticky || regexp.global(context)?;
    // Saturates; NaN becomes 0.
    let from = (last.filter(|_| goes_on).unwrap_or_default() as usize).min(text.len());
    let flags = flags_of(&regexp, sticky, context)?;
    let mut hasher = DefaultHasher::new();
    (&source, &flags, text.len()).hash(&mut hasher);
    let key = (hasher.finish(), address(text));
    let tried = guard.shared.tried.borrow().iter().find(|tried| tried.0 == key).map_or(0, |tried| tried.1);
    if from < tried {
        return Ok(());
    }
    // To compile a copy takes longer than to try a short text. But a program may have forbidden to write `lastIndex`, or
    // wants to be told when it is read.
    let is_plain = last.is_some() && index.and_then(|index| index.writable()) == Some(true);
    let tested: JsObject = if is_plain {
        regexp.clone().into()
    } else {
        let Ok(copy) = JsRegExp::new(JsString::from(source), JsString::from(flags), context) else { return Ok(()) };
        copy.into()
    };
    let trial = Trial { guard, tested, text };
    // One that is sticky is matched at one place alone.
    let to = if sticky { from + 1 } else { text.len() };
    let hopeless = match growth {
        Growth::Exponential(choices) => trial.explodes(from, to, choices, context),
        Growth::Polynomial(repeated) => trial.is_slow(from, to, repeated, context),
    };
    if let Some(last) = last.filter(|_| is_plain) {
        trial.tested.set(js_string!("lastIndex"), last, true, context)?;
    }
    if hopeless? {
        return guard.budget.wait_for_stop();
    }
    let mut tried = guard.shared.tried.borrow_mut();
    tried.retain(|tried| tried.0 != key);
    tried.truncate(REMEMBERED - 1);
    tried.insert(0, (key, to));
    Ok(())
}

/// How an expression is tried on a text: on parts of it that grow, each with a unit behind it that patterns do not expect,
/// for what fails at the end is what backtracks.
struct Trial<'a> {
    guard: &'a Guard,
    tested: JsObject,
    text: &'a JsString,
}

impl Trial<'_> {
    /// Whether the time grows by a factor with each unit, at any place.
    fn explodes(&self, from: usize, to: usize, choices: usize, context: &mut Context) -> JsResult<bool> {
        for begin in (from..to).step_by(WINDOW - OVERLAP) {
            self.guard.budget.reserve(0)?;
            let rest = self.text.len() - begin;
            let (mut length, mut earlier) = (1, SHORT);
            while length <= rest.min(WINDOW) {
                let step = if length < FIRST { 1 } else { STEP };
                let is_hopeless = |took: f64| {
                    // Each unit more takes so many times as long; before that is seen, it may be as many as there are choices.
                    let growth = (took / earlier).max(1.0).powf(1.0 / step as f64);
                    took > LONG && took * growth.powf((rest - length) as f64) > PATIENCE
                        || length == 1 && rest > 1 && took * choices as f64 > PATIENCE
                };
                let Some(took) = self.time(begin, length, is_hopeless, context)? else { return Ok(true) };
                if took > LONG {
                    break;
                }
                earlier = took.max(SHORT);
                length += step;
            }
        }
        Ok(false)
    }

    /// Whether the time grows by a power of the length, over a part of the text that is too long for that.
    fn is_slow(&self, from: usize, to: usize, repeated: usize, context: &mut Context) -> JsResult<bool> {
        let mut slow = 0;
        for begin in (from..to).step_by(PIECE) {
            self.guard.budget.reserve(0)?;
            let piece = (self.text.len() - begin).min(PIECE);
            let (mut length, mut earlier) = (piece.min(1), SHORT);
            loop {
                let next = (length * 2).min(piece);
                let is_hopeless = |took: f64| {
                    // Twice the length takes so many times as long. What is as slow as this goes on in the next piece. With
                    // many parts it can grow by more than was seen.
                    let growth = (took / earlier).max(1.0);
                    let doublings = ((slow + piece) as f64 / length as f64).log2();
                    took > LONG && took * growth.powf(doublings) > PATIENCE
                        || repeated > MANY && length < piece && took * ways(repeated, length, next) > PATIENCE
                };
                let Some(took) = self.time(begin, length, is_hopeless, context)? else { return Ok(true) };
                if length == piece {
                    slow = if took > LONG { slow + piece } else { 0 };
                    break;
                }
                earlier = took.max(SHORT);
                length = next;
            }
        }
        Ok(false)
    }

    /// The seconds that a part takes; `None` if it is hopeless each time that it is tried, for the thread may have been kept
    /// from its work once.
    fn time(
        &self,
        begin: usize,
        length: usize,
        is_hopeless: impl Fn(f64) -> bool,
        context: &mut Context,
    ) -> JsResult<Option<f64>> {
        let part = self.text.as_str().get(begin..begin + length).map(|part| part.to_vec()).unwrap_or_default();
        let part: Vec<u16> = part.into_iter().chain([0xffff]).collect();
        let part = [JsValue::from(JsString::from(part.as_slice()))];
        for _ in 0..3 {
            self.tested.set(js_string!("lastIndex"), 0, true, context)?;
            let begun = Instant::now();
            self.guard.original.call(&self.tested.clone().into(), &part, context)?;
            let took = begun.elapsed().as_secs_f64();
            if !is_hopeless(took) {
                return Ok(Some(took));
            }
        }
        Ok(None)
    }
}

/// The flags for a copy. They are read one by one: to read them together is to ask the program. What is matched by `v` is
/// tried without.
fn flags_of(regexp: &JsRegExp, sticky: bool, context: &mut Context) -> JsResult<String> {
    let mut flags = String::new();
    for (letter, is_set) in [
        ('i', regexp.ignore_case(context)?),
        ('m', regexp.multiline(context)?),
        ('s', regexp.dot_all(context)?),
        ('u', regexp.unicode(context)?),
        ('y', sticky),
    ] {
        flags.extend(is_set.then_some(letter));
    }
    Ok(flags)
}

/// How many times as many ways there are to share `next` units among so many parts as there are for `length`.
fn ways(parts: usize, length: usize, next: usize) -> f64 {
    (length + 1..=next).map(|units| (parts + units) as f64 / units as f64).product()
}

fn address(text: &JsString) -> usize {
    match text.as_str().variant() {
        JsStrVariant::Latin1(units) => units.as_ptr().addr(),
        JsStrVariant::Utf16(units) => units.as_ptr().addr(),
    }
}

/// How the time of an expression may grow with the length of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// A group that repeats has in it what repeats as well, or a choice: `(a+)+`, `(a|a)*`. There are so many choices in the
    /// pattern.
    Exponential(usize),
    /// By a power, with as many parts that repeat one after the other: `a*a*b`.
    Polynomial(usize),
}

impl Growth {
    fn of(source: &str) -> Self {
        let bytes = source.as_bytes();
        let (mut open, mut branches, mut in_class, mut at, mut repeated) = (Vec::new(), false, false, 0, 0);
        while let Some(byte) = bytes.get(at) {
            at += 1;
            match byte {
                b'\\' => at += 1,
                b']' => in_class = false,
                _ if in_class => {}
                b'[' => in_class = true,
                b'|' => branches = true,
                b'?' if at > 1 && bytes[at - 2] != b'(' => branches = true,
                b'(' => open.push(std::mem::take(&mut branches)),
                b')' => {
                    if branches && repeats(&bytes[at..]) {
                        return Self::Exponential(bytes.iter().filter(|byte| **byte == b'|').count());
                    }
                    branches |= open.pop().unwrap_or(false);
                }
                _ if repeats(&bytes[at - 1..]) => {
                    branches = true;
                    repeated += 1;
                }
                _ => {}
            }
        }
        Self::Polynomial(repeated)
    }

    /// That of one that does not look for a place at which to begin.
    fn at_one_place(self) -> Self {
        match self {
            Self::Exponential(_) => self,
            Self::Polynomial(repeated) => Self::Polynomial(repeated.saturating_sub(1)),
        }
    }

    /// The longest text, in units, that takes less than about a tenth of a second.
    fn harmless(self) -> usize {
        match self {
            Self::Exponential(choices) if choices > MANY => 1,
            Self::Exponential(_) => FIRST,
            Self::Polynomial(0) => usize::MAX,
            Self::Polynomial(1) => 4_096,
            Self::Polynomial(2) => 384,
            Self::Polynomial(3) => 128,
            Self::Polynomial(4) => 64,
            Self::Polynomial(5..=8) => 16,
            Self::Polynomial(9..=24) => 6,
            Self::Polynomial(_) => 1,
        }
    }
}

/// Whether `rest` begins with `*`, `+`, `{n,}`, or a number of times that is not small.
fn repeats(rest: &[u8]) -> bool {
    match rest {
        [b'*' | b'+', ..] => true,
        [b'{', rest @ ..] => rest.split(|byte| *byte == b'}').next().is_some_and(|inside| {
            let most = inside.rsplit(|byte| *byte == b',').next().unwrap_or_default();
            inside.first().is_some_and(u8::is_ascii_digit) && (most.len() != 1 || most > b"4".as_slice())
        }),
        _ => false,
    }
}

/// Units of the shortest part on which an expression is tried, and how many more it is at a time.
const FIRST: usize = 6;
const STEP: usize = 2;
/// Parts in which an expression may explode, each with the end of the one before.
const WINDOW: usize = 64;
const OVERLAP: usize = 24;
/// Parts in which it may be slow.
const PIECE: usize = 4_096;
/// How many expressions with their texts are remembered: a program may look at one text with several in turn.
const REMEMBERED: usize = 16;
/// Seconds that cannot be measured.
const SHORT: f64 = 20e-6;
/// From here on, in seconds, the growth can be told.
const LONG: f64 = 10e-3;
/// What is not worth to be waited for.
const PATIENCE: f64 = 2.0;
/// With so many choices, or parts that repeat, even a few units may take long.
const MANY: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nested_repetition_and_repeated_choices_may_explode() {
        for source in [
            "(a+)+",
            "^(?:[a-z]+\\s?)*$",
            "(x(a{2,}b)?)*",
            "(?<w>\\w+,)*",
            "((a|b)*c)+",
            "^(a|a)*$",
            "(x{0,1000}){0,1000}",
            "(a?){30}a{30}",
            "((?:a?){9}){9}",
        ] {
            assert!(matches!(Growth::of(source), Growth::Exponential(_)), "{source}");
        }
        for (source, repeated) in [
            ("a+b*", 2),
            ("a|b", 0),
            ("(a|b)", 0),
            ("(a|b)?", 0),
            ("(?:\\d{1,3}\\.){3}", 0),
            ("(a+)(b+)", 2),
            ("[(a+)+]", 0),
            ("\\(a+\\)+", 2),
            ("(a{2,3})+", 1),
            ("(ab)+", 1),
            ("(a+)?", 1),
            ("(a+){2,3}", 1),
            ("\\s+$", 1),
            (")", 0),
            ("(a", 0),
        ] {
            assert_eq!(Growth::of(source), Growth::Polynomial(repeated), "{source}");
        }
    }
}
