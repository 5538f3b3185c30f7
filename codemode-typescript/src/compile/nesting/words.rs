//! What the scan for nesting knows of single words.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Identifiers, numbers, and the keywords that are values.
    Name,
    /// An operand follows.
    Keyword,
    /// Begins a statement that holds another statement.
    Statement,
    /// As `Statement`, with parentheses first.
    Control,
    /// A keyword only where the grammar says so.
    Contextual,
    /// Goes on with what stands before, even in a new line.
    Continues,
}

/// What a word is, as far as its letters decide it.
pub(super) fn word_kind(word: &[u8]) -> Word {
    match word {
        b"return" | b"typeof" | b"case" | b"delete" | b"new" | b"throw" | b"default" => Word::Keyword,
        b"do" => Word::Statement,
        b"if" | b"for" | b"with" => Word::Control,
        b"else" | b"while" | b"catch" | b"finally" | b"in" | b"instanceof" | b"of" | b"as" | b"is" | b"satisfies"
        | b"extends" | b"implements" => Word::Continues,
        // The parser takes `await` and `yield` for names where they are wrong, and `void` is a type.
        b"await" | b"yield" | b"void" | b"async" | b"get" | b"set" | b"type" | b"keyof" | b"infer" | b"readonly"
        | b"unique" | b"asserts" | b"declare" | b"abstract" | b"namespace" | b"module" | b"global" | b"interface"
        | b"static" | b"public" | b"private" | b"protected" | b"override" | b"accessor" | b"out" | b"let"
        | b"const" | b"var" | b"function" | b"class" | b"enum" | b"import" | b"export" | b"from" | b"using"
        | b"try" | b"break" | b"continue" | b"debugger" | b"switch" => Word::Contextual,
        _ => Word::Name,
    }
}

/// Parts of identifiers and numbers; bytes beyond ASCII are sorted out by `wide_space`.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'\\' | 0x80..)
}
