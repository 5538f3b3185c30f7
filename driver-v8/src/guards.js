// Guards around the natives of V8 that make more than the heap can hold, and look at no interrupt on the way. Runs once,
// when the snapshot is written, after the prelude has taken the natives for itself. Each converts what it is given, measures
// what came out, and gives the native just that: a native that converts for itself would use what nobody measured.
// `reserve(bytes)` ends the program if the heap can never hold so many, or is over its limit now, and returns the limit.
// What walks over a length that no heap bounds the prelude guards itself; the natives that come second are as they were
// before it.
(reserve, natives) => { "use strict";
const { apply, construct } = natives;
// A shorter length is not worth a check. V8 aborts the process over an array of 2 ** 27 elements.
const MIN_LENGTH = 65536, MAX_LENGTH = 67108864;
const bound = (length, size) => {
  if (typeof length === "number" && length > MIN_LENGTH && length < Infinity) reserve(length < MAX_LENGTH ? length * size : Infinity);
};
// As the native converts its receiver; what has none it refuses itself.
const toText = (value) => typeof value === "string" || value === undefined || value === null ? value : `${value}`;

// The parser keeps what is open beside the heap: some forty bytes for each level.
const MIN_DEEP = 1048576, MAX_DEPTH = 1000000, { RangeError } = globalThis, { charCodeAt } = String.prototype;
const deep = (text) => {
  let depth = 0, quoted = false;
  for (let i = 0; i < text.length; i++) {
    const unit = apply(charCodeAt, text, [i]);
    if (unit === 34) quoted = !quoted;
    else if (quoted) i += unit === 92 ? 1 : 0;
    else if (unit === 91 || unit === 123) {
      if (++depth > MAX_DEPTH) throw new RangeError("the JSON text is nested too deep");
    } else if (unit === 93 || unit === 125) depth -= 1;
  }
};

// Each guard is a text of its own, so that V8 optimises it by itself.
const known = { apply, bound, deep, reserve, toText, MIN_DEEP, MIN_LENGTH };
const guard = (object, name, before, after = "", values = "arguments") => {
  const native = object[name], receiver = before.startsWith("const self") ? "self" : "this";
  const make = new Function(...Object.keys(known), "native", `"use strict"; return { ${name}() {
    ${before};
    const result = apply(native, ${receiver}, ${values});
    ${after};
    return result;
  } }.${name}`);
  put(object, name, make(...Object.values(known), native), native.length);
};
const put = (object, name, method, length) => {
  Object.defineProperty(method, "length", { value: length });
  Object.defineProperty(object, name, { value: method });
};
// A large text is one piece of memory, which V8 lets pass its limit once; so the heap is checked when it is there.
const text = "if (typeof result === 'string' && result.length > MIN_LENGTH) reserve(0)";

// ---- texts

const self = "const self = toText(this)";
guard(String.prototype, "repeat", `${self}, count = +arguments[0]; bound(self?.length * count, 1)`, "", "[count]");
for (const name of ["padEnd", "padStart"]) guard(String.prototype, name, `${self}, max = +arguments[0]; bound(max, 1)`, "", "[max, arguments[1]]");
for (const name of ["replace", "replaceAll"]) guard(String.prototype, name, `${self}; bound(self?.length, 1)`, text);
// Up to three letters for one, and for some that are made normal eighteen.
for (const [name, size] of [["normalize", 16], ["toLowerCase", 1], ["toUpperCase", 1], ["toWellFormed", 1]]) {
  guard(String.prototype, name, `${self}; bound(self?.length, ${size})`, text);
}
// In this sandbox they are one function each.
for (const letters of ["LowerCase", "UpperCase"]) {
  Object.defineProperty(String.prototype, `toLocale${letters}`, { value: String.prototype[`to${letters}`] });
}
for (const [name, size] of [["encodeURI", 9], ["encodeURIComponent", 9], ["decodeURI", 1], ["decodeURIComponent", 1]]) {
  guard(globalThis, name, `const value = \`\${arguments[0]}\`; bound(value.length, ${size})`, text, "[value]");
}
// What is parsed takes more than its text: 4 times for records, 20 times for `[],[],`.
guard(JSON, "parse", "const value = `${arguments[0]}`; bound(value.length, 4); if (value.length > MIN_DEEP) deep(value)", "if (value.length > MIN_LENGTH) reserve(0)", "[value, arguments[1]]");
const typed = Object.getPrototypeOf(Uint8Array.prototype);
guard(Array.prototype, "join", "", text);
for (const name of ["join", "toLocaleString"]) guard(typed, name, "", text);

// The parts of a large text are limited to what the heap can hold of them.
const { split } = String.prototype;
const PART = 32;
put(String.prototype, "split", { split(separator, limit) {
  const text = toText(this);
  if (text === undefined || text === null || text.length <= MIN_LENGTH) return apply(split, text, [separator, limit]);
  const wanted = limit === undefined ? 4294967295 : limit >>> 0, heap = reserve(text.length < MAX_LENGTH ? text.length : Infinity);
  const most = heap / PART < MAX_LENGTH ? heap / PART >>> 0 : MAX_LENGTH;
  if (wanted < most) return apply(split, text, [separator, wanted]);
  const parts = apply(split, text, [separator, most]);
  if (parts?.length >= most) reserve(Infinity);
  return parts;
} }.split, 2);

// ---- regular expressions

// A text of parts is made one text first. With more than 2 ** 26 matches V8 would abort over the list of them.
for (const symbol of [Symbol.match, Symbol.matchAll, Symbol.replace, Symbol.search, Symbol.split]) {
  const native = RegExp.prototype[symbol];
  const method = { [symbol](text) {
    const value = typeof text === "string" ? text : `${text}`;
    if (value.length > MIN_LENGTH) reserve(value.length < MAX_LENGTH ? value.length : Infinity);
    const result = apply(native, this, [value, arguments[1]]);
    if (typeof result === "string" && result.length > MIN_LENGTH) reserve(0);
    return result;
  } }[symbol];
  put(RegExp.prototype, symbol, method, native.length);
}

// ---- buffers

// A buffer that can grow does not come from the counting allocator.
const { resize } = ArrayBuffer.prototype;
put(ArrayBuffer.prototype, "resize", { resize(size) {
  const length = +size;
  bound(length, 1);
  apply(resize, this, [length]);
  reserve(0, true);
} }.resize, 1);
const Native = ArrayBuffer;
// Each takes two mappings of memory, of which a process has 65,530, and where none is left V8 can go no further.
const MAX_RESIZABLE = 256;
let resizable = 0;
globalThis.ArrayBuffer = new Proxy(Native, {
  __proto__: null,
  construct(target, list, maker) {
    if (list.length > 1 && ++resizable > MAX_RESIZABLE) {
      throw new RangeError(`a program may make ${MAX_RESIZABLE} buffers that can grow; use plain ones`);
    }
    const made = construct(target, list, maker);
    if (list.length > 1) reserve(0, true);
    return made;
  },
});
Native.prototype.constructor = globalThis.ArrayBuffer;
}
