// Natives that walk over whatever `length` or iterator they are told, and look at no interrupt on the way: no heap bounds
// `Array.prototype.fill.call({ length: 2 ** 53 - 1 })`. The native does what is bounded: a true array, which cannot lie about
// its length. Anything else is walked here, over a length that was asked for once, and can be stopped on every turn. An engine
// that can be interrupted inside of natives gives no `reserve`; then they stay as they are. One that polls looks at the
// interrupt wherever a native calls a function or skips a hole; it keeps the natives that do so on each turn.
let polls = true;

const arraySizeMax = 4294967295, safeMax = 9007199254740991;
// What a native may walk over in one piece, holes included, and what is not worth a thought.
const nativeMax = 4194304, trifle = 4096;
const beat = tick ?? (() => {});

// An engine looks at its interrupt once in so many turns, so a loop around a native that takes long would outlive its
// deadline by as many calls. This makes turns of what the native is about to do, a few percent of its time.
const spend = (cost) => {
  for (let i = cost >> 4; i > 0; i--) beat();
};

const WeakSetCtor = WeakSet, { has: weakHas, add: weakAdd } = WeakSet.prototype;
let proxies;
const isProxy = (value) => proxies !== undefined && apply(weakHas, proxies, [value]);
const isObject = (value) => typeof value === "object" && value !== null || typeof value === "function";
const isBounded = (value) => {
  if (!isArray(value) || isProxy(value)) return false;
  const { length } = value;
  if (length > trifle) {
    if (length > nativeMax) return false;
    spend(length);
  }
  return true;
};

const ObjectFn = Object, ArrayCtor = Array, symbolSpecies = Symbol.species, symbolSpreadable = Symbol.isConcatSpreadable;
const toObject = (value) => {
  if (value === undefined || value === null) throw new TypeErrorCtor("Cannot convert undefined or null to object");
  return ObjectFn(value);
};
const toText = (value) => {
  if (typeof value === "symbol") throw new TypeErrorCtor("Cannot convert a Symbol value to a string");
  return StringFn(value);
};
const truncate = (value) => {
  const number = +value;
  return number !== number ? 0 : number < 0 ? -floor(-number) : floor(number);
};
const toLength = (value) => {
  const number = truncate(value);
  return number <= 0 ? 0 : number < safeMax ? number : safeMax;
};
const sizeOf = (object) => toLength(object.length);
const within = (value, size, missing) => {
  if (value === undefined) return missing;
  const number = truncate(value);
  return number < 0 ? number + size > 0 ? number + size : 0 : number < size ? number : size;
};
const toFunction = (value) => {
  if (typeof value !== "function") throw new TypeErrorCtor("not a function");
  return value;
};
const fits = (size, max) => {
  if (size > max) throw max === safeMax ? new TypeErrorCtor("Array too long") : new RangeErrorCtor("Invalid array length");
  return size;
};

// What ArraySpeciesCreate makes, or undefined for an array of the engine's own, which is then a `list`: cheaper to fill.
const species = (object, size) => {
  let maker;
  if (isArray(object)) {
    maker = object.constructor;
    if (isObject(maker)) maker = maker[symbolSpecies] ?? undefined;
  }
  return maker === undefined || maker === ArrayCtor ? undefined : new maker(size);
};
const sized = (size) => {
  const items = list();
  items.length = fits(size, arraySizeMax);
  return items;
};
const keep = (made, items, index, value) => {
  if (made === undefined) items[index] = value;
  else put(made, index, value);
};
const finished = (made, items, size) => {
  if (made === undefined) {
    items.length = fits(size, arraySizeMax);
    return toArray(items);
  }
  made.length = size;
  return made;
};
// Moves `count` elements by one place after the other, holes too.
const move = (object, from, to, count) => {
  const step = from < to && to < from + count ? -1 : 1;
  if (step < 0) { from += count - 1; to += count - 1; }
  for (; count > 0; count--, from += step, to += step) {
    beat();
    if (from in object) object[to] = object[from];
    else delete object[to];
  }
};
const find = (object, size, from, step, item) => {
  for (let i = from; step > 0 ? i < size : i >= 0; i += step) {
    beat();
    if (i in object && object[i] === item) return i;
  }
  return -1;
};
const joined = (object, separator, textOf) => {
  const size = sizeOf(object), between = separator === undefined ? "," : toText(separator);
  let text = "";
  for (let i = 0; i < size; i++) {
    beat();
    if (i > 0) text += between;
    const item = object[i];
    if (item !== undefined && item !== null) text += textOf(item);
  }
  return text;
};
// No native looks at the nested arrays, so nobody has to measure them.
const flatten = (made, items, at, object, size, depth, callback, self) => {
  for (let i = 0; i < size; i++) {
    beat();
    if (!(i in object)) continue;
    let item = object[i];
    if (callback !== undefined) item = apply(callback, self, [item, i, object]);
    if (depth > 0 && isArray(item)) at = flatten(made, items, at, item, sizeOf(item), depth - 1);
    else keep(made, items, fits(at, safeMax - 1), item), at += 1;
  }
  return at;
};

const listOf = (object, size, holes) => {
  const items = list();
  for (let i = 0; i < size; i++) {
    beat();
    if (holes || i in object) items[items.length] = object[i];
  }
  return items;
};
// Sorts a `list`. With a comparator the native calls a function on each turn. Without one it compares texts, which are
// few and short, or are made and compared here.
const sortList = (items, compare) => {
  if (compare !== undefined || isCheap(items)) return apply(natives.sort, items, [compare]);
  const texts = list();
  let missing = 0;
  for (let i = 0; i < items.length; i++) {
    beat();
    if (items[i] === undefined) missing += 1;
    else texts[texts.length] = { __proto__: null, text: toText(items[i]), item: items[i] };
  }
  apply(natives.sort, texts, [(a, b) => {
    beat();
    spend((a.text.length < b.text.length ? a : b).text.length >> 3);
    return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
  }]);
  for (let i = 0; i < items.length; i++) {
    beat();
    items[i] = i < texts.length ? texts[i].item : undefined;
  }
  return items;
};
const isCheap = (items) => {
  if (items.length > 65536) return false;
  for (let i = 0; i < items.length; i++) {
    beat();
    const item = items[i], type = typeof item;
    if (type === "string" ? item.length > 256 : type !== "number" && type !== "undefined" && type !== "boolean") return false;
  }
  return true;
};

// The natives of arrays themselves; the program cannot reach them any more.
const natives = { __proto__: null };
const replace = (object, methods, taken) => {
  const names = ownKeys(methods);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (object[name] === undefined) continue;
    taken[name] = object[name];
    object[name] = methods[name];
  }
};
