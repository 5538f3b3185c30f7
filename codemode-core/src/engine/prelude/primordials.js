// The intrinsics as they were before any guest code ran. Whatever runs once the guest has started uses these names and
// syntax, for the guest may have replaced every property it can reach. Not all syntax: `for...of`, spread and patterns of
// arrays ask for Symbol.iterator, `instanceof` for Symbol.hasInstance, and on QuickJS a template literal is a call of
// String.prototype.concat.
const { apply, construct, ownKeys, getPrototypeOf: prototypeOf } = Reflect;
const { defineProperty, setPrototypeOf, is: sameValue } = Object;
const { stringify, parse } = JSON;
const { isArray } = Array;
const { floor, imul } = Math;
const ObjectPrototype = Object.prototype, ArrayPrototype = Array.prototype, FunctionPrototype = Function.prototype;
const MapCtor = Map, SetCtor = Set, PromiseCtor = Promise, RegExpCtor = RegExp, Bytes = Uint8Array, Buffer = ArrayBuffer, View = DataView;
const ErrorCtor = Error, TypeErrorCtor = TypeError, RangeErrorCtor = RangeError;
const StringFn = String, NumberFn = Number, parseIntFn = parseInt, parseFloatFn = parseFloat, symbolIterator = Symbol.iterator, symbolTag = Symbol.toStringTag;
const encodeComponent = encodeURIComponent, decodeComponent = decodeURIComponent;

// `uncurry(f)(self, a)` is `f.call(self, a)` without a lookup: half the price of `apply(f, self, [a])` on QuickJS, but
// 400 ns at every start. So only what runs in loops is uncurried; the rest is captured as it is, for `apply`.
const uncurry = FunctionPrototype.bind.bind(FunctionPrototype.call);
const charCodeAt = uncurry(StringFn.prototype.charCodeAt), slice = uncurry(StringFn.prototype.slice);
const indexOf = uncurry(StringFn.prototype.indexOf), classOf = uncurry(ObjectPrototype.toString);
const { toWellFormed } = StringFn.prototype, { fromCharCode } = StringFn, { exec } = RegExp.prototype;
const { getTime, toISOString } = Date.prototype;
const { get: mapGet, set: mapSet, entries: mapEntries } = Map.prototype, { next: mapNext } = prototypeOf(new Map().entries());
const { add: setAdd, has: setHas, delete: setDelete, values: setValues } = Set.prototype, { next: setNext } = prototypeOf(new Set().values());
const readDescriptor = Reflect.getOwnPropertyDescriptor;
const getter = (prototype, name) => readDescriptor(prototype, name).get;
const typedPrototype = prototypeOf(Bytes.prototype);
const typedName = getter(typedPrototype, symbolTag), typedLength = getter(typedPrototype, "length"), typedBuffer = getter(typedPrototype, "buffer");
const typedOffset = getter(typedPrototype, "byteOffset"), typedBytes = getter(typedPrototype, "byteLength");
const viewBuffer = getter(View.prototype, "buffer"), viewOffset = getter(View.prototype, "byteOffset"), viewBytes = getter(View.prototype, "byteLength");
const bufferBytes = getter(Buffer.prototype, "byteLength"), mapSize = getter(Map.prototype, "size"), setSize = getter(Set.prototype, "size");
const regexpSource = getter(RegExp.prototype, "source"), regexpFlags = getter(RegExp.prototype, "flags");
// Own on V8's errors, an accessor on the prototype of the others.
const errorStack = readDescriptor(ErrorCtor.prototype, "stack")?.get;
const asyncPrototype = prototypeOf(async () => {}), generatorPrototype = prototypeOf(function* () {}), asyncGeneratorPrototype = prototypeOf(async function* () {});
const unboxers = [NumberFn.prototype.valueOf, StringFn.prototype.valueOf, Boolean.prototype.valueOf, BigInt.prototype.valueOf, Symbol.prototype.valueOf];

// `then` reads `constructor`, which the guest can patch on the prototype; an own `undefined` means the built-in Promise.
const promiseThen = Promise.prototype.then;
const settled = (promise, onValue, onError) => {
  defineProperty(promise, "constructor", { __proto__: null, value: undefined });
  apply(promiseThen, promise, [onValue, onError]);
};

// Descriptors without a prototype: a `get` or `value` added to Object.prototype must not count.
const own = (object, key) => {
  const found = readDescriptor(object, key);
  return found === undefined ? found : setPrototypeOf(found, null);
};
const define = (object, key, value) => defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
const fix = (object, key, value) => defineProperty(object, key, { __proto__: null, value, writable: false, enumerable: false, configurable: false });
const put = (object, key, value) => defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });

// An array without a prototype: index assignment cannot meet a setter that the guest put on Array.prototype.
const list = () => setPrototypeOf([], null);
const toArray = (items) => setPrototypeOf(items, ArrayPrototype);
const join = (items, separator) => {
  let text = "";
  for (let i = 0; i < items.length; i++) text += i === 0 ? items[i] : separator + items[i];
  return text;
};

// For questions that an object may refuse to answer: brand checks, and getters of the guest.
const attempt = (f, self) => {
  try { return apply(f, self, []); } catch { return undefined; }
};
const read = (object, key) => {
  try { return object[key]; } catch { return undefined; }
};
// "[object Error]" and the like; "" when a getter of the guest throws.
const tagOf = (value) => {
  try { return classOf(value); } catch { return ""; }
};
const matches = (regexp, text) => apply(exec, regexp, [text]) !== null;

// The first `limit` UTF-16 units, never half of a pair.
const head = (text, limit) => {
  if (text.length <= limit) return text;
  const last = charCodeAt(text, limit - 1);
  return slice(text, 0, last >= 0xd800 && last < 0xdc00 ? limit - 1 : limit);
};
const cap = (text, limit) => {
  if (text.length <= limit) return text;
  const kept = head(text, limit);
  return kept + "\u2026 (" + (text.length - kept.length) + " more characters)";
};

const namedError = (name, message) => {
  const error = new ErrorCtor(message);
  define(error, "name", name);
  return error;
};

// Asks or tells the host; its refusals become errors that the guest can catch.
const ask = (text) => {
  const answer = post(text);
  if (typeof answer === "string" && answer[0] === "!") throw new ErrorCtor(slice(answer, 1));
  return answer;
};
