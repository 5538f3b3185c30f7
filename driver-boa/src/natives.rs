//! Every native of a context looks at the budget before it runs. Boa bounds the frames of its own machine, and neither the
//! thread's stack nor the time of natives that call natives: `valueOf` that is a bound `Number`, an accessor that reads
//! itself through `Reflect.get`, an iterator whose `next` is native. All of them pass through a call of a native.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    mem,
    rc::Rc,
};

use boa_engine::{
    Context, Finalize, JsObject, JsResult, JsString, JsSymbol, JsValue, NativeFunction, Source, Trace, js_string,
    native_function::NativeFunctionObject,
    object::{
        FunctionObjectBuilder,
        builtins::{JsFunction, JsWeakMap},
    },
    property::{PropertyDescriptor, PropertyKey},
};

use crate::budget::Budget;

/// What a guarded native does instead of, or before, the original.
pub(crate) type Guarded = fn(&Guard, &JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// What a native was replaced by.
#[derive(Clone, Trace, Finalize)]
pub(crate) struct Guard {
    pub(crate) itself: JsObject,
    /// Another object.
    pub(crate) original: JsFunction,
    pub(crate) shared: Shared,
    #[unsafe_ignore_trace]
    pub(crate) budget: Rc<Budget>,
    #[unsafe_ignore_trace]
    call: Guarded,
}

/// What the guards of one context share.
#[derive(Clone, Trace, Finalize)]
pub(crate) struct Shared {
    /// What leads on from each proxy: see [`links`](crate::links).
    pub(crate) proxies: JsWeakMap,
    /// `Object.keys`, whatever the program does to it.
    pub(crate) keys: JsObject,
    #[unsafe_ignore_trace]
    pub(crate) symbols: Registry,
    /// See [`regex`](crate::regex).
    #[unsafe_ignore_trace]
    pub(crate) tried: Tried,
}

/// The registered symbols of one engine, by name and by symbol.
pub(crate) type Registry = Rc<RefCell<(HashMap<JsString, JsSymbol>, HashMap<JsSymbol, JsString>)>>;

/// What was tried last, the newest first: a hash of an expression and where its text lies in memory, and up to which unit.
pub(crate) type Tried = Rc<RefCell<Vec<((u64, usize), usize)>>>;

/// What natives do instead of [`pass`].
pub(crate) type Special = HashMap<JsObject, Guarded>;

/// Guards every native that a program can reach.
pub(crate) fn guard_all(special: &Special, budget: &Rc<Budget>, context: &mut Context) -> JsResult<()> {
    // What no global name leads to.
    let seeds = context.eval(Source::from_bytes(SEEDS))?;
    let mut open: Vec<JsObject> = vec![context.global_object()];
    open.extend(seeds.as_object());
    let mut seen: HashSet<JsObject> = HashSet::new();
    while let Some(object) = open.pop() {
        if !seen.insert(object.clone()) {
            continue;
        }
        open.extend(object.prototype());
        for key in object.own_property_keys(context)? {
            let Some(property) = object.borrow().properties().get(&key) else { continue };
            let values = [property.value(), property.get(), property.set()];
            open.extend(values.into_iter().flatten().filter_map(JsValue::as_object));
        }
    }
    let keys = context.intrinsics().constructors().object().constructor().get(js_string!("keys"), context)?;
    let shared = Shared {
        proxies: JsWeakMap::new(context),
        keys: keys.to_object(context)?,
        symbols: Registry::default(),
        tried: Tried::default(),
    };
    for native in seen.into_iter().filter(|object| object.is::<NativeFunctionObject>()) {
        let call = special.get(&native).copied().unwrap_or(pass);
        replace(native, call, &shared, budget, context)?;
    }
    Ok(())
}

/// Replaces what `function` does and leaves the object: whoever holds it, the engine included, calls the replacement.
fn replace(
    function: JsObject,
    call: Guarded,
    shared: &Shared,
    budget: &Rc<Budget>,
    context: &mut Context,
) -> JsResult<()> {
    let name = function.get(js_string!("name"), context)?.to_string(context)?;
    let build = |native: NativeFunction, context: &Context| {
        let builder = FunctionObjectBuilder::new(context.realm(), native).name(name.clone());
        builder.constructor(function.is_constructor()).build()
    };
    let original = build(NativeFunction::from_fn_ptr(|_, _, _| Ok(JsValue::undefined())), context);
    if let Some(prototype) = own(&function, &js_string!("prototype").into()) {
        let prototype = PropertyDescriptor::builder().value(prototype).writable(false);
        original.define_property_or_throw(js_string!("prototype"), prototype, context)?;
    }
    let guard = Guard {
        itself: function.clone(),
        original: original.clone(),
        shared: shared.clone(),
        budget: budget.clone(),
        call,
    };
    let guarded = NativeFunction::from_copy_closure_with_captures(
        |this, args, guard: &Guard, context| {
            guard.budget.reserve(0)?;
            (guard.call)(guard, this, args, context)
        },
        guard,
    );
    let guarded = build(guarded, context);
    exchange(&original, &function);
    exchange(&function, &guarded);
    Ok(())
}

/// Calls or constructs the original.
pub(crate) fn pass(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    match guard.new_target(this) {
        None => guard.original.call(this, args, context),
        Some(new_target) => Ok(guard.original.construct(args, Some(&new_target), context)?.into()),
    }
}

impl Guard {
    /// What a constructor gets for a `this`, unless it is called as a function.
    pub(crate) fn new_target(&self, this: &JsValue) -> Option<JsObject> {
        let new_target = this.as_object().filter(|_| self.original.is_constructor())?;
        // The engine compares it with the function that runs.
        Some(if new_target == self.itself { (*self.original).clone() } else { new_target })
    }
}

/// The value of an own property, read without asking the program.
pub(crate) fn own(object: &JsObject, key: &PropertyKey) -> Option<JsValue> {
    object.borrow().properties().get(key).as_ref().and_then(PropertyDescriptor::value).cloned()
}

fn exchange(first: &JsObject, second: &JsObject) {
    let (first, second) = (first.downcast_mut::<NativeFunctionObject>(), second.downcast_mut::<NativeFunctionObject>());
    if let (Some(mut first), Some(mut second)) = (first, second) {
        mem::swap(&mut *first, &mut *second);
    }
}

/// One of each kind of iterator and function.
const SEEDS: &str = r#"[
    [].values(), new Map().values(), new Set().values(), ""[Symbol.iterator](), "".matchAll(/a/g),
    [].values().map(String), Iterator.from({ next() {} }), function* () {}, function* () {}(), async () => {},
    async function* () {}, async function* () {}(),
    Object.getOwnPropertyDescriptor(function () { "use strict"; return arguments; }(), "callee"),
]"#;
