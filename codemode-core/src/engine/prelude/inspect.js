// Text for people: `format` for console lines, `describe` for thrown values, `encode` for results.
// Guest values may throw from any trap or getter, contain themselves, or be huge: every walk here is bounded and caught.

const LINE = 32768, WIDE = 72, DEPTH = 4, ITEMS = 100, QUOTED = 10000;

// One console line from the arguments of one console call.
const format = (args) => {
  const state = { __proto__: null, text: "", more: 0, room: LINE };
  try {
    let next = args.length > 1 && typeof args[0] === "string" && indexOf(args[0], "%") >= 0 ? expand(args, state) : 0;
    for (; next < args.length; next++) {
      if (next > 0) append(state, " ");
      append(state, show(args[next], state));
    }
  } catch {
    append(state, "[unprintable]");
  }
  // One unit more than is kept, or `head` would not see that a pair is cut.
  const text = state.more > 0 ? head(state.text + " ", LINE) + "\u2026 (" + state.more + " more characters)" : state.text;
  return apply(toWellFormed, text, []);
};

const append = (state, text) => {
  const room = LINE - state.text.length;
  if (text.length > room) state.more += text.length - room;
  state.text += text.length > room ? slice(text, 0, room) : text;
};

// Strings stand as they are at the top of a line and are quoted inside of values.
const show = (value, state) => typeof value === "string" ? value : inspect(value, state, null, "");

// printf-style directives of the first argument; returns the index of the first argument that none of them used.
const expand = (args, state) => {
  const pattern = args[0];
  let next = 1, from = 0;
  for (let i = indexOf(pattern, "%"); i >= 0 && i + 1 < pattern.length; i = indexOf(pattern, "%", i)) {
    const letter = pattern[i + 1];
    let text;
    if (letter === "%") text = "%";
    else if (next < args.length) {
      const value = args[next];
      if (letter === "s") text = show(value, state);
      else if (letter === "o" || letter === "O") text = inspect(value, state, null, "");
      else if (letter === "j") text = json(value);
      else if (letter === "c") text = "";
      else if (letter === "d" || letter === "i" || letter === "f") text = numeric(value, letter);
    }
    if (text === undefined) { i += 1; continue; }
    if (letter !== "%") next += 1;
    append(state, slice(pattern, from, i));
    append(state, text);
    from = i += 2;
  }
  append(state, slice(pattern, from));
  return next;
};

const numeric = (value, letter) => {
  if (typeof value === "bigint") return value + "n";
  if (typeof value === "symbol" || typeof value === "object" && value !== null) return "NaN";
  if (letter === "d") return primitive(NumberFn(value));
  return primitive((letter === "i" ? parseIntFn : parseFloatFn)(value));
};

const json = (value) => {
  try { return "" + stringify(value); } catch { return "[not JSON]"; }
};

const primitive = (value) => {
  if (typeof value === "number") return sameValue(value, -0) ? "-0" : "" + value;
  if (typeof value === "bigint") return value + "n";
  return typeof value === "symbol" ? cap(StringFn(value), 200) : "" + value;
};

// 'single quotes', or "double" around a single quote; control characters as in JSON.
const quote = (text) => {
  const kept = head(text, QUOTED);
  let out = stringify(kept);
  if (indexOf(kept, "'") < 0) {
    if (indexOf(kept, '"') >= 0) out = plainQuotes(out);
    out = "'" + slice(out, 1, -1) + "'";
  }
  return kept.length < text.length ? out + "\u2026 " + (text.length - kept.length) + " more characters" : out;
};

// JSON's \" becomes a bare quote. Goes from escape to escape, so that \\ before a quote is not mistaken for one.
const plainQuotes = (text) => {
  let out = "", from = 0;
  for (let i = indexOf(text, "\\"); i >= 0; i = indexOf(text, "\\", i + 2)) {
    if (text[i + 1] !== '"') continue;
    out += slice(text, from, i);
    from = i + 1;
  }
  return out + slice(text, from);
};

const keyText = (key) => {
  if (typeof key === "symbol") return "[" + primitive(key) + "]";
  return key.length < 128 && matches(/^[A-Za-z_$][\w$]*$/, key) ? key : quote(key);
};

// `path` is the chain of objects around this one: { value, up, depth }.
const inspect = (value, state, path, indent) => {
  let text;
  if (typeof value === "string") text = quote(value);
  else if (value === null || typeof value !== "object" && typeof value !== "function") text = primitive(value);
  else {
    try { return inspectObject(value, state, path, indent); } catch { text = "[unprintable]"; }
  }
  state.room -= text.length;
  return text;
};

const inspectObject = (value, state, path, indent) => {
  for (let outer = path; outer !== null; outer = outer.up) if (outer.value === value) return "[Circular]";
  state.room -= 8;
  const isFunction = typeof value === "function", name = className(value);
  const tag = isArray(value) ? "Array" : slice(tagOf(value), 8, -1);
  if (path !== null && path.depth >= DEPTH) return isFunction ? functionHead(value) : "[" + (name ?? tag) + "]";
  const into = { __proto__: null, entries: list(), state, path: { __proto__: null, value, up: path, depth: path === null ? 0 : path.depth + 1 }, indent: indent + "  " };
  let prefix = "", open = "{", close = "}", base, size;
  if (tag === "Array" || tag === "Arguments") {
    prefix = tag === "Arguments" ? "[Arguments] " : name === "Array" ? "" : (name ?? "Array") + "(" + value.length + ") ";
    open = "["; close = "]";
    items(value, value.length, into);
  } else if (isFunction) {
    base = functionHead(value);
    fields(value, into);
  } else if (tag === "Error") {
    base = errorHead(value, name);
    fields(value, into, errorKeys);
    hiddenField(value, "cause", into);
    hiddenField(value, "errors", into);
  } else if ((base = wrapped(value, tag)) !== undefined) {
    fields(value, into, null, tag === "String");
  } else if ((size = apply(typedName, value, [])) !== undefined) {
    prefix = (name ?? size) + "(" + (size = apply(typedLength, value, [])) + ") ";
    open = "["; close = "]";
    items(value, size, into);
  } else if (tag === "Map" && (size = attempt(mapSize, value)) !== undefined) {
    prefix = (name ?? "Map") + "(" + size + ") ";
    members(apply(mapEntries, value, []), mapNext, size, into, true);
    fields(value, into);
  } else if (tag === "Set" && (size = attempt(setSize, value)) !== undefined) {
    prefix = (name ?? "Set") + "(" + size + ") ";
    members(apply(setValues, value, []), setNext, size, into, false);
    fields(value, into);
  } else {
    prefix = name === null ? "[Object: null prototype] " : tag !== "" && tag !== "Object" && tag !== name ? name + " [" + cap(tag, 100) + "] " : name === "Object" ? "" : name + " ";
    size = tag === "ArrayBuffer" ? attempt(bufferBytes, value) : tag === "DataView" ? attempt(viewBytes, value) : undefined;
    if (size !== undefined) add(into, "byteLength: " + size);
    urlFields(value, into);
    fields(value, into);
  }
  if (base !== undefined) return into.entries.length === 0 ? base : layout(base + " ", open, close, into.entries, indent);
  return layout(prefix, open, close, into.entries, indent, open === "[");
};

const errorKeys = { __proto__: null, name: 1, message: 1, stack: 1 };
const add = (into, text) => { into.entries[into.entries.length] = text; };

// The nearest constructor's name along the prototypes, read without calling getters; null when there is none.
const className = (value) => {
  for (let object = prototypeOf(value), i = 0; object !== null && i < 50; object = prototypeOf(object), i++) {
    const maker = own(object, "constructor");
    const name = maker !== undefined && typeof maker.value === "function" ? ownName(maker.value) : "";
    if (name !== "") return name;
  }
  return null;
};
const ownName = (object) => {
  const name = own(object, "name");
  return name !== undefined && typeof name.value === "string" ? cap(name.value, 100) : "";
};

const functionHead = (value) => {
  const name = ownName(value), parent = prototypeOf(value), prototype = own(value, "prototype");
  // Only classes and built-in constructors have a read-only `prototype`; their source text may have been stripped.
  if (prototype !== undefined && prototype.writable === false) {
    const base = typeof parent === "function" && parent !== FunctionPrototype ? ownName(parent) : "";
    return "[class " + (name || "(anonymous)") + (base === "" ? "" : " extends " + base) + "]";
  }
  const kind = parent === asyncPrototype ? "AsyncFunction" : parent === generatorPrototype ? "GeneratorFunction" : parent === asyncGeneratorPrototype ? "AsyncGeneratorFunction" : "Function";
  return name === "" ? "[" + kind + " (anonymous)]" : "[" + kind + ": " + name + "]";
};

const errorHead = (error, className) => {
  let name = readText(error, "name");
  if (name === "" || name === "Error") name = className ?? "Error";
  const message = readText(error, "message");
  return message === "" ? cap(name, 200) : cap(name, 200) + ": " + cap(message, QUOTED);
};

const readText = (object, key) => {
  try {
    const value = object[key];
    if (typeof value === "string") return value;
    if (value === undefined) return "";
    if (value === null || typeof value !== "object" && typeof value !== "function") return primitive(value);
  } catch {}
  return "[unprintable]";
};

// Dates, regular expressions and boxed primitives.
const wrapped = (value, tag) => {
  if (tag === "Date") {
    const time = attempt(getTime, value);
    return time === undefined ? time : time === time ? apply(toISOString, value, []) : "Invalid Date";
  }
  if (tag === "RegExp") {
    const source = attempt(regexpSource, value);
    return source === undefined ? source : "/" + cap(source, QUOTED) + "/" + (attempt(regexpFlags, value) ?? "");
  }
  const inner = unboxed(value, tag);
  return inner === undefined ? inner : "[" + tag + ": " + (typeof inner === "string" ? quote(inner) : primitive(inner)) + "]";
};
const unboxed = (value, tag) => {
  if (tag !== "Number" && tag !== "String" && tag !== "Boolean" && tag !== "BigInt" && tag !== "Symbol") return undefined;
  for (let i = 0; i < unboxers.length; i++) {
    const inner = attempt(unboxers[i], value);
    if (inner !== undefined) return inner;
  }
  return undefined;
};

const items = (value, count, into) => {
  let i = 0, holes = 0;
  for (; i < count && i < ITEMS && into.state.room > 0; i++) {
    const item = own(value, i);
    if (item === undefined) { holes += 1; continue; }
    if (holes > 0) { addHoles(into, holes); holes = 0; }
    add(into, slot(item, into));
  }
  if (holes > 0) addHoles(into, holes);
  if (i < count) add(into, "\u2026 " + (count - i) + " more item" + (count - i === 1 ? "" : "s"));
  // Listing the keys of a long array to find an extra one costs a string for each index.
  if (count <= 1000) fields(value, into, null, true);
};
const addHoles = (into, holes) => add(into, "<" + holes + " empty item" + (holes === 1 ? "" : "s") + ">");

const members = (cursor, next, count, into, pairs) => {
  for (let i = 0; i < count; i++) {
    if (i === ITEMS || into.state.room <= 0) { add(into, "\u2026 " + (count - i) + " more item" + (count - i === 1 ? "" : "s")); return; }
    const step = apply(next, cursor, []);
    if (step.done) return;
    const item = step.value;
    add(into, pairs ? within(item[0], into) + " => " + within(item[1], into) : within(item, into));
  }
};
const within = (value, into) => inspect(value, into.state, into.path, into.indent);

// Own enumerable properties; `skip` has names to leave out, `indexed` leaves out indices.
const fields = (value, into, skip = null, indexed = false) => {
  const keys = ownKeys(value);
  for (let i = 0, shown = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key === "string" && (indexed && "" + (key >>> 0) === key || skip !== null && skip[key] === 1)) continue;
    if (shown === ITEMS || into.state.room <= 0) { add(into, "\u2026 " + (keys.length - i) + " more"); return; }
    const field = own(value, key);
    if (field === undefined || !field.enumerable) continue;
    shown += 1;
    const name = keyText(key);
    into.state.room -= name.length;
    add(into, name + ": " + slot(field, into));
  }
};
const hiddenField = (value, key, into) => {
  const field = own(value, key);
  if (field !== undefined && !field.enumerable) add(into, "[" + key + "]: " + slot(field, into));
};
const slot = (field, into) => {
  if (field.get !== undefined) return field.set === undefined ? "[Getter]" : "[Getter/Setter]";
  return field.set === undefined ? within(field.value, into) : "[Setter]";
};

// On one line when it fits; else one entry a line, or for many short array items as many as fit.
const layout = (prefix, open, close, entries, indent, packable = false) => {
  if (entries.length === 0) return prefix + open + close;
  let width = prefix.length + indent.length, widest = 0, broken = false;
  for (let i = 0; i < entries.length; i++) {
    width += entries[i].length + 2;
    if (entries[i].length > widest) widest = entries[i].length;
    if (!broken && indexOf(entries[i], "\n") >= 0) broken = true;
  }
  if (!broken && width <= WIDE) return prefix + open + " " + join(entries, ", ") + " " + close;
  const packed = packable && entries.length > 6 && widest <= 24;
  let out = prefix + open, line = "";
  for (let i = 0; i < entries.length; i++) {
    const piece = i === entries.length - 1 ? entries[i] : entries[i] + ",";
    if (packed && line !== "" && indent.length + line.length + piece.length < WIDE) { line += " " + piece; continue; }
    if (line !== "") out += "\n" + indent + "  " + line;
    line = piece;
  }
  return out + "\n" + indent + "  " + line + "\n" + indent + close;
};

// What the host is told about a thrown value. No object in it has a prototype, so that `stringify` of it calls nothing
// of the guest's.
const describe = (thrown) => {
  try { return describeAt(thrown, 0, { __proto__: null, left: 20 }); } catch {}
  return { __proto__: null, thrown: "value", name: "Thrown", message: "[unprintable]" };
};

const TEXT = 16384, DATA = 65536;

const describeAt = (thrown, depth, nested) => {
  const object = typeof thrown === "object" && thrown !== null;
  if (!object || tagOf(thrown) !== "[object Error]") {
    const out = { __proto__: null, thrown: "value", name: "Thrown", message: clean(typeof thrown === "string" ? thrown : format([thrown])) };
    if (object) keep(out, "data", plain(thrown, DATA));
    return out;
  }
  const out = { __proto__: null, thrown: "error", name: clean(readText(thrown, "name"), 200) || "Error", message: clean(readText(thrown, "message")) };
  const stack = stackText(thrown);
  if (typeof stack === "string") out.stack = clean(programFrames(stack));
  const code = ownValue(thrown, "code");
  if (typeof code === "string") out.code = clean(code);
  else if (typeof code === "number" && code - code === 0) out.code = code;
  keep(out, "data", plain(ownValue(thrown, "data"), depth === 0 ? DATA : 4096));
  keep(out, "fields", extraFields(thrown));
  if (depth >= 5) return out;
  const cause = ownValue(thrown, "cause");
  if (cause !== undefined && nested.left-- > 0) out.cause = describeAt(cause, depth + 1, nested);
  const errors = ownValue(thrown, "errors");
  if (isList(errors)) {
    out.errors = list();
    for (let i = 0; i < 10 && i < errors.length && nested.left-- > 0; i++) out.errors[i] = describeAt(read(errors, i), depth + 1, nested);
  }
  return out;
};

const clean = (text, limit = TEXT) => apply(toWellFormed, cap(text, limit), []);
const keep = (out, key, value) => {
  if (value !== undefined) out[key] = value;
};
const ownValue = (object, key) => {
  try { return own(object, key) === undefined ? undefined : object[key]; } catch { return undefined; }
};
const isList = (value) => {
  try { return isArray(value); } catch { return false; }
};
const stackText = (error) => {
  try {
    return errorStack === undefined || own(error, "stack") !== undefined ? error.stack : apply(errorStack, error, []);
  } catch { return undefined; }
};

const described = { __proto__: null, name: 1, message: 1, stack: 1, code: 1, data: 1, cause: 1, errors: 1 };
const extraFields = (error) => {
  let found;
  try {
    const keys = ownKeys(error);
    for (let i = 0, taken = 0; i < keys.length && i < 100 && taken < 16; i++) {
      const key = keys[i];
      if (typeof key !== "string" || key.length > 100 || described[key] === 1 || !own(error, key)?.enumerable) continue;
      const value = plain(ownValue(error, key), 1024);
      if (value === undefined) continue;
      found ??= { __proto__: null };
      found[apply(toWellFormed, key, [])] = value;
      taken += 1;
    }
  } catch {}
  return found;
};

// A copy through JSON without prototypes; undefined when there is none or its text is over `limit`.
const plain = (value, limit) => {
  try {
    const text = stringify(value);
    return text === undefined || text.length > limit ? undefined : bare(parse(text), 0);
  } catch { return undefined; }
};
const bare = (value, depth) => {
  if (typeof value !== "object" || value === null) return value;
  if (depth > 64) throw new RangeErrorCtor("nested too deeply");
  setPrototypeOf(value, null);
  const keys = ownKeys(value);
  for (let i = 0; i < keys.length; i++) bare(value[keys[i]], depth + 1);
  return value;
};

// JSON text of a result or a call's input, undefined for undefined, or { path, reason } when there is none. The host sees
// to lone surrogates, which `stringify` writes as \udXXX.
const encode = (value) => {
  if (typeof value === "function" || typeof value === "symbol") return refusal(null, "a " + typeof value);
  let text;
  try { text = stringify(value); } catch { return writeJson(value); }
  // A promise has the text of an empty object, which nobody means: an `await` is missing.
  const found = text !== undefined && indexOf(text, "{}") >= 0 ? promiseIn(value) : undefined;
  return found === undefined ? text : refusal(found.frame, "a promise");
};

// Where the first promise stands in a value that has a JSON text. What has a toJSON is not looked into.
const promiseIn = (root) => {
  let frame = null, value = root;
  try {
    for (;;) {
      if (typeof value === "object" && value !== null && typeof value.toJSON !== "function") {
        if (tagOf(value) === "[object Promise]") return { __proto__: null, frame };
        const keys = isArray(value) ? null : ownKeys(value);
        frame = { __proto__: null, up: frame, value, keys, count: keys === null ? value.length : keys.length, at: -1, key: "" };
      }
      for (;;) {
        if (frame === null) return undefined;
        if (++frame.at >= frame.count) { frame = frame.up; continue; }
        if (frame.keys === null) break;
        frame.key = frame.keys[frame.at];
        if (typeof frame.key === "string" && own(frame.value, frame.key)?.enumerable) break;
      }
      value = frame.value[frame.keys === null ? frame.at : frame.key];
    }
  } catch { return undefined; }
};

const refusal = (frame, reason) => {
  let path = "";
  for (; frame !== null; frame = frame.up) {
    const { keys, at, key } = frame;
    path = (keys === null ? "[" + at + "]" : matches(/^[A-Za-z_$][\w$]*$/, key) ? "." + key : "[" + stringify(key) + "]") + path;
    if (path.length > 300) { path = "\u2026" + slice(path, -300); break; }
  }
  return { __proto__: null, path: apply(toWellFormed, "$" + path, []), reason };
};

// `stringify` again, for a value on which the engine's own failed: this one knows where it is. It also needs nothing of
// Array.prototype, in which QuickJS keeps its list of open objects. A loop: the value may be deeper than the stack.
const writeJson = (root) => {
  const open = new SetCtor();
  let out = "", frame = null, value = root;
  try {
    for (;;) {
      const key = frame === null ? "" : frame.keys === null ? "" + frame.at : frame.key;
      if (typeof value === "object" && value !== null || typeof value === "bigint") {
        const convert = value.toJSON;
        if (typeof convert === "function") value = apply(convert, value, [key]);
      }
      if (typeof value === "object" && value !== null) {
        const inner = unboxed(value, slice(tagOf(value), 8, -1));
        if (inner !== undefined && typeof inner !== "symbol") value = inner;
      }
      if (typeof value === "bigint") return refusal(frame, "a BigInt");
      const missing = value === undefined || typeof value === "function" || typeof value === "symbol";
      if (frame === null) {
        if (missing) return undefined;
      } else if (!missing || frame.keys === null) {
        out += (frame.any ? "," : "") + (frame.keys === null ? "" : stringify(key) + ":");
        frame.any = true;
      }
      if (typeof value === "object" && value !== null) {
        if (apply(setHas, open, [value])) return refusal(frame, "a circular reference");
        const keys = isArray(value) ? null : ownKeys(value), depth = frame === null ? 1 : frame.depth + 1;
        if (depth > 1000) return refusal(frame, "nested more than 1000 levels deep");
        apply(setAdd, open, [value]);
        frame = { __proto__: null, up: frame, value, keys, count: keys === null ? value.length : keys.length, at: -1, key: "", any: false, depth };
        out += keys === null ? "[" : "{";
      } else if (!missing || frame.keys === null) {
        out += typeof value === "string" ? stringify(value) : missing || value - value !== 0 ? "null" : "" + value;
      }
      for (;;) {
        if (frame === null) return out;
        if (++frame.at < frame.count) {
          if (frame.keys === null) break;
          frame.key = frame.keys[frame.at];
          if (typeof frame.key === "string" && own(frame.value, frame.key)?.enumerable) break;
          continue;
        }
        out += frame.keys === null ? "]" : "}";
        apply(setDelete, open, [frame.value]);
        frame = frame.up;
      }
      value = frame.value[frame.keys === null ? frame.at : frame.key];
    }
  } catch (error) {
    return refusal(frame, "an error from a getter or toJSON (" + format([error]) + ")");
  }
};

// The text of one of our own values, which `stringify` may fail on after the guest has been at Array.prototype.
const ownJson = (value) => {
  try { return stringify(value); } catch { return writeJson(value); }
};
