// Numbers in rows, names for JSON, and what is bound.


const typed = { __proto__: null };
// Sorted natively in a second or two at most; above it the native calls this on each turn.
const typedSortMax = 2097152;
const byNumber = (a, b) => {
  beat();
  return a < b ? -1 : a > b ? 1 : a === b ? a !== 0 || a == b && sameValue(a, b) ? 0 : sameValue(a, -0) ? -1 : 1 : a === a ? -1 : b === b ? 1 : 0;
};
const typedSpend = (array) => {
  const size = attempt(typedLength, array);
  if (size > trifle) spend(size >> 3);
  return size;
};
// With a comparator a native makes a value of each number, and room to merge them.
const comparison = (array, compare) => {
  const size = attempt(typedLength, array);
  if (compare === undefined && size > typedSortMax) compare = byNumber;
  if (compare !== undefined && size > trifle) reserve(size * 16);
  return compare;
};
const typedMethods = {
  __proto__: null,
  copyWithin(target, start) { typedSpend(this); return apply(typed.copyWithin, this, arguments); },
  fill(value) { typedSpend(this); return apply(typed.fill, this, arguments); },
  includes(item) { typedSpend(this); return apply(typed.includes, this, arguments); },
  indexOf(item) { typedSpend(this); return apply(typed.indexOf, this, arguments); },
  lastIndexOf(item) { typedSpend(this); return apply(typed.lastIndexOf, this, arguments); },
  reverse() { typedSpend(this); return apply(typed.reverse, this, arguments); },
  set(source) {
    const size = typedSpend(this);
    if (size === undefined || !isObject(source) || isBounded(source) || attempt(typedLength, source) !== undefined) return apply(typed.set, this, arguments);
    const from = truncate(arguments[1]);
    if (from < 0) throw new RangeErrorCtor("offset is out of bounds");
    const count = sizeOf(source);
    if (count + from > size) throw new RangeErrorCtor("offset is out of bounds");
    for (let i = 0; i < count; i++) {
      beat();
      this[from + i] = source[i];
    }
  },
  sort(compare) { return apply(typed.sort, this, [comparison(this, compare)]); },
  toSorted(compare) { return apply(typed.toSorted, this, [comparison(this, compare)]); },
};

// A native looks for each name in all the others, and for each name in each object; it skips what is no name for ever.
const namesMax = 32;
const json = { __proto__: null };
const jsonMethods = {
  __proto__: null,
  stringify(value, replacer, space) {
    return apply(json.stringify, undefined, [value, isArray(replacer) ? namesOf(replacer) : replacer, space]);
  },
};
const namesOf = (replacer) => {
  const size = sizeOf(replacer), seen = { __proto__: null }, names = list();
  for (let i = 0; i < size; i++) {
    beat();
    let name = replacer[i];
    if (isObject(name) && (attempt(unboxers[0], name) !== undefined || attempt(unboxers[1], name) !== undefined)) name = toText(name);
    if (typeof name === "number") name = "" + name;
    if (typeof name !== "string" || seen[name] === true) continue;
    seen[name] = true;
    names[names.length] = name;
  }
  if (names.length <= namesMax) return toArray(names);
  return (_, value) => {
    if (!isObject(value) || typeof value === "function" || isArray(value)) return value;
    for (let i = 0; i < unboxers.length; i++) if (attempt(unboxers[i], value) !== undefined) return value;
    const picked = { __proto__: null };
    for (let i = 0; i < names.length; i++) {
      beat();
      const item = value[names[i]];
      if (item !== undefined) picked[names[i]] = item;
    }
    return picked;
  };
};

// QuickJS ends the process when it has no memory for what was bound. What a bound function keeps is small.
const boundMax = 1000, boundSlot = 16, boundRoom = 4096;
const binding = {
  __proto__: null,
  bind(self) {
    if (arguments.length > boundMax) throw new RangeErrorCtor("too many arguments are bound: " + arguments.length + ", only " + boundMax + " are allowed");
    reserve(arguments.length * boundSlot + boundRoom);
    return apply(others.bind, this, arguments);
  },
};
const rawOf = {
  __proto__: null,
  raw(template) {
    const source = toObject(toObject(template).raw), size = sizeOf(source);
    let text = "";
    for (let i = 0; i < size; i++) {
      beat();
      text += toText(source[i]);
      if (i + 1 < size && i + 1 < arguments.length) text += toText(arguments[i + 1]);
    }
    return text;
  },
};

replace(typedPrototype, typedMethods, typed);
replace(JSON, jsonMethods, json);
replace(FunctionPrototype, binding, others);
replace(StringFn, rawOf, others);
