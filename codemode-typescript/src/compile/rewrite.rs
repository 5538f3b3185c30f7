//! [`Rewrite`]: the changes to one program while the passes collect them.

use oxc::span::Span;

use super::edit::Edits;
use super::lexical::skip_trivia;
use super::position::is_line_break;

/// The changes to one program while they are collected.
pub(super) struct Rewrite<'a> {
    /// The text that was parsed.
    pub text: &'a str,
    /// Erasures of types: carried out on the text itself, unless it is printed anew.
    pub types: Edits,
    /// All other changes: carried out in any case.
    pub code: Edits,
    /// Whether there is TypeScript that only the transformer can turn into JavaScript.
    pub needs_printer: bool,
    /// Everything before this offset that is not yet visited lies in erased text.
    pub erased_to: u32,
    /// Statements dropped before the visit, in the order of the text.
    dropped: Vec<Span>,
}

impl<'a> Rewrite<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            types: Edits::default(),
            code: Edits::default(),
            needs_printer: false,
            erased_to: 0,
            dropped: Vec::new(),
        }
    }

    /// Whether a node that begins here belongs to a type or declaration that is erased.
    pub fn is_erased(&self, span: Span) -> bool {
        let last = self.dropped.partition_point(|dropped| dropped.start <= span.start).checked_sub(1);
        span.start < self.erased_to || last.is_some_and(|index| span.start < self.dropped[index].end)
    }

    /// Erases what is visited next, so that nothing inside it counts as code.
    pub fn erase(&mut self, span: Span) {
        self.types.blank(span.start, span.end);
        self.erased_to = self.erased_to.max(span.end);
    }

    /// Erases a statement or class member. The `;` keeps what stands before and after it apart.
    pub fn erase_whole(&mut self, span: Span) {
        self.types.blank_first(span.start, span.end, ';');
        self.erased_to = self.erased_to.max(span.end);
    }

    /// As `erase_whole`, also when the program is printed anew; called for statements in their order, before the visit.
    pub fn drop_statement(&mut self, span: Span) {
        self.code.blank_first(span.start, span.end, ';');
        self.dropped.push(span);
    }

    /// Offset of the next token at or after `at`.
    pub fn skip(&self, at: u32) -> u32 {
        skip_trivia(self.text, at as usize) as u32
    }

    /// Whether a line ends between two offsets.
    pub fn has_line_break(&self, start: u32, end: u32) -> bool {
        self.text.get(start as usize..end as usize).is_some_and(|text| text.contains(is_line_break))
    }

    /// Erases the mark (`?` or `!`) that follows `at`, if one does; true when it did.
    pub fn erase_mark(&mut self, at: u32, mark: u8, first: Option<char>) -> bool {
        let at = self.skip(at);
        if self.text.as_bytes().get(at as usize) != Some(&mark) {
            return false;
        }
        match first {
            Some(first) => self.types.blank_first(at, at + 1, first),
            None => self.types.blank(at, at + 1),
        }
        true
    }
}
