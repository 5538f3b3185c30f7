// Methods of arrays that a native does over any `length`.

const arrayMethods = {
  __proto__: null,
  concat(item) {
    const object = toObject(this), made = species(object, 0), items = list(), all = arguments;
    let at = 0;
    for (let n = -1; n < all.length; n++) {
      const part = n < 0 ? object : all[n];
      let spread = false;
      if (isObject(part)) spread = part[symbolSpreadable], spread = spread === undefined ? isArray(part) : spread;
      if (!spread) {
        keep(made, items, fits(at, safeMax - 1), part);
        at += 1;
        continue;
      }
      const size = sizeOf(part);
      fits(at + size, safeMax);
      for (let i = 0; i < size; i++, at++) {
        beat();
        if (i in part) keep(made, items, at, part[i]);
      }
    }
    return finished(made, items, at);
  },
  copyWithin(target, start) {
    if (isBounded(this)) return apply(natives.copyWithin, this, arguments);
    const object = toObject(this), size = sizeOf(object), to = within(target, size, 0), from = within(start, size, 0);
    const end = within(arguments[2], size, size), count = end - from < size - to ? end - from : size - to;
    move(object, from, to, count);
    return object;
  },
  fill(value) {
    if (isBounded(this)) return apply(natives.fill, this, arguments);
    const object = toObject(this), size = sizeOf(object), end = (arguments[1] = within(arguments[1], size, 0), within(arguments[2], size, size));
    for (let i = arguments[1]; i < end; i++) {
      beat();
      object[i] = value;
    }
    return object;
  },
  flat() {
    const object = toObject(this), size = sizeOf(object), depth = arguments[0] === undefined ? 1 : truncate(arguments[0]);
    const made = species(object, 0), items = list(), end = flatten(made, items, 0, object, size, depth);
    return made === undefined ? toArray(items) : made;
  },
  flatMap(callback) {
    const object = toObject(this), size = sizeOf(object), made = (toFunction(callback), species(object, 0)), items = list();
    flatten(made, items, 0, object, size, 1, callback, arguments[1]);
    return made === undefined ? toArray(items) : made;
  },
  includes(item) {
    if (isBounded(this)) return apply(natives.includes, this, arguments);
    const object = toObject(this), size = sizeOf(object);
    for (let i = size === 0 ? 0 : within(arguments[1], size, 0); i < size; i++) {
      beat();
      const found = object[i];
      if (found === item || found !== found && item !== item) return true;
    }
    return false;
  },
  indexOf(item) {
    if (isBounded(this)) return apply(natives.indexOf, this, arguments);
    const object = toObject(this), size = sizeOf(object);
    return size === 0 ? -1 : find(object, size, within(arguments[1], size, 0), 1, item);
  },
  join(separator) {
    if (isBounded(this)) return apply(natives.join, this, arguments);
    return joined(toObject(this), separator, toText);
  },
  lastIndexOf(item) {
    if (isBounded(this)) return apply(natives.lastIndexOf, this, arguments);
    const object = toObject(this), size = sizeOf(object);
    if (size === 0) return -1;
    const from = arguments.length > 1 ? truncate(arguments[1]) : size - 1;
    return find(object, size, from < 0 ? from + size : from < size ? from : size - 1, -1, item);
  },
  reverse() {
    if (isBounded(this)) return apply(natives.reverse, this, arguments);
    const object = toObject(this), size = sizeOf(object);
    for (let low = 0, high = size - 1; low < high; low++, high--) {
      beat();
      const lowThere = low in object, first = lowThere ? object[low] : undefined;
      const highThere = high in object, last = highThere ? object[high] : undefined;
      if (highThere) object[low] = last;
      else if (lowThere) delete object[low];
      if (lowThere) object[high] = first;
      else if (highThere) delete object[high];
    }
    return object;
  },
  shift() {
    if (isBounded(this)) return apply(natives.shift, this, arguments);
    const object = toObject(this), size = sizeOf(object);
    if (size === 0) {
      object.length = 0;
      return undefined;
    }
    const first = object[0];
    move(object, 1, 0, size - 1);
    delete object[size - 1];
    object.length = size - 1;
    return first;
  },
  slice(start, end) {
    if (isBounded(this)) return apply(natives.slice, this, arguments);
    const object = toObject(this), size = sizeOf(object), from = within(start, size, 0), to = within(end, size, size);
    const count = to > from ? to - from : 0, made = species(object, count), items = list();
    if (made === undefined) fits(count, arraySizeMax);
    for (let i = 0; i < count; i++) {
      beat();
      if (from + i in object) keep(made, items, i, object[from + i]);
    }
    return finished(made, items, count);
  },
  sort(compare) {
    if (compare !== undefined) toFunction(compare);
    if (compare !== undefined && isBounded(this)) return apply(natives.sort, this, [compare]);
    const object = toObject(this), size = sizeOf(object), items = sortList(listOf(object, size, false), compare);
    let i = 0;
    for (; i < items.length; i++) {
      beat();
      object[i] = items[i];
    }
    for (; i < size; i++) {
      beat();
      if (i in object) delete object[i];
    }
    return object;
  },
  splice(start, deleteCount) {
    if (isBounded(this)) return apply(natives.splice, this, arguments);
    const object = toObject(this), size = sizeOf(object), from = within(start, size, 0), added = arguments.length > 2 ? arguments.length - 2 : 0;
    const wanted = arguments.length < 2 ? arguments.length === 0 ? 0 : size - from : truncate(deleteCount);
    const count = wanted < 0 ? 0 : wanted < size - from ? wanted : size - from, after = fits(size + added - count, safeMax);
    const made = species(object, count), items = list();
    if (made === undefined) fits(count, arraySizeMax);
    for (let i = 0; i < count; i++) {
      beat();
      if (from + i in object) keep(made, items, i, object[from + i]);
    }
    const removed = finished(made, items, count);
    if (added !== count) move(object, from + count, from + added, size - from - count);
    for (let i = size - 1; i >= after; i--) {
      beat();
      delete object[i];
    }
    for (let i = 0; i < added; i++) object[from + i] = arguments[i + 2];
    object.length = after;
    return removed;
  },
  toLocaleString() {
    if (isBounded(this)) return apply(natives.toLocaleString, this, arguments);
    return joined(toObject(this), undefined, (item) => toText(item.toLocaleString()));
  },
  toSorted(compare) {
    if (compare !== undefined) toFunction(compare);
    const object = toObject(this), size = fits(sizeOf(object), arraySizeMax);
    reserve(size * 8);
    return toArray(sortList(listOf(object, size, true), compare));
  },
  unshift(item) {
    if (isBounded(this)) return apply(natives.unshift, this, arguments);
    const object = toObject(this), size = sizeOf(object), added = arguments.length;
    if (added > 0) {
      fits(size + added, safeMax);
      move(object, 0, added, size);
      for (let i = 0; i < added; i++) object[i] = arguments[i];
    }
    object.length = size + added;
    return size + added;
  },
};
replace(ArrayPrototype, arrayMethods, natives);
