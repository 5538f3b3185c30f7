// Regular expressions, for the same engines.

// The natives loop over what an `exec` of the program's says, and over as many captures as it says, without a look at the
// interrupt. So they are left what has no `exec` of its own; with all else the steps of the language are done here.
const RegExpPrototype = RegExpCtor.prototype, { hasOwn } = ObjectFn;
const ofEngine = { __proto__: null, exec: true, constructor: true, flags: true };
const isOfEngine = (pattern) => {
  if (isProxy(pattern) || !isObject(pattern) || prototypeOf(pattern) !== RegExpPrototype) return false;
  for (const name in ofEngine) if (hasOwn(pattern, name)) return false;
  return own(RegExpPrototype, "exec")?.value === exec;
};
const execute = (pattern, text) => {
  beat();
  const method = pattern.exec;
  if (typeof method !== "function") return apply(exec, pattern, [text]);
  const found = apply(method, pattern, [text]);
  if (found !== null && !isObject(found)) throw new TypeErrorCtor("exec returned neither an object nor null");
  return found;
};
const objectOf = (pattern) => {
  if (!isObject(pattern)) throw new TypeErrorCtor("not a regular expression");
  return pattern;
};
const has = (flags, flag) => indexOf(flags, flag) >= 0;
const after = (text, at, flags) => {
  if ((has(flags, "u") || has(flags, "v")) && at + 1 < text.length) {
    const high = charCodeAt(text, at), low = charCodeAt(text, at + 1);
    if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) return at + 2;
  }
  return at + 1;
};
// Past a match of nothing.
const stepOn = (pattern, match, text, flags) => {
  if (match === "") pattern.lastIndex = after(text, toLength(pattern.lastIndex), flags);
};
const capturesOf = (found) => {
  const count = sizeOf(found), captures = list();
  for (let i = 1; i < count; i++) {
    beat();
    const capture = found[i];
    captures[i - 1] = capture === undefined ? capture : toText(capture);
  }
  return captures;
};
const makerOf = (pattern) => {
  const maker = pattern.constructor;
  if (maker !== undefined && !isObject(maker)) throw new TypeErrorCtor("the constructor is not an object");
  const special = maker === undefined ? maker : maker[symbolSpecies];
  if (special !== undefined && special !== null) return special;
  if (attempt(regexpSource, pattern) === undefined) throw new TypeErrorCtor("not a regular expression");
  return RegExpCtor;
};
const patterns = { __proto__: null };
const patternMethods = {
  __proto__: null,
  [symbolMatch](string) {
    if (isOfEngine(this)) return apply(patterns[symbolMatch], this, [string]);
    const pattern = objectOf(this), text = toText(string), flags = toText(pattern.flags), found = list();
    if (!has(flags, "g")) return execute(pattern, text);
    pattern.lastIndex = 0;
    for (let result; (result = execute(pattern, text)) !== null;) {
      const match = found[found.length] = toText(result[0]);
      stepOn(pattern, match, text, flags);
    }
    return found.length === 0 ? null : toArray(found);
  },
  [symbolReplace](string, value) {
    if (isOfEngine(this)) return apply(patterns[symbolReplace], this, [string, value]);
    const pattern = objectOf(this), text = toText(string), call = typeof value === "function", template = call ? undefined : toText(value);
    const flags = toText(pattern.flags), all = has(flags, "g"), found = list();
    if (all) pattern.lastIndex = 0;
    for (let result; (result = execute(pattern, text)) !== null;) {
      found[found.length] = result;
      if (!all) break;
      stepOn(pattern, toText(result[0]), text, flags);
    }
    let done = "", from = 0;
    for (let i = 0; i < found.length; i++) {
      const result = found[i], match = toText(result[0]), index = truncate(result.index);
      const at = index < 0 ? 0 : index < text.length ? index : text.length, captures = capturesOf(result), { groups } = result;
      let put;
      if (call) {
        const args = [match];
        fits(captures.length, argumentsMax);
        for (let n = 0; n < captures.length; n++) args[n + 1] = captures[n];
        args[args.length] = at;
        args[args.length] = text;
        if (groups !== undefined) args[args.length] = groups;
        put = toText(apply(value, undefined, args));
      } else put = expand(template, text, match, at, captures, groups === undefined ? groups : toObject(groups));
      if (at >= from) done += slice(text, from, at) + put, from = at + match.length;
    }
    return done + slice(text, from);
  },
  [symbolSplit](string, limit) {
    if (isOfEngine(this)) return apply(patterns[symbolSplit], this, [string, limit]);
    const pattern = objectOf(this), text = toText(string), maker = makerOf(pattern), flags = toText(pattern.flags);
    const splitter = new maker(pattern, has(flags, "y") ? flags : flags + "y"), max = limit === undefined ? arraySizeMax : limit >>> 0;
    const parts = list();
    if (max === 0) return toArray(parts);
    if (text === "") {
      if (execute(splitter, text) === null) parts[0] = text;
      return toArray(parts);
    }
    let from = 0;
    for (let at = 0; at < text.length;) {
      splitter.lastIndex = at;
      const found = execute(splitter, text), last = found === null ? from : toLength(splitter.lastIndex), end = last < text.length ? last : text.length;
      if (end === from) {
        at = after(text, at, flags);
        continue;
      }
      parts[parts.length] = slice(text, from, at);
      if (parts.length === max) return toArray(parts);
      at = from = end;
      const count = sizeOf(found);
      for (let i = 1; i < count; i++) {
        beat();
        parts[parts.length] = found[i];
        if (parts.length === max) return toArray(parts);
      }
    }
    parts[parts.length] = slice(text, from);
    return toArray(parts);
  },
};
replace(RegExpPrototype, patternMethods, patterns);
