//! Finds the program in what the model sent: out of Markdown fences, past a byte order mark and a `#!` line.
//!
//! What is not program becomes spaces of the same byte length, so every offset stays the model's own. This happens on
//! text because a fence *is* valid JavaScript: three backticks open nested tagged templates that do nothing.

use std::borrow::Cow;
use std::ops::Range;

use super::edit::push_blank;

/// The program part of `source`, at the same offsets; a lone `\r` becomes `\n` so that every engine counts it as a line.
pub(super) fn program_text(source: &str) -> Cow<'_, str> {
    let mut hidden: Vec<Range<usize>> = Vec::new();
    let blocks = fenced_blocks(source);
    if let Some(blocks) = &blocks {
        let mut shown_to = 0;
        for block in blocks {
            hidden.push(shown_to..block.start);
            shown_to = block.end;
        }
        hidden.push(shown_to..source.len());
    }
    let start = blocks.as_ref().and_then(|blocks| blocks.first()).map_or(0, |block| block.start);
    let head = source.get(start..).unwrap_or("");
    let mark = if head.starts_with('\u{FEFF}') { 3 } else { 0 };
    let lead = head.get(mark..).map_or(0, |text| text.len() - text.trim_start().len());
    let body = head.get(mark + lead..).unwrap_or("");
    let shebang = if body.starts_with("#!") { body.find(['\n', '\r']).unwrap_or(body.len()) } else { 0 };
    if mark + shebang > 0 {
        hidden.push(start..start + mark + lead + shebang);
    }
    let lone_return = has_lone_return(source);
    if hidden.is_empty() && !lone_return {
        return Cow::Borrowed(source);
    }
    let mut text = String::with_capacity(source.len());
    let mut cursor = 0;
    hidden.sort_by_key(|range| (range.start, range.end));
    for range in hidden {
        text.push_str(source.get(cursor..range.start).unwrap_or(""));
        let from = range.start.max(cursor);
        for c in source.get(from..range.end).unwrap_or("").chars() {
            push_blank(&mut text, c, None);
        }
        cursor = cursor.max(range.end);
    }
    text.push_str(source.get(cursor..).unwrap_or(""));
    if lone_return {
        text = unify_returns(&text);
    }
    Cow::Owned(text)
}

fn has_lone_return(source: &str) -> bool {
    let bytes = source.as_bytes();
    bytes.iter().zip(bytes.iter().skip(1).chain([&0])).any(|(byte, next)| *byte == b'\r' && *next != b'\n')
}

/// In templates the language itself reads `\r` as `\n`; elsewhere it only separates: the change means nothing.
fn unify_returns(text: &str) -> String {
    let mut rest = text.chars().peekable();
    let mut unified = String::with_capacity(text.len());
    while let Some(c) = rest.next() {
        unified.push(if c == '\r' && rest.peek() != Some(&'\n') { '\n' } else { c });
    }
    unified
}

/// One fence line: its mark, how often it stands there, and what follows it.
struct Fence<'a> {
    mark: u8,
    count: usize,
    info: &'a str,
}

struct Block {
    content: Range<usize>,
    rank: u8,
}

/// The contents of the fenced blocks that hold the program, or `None` when `source` is not fenced.
fn fenced_blocks(source: &str) -> Option<Vec<Range<usize>>> {
    if !source.contains("```") && !source.contains("~~~") {
        return None;
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(Fence<'_>, usize)> = None;
    let mut offset = 0;
    let mut comment = Comment::new(source);
    for line in source.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let Some(fence) = fence_line(line) else {
            comment.read(line, start);
            continue;
        };
        match open.take() {
            None => {
                if comment.is_open(start) {
                    return None;
                }
                open = language_rank(&fence).map(|_| (fence, offset));
            }
            Some((opening, content)) if closes(&opening, &fence) => {
                blocks.push(Block { content: content..start, rank: language_rank(&opening).unwrap_or(2) });
            }
            Some(still_open) => open = Some(still_open),
        }
        comment.read(line, start);
    }
    if let Some((opening, content)) = open {
        // A tilde line without its end is bitwise arithmetic; a lone backtick fence was cut off or ends in its last line.
        if opening.mark == b'~' {
            return None;
        }
        let end =
            source.trim_end().strip_suffix("```").filter(|head| head.len() >= content).map_or(source.len(), str::len);
        blocks.push(Block { content: content..end, rank: language_rank(&opening).unwrap_or(2) });
    }
    let best = blocks.iter().map(|block| block.rank).min()?;
    Some(blocks.into_iter().filter(|block| block.rank == best).map(|block| block.content).collect())
}

fn fence_line(line: &str) -> Option<Fence<'_>> {
    let text = line.trim_start_matches([' ', '\t', '\u{FEFF}']);
    let mark = *text.as_bytes().first().filter(|byte| matches!(byte, b'`' | b'~'))?;
    let count = text.bytes().take_while(|byte| *byte == mark).count();
    let info = text.get(count..)?.trim();
    (count >= 3 && !info.contains('`')).then_some(Fence { mark, count, info })
}

fn closes(opening: &Fence<'_>, fence: &Fence<'_>) -> bool {
    fence.mark == opening.mark && fence.count >= opening.count && fence.info.is_empty()
}

/// 0 for the languages we run, 1 for none named, 2 for others; `None` when the line is not a fence.
fn language_rank(fence: &Fence<'_>) -> Option<u8> {
    let word = fence.info.split([' ', '\t', '{', ',', ':']).next().unwrap_or("").to_ascii_lowercase();
    match word.as_str() {
        "ts" | "typescript" | "js" | "javascript" | "tsx" | "jsx" | "mts" | "cts" | "mjs" | "cjs" | "ecmascript" => {
            Some(0)
        }
        "" => Some(1),
        // `~~~x` is an expression.
        _ if fence.mark == b'~' => None,
        _ => Some(2),
    }
}

/// Whether a block comment of a plain program is open: documentation in it may hold fences.
struct Comment {
    /// Whether the last mark of a comment was `/*` at the start of its line. Prose may hold `/*` anywhere (globs); a
    /// comment with lines of its own starts its line.
    opened: bool,
    /// Where the last `*/` of the text stands.
    last_end: usize,
}

impl Comment {
    fn new(source: &str) -> Self {
        Self { opened: false, last_end: source.rfind("*/").unwrap_or(0) }
    }

    /// Reads the lines one after the other.
    fn read(&mut self, line: &str, start: usize) {
        if start <= self.last_end {
            match (line.rfind("/*"), line.rfind("*/")) {
                (None, None) => {}
                (Some(begin), end) if Some(begin) > end => {
                    self.opened = line.get(..begin).is_some_and(|text| text.trim().is_empty());
                }
                _ => self.opened = false,
            }
        }
    }

    /// Whether it is at the start of a line, and ends behind it.
    fn is_open(&self, start: usize) -> bool {
        self.opened && start <= self.last_end
    }
}
