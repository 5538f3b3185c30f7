// A native looks for its trap in the handler. Where that is a proxy too, or inherits from one, each level doubles the walk,
// which calls no function. So every trap is a function, and asks in its place.
const reflected = { __proto__: null }, trapNames = ownKeys(Reflect);
for (let i = 0; i < trapNames.length; i++) {
  const name = trapNames[i];
  if (typeof name === "string") reflected[name] = Reflect[name];
}
const trapOf = (name, plain) => ({ [name]() {
  const { handler } = this, trap = handler[name];
  return trap === undefined || trap === null ? apply(plain, undefined, arguments) : apply(toFunction(trap), handler, arguments);
} })[name];
// A native looks for each key in all the others.
const keysMax = 16384;
const keysOf = { ownKeys(target) {
  const { handler } = this, trap = handler.ownKeys;
  const keys = trap === undefined || trap === null ? ownKeys(target) : apply(toFunction(trap), handler, arguments);
  if (!isObject(keys)) return keys;
  const size = sizeOf(keys), listed = list();
  if (size > keysMax) throw new RangeErrorCtor("a proxy may list at most " + keysMax + " keys, not " + size);
  for (let i = 0; i < size; i++) {
    beat();
    listed[i] = keys[i];
  }
  return listed;
} }.ownKeys;
// Made with the first proxy.
let traps;
const handlerOf = (handler) => {
  if (!isObject(handler)) return handler;
  if (traps === undefined) {
    traps = { __proto__: null };
    for (const name in reflected) traps[name] = name === "ownKeys" ? keysOf : trapOf(name, reflected[name]);
  }
  return { __proto__: traps, handler };
};
const revocable = Proxy.revocable, RealProxy = Proxy;
const remembered = (proxy) => {
  proxies ??= new WeakSetCtor();
  apply(weakAdd, proxies, [proxy]);
  return proxy;
};
globalThis.Proxy = new RealProxy(RealProxy, { __proto__: null, construct: (target, all, maker) => remembered(construct(target, [all[0], handlerOf(all[1])], maker)) });
RealProxy.revocable = { revocable(target, handler) {
  const made = apply(revocable, RealProxy, [target, handlerOf(handler)]);
  remembered(made.proxy);
  return made;
} }.revocable;
