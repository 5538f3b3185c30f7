// Guards around the natives of V8 that list the keys of a value: a text of its own for each element of a typed array or
// letter of a text, some forty bytes, before anything else is looked at and without a look at an interrupt. Runs before the
// prelude, which takes these for itself: what a program returns or prints goes the same way. `enumerate(value)` ends the
// program over a list that does not fit, and `reserve(bytes)` over what the heap cannot hold. Returns natives for `guards.js`,
// which the prelude guards as well.
(reserve, enumerate) => { "use strict";
const { apply, construct } = Reflect, { isArray } = Array, native = JSON.stringify;
const put = (object, name, method) => {
  Object.defineProperty(method, "length", { value: object[name].length });
  Object.defineProperty(object, name, { value: method });
};

// Each guard is a text of its own, so that V8 optimises it by itself.
const guard = (object, name, values, before) => {
  const make = new Function("enumerate", "native", `"use strict"; return { ${name}(${values}) { ${before}; return native(${values}); } }.${name}`);
  put(object, name, make(enumerate, object[name]));
};
for (const name of [
  "entries", "freeze", "getOwnPropertyDescriptors", "getOwnPropertyNames", "isFrozen", "isSealed", "keys", "seal", "values",
]) guard(Object, name, "value", "enumerate(value)");
guard(Reflect, "ownKeys", "value", "enumerate(value)");
for (const name of ["create", "defineProperties"]) guard(Object, name, "object, properties", "enumerate(properties)");
const { assign } = Object;
put(Object, "assign", { assign(target, source) {
  const object = assign(target);
  for (let i = 1; i < arguments.length; i++) {
    enumerate(arguments[i]);
    assign(object, arguments[i]);
  }
  return object;
} }.assign);

put(JSON, "stringify", { stringify(value, replacer, space) {
  const type = typeof value;
  if (type !== "object" && type !== "function" && type !== "bigint" && typeof replacer !== "function") return native(value, replacer, space);
  // Somewhere in the value there may be a large array. Those that are reached are looked at one by one then; no keys are
  // listed where the program gives its own list. From here to the end no large one can be made.
  if (enumerate(value, true) && !isArray(replacer)) {
    const own = typeof replacer === "function" ? replacer : undefined;
    replacer = function (key, value) {
      const kept = own === undefined ? value : apply(own, this, [key, value]);
      if (typeof kept === "object") enumerate(kept);
      return kept;
    };
  }
  try {
    const text = native(value, replacer, space);
    if (typeof text === "string" && text.length > 65536) reserve(0);
    return text;
  } finally {
    enumerate();
  }
} }.stringify);
return { apply, construct };
}
