// What programs expect from the web platform: console, structuredClone, text encoding, base64.

let groups = "";
const line = (level, args) => {
  const text = format(args);
  if (groups === "") return emitLog(level, text);
  let out = groups, from = 0;
  for (let i = indexOf(text, "\n"); i >= 0; i = indexOf(text, "\n", from)) {
    out += slice(text, from, i + 1) + groups;
    from = i + 1;
  }
  emitLog(level, out + slice(text, from));
};
const openGroup = (labels) => {
  if (labels.length > 0) line("log", labels);
  if (groups.length < 40) groups += "  ";
};
const counts = { __proto__: null }, times = { __proto__: null };
const elapsed = (label, rest) => {
  const key = StringFn(label);
  if (times[key] === undefined) line("warn", ["Timer '" + key + "' does not exist"]);
  else if (rest.length === 0) line("log", [key + ": " + (now - times[key]) + "ms"]);
  else line("log", [key + ": " + (now - times[key]) + "ms " + format(rest)]);
  return key;
};
const console = {
  log(...args) { line("log", args); },
  info(...args) { line("info", args); },
  warn(...args) { line("warn", args); },
  error(...args) { line("error", args); },
  debug(...args) { line("debug", args); },
  trace(...args) { line("debug", args); },
  dir(value) { line("log", [value]); },
  table(value) { line("log", [value]); },
  group(...labels) { openGroup(labels); },
  groupCollapsed(...labels) { openGroup(labels); },
  groupEnd() { groups = slice(groups, 2); },
  assert(condition, ...args) {
    if (condition) return;
    line("error", [args.length === 0 ? "Assertion failed" : "Assertion failed: " + format(args)]);
  },
  count(label = "default") {
    const key = StringFn(label);
    line("log", [key + ": " + (counts[key] = (counts[key] ?? 0) + 1)]);
  },
  countReset(label = "default") { counts[StringFn(label)] = 0; },
  time(label = "default") { times[StringFn(label)] = now; },
  timeLog(label = "default", ...rest) { elapsed(label, rest); },
  timeEnd(label = "default") { delete times[elapsed(label, [])]; },
};

const uncloneable = { __proto__: null, Promise: 1, WeakMap: 1, WeakSet: 1, Generator: 1, AsyncGenerator: 1, URL: 1, URLSearchParams: 1, TextEncoder: 1, TextDecoder: 1 };
const errorMakers = { __proto__: null, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const typedMakers = { __proto__: null, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array, Float32Array, Float64Array };
const { set: typedSet } = typedPrototype, ObjectFn = Object;

// `seen` maps originals to copies, for cycles and for what is reached twice.
const clone = (value, seen) => {
  if (typeof value === "function" || typeof value === "symbol") throw namedError("DataCloneError", inspect(value, { __proto__: null, room: LINE }, null, "") + " could not be cloned");
  if (typeof value !== "object" || value === null) return value;
  let copy = apply(mapGet, seen, [value]), inner;
  if (copy !== undefined) return copy;
  const tag = isArray(value) ? "Array" : slice(tagOf(value), 8, -1);
  if (tag === "Array") {
    apply(mapSet, seen, [value, copy = list()]);
    copy.length = value.length;
    return toArray(cloneFields(value, copy, seen));
  }
  if (tag === "Error") {
    const message = own(value, "message");
    copy = new (errorMakers[readText(value, "name")] ?? ErrorCtor)();
    apply(mapSet, seen, [value, copy]);
    if (message !== undefined) define(copy, "message", StringFn(message.value));
    define(copy, "stack", StringFn(stackText(value) ?? ""));
    if (own(value, "cause") !== undefined) define(copy, "cause", clone(value.cause, seen));
    return copy;
  }
  if (tag === "Map" && attempt(mapSize, value) !== undefined) {
    apply(mapSet, seen, [value, copy = new MapCtor()]);
    const entries = drain(apply(mapEntries, value, []), mapNext);
    for (let i = 0; i < entries.length; i++) apply(mapSet, copy, [clone(entries[i][0], seen), clone(entries[i][1], seen)]);
    return copy;
  }
  if (tag === "Set" && attempt(setSize, value) !== undefined) {
    apply(mapSet, seen, [value, copy = new SetCtor()]);
    const values = drain(apply(setValues, value, []), setNext);
    for (let i = 0; i < values.length; i++) apply(setAdd, copy, [clone(values[i], seen)]);
    return copy;
  }
  if (tag === "Date" && (inner = attempt(getTime, value)) !== undefined) copy = new RealDate(inner);
  else if (tag === "RegExp" && (inner = attempt(regexpSource, value)) !== undefined) copy = new RegExpCtor(inner, apply(regexpFlags, value, []));
  else if ((inner = unboxed(value, tag)) !== undefined) copy = ObjectFn(clone(inner, seen));
  else if (tag === "ArrayBuffer" && (inner = attempt(bufferBytes, value)) !== undefined) {
    copy = new Buffer(inner);
    apply(typedSet, new Bytes(copy), [new Bytes(value)]);
  } else if ((inner = apply(typedName, value, [])) !== undefined) {
    copy = new typedMakers[inner](clone(apply(typedBuffer, value, []), seen), apply(typedOffset, value, []), apply(typedLength, value, []));
  } else if (tag === "DataView" && (inner = attempt(viewBuffer, value)) !== undefined) {
    copy = new View(clone(inner, seen), apply(viewOffset, value, []), apply(viewBytes, value, []));
  } else {
    if (uncloneable[tag] === 1) throw namedError("DataCloneError", "a " + tag + " could not be cloned");
    apply(mapSet, seen, [value, copy = { __proto__: null }]);
    return setPrototypeOf(cloneFields(value, copy, seen), ObjectPrototype);
  }
  apply(mapSet, seen, [value, copy]);
  return copy;
};
// Into an object that has no prototype yet: no setter of the guest's can catch the assignment.
const cloneFields = (value, copy, seen) => {
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key === "string" && own(value, key)?.enumerable) copy[key] = clone(value[key], seen);
  }
  return copy;
};
const drain = (cursor, next) => {
  const found = list();
  for (let step = apply(next, cursor, []); !step.done; step = apply(next, cursor, [])) found[found.length] = step.value;
  return found;
};

// Writes well-formed text; returns how many UTF-16 units were read and bytes written.
const writeUtf8 = (text, bytes, size) => {
  let read = 0, written = 0;
  while (read < text.length) {
    let point = charCodeAt(text, read), units = 1;
    if (point >= 0xd800 && point < 0xe000) {
      point = 0x10000 + (point - 0xd800) * 1024 + (charCodeAt(text, read + 1) - 0xdc00);
      units = 2;
    }
    const more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    if (written + more >= size) break;
    bytes[written++] = (more === 0 ? 0 : more === 1 ? 0xc0 : more === 2 ? 0xe0 : 0xf0) | point >> 6 * more;
    for (let i = more - 1; i >= 0; i--) bytes[written++] = 0x80 | point >> 6 * i & 0x3f;
    read += units;
  }
  return { read, written };
};
const toUtf8 = (text) => {
  let size = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = charCodeAt(text, i);
    size += unit < 0x80 ? 1 : unit < 0x800 || unit >= 0xd800 && unit < 0xe000 ? 2 : 3;
  }
  const bytes = new Bytes(size);
  writeUtf8(text, bytes, size);
  return bytes;
};

// The bytes of a buffer or view, without a copy.
const bytesOf = (source) => {
  if (apply(typedName, source, []) !== undefined) return new Bytes(apply(typedBuffer, source, []), apply(typedOffset, source, []), apply(typedBytes, source, []));
  if (attempt(bufferBytes, source) !== undefined) return new Bytes(source);
  const buffer = attempt(viewBuffer, source);
  if (buffer === undefined) throw new TypeErrorCtor("expected an ArrayBuffer or a view of one");
  return new Bytes(buffer, apply(viewOffset, source, []), apply(viewBytes, source, []));
};

// Units for a string that is put together in pieces: one `+=` for each would be slow, one call for all too long.
const addUnit = (out, unit) => {
  out.units[out.units.length] = unit;
  if (out.units.length === 1024) flush(out);
};
const flush = (out) => {
  out.text += apply(fromCharCode, undefined, out.units);
  out.units = list();
  return out.text;
};
const textOut = () => ({ __proto__: null, text: "", units: list() });

// The WHATWG decoder: `state` is what an unfinished sequence left behind.
const utf8State = () => ({ __proto__: null, point: 0, need: 0, lower: 0x80, upper: 0xbf, begun: false });
const fromUtf8 = (bytes, state, fatal, keepBom, last) => {
  const out = textOut();
  const emit = (point) => {
    if (!state.begun) {
      state.begun = true;
      if (point === 0xfeff && !keepBom) return;
    }
    if (point < 0x10000) addUnit(out, point);
    else {
      addUnit(out, 0xd800 + (point - 0x10000 >> 10));
      addUnit(out, 0xdc00 + (point & 0x3ff));
    }
  };
  const bad = () => {
    state.need = 0; state.lower = 0x80; state.upper = 0xbf;
    if (fatal) throw new TypeErrorCtor("The encoded data was not valid for encoding utf-8");
    emit(0xfffd);
  };
  const size = apply(typedLength, bytes, []);
  for (let i = 0; i < size; i++) {
    const byte = bytes[i];
    if (state.need > 0) {
      if (byte >= state.lower && byte <= state.upper) {
        state.lower = 0x80; state.upper = 0xbf;
        state.point = state.point << 6 | byte & 0x3f;
        if (--state.need === 0) emit(state.point);
        continue;
      }
      bad();
    }
    if (byte < 0x80) emit(byte);
    else if (byte < 0xc2 || byte > 0xf4) bad();
    else {
      state.need = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      state.point = byte & 0x3f >> state.need;
      if (byte === 0xe0) state.lower = 0xa0;
      else if (byte === 0xed) state.upper = 0x9f;
      else if (byte === 0xf0) state.lower = 0x90;
      else if (byte === 0xf4) state.upper = 0x8f;
    }
  }
  if (last && state.need > 0) bad();
  return flush(out);
};

const utf8Labels = /^[\t\n\f\r ]*(?:unicode-1-1-utf-8|unicode11utf8|unicode20utf8|utf-?8|x-unicode20utf8)[\t\n\f\r ]*$/i;

const webGlobals = {
  structuredClone(value) { return clone(value, new MapCtor()); },

  TextEncoder: class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") { return toUtf8(apply(toWellFormed, StringFn(text), [])); }
    encodeInto(text, target) {
      if (apply(typedName, target, []) !== "Uint8Array") throw new TypeErrorCtor("encodeInto takes a string and a Uint8Array");
      return writeUtf8(apply(toWellFormed, StringFn(text), []), target, apply(typedLength, target, []));
    }
    get [symbolTag]() { return "TextEncoder"; }
  },

  TextDecoder: class TextDecoder {
    #fatal; #ignoreBOM; #state = null;
    constructor(label = "utf-8", options = undefined) {
      const name = StringFn(label);
      if (name.length > 40 || !matches(utf8Labels, name)) throw new RangeErrorCtor("the encoding '" + cap(name, 40) + "' is not supported; only utf-8 is");
      this.#fatal = !!options?.fatal;
      this.#ignoreBOM = !!options?.ignoreBOM;
    }
    get encoding() { return "utf-8"; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBOM; }
    decode(input = undefined, options = undefined) {
      const more = !!options?.stream, state = this.#state ?? utf8State();
      const bytes = input === undefined ? new Bytes(0) : bytesOf(input);
      this.#state = null;
      const text = fromUtf8(bytes, state, this.#fatal, this.#ignoreBOM, !more);
      if (more) this.#state = state;
      return text;
    }
    get [symbolTag]() { return "TextDecoder"; }
  },

  btoa(data) {
    const text = StringFn(data), out = textOut();
    for (let i = 0; i < text.length; i += 3) {
      const a = charCodeAt(text, i), b = i + 1 < text.length ? charCodeAt(text, i + 1) : 0, c = i + 2 < text.length ? charCodeAt(text, i + 2) : 0;
      if (a > 255 || b > 255 || c > 255) throw namedError("InvalidCharacterError", "btoa takes characters up to U+00FF; encode the text with TextEncoder first");
      const bits = a << 16 | b << 8 | c;
      addUnit(out, charCodeAt(base64, bits >> 18));
      addUnit(out, charCodeAt(base64, bits >> 12 & 63));
      addUnit(out, i + 1 < text.length ? charCodeAt(base64, bits >> 6 & 63) : 61);
      addUnit(out, i + 2 < text.length ? charCodeAt(base64, bits & 63) : 61);
    }
    return flush(out);
  },

  atob(data) {
    const text = StringFn(data), out = textOut();
    let bits = 0, digits = 0, pads = 0;
    const bad = () => { throw namedError("InvalidCharacterError", "atob: the string is not correctly base64-encoded"); };
    for (let i = 0; i < text.length; i++) {
      const unit = charCodeAt(text, i);
      if (unit === 32 || unit === 9 || unit === 10 || unit === 12 || unit === 13) continue;
      if (unit === 61) { pads += 1; continue; }
      const value = unit >= 65 && unit <= 90 ? unit - 65 : unit >= 97 && unit <= 122 ? unit - 71 : unit >= 48 && unit <= 57 ? unit + 4 : unit === 43 ? 62 : unit === 47 ? 63 : -1;
      if (value < 0 || pads > 0) bad();
      bits = (bits << 6 | value) & 0xffffff;
      digits += 1;
      if (digits % 4 !== 1) addUnit(out, bits >> (8 - digits % 4 * 2) % 8 & 255);
    }
    if (digits % 4 === 1 || pads > 0 && (digits + pads) % 4 !== 0 || pads > 2) bad();
    return flush(out);
  },
};
const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
