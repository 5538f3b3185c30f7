// Searches in texts.

// The place of `part` in `text`. A native looks at every unit of `part` at every place: two texts of 10 MB that are nearly
// equal take it hours. So a large search is done piece by piece.
const searchMax = 2 ** 26;
const isQuick = (text, part) => part.length <= 64 || text.length <= trifle || text.length * part.length <= searchMax;
// What was gone over counts once it was: a program may look for one thing after the other in a large text.
const search = (text, part, from) => {
  if (!isQuick(text, part)) return searchPieces(text, part, from);
  const at = indexOf(text, part, from), passed = (at < 0 ? text.length : at) - from;
  if (passed > trifle) spend(passed >> 1);
  return at;
};
// For one search after the other. A native may look at all of a text each time, so it is given a window.
const windowMax = 4096;
const searcher = (text, part) => {
  if (!isQuick(text, part)) return searchPieces;
  if (polls || part.length > windowMax) return search;
  let window = "", begin = -1;
  return (text, part, from) => {
    for (;;) {
      if (begin < 0 || from >= begin + windowMax) window = slice(text, begin = from, from + windowMax + part.length - 1);
      const at = indexOf(window, part, from - begin);
      if (at >= 0) return begin + at;
      from = begin + windowMax;
      if (from > text.length - part.length) return -1;
      beat();
    }
  };
};
const searchPieces = (text, part, from) => {
  const places = floor(searchMax / part.length) + 1;
  for (; from <= text.length - part.length; from += places) {
    beat();
    spend(searchMax >> 3);
    const at = indexOf(slice(text, from, from + places + part.length - 1), part);
    if (at >= 0) return from + at;
  }
  return -1;
};
const searchBack = (text, part, from) => {
  if (isQuick(text, part)) {
    const at = apply(strings.lastIndexOf, text, [part, from]), passed = (from < text.length ? from : text.length) - (at < 0 ? 0 : at);
    if (passed > trifle) spend(passed >> 1);
    return at;
  }
  const places = floor(searchMax / part.length) + 1;
  let end = from < text.length - part.length ? from : text.length - part.length;
  for (; end >= 0; end -= places) {
    beat();
    spend(searchMax >> 3);
    const begin = end < places ? 0 : end - places + 1;
    const at = apply(strings.lastIndexOf, slice(text, begin, end + part.length), [part]);
    if (at >= 0) return begin + at;
  }
  return -1;
};
const textOf = (value) => {
  if (value === undefined || value === null) throw new TypeErrorCtor("Cannot convert undefined or null to object");
  return toText(value);
};
const symbolReplace = Symbol.replace, symbolSplit = Symbol.split;
const expand = (template, text, part, at, captures, groups) => {
  let done = "", from = 0;
  for (let i = indexOf(template, "$"); i >= 0 && i + 1 < template.length; i = indexOf(template, "$", i)) {
    beat();
    const kind = template[i + 1];
    let end = i + 2, put = kind === "$" ? "$" : kind === "&" ? part : kind === "`" ? slice(text, 0, at) : kind === "'" ? slice(text, at + part.length) : undefined;
    if (captures !== undefined && kind >= "0" && kind <= "9") {
      const two = template[i + 2] >= "0" && template[i + 2] <= "9" ? +slice(template, i + 1, i + 3) : 0;
      const number = two > 0 && two <= captures.length ? two : +kind;
      if (number > 0 && number <= captures.length) put = captures[number - 1] ?? "", end += number === two ? 1 : 0;
    } else if (groups !== undefined && kind === "<") {
      const close = indexOf(template, ">", i);
      if (close >= 0) put = groups[slice(template, i + 2, close)], put = put === undefined ? "" : toText(put), end = close + 1;
    }
    if (put !== undefined) done += slice(template, from, i) + put, from = end;
    i = put === undefined ? i + 1 : end;
  }
  return done + slice(template, from);
};
// Whether a native may make all the parts of a text in one piece. One that looks at no interrupt makes millions of them, or
// long ones for each: the text before a match, or behind it.
const wholeMax = tick === undefined ? 1048576 : 65536;
const isWhole = (text, part, value) => {
  const { length } = text;
  if (length <= trifle) return true;
  if (!isQuick(text, part) || !polls && (length > wholeMax || typeof value === "string" && indexOf(value, "$") >= 0)) return false;
  spend(length >> 1);
  return true;
};
const replaced = (text, part, value, all) => {
  const call = typeof value === "function", template = call ? undefined : toText(value), parts = list(), next = searcher(text, part);
  let from = 0;
  for (let at = next(text, part, 0); at >= 0; at = next(text, part, from === at ? at + 1 : from)) {
    beat();
    parts[parts.length] = slice(text, from, at);
    parts[parts.length] = call ? toText(apply(value, undefined, [part, at, text])) : expand(template, text, part, at);
    from = at + part.length;
    if (!all || part === "" && at >= text.length) break;
  }
  parts[parts.length] = slice(text, from);
  return apply(natives.join, toArray(parts), [""]);
};

// Marks behind a letter are put in order one by one: a million of them take hours.
const marksMax = 512, mark = /^\p{M}/u;
const isMarkAt = (text, at) => {
  const unit = charCodeAt(text, at);
  if (unit < 0x300) return false;
  const from = unit >= 0xdc00 && unit < 0xe000 && at > 0 ? at - 1 : at;
  return matches(mark, slice(text, from, from + 2));
};
const hasLongRow = (text) => {
  for (let i = marksMax; i < text.length; i += marksMax) {
    let end = i;
    while (end < text.length && end < i + marksMax && isMarkAt(text, end)) end += 1;
    beat();
    if (end === i + marksMax) return true;
  }
  return false;
};

// What is coded in one piece, and where a piece can end: within a pair, or an escape of several bytes, it cannot.
const pieceMax = 65536;
const isEscapeWithin = (text, at) => text[at] === "%" ? indexOf("89abAB", text[at + 1]) >= 0 : text[at - 1] === "%" || text[at - 2] === "%";
const codedEnd = (text, end) => {
  const unit = charCodeAt(text, end);
  if (unit >= 0xdc00 && unit < 0xe000) return end - 1;
  for (let at = end; at > end - 12; at--) if (!isEscapeWithin(text, at)) return at;
  return end;
};
const coders = { __proto__: null };
const coding = (name) => ({ [name](value) {
  const text = toText(value);
  if (text.length <= pieceMax) return apply(coders[name], undefined, [text]);
  const parts = list();
  for (let from = 0, end; from < text.length; from = end) {
    spend(pieceMax << 2);
    end = from + pieceMax < text.length ? codedEnd(text, from + pieceMax) : text.length;
    parts[parts.length] = apply(coders[name], undefined, [slice(text, from, end)]);
  }
  return apply(natives.join, toArray(parts), [""]);
} })[name];

const strings = { __proto__: null };
const stringMethods = {
  __proto__: null,
  includes(part) {
    if (typeof this === "string" && typeof part === "string" && this.length <= trifle) return apply(strings.includes, this, arguments);
    const text = textOf(this);
    if (isPattern(part)) throw new TypeErrorCtor("the first argument is a regular expression");
    const wanted = toText(part);
    return search(text, wanted, within(arguments[1] < 0 ? 0 : arguments[1], text.length, 0)) >= 0;
  },
  indexOf(part) {
    if (typeof this === "string" && typeof part === "string" && this.length <= trifle) return apply(strings.indexOf, this, arguments);
    const text = textOf(this), wanted = toText(part), from = truncate(arguments[1]);
    return search(text, wanted, from < 0 ? 0 : from < text.length ? from : text.length);
  },
  lastIndexOf(part) {
    const text = textOf(this), wanted = toText(part), from = +arguments[1];
    return searchBack(text, wanted, from !== from ? Infinity : from < 0 ? 0 : truncate(from));
  },
  normalize() {
    const text = textOf(this);
    if (text.length > marksMax) {
      spend(text.length);
      if (hasLongRow(text)) throw new RangeErrorCtor("the text has too many marks behind one letter: more than " + marksMax);
    }
    return apply(strings.normalize, text, arguments);
  },
  replace(pattern, value) {
    if (typeof this === "string" && typeof pattern === "string" && this.length <= trifle) return apply(strings.replace, this, arguments);
    if (this === undefined || this === null) textOf(this);
    const method = methodOf(pattern, symbolReplace);
    if (method !== undefined) return apply(method, pattern, [this, value]);
    const text = toText(this), part = toText(pattern);
    return text.length <= trifle ? apply(strings.replace, text, [part, value]) : replaced(text, part, value, false);
  },
  replaceAll(pattern, value) {
    if (typeof this === "string" && typeof pattern === "string" && isWhole(this, pattern, value)) return apply(strings.replaceAll, this, arguments);
    if (this === undefined || this === null) textOf(this);
    if (isPattern(pattern) && indexOf(textOf(pattern.flags), "g") < 0) throw new TypeErrorCtor("replaceAll must be called with a global RegExp");
    const method = methodOf(pattern, symbolReplace);
    if (method !== undefined) return apply(method, pattern, [this, value]);
    const text = toText(this), part = toText(pattern);
    return isWhole(text, part, value) ? apply(strings.replaceAll, text, [part, value]) : replaced(text, part, value, true);
  },
  split(separator, limit) {
    if (typeof this === "string" && typeof separator === "string" && isWhole(this, separator)) return apply(strings.split, this, arguments);
    if (this === undefined || this === null) textOf(this);
    const method = methodOf(separator, symbolSplit);
    if (method !== undefined) return apply(method, separator, [this, limit]);
    const text = toText(this), max = limit === undefined ? arraySizeMax : limit >>> 0;
    if (separator === undefined) return apply(strings.split, text, [undefined, max]);
    const part = toText(separator);
    if (isWhole(text, part)) return apply(strings.split, text, [part, max]);
    const parts = list();
    if (part === "") {
      for (let i = 0; i < text.length && i < max; i++) {
        beat();
        parts[i] = text[i];
      }
      return toArray(parts);
    }
    const next = searcher(text, part);
    let from = 0;
    for (let at = next(text, part, 0); at >= 0 && parts.length < max; at = next(text, part, from)) {
      beat();
      parts[parts.length] = slice(text, from, at);
      from = at + part.length;
    }
    if (parts.length < max) parts[parts.length] = slice(text, from);
    return toArray(parts);
  },
};
replace(StringFn.prototype, stringMethods, strings);
replace(globalThis, {
  __proto__: null, encodeURI: coding("encodeURI"), encodeURIComponent: coding("encodeURIComponent"),
  decodeURI: coding("decodeURI"), decodeURIComponent: coding("decodeURIComponent"),
}, coders);

// No expression can be as long.
const escapedMax = 1048576, escapes = { __proto__: null };
replace(RegExpCtor, { __proto__: null, escape(text) {
  if (typeof text === "string" && text.length > escapedMax) throw new RangeErrorCtor("the text is too long for a regular expression: " + text.length + " characters");
  return apply(escapes.escape, this, arguments);
} }, escapes);
