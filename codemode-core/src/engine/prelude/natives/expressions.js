// Regular expressions that a program makes of texts. To compile one takes memory that no limit counts, and time in which an
// engine looks at no interrupt: a few hundred bytes for each unit, more for classes by property, by far the most for emoji,
// and groups are compiled again and again, as deep as they stand. What is made is measured first; the literals of a program
// were measured before it ran.
const patternMax = 32768, patternBytes = 33554432, SyntaxErrorCtor = SyntaxError;
const weigh = (text) => {
  let bytes = text.length * 400, depth = 0, inClass = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text[i];
    if (unit === "\\") {
      i += 1;
      if (text[i] === "p" || text[i] === "P") bytes += slice(text, i + 2, i + 6) === "RGI_" ? 900000 : 40000;
    } else if (inClass) inClass = unit !== "]";
    else if (unit === "[") inClass = true;
    else if (unit === "(") bytes += (depth += 1) * 300;
    else if (unit === ")" && depth > 0) depth -= 1;
  }
  return bytes;
};
const toPattern = (value) => {
  const text = toText(value);
  if (text.length > 256) {
    const bytes = text.length > patternMax ? Infinity : weigh(text);
    if (bytes > patternBytes) throw new SyntaxErrorCtor("Invalid regular expression: it is too large for this sandbox; use several smaller ones");
    spend(bytes >> 6);
  }
  return text;
};

const symbolMatch = Symbol.match;
const isRegExp = (value) => value !== RegExpCtor.prototype && attempt(regexpSource, value) !== undefined;
const isPattern = (value) => {
  if (!isObject(value)) return false;
  const match = value[symbolMatch];
  return match === undefined ? isRegExp(value) : !!match;
};
const methodOf = (value, symbol) => {
  const method = isObject(value) ? value[symbol] : undefined;
  return method === undefined || method === null ? undefined : toFunction(method);
};
// What the constructor is given, as the language reads it: a regular expression was measured when it was made, of anything
// else the text is taken here.
const measured = (pattern, flags) => {
  if (pattern === undefined || isObject(pattern) && isRegExp(pattern)) return [pattern, flags];
  if (!isPattern(pattern)) return [toPattern(pattern), flags];
  const text = toPattern(pattern.source);
  return [text, flags === undefined ? pattern.flags : flags];
};
const MeasuredRegExp = new Proxy(RegExpCtor, {
  __proto__: null,
  apply(target, self, all) {
    const pattern = all[0], flags = all[1];
    if (flags === undefined && isPattern(pattern) && pattern.constructor === MeasuredRegExp) return pattern;
    return construct(target, measured(pattern, flags));
  },
  construct: (target, all, maker) => construct(target, measured(all[0], all[1]), maker === MeasuredRegExp ? target : maker),
});
globalThis.RegExp = RegExpCtor.prototype.constructor = MeasuredRegExp;

// These make a regular expression of a text.
const compilers = { __proto__: null };
const compiling = (name, symbol) => ({ [name](pattern) {
  if (this === undefined || this === null || pattern === undefined) return apply(compilers[name], this, [pattern]);
  if (name === "matchAll" && isPattern(pattern) && indexOf(textOf(pattern.flags), "g") < 0) throw new TypeErrorCtor("matchAll must be called with a global RegExp");
  const method = methodOf(pattern, symbol);
  return method === undefined ? apply(compilers[name], toText(this), [toPattern(pattern)]) : apply(method, pattern, [this]);
} })[name];
replace(StringFn.prototype, { __proto__: null, match: compiling("match", symbolMatch), matchAll: compiling("matchAll", Symbol.matchAll), search: compiling("search", Symbol.search) }, compilers);
