//! The names tools have inside the sandbox, and the words that names are made of.
//!
//! A name depends only on the tools before it: appending a tool never renames another, so prompts, journals and saved
//! programs stay valid. The price is that the second `a-b` is `external_a_b_2`, and a tool called `a_b_2` that comes
//! after it is `external_a_b_2_2`.

mod globals;
mod nearest;

use std::collections::{HashMap, HashSet};

pub use globals::{GLOBALS, is_global};
pub(crate) use nearest::nearest_slips;
pub use nearest::{Near, either, nearest};

/// Every function of a tool has a name that starts with this.
pub const PREFIX: &str = "external_";

/// Makes any tool name an ASCII identifier of at most 64 characters, always the same one for the same name.
///
/// ```
/// # use codemode_typescript::names::sanitize_tool_name;
/// assert_eq!(sanitize_tool_name("my-server.list-items"), "my_server_list_items");
/// assert_eq!(sanitize_tool_name("3d-render"), "_3d_render");
/// assert_eq!(sanitize_tool_name("delete"), "delete_");
/// ```
pub fn sanitize_tool_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len().min(MAX_NAME_BYTES) + 1);
    let mut whole = true;
    for letter in name.chars() {
        if out.is_empty() && letter.is_ascii_digit() {
            out.push('_');
        }
        if out.len() >= MAX_NAME_BYTES {
            whole = false;
            break;
        }
        let allowed = letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
        out.push(if allowed { letter } else { '_' });
    }
    if !whole {
        out.truncate(MAX_NAME_BYTES - 9);
        return format!("{out}_{}", short_hash(name));
    }
    if out.bytes().all(|byte| byte == b'_') {
        return format!("_{}", short_hash(name));
    }
    if is_reserved(&out) {
        out.push('_');
    }
    out
}

/// Whether a name means something in JavaScript already, as a word of the language or as a member of every object.
pub fn is_reserved(name: &str) -> bool {
    RESERVED_WORDS.contains(&name) || PROTOTYPE_NAMES.contains(&name)
}

/// Whether a word only says what is done, not to what (`get`, `list`).
pub fn is_verb(word: &str) -> bool {
    COMMON_VERBS.contains(&word)
}

/// Gives each tool the name of its function, `external_` and the sanitized name; names that fall together get `_2`, `_3` in order.
pub fn assign_names<'a>(originals: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut next_number: HashMap<String, u32> = HashMap::new();
    originals
        .map(|original| {
            let natural = format!("{PREFIX}{}", sanitize_tool_name(original));
            if taken.insert(natural.clone()) {
                return natural;
            }
            // The counter is kept for each natural name: 5,000 tools of one name cost 5,000 steps, not 12 million.
            let number = next_number.entry(natural.clone()).or_insert(2);
            loop {
                let numbered = format!("{natural}_{number}");
                *number += 1;
                if taken.insert(numbered.clone()) {
                    return numbered;
                }
            }
        })
        .collect()
}

/// Splits `listUserIDs`, `list_user_ids` and `list-user-ids` into the same lower-case words. Long names are cut.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().take(MAX_COMPARED_CHARS).collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase() && *after != 's')
            });
        if (starts_word || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Eight hex digits of FNV-1a: short, and the same in every version of this crate.
fn short_hash(name: &str) -> String {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

const MAX_NAME_BYTES: usize = 64;

/// Words are looked for up to this length, which bounds the comparison of two names to 16,384 steps.
const MAX_COMPARED_CHARS: usize = 128;

const COMMON_VERBS: &[&str] = &[
    "add", "create", "delete", "fetch", "find", "get", "list", "make", "post", "put", "query", "read", "remove", "run",
    "search", "send", "set", "show", "update", "write",
];

const RESERVED_WORDS: &[&str] = &[
    "abstract",
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "Infinity",
    "NaN",
];

const PROTOTYPE_NAMES: &[&str] = &[
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "prototype",
    "toLocaleString",
    "toString",
    "valueOf",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_an_identifier() {
        for (name, expected) in [
            ("get-weather", "get_weather"),
            ("3d-render", "_3d_render"),
            ("delete", "delete_"),
            ("my-server.list-items", "my_server_list_items"),
            ("getUser", "getUser"),
            ("a b/c\\d", "a_b_c_d"),
            ("naïve", "na_ve"),
            ("$cost", "$cost"),
            ("constructor", "constructor_"),
            ("__proto__", "__proto___"),
            ("toString", "toString_"),
            ("hasOwnProperty", "hasOwnProperty_"),
            ("await", "await_"),
            ("*/ alert()", "___alert__"),
            ("", "_4fd0bfc1"),
            ("_", "_29665a02"),
            ("天気", "_35ab27fe"),
            ("天文", "_347916bc"),
        ] {
            assert_eq!(sanitize_tool_name(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let (a, b) = (sanitize_tool_name(&"x".repeat(65)), sanitize_tool_name(&"x".repeat(66)));
        assert_eq!((a.len(), b.len()), (64, 64));
        assert_ne!(a, b);
        assert_eq!(sanitize_tool_name(&"x".repeat(64)), "x".repeat(64));
    }

    #[test]
    fn names_that_fall_together_are_numbered_and_stay_when_tools_are_appended() {
        let names = ["a-b", "a.b", "c", "a b", "a_b_2", "a_b_2"];
        let expected =
            ["external_a_b", "external_a_b_2", "external_c", "external_a_b_3", "external_a_b_2_2", "external_a_b_2_3"];
        for count in 0..=names.len() {
            assert_eq!(assign_names(names.iter().copied().take(count)), expected[..count]);
        }
    }

    #[test]
    fn words_of_all_styles_agree() {
        for name in ["listUserIDs", "list_user_ids", "list-user-ids", "ListUserIds"] {
            assert_eq!(words(name), ["list", "user", "ids"], "{name}");
        }
        assert_eq!(words("parseHTMLPage2"), ["parse", "html", "page2"]);
    }
}
