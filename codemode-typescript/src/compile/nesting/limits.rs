//! How deeply a program may nest, and how it is said that one nests deeper.

use oxc::semantic::AstNodes;
use oxc::span::GetSpan;

/// Brackets inside one another, `${` and regular expression groups included.
pub(crate) const MAX_NESTING: u32 = 500;
/// Operators in one expression, together with those of the expressions around it: `a + a + …`, `!!!…`, `else if …`.
pub(crate) const MAX_CHAIN: u32 = 4_000;
/// Tokens that the parser may read again.
pub(super) const MAX_REREADS: u64 = 250_000;
pub(super) const MAX_REREADS_UNSURE: u64 = 1_000_000;
pub(super) const MAX_NESTING_UNSURE: u32 = 2_000;
pub(super) const MAX_CHAIN_UNSURE: u32 = 40_000;
/// So many times the length of the text is read ahead to find the ends of regular expressions; a plain text needs one.
pub(super) const AHEAD: usize = 8;

/// Upper bounds of a program's nesting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nesting {
    pub brackets: u32,
    pub chain: u32,
}

impl Nesting {
    /// Refuses a tree that is deeper than the text of this nesting can be: then the parser has read other tokens than the
    /// scan, and nothing bounds what an engine would make of it.
    pub fn check(self, nodes: &AstNodes<'_>) -> Result<(), TooDeep> {
        let most = NODES_OF_BRACKET * self.brackets + NODES_OF_OPERATOR * self.chain + NODES_OF_STATEMENT;
        let mut depths = vec![0; nodes.len()];
        for node in nodes.iter() {
            let (id, parent) = (node.id(), nodes.parent_id(node.id()));
            let depth = if id == parent { 0 } else { depths.get(parent.index()).map_or(0, |depth| depth + 1) };
            if depth > most {
                return Err(TooDeep { offset: node.kind().span().start, limit: Limit::Brackets });
            }
            if let Some(own) = depths.get_mut(id.index()) {
                *own = depth;
            }
        }
        Ok(())
    }
}

/// Levels of the syntax tree that one bracket can make, one operator, and a statement without either: about twice what any
/// kind of nesting makes.
const NODES_OF_BRACKET: u32 = 10;
const NODES_OF_OPERATOR: u32 = 5;
const NODES_OF_STATEMENT: u32 = 100;

/// The program nests too deeply; `offset` is where the bound was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooDeep {
    pub offset: u32,
    pub limit: Limit,
}

/// A limit that a program passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// [`MAX_NESTING`].
    Brackets,
    /// [`MAX_CHAIN`].
    Operators,
    /// What the parser would read again, or declare again in each block around.
    Rereads,
}
