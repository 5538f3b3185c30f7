//! Prototypes and proxies. Boa follows them by recursion, without a call and so without a look at the budget: a circle of
//! them would overflow the thread's stack. Each link is made with its object but for a prototype, which can be set later;
//! so setting one is where a circle is refused. Handlers are no links: those that Boa sees are the prelude's, and have all traps.

use boa_engine::{
    Context, Finalize, JsData, JsNativeError, JsObject, JsResult, JsValue, Trace, builtins::proxy::Proxy, js_string,
};

use crate::{
    budget::too_deep,
    natives::{Guard, pass},
};

/// What leads on from a proxy, which Boa tells nobody.
#[derive(Trace, Finalize, JsData)]
struct Links {
    target: JsObject,
    #[unsafe_ignore_trace]
    depth: usize,
}

/// `new Proxy`
pub(crate) fn proxy(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let depth = depth_of_new(guard, args, context)?;
    let proxy = pass(guard, this, args, context)?;
    remember(guard, &proxy, args, depth, context)?;
    Ok(proxy)
}

/// `Proxy.revocable`
pub(crate) fn revocable(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let depth = depth_of_new(guard, args, context)?;
    let pair = pass(guard, this, args, context)?;
    if let Some(object) = pair.as_object() {
        let proxy = object.get(js_string!("proxy"), context)?;
        remember(guard, &proxy, args, depth, context)?;
    }
    Ok(pair)
}

/// `Object.setPrototypeOf`
pub(crate) fn set_prototype_of(
    guard: &Guard,
    this: &JsValue,
    args: &[JsValue],
    context: &mut Context,
) -> JsResult<JsValue> {
    refuse_circle(guard, args.first(), args.get(1), context)?;
    pass(guard, this, args, context)
}

/// The setter of `__proto__`
pub(crate) fn set_proto(guard: &Guard, this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    refuse_circle(guard, Some(this), args.first(), context)?;
    pass(guard, this, args, context)
}

fn depth_of_new(guard: &Guard, args: &[JsValue], context: &mut Context) -> JsResult<usize> {
    let target = args.first().and_then(JsValue::as_object);
    let depth = target.map_or(Ok(0), |target| depth(guard, target, context))?;
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(too_deep()) }
}

/// The longest way from `object`, in links: prototypes up to the first proxy, and what is known of that.
fn depth(guard: &Guard, object: JsObject, context: &mut Context) -> JsResult<usize> {
    let (mut next, mut links) = (Some(object), 0);
    while let Some(object) = next {
        guard.budget.reserve(0)?;
        if object.is::<Proxy>() {
            let known = with_links(guard, &object, context, |known| known.depth)?;
            return Ok(links + known.unwrap_or(0));
        }
        next = object.prototype();
        links += 1;
    }
    Ok(links)
}

fn remember(guard: &Guard, proxy: &JsValue, args: &[JsValue], depth: usize, context: &mut Context) -> JsResult<()> {
    let objects = (proxy.as_object(), args.first().and_then(JsValue::as_object));
    let (Some(proxy), Some(target)) = objects else { return Ok(()) };
    let links = JsObject::from_proto_and_data(None, Links { target, depth });
    guard.shared.proxies.set(&proxy, links.into(), context)?;
    Ok(())
}

/// The target of a proxy.
pub(crate) fn target(guard: &Guard, proxy: &JsObject, context: &mut Context) -> JsResult<Option<JsObject>> {
    with_links(guard, proxy, context, |links| links.target.clone())
}

fn with_links<R>(
    guard: &Guard,
    proxy: &JsObject,
    context: &mut Context,
    read: impl FnOnce(&Links) -> R,
) -> JsResult<Option<R>> {
    let links = guard.shared.proxies.get(proxy, context)?.as_object();
    Ok(links.as_ref().and_then(JsObject::downcast_ref::<Links>).map(|links| read(&links)))
}

fn refuse_circle(
    guard: &Guard,
    object: Option<&JsValue>,
    prototype: Option<&JsValue>,
    context: &mut Context,
) -> JsResult<()> {
    let (Some(object), Some(prototype)) = (object.and_then(JsValue::as_object), prototype.and_then(JsValue::as_object))
    else {
        return Ok(());
    };
    // A proxy that does not know better sets that of its target.
    let mut object = object;
    while object.is::<Proxy>() {
        guard.budget.reserve(0)?;
        let Some(target) = target(guard, &object, context)? else { return Ok(()) };
        object = target;
    }
    let mut next = Some(prototype);
    while let Some(at) = next {
        guard.budget.reserve(0)?;
        if at == object {
            return Err(JsNativeError::typ().with_message("Cyclic prototype value").into());
        }
        next = if at.is::<Proxy>() { target(guard, &at, context)? } else { at.prototype() };
    }
    Ok(())
}

/// Links in a row, so that no walk over them takes more than some megabytes of stack.
const MAX_DEPTH: usize = 10_000;
