// URL and URLSearchParams. The host parses (`post("url\n" + JSON)` answers with JSON); the guest side keeps the parts.

const urlMax = 1048576;
// A long one is refused by name: the host reads it in one go, which no deadline ends.
const jsonString = (text) => {
  if (text.length > urlMax) throw new RangeErrorCtor("a URL of " + text.length + " characters is too long; at most " + urlMax + " are allowed");
  return stringify(apply(toWellFormed, text, []));
};
// { href, origin, protocol, ... } or null. Built by hand: `stringify` of an array would look for a `toJSON` of the guest's.
const parseUrl = (url, base) => parse(ask('url\n["parse",' + jsonString(url) + "," + (base === null ? "null" : jsonString(base)) + "]"));
const tryUrl = (url, base) => parseUrl(StringFn(url), base === undefined ? null : StringFn(base));
const invalidUrl = (url) => new TypeErrorCtor("Invalid URL: " + quote(cap(url, 200)));

let urlText, queryPairs, attachQuery, replaceQuery;

const URLClass = class URL {
  #parts; #query = null;
  static { urlText = (value) => #parts in value ? value.#parts.href : undefined; }

  constructor(url, base = undefined) {
    const text = StringFn(url);
    this.#parts = tryUrl(text, base);
    if (this.#parts === null) throw invalidUrl(text);
  }
  static canParse(url, base = undefined) { return tryUrl(url, base) !== null; }
  static parse(url, base = undefined) {
    const text = StringFn(url), from = base === undefined ? base : StringFn(base);
    return tryUrl(text, from) === null ? null : new URLClass(text, from);
  }

  #set(part, value) {
    const parts = parse(ask('url\n["set",' + jsonString(this.#parts.href) + ',"' + part + '",' + jsonString(StringFn(value)) + "]"));
    if (parts !== null) this.#parts = parts;
    return parts !== null;
  }
  #reload() {
    if (this.#query !== null) replaceQuery(this.#query, this.#parts.search);
  }

  get href() { return this.#parts.href; }
  set href(value) {
    if (!this.#set("href", value)) throw invalidUrl(StringFn(value));
    this.#reload();
  }
  get origin() { return this.#parts.origin; }
  get protocol() { return this.#parts.protocol; }
  set protocol(value) { this.#set("protocol", value); }
  get username() { return this.#parts.username; }
  set username(value) { this.#set("username", value); }
  get password() { return this.#parts.password; }
  set password(value) { this.#set("password", value); }
  get host() { return this.#parts.host; }
  set host(value) { this.#set("host", value); }
  get hostname() { return this.#parts.hostname; }
  set hostname(value) { this.#set("hostname", value); }
  get port() { return this.#parts.port; }
  set port(value) { this.#set("port", value); }
  get pathname() { return this.#parts.pathname; }
  set pathname(value) { this.#set("pathname", value); }
  get search() { return this.#parts.search; }
  set search(value) {
    this.#set("search", value);
    this.#reload();
  }
  get searchParams() { return this.#query ??= attachQuery(this.#parts.search, (text) => this.#set("search", text)); }
  get hash() { return this.#parts.hash; }
  set hash(value) { this.#set("hash", value); }
  toString() { return this.#parts.href; }
  toJSON() { return this.#parts.href; }
  get [symbolTag]() { return "URL"; }
};

const URLSearchParamsClass = class URLSearchParams {
  #pairs = list(); #changed = null;
  static {
    queryPairs = (value) => #pairs in value ? value.#pairs : undefined;
    attachQuery = (text, changed) => {
      const query = new URLSearchParamsClass(text);
      query.#changed = changed;
      return query;
    };
    replaceQuery = (query, text) => { query.#pairs = parseForm(text); };
  }

  constructor(init = "") {
    if (typeof init === "object" && init !== null || typeof init === "function") readPairs(init, this.#pairs);
    else this.#pairs = parseForm(StringFn(init));
  }
  #update(pairs) {
    this.#pairs = pairs;
    if (this.#changed !== null) this.#changed(formText(pairs));
  }
  // The pairs of other names, or of the same name and another value when one is given.
  #without(name, value) {
    const kept = list(), pairs = this.#pairs;
    for (let i = 0; i < pairs.length; i++) if (pairs[i].name !== name || value !== undefined && pairs[i].value !== value) kept[kept.length] = pairs[i];
    return kept;
  }

  get size() { return this.#pairs.length; }
  append(name, value) {
    addPair(this.#pairs, name, value);
    this.#update(this.#pairs);
  }
  delete(name, value = undefined) { this.#update(this.#without(usv(name), value === undefined ? value : usv(value))); }
  get(name) {
    const key = usv(name), pairs = this.#pairs;
    for (let i = 0; i < pairs.length; i++) if (pairs[i].name === key) return pairs[i].value;
    return null;
  }
  getAll(name) {
    const key = usv(name), found = list(), pairs = this.#pairs;
    for (let i = 0; i < pairs.length; i++) if (pairs[i].name === key) found[found.length] = pairs[i].value;
    return toArray(found);
  }
  has(name, value = undefined) { return this.#without(usv(name), value === undefined ? value : usv(value)).length < this.#pairs.length; }
  set(name, value) {
    const key = usv(name), text = usv(value), kept = list(), pairs = this.#pairs;
    let done = false;
    for (let i = 0; i < pairs.length; i++) {
      if (pairs[i].name !== key) kept[kept.length] = pairs[i];
      else if (!done) {
        done = true;
        addPair(kept, key, text);
      }
    }
    if (!done) addPair(kept, key, text);
    this.#update(kept);
  }
  sort() { this.#update(apply(arraySort, this.#pairs, [(a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0])); }
  forEach(callback, self = undefined) {
    if (typeof callback !== "function") throw new TypeErrorCtor("forEach takes a function");
    for (let i = 0; i < this.#pairs.length; i++) apply(callback, self, [this.#pairs[i].value, this.#pairs[i].name, this]);
  }
  *entries() { for (let i = 0; i < this.#pairs.length; i++) yield [this.#pairs[i].name, this.#pairs[i].value]; }
  *keys() { for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i].name; }
  *values() { for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i].value; }
  toString() { return formText(this.#pairs); }
  get [symbolTag]() { return "URLSearchParams"; }
};
define(URLSearchParamsClass.prototype, symbolIterator, URLSearchParamsClass.prototype.entries);
const { sort: arraySort } = ArrayPrototype;

const usv = (value) => apply(toWellFormed, StringFn(value), []);
const addPair = (pairs, name, value) => { pairs[pairs.length] = { __proto__: null, name: usv(name), value: usv(value) }; };

// From an iterable of pairs or a record. The protocol is the guest's own here: what it yields is what it gets.
const readPairs = (init, pairs) => {
  if (typeof init[symbolIterator] === "function") {
    for (const pair of init) {
      const both = list();
      for (const item of pair) both[both.length] = item;
      if (both.length !== 2) throw new TypeErrorCtor("each query pair must be an iterable of a name and a value");
      addPair(pairs, both[0], both[1]);
    }
    return;
  }
  const keys = ownKeys(init);
  for (let i = 0; i < keys.length; i++) if (typeof keys[i] === "string" && own(init, keys[i])?.enumerable) addPair(pairs, keys[i], init[keys[i]]);
};

// application/x-www-form-urlencoded, both ways.
const parseForm = (text) => {
  const pairs = list();
  for (let from = text[0] === "?" ? 1 : 0; from < text.length;) {
    let end = indexOf(text, "&", from);
    if (end < 0) end = text.length;
    if (end > from) {
      const piece = slice(text, from, end), cut = indexOf(piece, "=");
      addPair(pairs, decodeForm(cut < 0 ? piece : slice(piece, 0, cut)), cut < 0 ? "" : decodeForm(slice(piece, cut + 1)));
    }
    from = end + 1;
  }
  return pairs;
};
const decodeForm = (text) => {
  let out = "", from = 0;
  for (let i = indexOf(text, "+"); i >= 0; i = indexOf(text, "+", from)) {
    out += slice(text, from, i) + " ";
    from = i + 1;
  }
  out += slice(text, from);
  if (indexOf(out, "%") < 0) return out;
  try { return decodeComponent(out); } catch {}
  // A stray % or bytes that are not UTF-8.
  const bytes = toUtf8(apply(toWellFormed, out, [])), size = apply(typedLength, bytes, []);
  let length = 0;
  for (let i = 0; i < size; i++) {
    const high = bytes[i] === 37 && i + 2 < size ? hexDigit(bytes[i + 1]) : -1, low = high >= 0 ? hexDigit(bytes[i + 2]) : -1;
    if (low >= 0) i += 2;
    bytes[length++] = low >= 0 ? high * 16 + low : bytes[i];
  }
  return fromUtf8(new Bytes(apply(typedBuffer, bytes, []), 0, length), utf8State(), false, true, true);
};
const hexDigit = (unit) => unit >= 48 && unit <= 57 ? unit - 48 : unit >= 65 && unit <= 70 ? unit - 55 : unit >= 97 && unit <= 102 ? unit - 87 : -1;

const formText = (pairs) => {
  let text = "";
  for (let i = 0; i < pairs.length; i++) text += (i === 0 ? "" : "&") + encodeForm(pairs[i].name) + "=" + encodeForm(pairs[i].value);
  return text;
};
const encodeForm = (text) => {
  const encoded = encodeComponent(text);
  if (!matches(/%20|[!'()~]/, encoded)) return encoded;
  let out = "";
  for (let i = 0; i < encoded.length; i++) {
    const letter = encoded[i];
    if (letter === "%" && encoded[i + 1] === "2" && encoded[i + 2] === "0") {
      out += "+";
      i += 2;
    } else out += letter === "!" ? "%21" : letter === "'" ? "%27" : letter === "(" ? "%28" : letter === ")" ? "%29" : letter === "~" ? "%7E" : letter;
  }
  return out;
};

// What `format` shows of the two.
const urlFields = (value, into) => {
  const href = urlText(value), pairs = queryPairs(value);
  if (href !== undefined) add(into, "href: " + quote(href));
  if (pairs === undefined) return;
  for (let i = 0; i < pairs.length && i < ITEMS; i++) add(into, quote(pairs[i].name) + " => " + quote(pairs[i].value));
  if (pairs.length > ITEMS) add(into, "\u2026 " + (pairs.length - ITEMS) + " more items");
};

const urlGlobals = { URL: URLClass, URLSearchParams: URLSearchParamsClass };
