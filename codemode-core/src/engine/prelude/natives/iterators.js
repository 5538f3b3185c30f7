// Iterators, and what walks over them.


// A native that asks a native for its next item makes no frame of JavaScript: QuickJS then does not look at the stack either,
// and a chain of 60,000 helpers ended the process. A link is such a frame. `next` is asked for once, as natives do.
const link = (iterator) => {
  const { next } = iterator;
  return {
    __proto__: null,
    next() { beat(); return apply(next, iterator, []); },
    get return() {
      const close = iterator.return;
      return close === undefined || close === null ? undefined : () => apply(close, iterator, []);
    },
  };
};
// Array iterators are not among them: what they walk over may be no array.
const arrayIterators = prototypeOf([][symbolIterator]()), iteratorPrototype = prototypeOf(arrayIterators);
const nextOf = (iterator) => prototypeOf(iterator).next;
const { next: arrayNext } = arrayIterators, { next: generatorNext } = generatorPrototype.prototype, stringNext = nextOf(""[symbolIterator]());
// Whether `next` is one of those, and a native that reads it gets the same: no getter and no proxy is on the way to it.
const isPlain = (iterator, overArrays) => {
  for (let i = 0; i < 4 && iterator !== null && !isProxy(iterator); i++) {
    const found = own(iterator, "next");
    if (found !== undefined) {
      const next = found.value;
      return next === generatorNext || next === mapNext || next === setNext || next === stringNext || overArrays && next === arrayNext;
    }
    iterator = prototypeOf(iterator);
  }
  return false;
};
const linked = (iterator, overArrays) => !isObject(iterator) || isPlain(iterator, overArrays) ? iterator : link(iterator);
const iteratorOf = (iterable, method) => {
  const iterator = apply(method, iterable, []);
  if (!isObject(iterator)) throw new TypeErrorCtor("not an object");
  return iterator;
};
// For a native that walks over an iterable.
const linkedIterable = (iterable) => {
  if (iterable === undefined || iterable === null) return iterable;
  const method = iterable[symbolIterator];
  return typeof method !== "function" ? iterable : { __proto__: null, [symbolIterator]: () => link(iteratorOf(iterable, method)) };
};

const helpers = { __proto__: null }, { isPrototypeOf } = ObjectPrototype, IteratorCtor = Iterator;
const iteratorMethods = {
  __proto__: null,
  drop(limit) { return apply(helpers.drop, linked(this, false), [limit]); },
  filter(predicate) { return apply(helpers.filter, linked(this, polls), [predicate]); },
  flatMap(mapper) {
    const inner = typeof mapper !== "function" ? mapper : (value, index) => {
      const found = apply(mapper, undefined, [value, index]);
      if (!isObject(found)) return found;
      const method = found[symbolIterator];
      return link(method === undefined || method === null ? found : iteratorOf(found, method));
    };
    return apply(helpers.flatMap, linked(this, polls), [inner]);
  },
  map(mapper) { return apply(helpers.map, linked(this, polls), [mapper]); },
  take(limit) { return apply(helpers.take, linked(this, polls), [limit]); },
};
const iteratorMakers = {
  __proto__: null,
  concat() {
    const all = list();
    for (let i = 0; i < arguments.length; i++) {
      const item = arguments[i], method = isObject(item) ? item[symbolIterator] : undefined;
      all[i] = typeof method !== "function" ? item : { __proto__: null, [symbolIterator]: () => link(iteratorOf(item, method)) };
    }
    return apply(helpers.concat, IteratorCtor, all);
  },
  from(value) {
    if (!isObject(value) && typeof value !== "string") return apply(helpers.from, IteratorCtor, [value]);
    const method = value[symbolIterator], iterator = method === undefined || method === null ? value : iteratorOf(value, method);
    if (!isObject(iterator)) throw new TypeErrorCtor("not an object");
    return apply(isPrototypeOf, iteratorPrototype, [iterator]) ? iterator : apply(helpers.from, IteratorCtor, [link(iterator)]);
  },
};

// What a set method asks of another set, which can be anything with these three.
const setLike = (other) => {
  if (!isObject(other)) return other;
  const size = +other.size;
  if (size !== size) throw new TypeErrorCtor("the size of the other set is not a number");
  const { has, keys } = (truncate(size), other);
  return {
    __proto__: null,
    size,
    has: typeof has !== "function" ? has : (value) => apply(has, other, [value]),
    keys: typeof keys !== "function" ? keys : () => linked(apply(keys, other, []), false),
  };
};
const sets = { __proto__: null };
const setMethods = {
  __proto__: null,
  difference(other) { return apply(sets.difference, this, [setLike(other)]); },
  intersection(other) { return apply(sets.intersection, this, [setLike(other)]); },
  isDisjointFrom(other) { return apply(sets.isDisjointFrom, this, [setLike(other)]); },
  isSubsetOf(other) { return apply(sets.isSubsetOf, this, [setLike(other)]); },
  isSupersetOf(other) { return apply(sets.isSupersetOf, this, [setLike(other)]); },
  symmetricDifference(other) { return apply(sets.symmetricDifference, this, [setLike(other)]); },
  union(other) { return apply(sets.union, this, [setLike(other)]); },
};

const others = { __proto__: null };
const objectMakers = { __proto__: null, fromEntries(iterable) { return apply(others.fromEntries, undefined, [linkedIterable(iterable)]); } };


replace(iteratorPrototype, iteratorMethods, helpers);
replace(IteratorCtor, iteratorMakers, helpers);
replace(Set.prototype, setMethods, sets);
replace(ObjectFn, objectMakers, others);
