// The list of globals and of their members, equal on all engines, and nothing that makes code from a string or forges a
// stack. Into a context that V8 restores from a snapshot it puts its newer features once more (WebAssembly, SharedArrayBuffer,
// Math.f16round and others), and it dies where it finds the names of some taken or Atomics gone. So what V8 leaves alone is
// done when this text is evaluated, before a snapshot is written, and the rest by `lockDown`.

let locked = false;
const lockDown = () => {
  if (locked) return;
  locked = true;
  closeFunctions();
  fixStacks();
  deleteNewest();
  fixGlobals();
};

// Each of the four kinds of functions has a constructor that compiles. A stand-in keeps names and prototype chains.
const closeFunctions = () => {
  globalThis.Function = closed("Function", FunctionPrototype);
  closed("AsyncFunction", asyncPrototype, globalThis.Function);
  closed("GeneratorFunction", generatorPrototype, globalThis.Function);
  closed("AsyncGeneratorFunction", asyncGeneratorPrototype, globalThis.Function);
};
const closed = (name, prototype, parent) => {
  const Closed = function (body) { throw new EvalErrorCtor("code from strings is disabled in this sandbox; write the code directly"); };
  defineProperty(Closed, "name", { __proto__: null, value: name });
  defineProperty(Closed, "prototype", { __proto__: null, value: prototype, writable: false });
  if (parent !== undefined) setPrototypeOf(Closed, parent);
  fix(prototype, "constructor", Closed);
  return Closed;
};
const EvalErrorCtor = EvalError;

// Two engines run the guest's `prepareStackTrace` with frames of ours; the limit is what the host's stacks are cut to.
const fixStacks = () => {
  ErrorCtor.stackTraceLimit = 20;
  delete ErrorCtor.stackTraceLimit;
  delete ErrorCtor.prepareStackTrace;
  fix(ErrorCtor, "stackTraceLimit", 20);
  fix(ErrorCtor, "prepareStackTrace", undefined);
  // QuickJS has a class of its own for what the others call a RangeError: too deep a stack, too long a string.
  if (typeof InternalError === "function") {
    setPrototypeOf(InternalError.prototype, RangeError.prototype);
    fix(InternalError.prototype, "name", "RangeError");
    fix(InternalError.prototype, "constructor", RangeError);
  }
};

const iterators = prototypeOf(prototypeOf([][symbolIterator]())), asyncIterators = prototypeOf(asyncGeneratorPrototype.prototype);

// What only some engines have is deleted, one statement each: a table of names costs three times as much at every start,
// and a check of all 1,700 names ten times. The suite's list of members notices what a new engine version adds.
const fixMembers = () => {
  const strings = StringFn.prototype, regexps = RegExpCtor.prototype, buffers = Buffer.prototype;
  delete Array.fromAsync; delete BigInt.prototype.toLocaleString;
  delete ErrorCtor.captureStackTrace;
  delete Iterator.zip; delete Iterator.zipKeyed;
  delete iterators.chunks; delete iterators.windows; delete iterators.includes; delete iterators.join;
  delete FunctionPrototype.fileName; delete FunctionPrototype.lineNumber; delete FunctionPrototype.columnNumber;
  delete RegExpCtor.input; delete RegExpCtor.$_; delete RegExpCtor.lastMatch; delete RegExpCtor["$&"]; delete RegExpCtor.lastParen; delete RegExpCtor["$+"];
  delete RegExpCtor.leftContext; delete RegExpCtor["$`"]; delete RegExpCtor.rightContext; delete RegExpCtor["$'"];
  for (let i = 1; i < 10; i++) delete RegExpCtor["$" + i];
  delete regexps.compile; delete regexps.lastIndex;
  delete strings.anchor; delete strings.big; delete strings.blink; delete strings.bold; delete strings.fixed; delete strings.fontcolor; delete strings.fontsize;
  delete strings.italics; delete strings.link; delete strings.small; delete strings.strike; delete strings.sub; delete strings.sup;
  delete buffers.detached; delete buffers.immutable; delete buffers.sliceToImmutable; delete buffers.transfer; delete buffers.transferToImmutable; delete buffers.transferToFixedLength;
  for (const name in typedMakers) delete typedMakers[name][Symbol.species];
  defineProperty(strings, "length", { __proto__: null, configurable: false });
  // On V8 every error has its own; the accessor is for what only inherits from one.
  if (errorStack === undefined) {
    const { get, set } = readDescriptor({ get stack() { return undefined; }, set stack(value) { put(this, "stack", value); } }, "stack");
    defineProperty(ErrorCtor.prototype, "stack", { __proto__: null, get, set, enumerable: false, configurable: true });
  }

  if (strings.substr === undefined) define(strings, "substr", { substr(from, length) { return substring(StringFn(this), from, length); } }.substr);
  if (strings.trimLeft === undefined) define(strings, "trimLeft", strings.trimStart);
  if (strings.trimRight === undefined) define(strings, "trimRight", strings.trimEnd);
  NumberFn.prototype.toLocaleString = { toLocaleString(locales, options) { return numberText(apply(unboxers[0], this, []), options); } }.toLocaleString;
  strings.localeCompare = { localeCompare(that, locales, options) { return compareText(StringFn(this), StringFn(that), options); } }.localeCompare;
  strings.toLocaleLowerCase = toLowerCase;
  strings.toLocaleUpperCase = strings.toUpperCase;
};

// Members that V8 puts into a context that it restores.
const deleteNewest = () => {
  const views = View.prototype, byteArrays = Bytes.prototype;
  delete ErrorCtor.isError; delete Math.f16round; delete Math.sumPrecise;
  if (Symbol.dispose) delete iterators[Symbol.dispose];
  if (Symbol.asyncDispose) delete asyncIterators[Symbol.asyncDispose];
  delete views.getFloat16; delete views.setFloat16;
  delete Bytes.fromBase64; delete Bytes.fromHex; delete byteArrays.toBase64; delete byteArrays.toHex; delete byteArrays.setFromBase64; delete byteArrays.setFromHex;
};

const substring = (text, from, length) => {
  const first = toInteger(from), begin = first >= 0 ? first : first + text.length > 0 ? first + text.length : 0;
  const count = length === undefined ? text.length : toInteger(length);
  return count > 0 ? slice(text, begin, begin + count) : "";
};
const toInteger = (value) => {
  const number = NumberFn(value);
  return number !== number ? 0 : number < 0 ? -floor(-number) : floor(number);
};

// Without Intl an engine does these in its own way, and with it the host's language decides: one rule of en-US for all.
const { toFixed } = NumberFn.prototype, { normalize, toLowerCase } = StringFn.prototype;
const currencies = { __proto__: null, USD: "$", EUR: "\u20ac", GBP: "\u00a3", JPY: "\u00a5", INR: "\u20b9", CNY: "CN\u00a5" };
const numberText = (value, options) => {
  const { style = "decimal", currency, minimumFractionDigits: least, maximumFractionDigits: most, useGrouping = true } = options ?? { __proto__: null };
  const usual = style === "percent" ? 0 : style === "currency" ? (currency === "JPY" ? 0 : 2) : 3;
  const low = least ?? (style === "currency" ? most < usual ? most : usual : 0), high = most ?? (usual > low ? usual : low);
  if (value !== value) return "NaN";
  const size = (value < 0 ? -value : value) * (style === "percent" ? 100 : 1);
  let text = size === Infinity ? "\u221e" : apply(toFixed, size, [high]), point = indexOf(text, ".");
  if (point > 0) {
    let end = text.length;
    while (end - point - 1 > low && text[end - 1] === "0") end -= 1;
    text = slice(text, 0, end - point === 1 ? point : end);
  } else point = text.length;
  if (useGrouping && indexOf(text, "e") < 0) for (let i = point - 3; i > 0; i -= 3) text = slice(text, 0, i) + "," + slice(text, i);
  const unit = style === "currency" ? currencies[currency] ?? currency + "\u00a0" : "";
  return (value < 0 || sameValue(value, -0) ? "-" : "") + unit + text + (style === "percent" ? "%" : "");
};
// Letters without their case and accents, then accents, then small letters before capitals.
const baseText = (text) => {
  const folded = apply(toLowerCase, apply(normalize, text, ["NFD"]), []);
  if (!matches(/[\u0300-\u036f]/, folded)) return folded;
  let out = "";
  for (let i = 0; i < folded.length; i++) if (folded[i] < "\u0300" || folded[i] > "\u036f") out += folded[i];
  return out;
};
const isDigit = (unit) => unit >= 48 && unit <= 57;
const weight = (unit) => unit >= 97 && unit <= 122 || isDigit(unit) || unit > 127 ? unit : unit - 128;
const compareBase = (a, b, numeric) => {
  let i = 0, j = 0;
  while (i < a.length && j < b.length) {
    const x = charCodeAt(a, i), y = charCodeAt(b, j);
    if (numeric && isDigit(x) && isDigit(y)) {
      while (a[i] === "0" && i + 1 < a.length && isDigit(charCodeAt(a, i + 1))) i += 1;
      while (b[j] === "0" && j + 1 < b.length && isDigit(charCodeAt(b, j + 1))) j += 1;
      const from = i, other = j;
      while (i < a.length && isDigit(charCodeAt(a, i))) i += 1;
      while (j < b.length && isDigit(charCodeAt(b, j))) j += 1;
      if (i - from !== j - other) return i - from < j - other ? -1 : 1;
      const left = slice(a, from, i), right = slice(b, other, j);
      if (left !== right) return left < right ? -1 : 1;
      continue;
    }
    if (x !== y) return weight(x) < weight(y) ? -1 : 1;
    i += 1;
    j += 1;
  }
  return i < a.length ? 1 : j < b.length ? -1 : 0;
};
const compareText = (a, b, options) => {
  if (a === b) return 0;
  const { numeric = false, sensitivity = "variant" } = options ?? { __proto__: null };
  const base = compareBase(baseText(a), baseText(b), numeric);
  if (base !== 0 || sensitivity === "base") return base;
  const left = apply(normalize, a, ["NFD"]), right = apply(normalize, b, ["NFD"]);
  const small = apply(toLowerCase, left, []), other = apply(toLowerCase, right, []);
  if (small !== other && sensitivity !== "case") return small < other ? -1 : 1;
  return left === right || sensitivity === "accent" ? 0 : left > right ? -1 : 1;
};

// WeakRef and FinalizationRegistry are not in the list: they tell when the collector ran, which no journal holds.
const allowed = {
  __proto__: null, AggregateError: 1, Array: 1, ArrayBuffer: 1, BigInt: 1, BigInt64Array: 1, BigUint64Array: 1, Boolean: 1, DataView: 1, Date: 1, Error: 1,
  EvalError: 1, Float32Array: 1, Float64Array: 1, Function: 1, Infinity: 1, Int16Array: 1, Int32Array: 1, Int8Array: 1, Iterator: 1, JSON: 1, Map: 1,
  Math: 1, NaN: 1, Number: 1, Object: 1, Promise: 1, Proxy: 1, RangeError: 1, ReferenceError: 1, Reflect: 1, RegExp: 1, Set: 1, String: 1, Symbol: 1,
  SyntaxError: 1, TypeError: 1, URIError: 1, Uint16Array: 1, Uint32Array: 1, Uint8Array: 1, Uint8ClampedArray: 1, WeakMap: 1, WeakSet: 1, console: 1, decodeURI: 1,
  decodeURIComponent: 1, encodeURI: 1, encodeURIComponent: 1, globalThis: 1, isFinite: 1, isNaN: 1, parseFloat: 1, parseInt: 1, undefined: 1,
};

// Names that could not be removed; they are undefined if that could be done.
const stuck = list();
const fixGlobals = () => {
  const names = ownKeys(globalThis);
  for (let i = 0; i < names.length; i++) {
    if (allowed[names[i]] === 1 || Reflect.deleteProperty(globalThis, names[i])) continue;
    Reflect.set(globalThis, names[i], undefined);
    stuck[stuck.length] = names[i];
  }
};

// What programs get besides the language's own.
const addGlobals = (globals) => {
  for (const name in globals) {
    define(globalThis, name, globals[name]);
    allowed[name] = 1;
  }
};

// While it writes a snapshot V8 has no `stackTraceLimit` yet. The engine asks for it then (PRELUDE_SEAL), or `startClock`
// does it, before any guest code.
const inSnapshot = ErrorCtor.captureStackTrace !== undefined && ErrorCtor.stackTraceLimit === undefined;
fixMembers();
addGlobals(clockGlobals);
addGlobals(webGlobals);
addGlobals(urlGlobals);
fix(globalThis, "console", console);
if (!inSnapshot) lockDown();
