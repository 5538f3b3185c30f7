//! Checks values against JSON Schemas.

use std::sync::OnceLock;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

use codemode_typescript::{InputProblem, LiteralInput};

use super::{
    budget::{Estimate, Measure, STACK_BYTES, Size},
    mismatch::{Mismatch, found_text, mismatches},
    preparation::Prepared,
};
use crate::types::is_deeper;

/// A schema that checks values. It is prepared when the first value comes. References to other documents are never
/// followed.
pub(crate) struct Schema {
    source: Value,
    /// `None` for one that is nested too deep to look at.
    size: OnceLock<Option<Size>>,
    prepared: OnceLock<Result<Prepared, String>>,
}

/// Why a value is not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unchecked {
    /// That would take more work than it may.
    TooMuchWork,
    /// What is wrong with the schema.
    Broken(String),
}

/// How much work one check may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// About a millisecond, for a thread that serves others.
    Little,
    /// About a second.
    Full,
}

impl Schema {
    pub(crate) fn new(source: Value) -> Self {
        Self { source, size: OnceLock::new(), prepared: OnceLock::new() }
    }

    pub(crate) fn source(&self) -> &Value {
        &self.source
    }

    /// What is wrong with the schema, and where in it; `None` also where finding out takes long.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.is_light().then(|| self.prepared().as_ref().err().map(String::as_str)).flatten()
    }

    /// Whether its preparation, or an estimate, takes no longer than a millisecond or two.
    fn is_light(&self) -> bool {
        self.size().is_none_or(Size::is_light)
    }

    fn size(&self) -> Option<&Size> {
        self.size.get_or_init(|| (!is_deeper(&self.source, MAX_SCHEMA_DEPTH)).then(|| Size::of(&self.source))).as_ref()
    }

    fn prepared(&self) -> &Result<Prepared, String> {
        self.prepared.get_or_init(|| {
            let size = self.size().ok_or_else(|| format!("it is nested deeper than {MAX_SCHEMA_DEPTH} levels"))?;
            Prepared::of(&self.source, size, MAX_SCHEMA_DEPTH)
        })
    }

    /// The first few mismatches, none when the value fits.
    pub(crate) fn check(&self, value: &Value, effort: Effort) -> Result<Vec<Mismatch>, Unchecked> {
        let max_steps = match effort {
            Effort::Little if !self.is_light() => return Err(Unchecked::TooMuchWork),
            Effort::Little => MAX_LITTLE_STEPS,
            Effort::Full => MAX_STEPS,
        };
        let prepared = self.prepared().as_ref().map_err(|why| Unchecked::Broken(why.clone()))?;
        let (mismatches, _) = self.with_room(value, max_steps, || {
            prepared.with(&self.source, |validator| {
                if validator.is_valid(value) {
                    return Vec::new();
                }
                // The errors of every branch are made before the first is seen.
                match Estimate::of(&self.source, value, MAX_ERROR_STEPS) {
                    Some(_) => {
                        validator.iter_errors(value).flat_map(|error| mismatches(&error)).take(MAX_MISMATCHES).collect()
                    }
                    None => vec![Mismatch {
                        path: "$".into(),
                        expected:
                            "a value that fits the schema (it has too many alternatives to say where it does not)"
                                .into(),
                        found: found_text(value),
                    }],
                }
            })
        })?;
        mismatches.map_err(Unchecked::Broken)
    }

    /// The mismatches of an input that no value of its computed parts can mend; none where looking takes more than what is
    /// `left` of the steps for all inputs of a program, for the call looks again.
    pub(crate) fn check_literal(&self, input: &LiteralInput, left: &mut u64) -> Vec<InputProblem> {
        if !self.is_light() {
            return Vec::new();
        }
        let Ok(prepared) = self.prepared() else { return Vec::new() };
        let most = MAX_LITERAL_STEPS.min(*left);
        let check = || {
            prepared.with(&self.source, |validator| {
                if validator.is_valid(&input.value) {
                    return Vec::new();
                }
                match Estimate::of(&self.source, &input.value, most) {
                    Some(_) => literal_problems(validator, input),
                    None => Vec::new(),
                }
            })
        };
        let Ok((problems, steps)) = self.with_room(&input.value, most, check) else {
            // The estimate was work as well.
            *left -= most;
            return Vec::new();
        };
        *left -= steps.min(*left);
        problems.unwrap_or_default()
    }

    /// Runs a check of `value` if it takes at most `max_steps`, on a stack that it cannot exhaust. Says how many it takes.
    fn with_room<R>(&self, value: &Value, max_steps: u64, check: impl FnOnce() -> R) -> Result<(R, u64), Unchecked> {
        let size = self.size().copied().unwrap_or_default();
        if let Some(steps) = size.steps_if_small(Measure::of(value)).filter(|steps| *steps <= max_steps) {
            return Ok((check(), steps));
        }
        stacker::maybe_grow(STACK_BYTES, STACK_BYTES, || {
            let work = Estimate::of(&self.source, value, max_steps).ok_or(Unchecked::TooMuchWork)?;
            Ok((check(), work.steps))
        })
    }
}

fn literal_problems(validator: &Validator, input: &LiteralInput) -> Vec<InputProblem> {
    let certain = validator.iter_errors(&input.value).filter(|error| is_certain(error, input));
    let problems = certain.flat_map(|error| {
        let pointer = error.instance_path().as_str().to_owned();
        // An unknown property stands below the place of its error.
        let unexpected = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.as_slice(),
            _ => &[],
        };
        let of = |(index, mismatch): (usize, Mismatch)| {
            let place = unexpected.get(index).map_or_else(|| pointer.clone(), |name| format!("{pointer}/{name}"));
            InputProblem::new(place, mismatch.to_string())
        };
        mismatches(&error).into_iter().enumerate().map(of).collect::<Vec<_>>()
    });
    problems.take(MAX_MISMATCHES).collect()
}

/// Whether an error holds whatever stands in the computed parts.
fn is_certain(error: &ValidationError<'_>, input: &LiteralInput) -> bool {
    let place = error.instance_path().as_str();
    let within = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let computed_inside = input.computed.iter().chain(&input.open).any(|hole| within(place, hole));
    let is_computed = input.computed.iter().any(|hole| within(hole, place));
    let is_open = input.open.iter().any(|open| open == place);
    // A branch may have been chosen by a computed part.
    let guessed = ["/if", "/then/", "/else/", "/dependentSchemas/"].iter().any(|keyword| {
        error.schema_path().as_str().contains(keyword) || error.evaluation_path().as_str().contains(keyword)
    });
    let anything_computed = !(input.computed.is_empty() && input.open.is_empty());
    if is_computed || (guessed && anything_computed) {
        return false;
    }
    match error.kind() {
        ValidationErrorKind::Type { .. } | ValidationErrorKind::AdditionalProperties { .. } => true,
        ValidationErrorKind::Required { .. } => !is_open,
        _ => !computed_inside,
    }
}

/// The validator is built by recursion; JSON text of more levels is not even read by most parsers.
const MAX_SCHEMA_DEPTH: usize = 256;
/// Evaluations of parts of a schema in one check: about a second.
const MAX_STEPS: u64 = 10_000_000;
/// The same on a thread that serves others.
const MAX_LITTLE_STEPS: u64 = 10_000;
/// The same while the errors are listed, which takes memory for each.
const MAX_ERROR_STEPS: u64 = 200_000;
/// The same for an input that a program's text shows, before it runs, and for all of a program, of which there can be
/// thousands.
const MAX_LITERAL_STEPS: u64 = 20_000;
pub(crate) const MAX_LITERALS_STEPS: u64 = 200_000;

const MAX_MISMATCHES: usize = 5;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn valid(source: &Value) -> Schema {
        let schema = Schema::new(source.clone());
        assert_eq!(schema.prepared().as_ref().err(), None);
        schema
    }

    /// What a check says is wrong with a schema.
    fn problem(source: &Value) -> Option<String> {
        match Schema::new(source.clone()).check(&json!({}), Effort::Full) {
            Err(Unchecked::Broken(why)) => Some(why),
            _ => None,
        }
    }

    #[test]
    fn mismatches_say_path_expected_and_found() {
        let source = json!({
            "type": "object",
            "properties": {
                "city": { "type": "string", "minLength": 2 },
                "days": { "type": ["integer", "null"], "maximum": 7 },
                "units": { "enum": ["c", "f"] },
                "tags": { "type": "array", "items": { "type": "string" } },
                "by": { "anyOf": [{ "type": "string" }, { "type": "object", "required": ["id"], "properties": { "id": { "type": "number" } } }] }
            },
            "required": ["city"],
            "additionalProperties": false
        });
        let schema = valid(&source);
        let check = |value: Value| {
            let mismatches = schema.check(&value, Effort::Full).expect("little work");
            mismatches.iter().map(Mismatch::to_string).collect::<Vec<_>>()
        };
        assert_eq!(check(json!({ "city": "Rome", "days": 3, "by": { "id": 1 } })), Vec::<String>::new());
        assert_eq!(check(json!({})), ["$.city: expected a value (it is required), found nothing"]);
        assert_eq!(check(json!({ "city": 5 })), ["$.city: expected string, found number 5"]);
        assert_eq!(check(json!({ "city": "R" })), ["$.city: expected at least 2 characters, found string \"R\""]);
        assert_eq!(check(json!({ "city": "Rome", "days": 9 })), ["$.days: expected at most 7, found number 9"]);
        assert_eq!(
            check(json!({ "city": "Rome", "units": "k" })),
            ["$.units: expected one of \"c\", \"f\", found string \"k\""]
        );
        assert_eq!(check(json!({ "city": "Rome", "tags": ["a", null] })), ["$.tags[1]: expected string, found null"]);
        assert_eq!(check(json!({ "city": "Rome", "town": 1 })), ["$.town: expected no such property, found number 1"]);
        assert_eq!(
            check(json!({ "city": "Rome", "by": { "id": "x" } })),
            ["$.by.id: expected number, found string \"x\""]
        );
        assert_eq!(check(json!([])), ["$: expected object, found array of 0"]);
    }

    /// `anyOf` of the next twice, `n` times.
    fn doubling(n: usize) -> Value {
        let mut definitions = serde_json::Map::new();
        for i in 0..n {
            let next = json!({ "$ref": format!("#/$defs/a{}", i + 1) });
            definitions.insert(format!("a{i}"), json!({ "anyOf": [next, next] }));
        }
        definitions.insert(format!("a{n}"), json!({ "type": "string" }));
        json!({ "type": "object", "properties": { "v": { "$ref": "#/$defs/a0" } }, "$defs": definitions })
    }

    #[test]
    fn alternatives_that_double_are_judged_in_little_time() {
        let begun = std::time::Instant::now();
        for n in [26, 60, 2_000] {
            let source = doubling(n);
            let schema = valid(&source);
            assert_eq!(schema.check(&json!({ "v": 5 }), Effort::Full), Err(Unchecked::TooMuchWork));
            assert_eq!(schema.check_literal(&LiteralInput::new(json!({ "v": 5 })), &mut { MAX_LITERALS_STEPS }), []);
        }
        let source = doubling(18);
        let schema = valid(&source);
        let mismatches = schema.check(&json!({ "v": 5 }), Effort::Full).expect("it is judged");
        assert_eq!(mismatches.len(), 1);
        assert!(mismatches[0].expected.contains("too many alternatives"), "{}", mismatches[0]);
        // The same schema, small enough to name what is wrong.
        let source = doubling(5);
        let schema = valid(&source);
        let mismatches = schema.check(&json!({ "v": 5 }), Effort::Full).expect("it is judged");
        assert_eq!(mismatches[0].path, "$.v");
        assert!(begun.elapsed().as_secs() < 10);
    }

    #[test]
    fn work_is_found_wherever_references_lead() {
        let begun = std::time::Instant::now();
        let defs = |n: usize, at: &str| {
            let mut definitions = serde_json::Map::new();
            for i in 0..n {
                let next = json!({ "$ref": format!("{at}#/$defs/a{}", i + 1) });
                definitions.insert(format!("a{i}"), json!({ "anyOf": [next, next] }));
            }
            definitions.insert(format!("a{n}"), json!({ "type": "number" }));
            definitions
        };
        let names = json!({ "propertyNames": { "$ref": "#/$defs/a0" }, "$defs": defs(40, "") });
        let mut inside = json!({ "$id": "http://h/r.json", "$ref": "#/$defs/a0", "$defs": defs(40, "") });
        let embedded = json!({ "$ref": "http://h/r.json", "$defs": { "a0": {}, "r": inside } });
        inside["$defs"] = defs(40, "http://h/r.json").into();
        // Every part leads to all others, by every way there is.
        let net: serde_json::Map<String, Value> = (0..13)
            .map(|i| {
                let others = (0..13).filter(|other| *other != i);
                let others: Vec<Value> = others.map(|other| json!({ "$ref": format!("#/$defs/n{other}") })).collect();
                (format!("n{i}"), json!({ "anyOf": others, "allOf": others }))
            })
            .collect();
        let net = json!({ "$ref": "#/$defs/n0", "$defs": net });
        assert!(problem(&net).is_some());
        for source in [names, embedded, inside] {
            let schema = valid(&source);
            assert_eq!(schema.check(&json!({ "v": 5 }), Effort::Full), Err(Unchecked::TooMuchWork));
            assert_eq!(schema.check_literal(&LiteralInput::new(json!({ "v": 5 })), &mut { MAX_LITERALS_STEPS }), []);
        }
        assert!(begun.elapsed().as_secs() < 10);
    }

    #[test]
    fn a_long_chain_of_references_ends_in_words_and_not_in_an_overflow() {
        let chain = |n: usize| {
            let mut definitions = serde_json::Map::new();
            for i in 0..n {
                definitions.insert(format!("a{i}"), json!({ "$ref": format!("#/$defs/a{}", i + 1) }));
            }
            definitions.insert(format!("a{n}"), json!({ "type": "string" }));
            json!({ "$ref": "#/$defs/a0", "$defs": definitions })
        };
        // On a thread as small as any that a host may call from.
        let small = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
            let source = chain(500);
            let schema = valid(&source);
            assert_eq!(schema.check(&json!("x"), Effort::Full), Ok(Vec::new()));
            let source = chain(5_000);
            let schema = valid(&source);
            assert_eq!(schema.check(&json!("x"), Effort::Full), Err(Unchecked::TooMuchWork));
            assert!(problem(&chain(20_000)).is_some());
            // Each level of the value goes through the chain again.
            let mut source = chain(100);
            source["$defs"]["a100"] = json!({ "properties": { "x": { "$ref": "#/$defs/a0" } } });
            let schema = valid(&source);
            let mut value = json!(1);
            for _ in 0..120 {
                value = json!({ "x": value });
            }
            assert_eq!(schema.check(&value, Effort::Full), Err(Unchecked::TooMuchWork));
        });
        small.expect("a thread").join().expect("no overflow");
    }

    #[test]
    fn much_work_is_refused_before_it_begins() {
        let begun = std::time::Instant::now();
        let wide = json!({ "items": { "anyOf": vec![json!({ "type": "string" }); 5_000] } });
        let lookaround = json!({ "items": { "pattern": "^(?=(a+)+$)b" } });
        for (source, value) in [(wide, json!(vec![5; 50_000])), (lookaround, json!(vec!["a".repeat(40); 50_000]))] {
            let schema = valid(&source);
            assert_eq!(schema.check(&value, Effort::Full), Err(Unchecked::TooMuchWork));
        }
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn regular_expressions_take_neither_memory_nor_time() {
        let begun = std::time::Instant::now();
        let properties = |pattern: &str, n: usize| {
            let one = |i: usize| (format!("p{i}"), json!({ "type": "string", "pattern": pattern }));
            json!({ "properties": (0..n).map(one).collect::<serde_json::Map<_, _>>() })
        };
        let why = problem(&properties(r"\p{L}{30}", 400)).expect("it is refused");
        assert!(why.contains("regular expressions are too large"), "{why}");
        // A list of tools whose schemas take just as much as one may: what is kept of them has a bound.
        let kept: Vec<Schema> = (0..100).map(|_| Schema::new(properties(r"\p{L}{30}", 8))).collect();
        for schema in &kept {
            assert_eq!(schema.problem(), None);
            assert_eq!(schema.check_literal(&LiteralInput::new(json!({ "p1": 5 })), &mut { MAX_LITERALS_STEPS }), []);
        }
        let name = json!({ "p1": "é".repeat(30) });
        assert_eq!(kept[7].check(&name, Effort::Little), Err(Unchecked::TooMuchWork));
        assert_eq!(kept[7].check(&name, Effort::Full), Ok(Vec::new()));
        assert_eq!(kept[7].check(&json!({ "p1": "a1" }), Effort::Full).map(|found| found.len()), Ok(1));
        // Tried at each place of the text, thousands of places of the pattern each time.
        let slow = Schema::new(json!({ "pattern": "[abc]*a[abc]{3000}[de]x" }));
        assert_eq!(slow.check(&json!("abc".repeat(400_000)), Effort::Full), Err(Unchecked::TooMuchWork));
        let names = Schema::new(json!({ "patternProperties": { "[abc]*a[abc]{3000}[de]x": {} } }));
        assert_eq!(names.check(&json!({ "abc".repeat(400_000): 1 }), Effort::Full), Err(Unchecked::TooMuchWork));
        let formats = json!({ "$schema": "http://json-schema.org/draft-07/schema#", "items": { "format": "regex" } });
        let formats = Schema::new(formats);
        assert_eq!(
            formats.check(&json!(vec![r"\p{L}".repeat(2_000); 1_000]), Effort::Full),
            Err(Unchecked::TooMuchWork)
        );
        assert_eq!(formats.check(&json!([r"\p{L}"]), Effort::Full), Ok(Vec::new()));
        // What is usual is judged, also on a long text.
        for pattern in [r"^[A-Za-z0-9+/]*={0,2}$", r"^\S+@\S+$", r"^https?://", r"^[\p{L}\p{N} .'-]{1,100}$"] {
            let schema = Schema::new(json!({ "pattern": pattern }));
            assert!(schema.check(&json!("aGVsbG8".repeat(10_000)), Effort::Full).is_ok(), "{pattern}");
            assert!(schema.check(&json!("aGVsbG8"), Effort::Full).is_ok(), "{pattern}");
        }
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn a_schema_that_is_none_is_refused_with_the_reason() {
        for schema in [
            json!(5),
            json!([]),
            json!({ "type": 7 }),
            json!({ "pattern": "(" }),
            json!({ "$ref": "http://example.com/x.json" }),
        ] {
            assert!(problem(&schema).is_some(), "{schema}");
        }
    }
}
