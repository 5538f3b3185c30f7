//! `Symbol.for` and `Symbol.keyFor`. Boa's registry belongs to the process: it grows for good, and allocates under a lock.

use boa_engine::{Context, JsNativeError, JsResult, JsSymbol, JsValue};

use crate::natives::Guard;

/// `Symbol.for`
pub(crate) fn registered(guard: &Guard, _: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = args.first().cloned().unwrap_or_default().to_string(context)?;
    let (by_name, by_symbol) = &mut *guard.shared.symbols.borrow_mut();
    if let Some(symbol) = by_name.get(&name) {
        return Ok(symbol.clone().into());
    }
    let too_many = || JsNativeError::range().with_message("there are too many symbols");
    let symbol = JsSymbol::new(Some(name.clone())).ok_or_else(too_many)?;
    by_name.insert(name.clone(), symbol.clone());
    by_symbol.insert(symbol.clone(), name);
    Ok(symbol.into())
}

/// `Symbol.keyFor`
pub(crate) fn key(guard: &Guard, _: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let symbol = args.first().and_then(JsValue::as_symbol);
    let symbol = symbol.ok_or_else(|| JsNativeError::typ().with_message("Symbol.keyFor: sym is not a symbol"))?;
    Ok(guard.shared.symbols.borrow().1.get(&symbol).cloned().map_or(JsValue::undefined(), JsValue::from))
}
