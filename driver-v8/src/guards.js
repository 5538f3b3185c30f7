// Guards around the natives of V8 that walk or make whatever length they are told, and look at no interrupt on the way:
// `new Array(1e9).fill(0)`, `"x".repeat(2 ** 29)`. Runs once, when the snapshot is written, after the prelude has taken
// the natives for itself. `reserve(bytes)` ends the program if the heap can never hold so many, or is over its limit now.
(reserve) => { "use strict";
// A shorter length is not worth a check. V8 aborts the process over an array of 2 ** 27 elements.
const MIN_LENGTH = 2 ** 16, MAX_LENGTH = 2 ** 26;
const bound = (length, size) => {
  if (typeof length === "number" && length > MIN_LENGTH && length < Infinity) reserve(length < MAX_LENGTH ? length * size : Infinity);
};

// Each guard is a text of its own, so that V8 optimises it by itself.
const known = { apply: Reflect.apply, bound, reserve, toNumber: Number, MIN_LENGTH };
const guard = (object, name, before, after = "") => {
  const native = object[name];
  const make = new Function(...Object.keys(known), "native", `"use strict"; return { ${name}() {
    ${before};
    const result = apply(native, this, arguments);
    ${after};
    return result;
  } }.${name}`);
  const guarded = make(...Object.values(known), native);
  Object.defineProperty(guarded, "length", { value: native.length });
  Object.defineProperty(object, name, { value: guarded });
};

for (const name of [
  "copyWithin", "every", "fill", "filter", "find", "findIndex", "findLast", "findLastIndex", "flat", "flatMap", "forEach", "includes", "indexOf",
  "lastIndexOf", "map", "reduce", "reduceRight", "reverse", "shift", "slice", "some", "sort", "splice", "toLocaleString", "toReversed",
  "toSorted", "toSpliced", "unshift", "with",
]) guard(Array.prototype, name, "bound(this?.length, 8)");
// A large text is one piece of memory, which V8 lets pass its limit once; so the heap is checked when it is there.
const text = "if (typeof result === 'string' && result.length > MIN_LENGTH) reserve(0)";
guard(Array.prototype, "join", "bound(this?.length, 8)", text);
guard(Array.prototype, "concat", "for (let i = 0; i < arguments.length; i++) bound(arguments[i]?.length, 8)");
// With a callback it can be interrupted.
guard(Array, "from", "if (typeof arguments[1] !== 'function') bound(arguments[0]?.length, 8)");
guard(Function.prototype, "apply", "bound(arguments[1]?.length, 8)");
guard(Reflect, "apply", "bound(arguments[2]?.length, 8)");
guard(Reflect, "construct", "bound(arguments[1]?.length, 8)");

guard(String.prototype, "split", "bound(this?.length, arguments[0] === '' ? 8 : 1)");
for (const name of ["match", "matchAll", "replace", "replaceAll"]) guard(String.prototype, name, "bound(this?.length, 1)", text);
guard(String, "raw", "bound(arguments[0]?.raw?.length, 8)", text);
guard(String.prototype, "repeat", "bound(this?.length * toNumber(arguments[0]), 1)");
for (const name of ["padEnd", "padStart"]) guard(String.prototype, name, "bound(toNumber(arguments[0]), 1)");
guard(JSON, "stringify", "", text);
// What is parsed takes more than its text: 4 times for records, 20 times for `[],[],`.
guard(JSON, "parse", "bound(arguments[0]?.length, 4)", "if (arguments[0]?.length > MIN_LENGTH) reserve(0)");

// A buffer that can grow does not come from the counting allocator.
guard(ArrayBuffer.prototype, "resize", "bound(toNumber(arguments[0]), 1)", "reserve(0)");
const Native = ArrayBuffer;
globalThis.ArrayBuffer = new Proxy(Native, {
  construct(target, list, maker) {
    const made = Reflect.construct(target, list, maker);
    if (list.length > 1) reserve(0);
    return made;
  },
});
Native.prototype.constructor = globalThis.ArrayBuffer;
}
