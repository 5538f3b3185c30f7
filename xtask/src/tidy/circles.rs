//! Circles of imports between the files of a package.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry};

use super::arrows::{Arrow, Node};
use crate::workspace::{Package, Workspace};

/// A message for each circle. Of a file that is in several circles at once the shortest is named; the others show when
/// that is open.
pub fn problems(workspace: &Workspace, package: &Package, arrows: &[Arrow]) -> Vec<String> {
    let mut first: BTreeMap<(&Node, &Node), &Arrow> = BTreeMap::new();
    for arrow in arrows {
        first.entry((&arrow.from, &arrow.to)).or_insert(arrow);
    }
    let pairs: Vec<(&Node, &Node)> = first.keys().copied().collect();
    let message = |circle: Vec<&Node>| {
        let next = circle.iter().cycle().skip(1);
        let lines = circle.iter().zip(next).filter_map(|(from, to)| first.get(&(*from, *to))).map(|arrow| {
            let (from, to) = (workspace.shown(&arrow.from.file), workspace.shown(&arrow.to.file));
            format!("\n  {from}:{} uses {} of {to}", arrow.line, arrow.path)
        });
        format!(
            "circle of imports in {}:{}\n  move what they share into a file of its own, or hand it over as an argument",
            package.name,
            lines.collect::<String>()
        )
    };
    shortest(&pairs).into_iter().map(message).collect()
}

/// For each node that is in a circle the shortest one through it, each circle once, the shortest first.
pub fn shortest<N: Copy + Ord>(arrows: &[(N, N)]) -> Vec<Vec<N>> {
    let mut after: BTreeMap<N, BTreeSet<N>> = BTreeMap::new();
    for (from, to) in arrows {
        after.entry(*from).or_default().insert(*to);
    }
    let mut circles: Vec<Vec<N>> = after.keys().filter_map(|node| through(*node, &after)).collect();
    for circle in &mut circles {
        let least = circle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(at, _)| at);
        circle.rotate_left(least);
    }
    circles.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    circles.dedup();
    circles
}

/// The shortest way from a node back to it.
fn through<N: Copy + Ord>(node: N, after: &BTreeMap<N, BTreeSet<N>>) -> Option<Vec<N>> {
    let mut came: BTreeMap<N, N> = BTreeMap::new();
    let mut queue = VecDeque::from([node]);
    while let Some(at) = queue.pop_front() {
        for &next in after.get(&at).into_iter().flatten() {
            if next == node {
                let mut circle = vec![at];
                while let Some(before) = circle.last().and_then(|last| came.get(last)) {
                    circle.push(*before);
                }
                circle.reverse();
                return Some(circle);
            }
            if let Entry::Vacant(first) = came.entry(next) {
                first.insert(at);
                queue.push_back(next);
            }
        }
    }
    None
}
