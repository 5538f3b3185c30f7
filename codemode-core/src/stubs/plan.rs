//! [`Plan`]: which types get a name, and how wide each type is when it is printed.
//!
//! A type is named when it contains itself, when naming saves letters because it is used twice, or when it would be nested
//! too deep to read. Named types break every cycle, so printing by the plan cannot loop, and because a wide type that
//! is used twice is always named, the text stays in proportion to the table.

use std::collections::{HashMap, HashSet};

use super::{
    escape::property_key,
    types::{Object, Others, Type, TypeId, Types},
};

/// The decisions for everything that some roots are made of.
#[derive(Default)]
pub(super) struct Plan {
    /// Named types, those that others are made of first.
    pub(super) named: Vec<TypeId>,
    is_named: HashSet<TypeId>,
    /// Types that contain themselves, or a type that does, without an object or array in between.
    touches_cycle: HashSet<TypeId>,
    /// Types that consist of nothing but themselves (`A = A | string`); printed as `unknown`.
    pub(super) empty_cycles: HashSet<TypeId>,
    facts: HashMap<TypeId, Facts>,
}

#[derive(Clone, Copy)]
struct Facts {
    width: usize,
    depth: usize,
}

/// What the walk knows of a type.
#[derive(Default)]
struct Walk {
    uses: HashMap<TypeId, usize>,
    recursive: HashSet<TypeId>,
    empty_cycles: HashSet<TypeId>,
    /// Every type after the types it is made of.
    order: Vec<TypeId>,
}

impl Plan {
    pub(super) fn new(types: &Types, roots: &[TypeId]) -> Self {
        let walk = Walk::new(types, roots);
        let mut plan = Self { empty_cycles: walk.empty_cycles, ..Self::default() };
        for id in &walk.order {
            // Types on a cycle are named before what contains them is measured.
            if walk.recursive.contains(id) {
                plan.is_named.insert(*id);
                plan.touches_cycle.insert(*id);
            }
        }
        for id in walk.order {
            let facts = plan.measure(types, id);
            if plan.reaches_cycle(types, id) {
                plan.touches_cycle.insert(id);
            }
            let uses = walk.uses.get(&id).copied().unwrap_or(0);
            if !plan.is_named.contains(&id) && (facts.depth >= MAX_DEPTH || saves(types, id, uses, facts.width)) {
                plan.is_named.insert(id);
            }
            if plan.is_named.contains(&id) {
                plan.named.push(id);
            }
            plan.facts.insert(id, facts);
        }
        plan
    }

    pub(super) fn is_named(&self, id: TypeId) -> bool {
        self.is_named.contains(&id)
    }

    /// Letters of the type on one line, its own name not used.
    pub(super) fn width(&self, id: TypeId) -> usize {
        self.facts.get(&id).map_or(UNKNOWN_WIDTH, |facts| facts.width)
    }

    /// Letters of all named types and of one root.
    pub(super) fn total_width(&self, root: TypeId) -> usize {
        let named: usize = self.named.iter().map(|id| self.width(*id)).fold(0, usize::saturating_add);
        named.saturating_add(if self.is_named(root) { 0 } else { self.width(root) })
    }

    /// Whether `Record<string, T>` would be an error: an alias may not meet itself in a type argument.
    pub(super) fn needs_index_signature(&self, types: &Types, id: TypeId) -> bool {
        self.touches_cycle.contains(&types.solid(id))
    }

    fn reaches_cycle(&self, types: &Types, id: TypeId) -> bool {
        types.children(id).iter().any(|child| self.touches_cycle.contains(child))
    }

    fn measure(&self, types: &Types, id: TypeId) -> Facts {
        let of = types.get(id);
        let children = types.children(id);
        let depth = 1 + children.iter().map(|child| self.placed(types, *child).depth).max().unwrap_or(0);
        let inner = children.iter().map(|child| self.placed(types, *child).width).fold(0, usize::saturating_add);
        let frame = match of.as_ref() {
            Type::Unknown | Type::Boolean => UNKNOWN_WIDTH,
            Type::Never | Type::Null | Type::Reference(_) => 5,
            Type::Number | Type::String => 6,
            Type::Literal(_, text) => text.len(),
            Type::Array(_) => 4,
            Type::Tuple { items, .. } => 6 + 3 * items.len(),
            Type::Union(members) | Type::Intersection(members) => 3 * members.len(),
            Type::Documented(doc, _) => doc.width(),
            Type::Object(object) => Self::frame(object),
        };
        Facts { width: frame.saturating_add(inner), depth }
    }

    fn frame(object: &Object) -> usize {
        let index = if matches!(object.others, Others::Of(_)) || object.properties.is_empty() { 17 } else { 0 };
        let keys = object.properties.iter().map(|property| {
            property_key(&property.key).len() + 4 + usize::from(!property.required) + property.doc.width()
        });
        keys.fold(index + 4, usize::saturating_add)
    }

    /// A type as it stands inside another: by its name, or whole.
    fn placed(&self, types: &Types, id: TypeId) -> Facts {
        if self.is_named.contains(&id) {
            return Facts { width: name_width(types, id), depth: 0 };
        }
        self.facts.get(&id).copied().unwrap_or(Facts { width: UNKNOWN_WIDTH, depth: 0 })
    }
}

impl Walk {
    fn new(types: &Types, roots: &[TypeId]) -> Self {
        let roots: Vec<TypeId> = roots.iter().map(|root| types.solid(*root)).collect();
        let (order, recursive) = depth_first(&roots, |id| types.children(id));
        let is_thin = |id: &TypeId| {
            matches!(types.get(*id).as_ref(), Type::Union(_) | Type::Intersection(_) | Type::Documented(..))
        };
        let thin: Vec<TypeId> = order.iter().copied().filter(is_thin).collect();
        let (_, empty_cycles) = depth_first(&thin, |id| types.children(id).into_iter().filter(is_thin).collect());
        let mut uses: HashMap<TypeId, usize> = roots.iter().map(|root| (*root, 1)).collect();
        for id in order.iter().rev() {
            // Two uses of `Tag[]` are one entry, but two uses of `Tag`.
            let times = if is_nameable(types.get(*id).as_ref()) { 1 } else { uses.get(id).copied().unwrap_or(0) };
            for child in types.children(*id) {
                let count = uses.entry(child).or_default();
                *count = count.saturating_add(times);
            }
        }
        Self { uses, recursive, empty_cycles, order }
    }
}

/// Walks a graph with a list instead of the stack, for a chain of definitions may be very long. Returns the nodes, each
/// after all it leads to, and the nodes at which a cycle closes.
fn depth_first(roots: &[TypeId], children: impl Fn(TypeId) -> Vec<TypeId>) -> (Vec<TypeId>, HashSet<TypeId>) {
    let (mut order, mut closing) = (Vec::new(), HashSet::new());
    let (mut open, mut done) = (HashSet::new(), HashSet::new());
    for root in roots {
        let mut stack = Vec::new();
        if !done.contains(root) {
            open.insert(*root);
            stack.push((*root, children(*root).into_iter()));
        }
        while let Some((id, rest)) = stack.last_mut() {
            let id = *id;
            match rest.next() {
                Some(child) if open.contains(&child) => {
                    closing.insert(child);
                }
                Some(child) if done.contains(&child) => {}
                Some(child) => {
                    open.insert(child);
                    stack.push((child, children(child).into_iter()));
                }
                None => {
                    stack.pop();
                    open.remove(&id);
                    done.insert(id);
                    order.push(id);
                }
            }
        }
    }
    (order, closing)
}

/// Whether `type Name = …` and the name at each use are shorter than the type at each use.
fn saves(types: &Types, id: TypeId, uses: usize, width: usize) -> bool {
    let name = name_width(types, id);
    let least = if types.words(id).is_empty() { MIN_WIDTH_WITHOUT_HINT } else { MIN_WIDTH };
    uses > 1
        && width >= least
        && is_nameable(types.get(id).as_ref())
        && uses.saturating_mul(width) > uses.saturating_mul(name).saturating_add(width + name + ALIAS_WIDTH)
}

fn is_nameable(of: &Type) -> bool {
    matches!(of, Type::Object(_) | Type::Union(_) | Type::Intersection(_) | Type::Tuple { .. })
}

fn name_width(types: &Types, id: TypeId) -> usize {
    match types.words(id) {
        [] => 10,
        words => words.iter().map(String::len).sum(),
    }
}

/// `type  = ;` and the line break, and a margin, for one more name costs the reader a look elsewhere.
const ALIAS_WIDTH: usize = 24;

/// `string | null` is clearer than any name.
const MIN_WIDTH: usize = 24;

/// The same where nothing in the schema suggests a name.
const MIN_WIDTH_WITHOUT_HINT: usize = 60;

const UNKNOWN_WIDTH: usize = 7;

/// Types are named rather than nested deeper than this.
const MAX_DEPTH: usize = 12;
