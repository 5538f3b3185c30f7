//! The corpus of programs as models write them: all are accepted, and both ways to JavaScript agree on them.

use super::programs::PROGRAMS;
use super::{accept, both_ways, was_printed};

#[test]
fn all_are_accepted_and_both_ways_agree() {
    for (source, _) in PROGRAMS {
        both_ways(source);
    }
}

#[test]
fn only_what_has_a_value_is_printed() {
    for (source, _) in PROGRAMS {
        let has_value = ["enum ", "namespace ", "constructor(public"].iter().any(|part| source.contains(part));
        assert_eq!(was_printed(&accept(source)), has_value, "{source}");
    }
}
