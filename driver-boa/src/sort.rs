//! Sorting of arrays. Boa uses Rust's own, which panics when a comparator contradicts itself.

use std::cmp::Ordering;

use boa_engine::{Context, JsObject, JsResult, JsString, JsValue, object::builtins::JsFunction};

use crate::budget::Budget;

/// Sorts the elements of `object` below `length` in place, as `Array.prototype.sort` does: holes go to the end.
pub(crate) fn in_place(
    object: &JsObject,
    length: usize,
    compare: Option<&JsFunction>,
    budget: &Budget,
    context: &mut Context,
) -> JsResult<()> {
    let mut items = Vec::new();
    for index in 0..length {
        if object.has_property(index, context)? {
            items.push(object.get(index, context)?);
        }
    }
    let sorted = sorted(items, compare, budget, context)?;
    let count = sorted.len();
    for (index, item) in sorted.into_iter().enumerate() {
        object.set(index, item, true, context)?;
    }
    for index in count..length {
        object.delete_property_or_throw(index, context)?;
    }
    Ok(())
}

/// A stable merge sort; `undefined` goes to the end without being compared.
pub(crate) fn sorted(
    items: Vec<JsValue>,
    compare: Option<&JsFunction>,
    budget: &Budget,
    context: &mut Context,
) -> JsResult<Vec<JsValue>> {
    let (undefined, defined): (Vec<JsValue>, Vec<JsValue>) = items.into_iter().partition(JsValue::is_undefined);
    // A single one is not compared, and need not have a text.
    let by_text = compare.is_none() && defined.len() > 1;
    let mut runs: Vec<Item> = Vec::with_capacity(defined.len());
    for value in defined {
        let text = if by_text { Some(value.to_string(context)?) } else { None };
        runs.push(Item { value, text });
    }
    let mut width = 1;
    while width < runs.len() {
        let mut merged = Vec::with_capacity(runs.len());
        for pair in runs.chunks(width * 2) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([first, rest_left @ ..], [second, rest_right @ ..]) = (left, right) {
                budget.reserve(0)?;
                if first.order(second, compare, context)? == Ordering::Greater {
                    merged.push(second.clone());
                    right = rest_right;
                } else {
                    merged.push(first.clone());
                    left = rest_left;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        runs = merged;
        width *= 2;
    }
    Ok(runs.into_iter().map(|item| item.value).chain(undefined).collect())
}

#[derive(Clone)]
struct Item {
    value: JsValue,
    /// What is compared without a comparator.
    text: Option<JsString>,
}

impl Item {
    fn order(&self, other: &Self, compare: Option<&JsFunction>, context: &mut Context) -> JsResult<Ordering> {
        let Some(compare) = compare else { return Ok(self.text.cmp(&other.text)) };
        let arguments = [self.value.clone(), other.value.clone()];
        let order = compare.call(&JsValue::undefined(), &arguments, context)?.to_number(context)?;
        // NaN counts as equal.
        Ok(order.partial_cmp(&0.0).unwrap_or(Ordering::Equal))
    }
}
