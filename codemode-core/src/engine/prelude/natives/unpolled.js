// For engines whose natives look at no interrupt where they call a function, or skip a hole.

polls = false;

// Where no call of a native looks at the interrupt: these skip holes for ever, or call natives for ever.
const walk = (self, callback, step, visit) => {
  const object = toObject(self), size = sizeOf(object);
  toFunction(callback);
  for (let i = step > 0 ? 0 : size - 1; step > 0 ? i < size : i >= 0; i += step) {
    beat();
    if (visit(object, i)) return i;
  }
  return -1;
};
const tested = (self, callback, step, that) => {
  let item;
  const index = walk(self, callback, step, (object, i) => apply(callback, that, [item = object[i], i, object]));
  return { __proto__: null, index, item: index < 0 ? undefined : item };
};
const reduced = (self, callback, step, all) => {
  let value = all[1], empty = all.length < 2;
  walk(self, callback, step, (object, i) => {
    if (!(i in object)) return;
    value = empty ? object[i] : apply(callback, undefined, [value, object[i], i, object]);
    empty = false;
  });
  if (empty) throw new TypeErrorCtor("Reduce of empty array with no initial value");
  return value;
};
const copied = (object, size) => {
  reserve(fits(size, arraySizeMax) * 8);
  return listOf(object, size, true);
};
const callingMethods = {
  __proto__: null,
  every(callback) {
    if (isBounded(this)) return apply(natives.every, this, arguments);
    return walk(this, callback, 1, (object, i) => i in object && !apply(callback, arguments[1], [object[i], i, object])) < 0;
  },
  filter(callback) {
    if (isBounded(this)) return apply(natives.filter, this, arguments);
    const self = toObject(this), made = (toFunction(callback), species(self, 0)), items = list();
    let at = 0;
    walk(self, callback, 1, (object, i) => {
      if (!(i in object)) return;
      const item = object[i];
      if (apply(callback, arguments[1], [item, i, object])) keep(made, items, at++, item);
    });
    return made === undefined ? toArray(items) : made;
  },
  find(callback) {
    if (isBounded(this)) return apply(natives.find, this, arguments);
    return tested(this, callback, 1, arguments[1]).item;
  },
  findIndex(callback) {
    if (isBounded(this)) return apply(natives.findIndex, this, arguments);
    return tested(this, callback, 1, arguments[1]).index;
  },
  findLast(callback) {
    if (isBounded(this)) return apply(natives.findLast, this, arguments);
    return tested(this, callback, -1, arguments[1]).item;
  },
  findLastIndex(callback) {
    if (isBounded(this)) return apply(natives.findLastIndex, this, arguments);
    return tested(this, callback, -1, arguments[1]).index;
  },
  forEach(callback) {
    if (isBounded(this)) return apply(natives.forEach, this, arguments);
    walk(this, callback, 1, (object, i) => { if (i in object) apply(callback, arguments[1], [object[i], i, object]); });
  },
  map(callback) {
    if (isBounded(this)) return apply(natives.map, this, arguments);
    const self = toObject(this), size = sizeOf(self), made = (toFunction(callback), species(self, size));
    const items = made === undefined ? sized(size) : undefined;
    for (let i = 0; i < size; i++) {
      beat();
      if (i in self) keep(made, items, i, apply(callback, arguments[1], [self[i], i, self]));
    }
    return made === undefined ? toArray(items) : made;
  },
  reduce(callback) {
    if (isBounded(this)) return apply(natives.reduce, this, arguments);
    return reduced(this, callback, 1, arguments);
  },
  reduceRight(callback) {
    if (isBounded(this)) return apply(natives.reduceRight, this, arguments);
    return reduced(this, callback, -1, arguments);
  },
  some(callback) {
    if (isBounded(this)) return apply(natives.some, this, arguments);
    return walk(this, callback, 1, (object, i) => i in object && apply(callback, arguments[1], [object[i], i, object])) >= 0;
  },
  toReversed() {
    if (isBounded(this)) return apply(natives.toReversed, this, arguments);
    const object = toObject(this), size = sizeOf(object), items = (reserve(fits(size, arraySizeMax) * 8), list());
    for (let i = size - 1; i >= 0; i--) {
      beat();
      items[items.length] = object[i];
    }
    return toArray(items);
  },
  toSpliced(start, skipCount) {
    if (isBounded(this)) return apply(natives.toSpliced, this, arguments);
    const object = toObject(this), size = sizeOf(object), from = within(start, size, 0), all = arguments;
    const wanted = all.length < 2 ? all.length === 0 ? 0 : size - from : truncate(skipCount);
    const count = wanted < 0 ? 0 : wanted < size - from ? wanted : size - from, items = list();
    const after = fits(fits(size + (all.length > 2 ? all.length - 2 : 0) - count, safeMax), arraySizeMax);
    reserve(after * 8);
    for (let i = 0; i < from; i++) { beat(); items[i] = object[i]; }
    for (let i = 2; i < all.length; i++) items[items.length] = all[i];
    for (let i = from + count; i < size; i++) { beat(); items[items.length] = object[i]; }
    return toArray(items);
  },
  with(index, value) {
    if (isBounded(this)) return apply(natives.with, this, arguments);
    const object = toObject(this), size = sizeOf(object), number = truncate(index), at = number < 0 ? number + size : number;
    if (at < 0 || at >= size) throw new RangeErrorCtor("Invalid index");
    const items = copied(object, size);
    items[at] = value;
    return toArray(items);
  },
};

// Each call of these walks to the end; an engine that polls looks at the interrupt when it calls the callback.
const consumingMethods = {
  __proto__: null,
  every(predicate) { return apply(helpers.every, linked(this, false), [predicate]); },
  find(predicate) { return apply(helpers.find, linked(this, false), [predicate]); },
  forEach(callback) { return apply(helpers.forEach, linked(this, false), [callback]); },
  reduce(reducer) {
    return apply(helpers.reduce, linked(this, false), arguments.length > 1 ? [reducer, arguments[1]] : [reducer]);
  },
  some(predicate) { return apply(helpers.some, linked(this, false), [predicate]); },
  toArray() { return apply(helpers.toArray, linked(this, false), []); },
};

const argumentsMax = 65535;
const argumentsOf = (source) => {
  if (!isObject(source)) throw new TypeErrorCtor("CreateListFromArrayLike called on non-object");
  const size = sizeOf(source);
  if (size > argumentsMax) throw new RangeErrorCtor("too many arguments: " + size + ", only " + argumentsMax + " are allowed");
  const items = [];
  for (let i = 0; i < size; i++) {
    beat();
    put(items, i, source[i]);
  }
  return items;
};
const calls = {
  __proto__: null,
  apply(self, source) { return apply(this, self, source === undefined || source === null ? [] : argumentsOf(source)); },
};
const reflection = {
  __proto__: null,
  apply(target, self, source) { return apply(target, self, argumentsOf(source)); },
  construct(target, source) {
    return arguments.length > 2 ? construct(target, argumentsOf(source), arguments[2]) : construct(target, argumentsOf(source));
  },
};
const iterableMakers = (object, names) => {
  for (let i = 0; i < names.length; i++) {
    const native = object[names[i]], { length } = native;
    const method = { make(iterable) {
      arguments[0] = linkedIterable(iterable);
      return apply(native, this, arguments);
    } }.make;
    defineProperty(method, "name", { __proto__: null, value: names[i] });
    defineProperty(method, "length", { __proto__: null, value: length });
    object[names[i]] = method;
  }
};
const isMaker = (value) => {
  try { construct(ObjectFn, [], value); return true; } catch { return false; }
};
// What has a length and no iterator.
const fromLength = {
  __proto__: null,
  from(source, map) {
    const method = source === undefined || source === null ? source : source[symbolIterator];
    if (method !== undefined && method !== null || source === undefined || source === null) return apply(others.from, this, arguments);
    if (map !== undefined) toFunction(map);
    const object = toObject(source), size = sizeOf(object), items = list();
    const made = this === ArrayCtor || !isMaker(this) ? undefined : new this(size);
    for (let i = 0; i < size; i++) {
      beat();
      keep(made, items, i, map === undefined ? object[i] : apply(map, arguments[2], [object[i], i]));
    }
    return finished(made, items, size);
  },
};

replace(ArrayPrototype, callingMethods, natives);
replace(iteratorPrototype, consumingMethods, helpers);
replace(FunctionPrototype, calls, others);
replace(Reflect, reflection, others);
iterableMakers(ArrayCtor, ["from"]);
replace(ArrayCtor, fromLength, others);
iterableMakers(prototypeOf(Bytes), ["from"]);
iterableMakers(ObjectFn, ["groupBy"]);
iterableMakers(MapCtor, ["groupBy"]);
iterableMakers(PromiseCtor, ["all", "allSettled", "any", "race"]);
