// Time, chance and timers. The clock moves only when the host delivers something and the random numbers come from the
// host's seed, so that a program run again on the same deliveries does the same.

let start = 0, now = 0;
const startClock = (ms, text) => {
  lockDown();
  start = now = ms;
  seed = "" + text;
  seeded = false;
};
const setNow = (ms) => { now = ms; };

const RealDate = Date, datePrototype = Date.prototype, { parse: parseDate, UTC: utc } = Date;
const { getTimezoneOffset, toUTCString } = datePrototype;

const VirtualDate = function Date(year, month, date, hours, minutes, seconds, ms) {
  if (new.target === undefined) return dateText(new RealDate(now));
  const count = arguments.length;
  const time = count === 0 ? now : count > 1 ? apply(utc, undefined, arguments) : typeof year === "string" ? parseAsUtc(year) : year;
  return construct(RealDate, [time], new.target);
};
defineProperty(VirtualDate, "prototype", { __proto__: null, value: datePrototype, writable: false });
datePrototype.constructor = VirtualDate;
define(VirtualDate, "UTC", utc);
define(VirtualDate, "parse", { parse(text) { return parseAsUtc(StringFn(text)); } }.parse);
define(VirtualDate, "now", { now() { return now; } }.now);
globalThis.Date = VirtualDate;

// Local time is UTC: in the host's zone the same program would come out differently on another machine.
datePrototype.getDate = datePrototype.getUTCDate;
datePrototype.setDate = datePrototype.setUTCDate;
datePrototype.getDay = datePrototype.getUTCDay;
datePrototype.getFullYear = datePrototype.getUTCFullYear;
datePrototype.setFullYear = datePrototype.setUTCFullYear;
datePrototype.getHours = datePrototype.getUTCHours;
datePrototype.setHours = datePrototype.setUTCHours;
datePrototype.getMilliseconds = datePrototype.getUTCMilliseconds;
datePrototype.setMilliseconds = datePrototype.setUTCMilliseconds;
datePrototype.getMinutes = datePrototype.getUTCMinutes;
datePrototype.setMinutes = datePrototype.setUTCMinutes;
datePrototype.getMonth = datePrototype.getUTCMonth;
datePrototype.setMonth = datePrototype.setUTCMonth;
datePrototype.getSeconds = datePrototype.getUTCSeconds;
datePrototype.setSeconds = datePrototype.setUTCSeconds;
const zoned = /Z$|GMT|UTC|\b[ECMP][SD]T\b|\d:\d\d.*[+-]\d\d:?\d\d$|^[+-]?\d{4,6}(-\d\d){0,2}$/i;
const parseAsUtc = (text) => {
  if (matches(zoned, text)) return parseDate(text);
  for (let i = 0; i < 2; i++) {
    const time = parseDate(i === 0 ? text + "Z" : text + " GMT");
    if (time === time) return time;
  }
  // What the engine reads as local time in spite of all, less the host's offset at that time.
  const local = parseDate(text);
  return local - apply(getTimezoneOffset, new RealDate(local), []) * 60000;
};
const dateText = (date) => {
  const text = apply(toUTCString, date, []);   // Thu, 02 Jan 2020 03:04:05 GMT
  if (text === "Invalid Date") return text;
  return slice(text, 0, 3) + " " + slice(text, 8, 11) + " " + slice(text, 5, 7) + slice(text, 11) + "+0000 (Coordinated Universal Time)";
};
// Without Intl the rest of the options is free; this is what en-US gives when it is asked for nothing else.
const localDate = (date) => {
  const iso = apply(toISOString, date, []), end = iso.length - 14;
  return +slice(iso, end - 5, end - 3) + "/" + +slice(iso, end - 2, end) + "/" + +slice(iso, 0, end - 6);
};
const localTime = (date) => {
  const iso = apply(toISOString, date, []), hour = +slice(iso, -13, -11);
  return "" + (hour % 12 || 12) + slice(iso, -11, -5) + " " + (hour < 12 ? "AM" : "PM");
};
const valid = (date) => {
  const time = apply(getTime, date, []);
  return time === time;
};
const inUtc = (date, options) => {
  const zone = options?.timeZone;
  if (zone !== undefined && zone !== "UTC") throw new RangeErrorCtor("the time zone " + quote(StringFn(zone)) + " is not available; dates are in UTC here");
  return valid(date);
};
const dateMethods = {
  getTimezoneOffset() { return valid(this) ? 0 : NaN; },
  toString() { return dateText(this); },
  toDateString() { return valid(this) ? slice(dateText(this), 0, -47) : "Invalid Date"; },
  toTimeString() { return valid(this) ? slice(dateText(this), -46) : "Invalid Date"; },
  toLocaleString(locales, options) { return inUtc(this, options) ? localDate(this) + ", " + localTime(this) : "Invalid Date"; },
  toLocaleDateString(locales, options) { return inUtc(this, options) ? localDate(this) : "Invalid Date"; },
  toLocaleTimeString(locales, options) { return inUtc(this, options) ? localTime(this) : "Invalid Date"; },
};
for (const name in dateMethods) datePrototype[name] = dateMethods[name];

// sfc32 over two hashes of the seed's text; 32-bit integer steps come out equal on every engine.
let seed = "", seeded = false, s0 = 0, s1 = 0, s2 = 0, s3 = 0;
const random32 = () => {
  if (!seeded) {
    seeded = true;
    s0 = 0x9e3779b9 | 0; s1 = 0x243f6a88; s2 = seed.length; s3 = 1;
    for (let i = 0; i < seed.length; i++) {
      const unit = charCodeAt(seed, i);
      s0 = imul(s0 ^ unit, 0x85ebca6b); s0 = s0 << 13 | s0 >>> 19;
      s1 = imul(s1 ^ unit, 0xc2b2ae35); s1 = s1 << 15 | s1 >>> 17;
    }
    for (let i = 0; i < 15; i++) random32();
  }
  const t = (s0 + s1 | 0) + s3 | 0;
  s3 = s3 + 1 | 0;
  s0 = s1 ^ s1 >>> 9;
  s1 = s2 + (s2 << 3) | 0;
  s2 = (s2 << 21 | s2 >>> 11) + t | 0;
  return t >>> 0;
};
Math.random = { random() { return ((random32() >>> 5) * 67108864 + (random32() >>> 6)) / 9007199254740992; } }.random;

const fillRandom = (bytes, size) => {
  for (let i = 0, word = 0; i < size; i++, word >>>= 8) {
    if (i % 4 === 0) word = random32();
    bytes[i] = word;
  }
};
const crypto = {
  getRandomValues(array) {
    const name = apply(typedName, array, []);
    if (name === undefined || name === "Float32Array" || name === "Float64Array") throw namedError("TypeMismatchError", "getRandomValues takes an integer typed array");
    const size = apply(typedBytes, array, []);
    if (size > 65536) throw namedError("QuotaExceededError", "getRandomValues gives at most 65536 bytes at a time, not " + size);
    fillRandom(new Bytes(apply(typedBuffer, array, []), apply(typedOffset, array, []), size), size);
    return array;
  },
  randomUUID() {
    const bytes = new Bytes(16);
    fillRandom(bytes, 16);
    bytes[6] = bytes[6] & 15 | 64;
    bytes[8] = bytes[8] & 63 | 128;
    let text = "";
    for (let i = 0; i < 16; i++) text += (i === 4 || i === 6 || i === 8 || i === 10 ? "-" : "") + hex[bytes[i] >> 4] + hex[bytes[i] & 15];
    return text;
  },
};
const hex = "0123456789abcdef";

const performance = {
  now() { return now - start; },
  get timeOrigin() { return start; },
};

// id -> { callback, args, ms, every }
const timers = { __proto__: null };
let lastTimer = 0;
const addTimer = (name, callback, delay, args) => {
  if (typeof callback !== "function") throw new TypeErrorCtor(name + " takes a function, not " + (callback === null ? "null" : "a value of type " + typeof callback));
  const wanted = NumberFn(delay), ms = wanted > 0 ? floor(wanted < 0x7fffffff ? wanted : 0x7fffffff) : 0;
  const id = ++lastTimer;
  ask("timer " + id + " " + ms);
  timers[id] = { __proto__: null, callback, args, ms, every: name === "setInterval" };
  return id;
};
const dropTimer = (id) => {
  if (typeof id !== "number" && typeof id !== "string" || timers[id] === undefined) return;
  delete timers[id];
  post("untimer " + id);
};
// The bridge calls this when the host delivers a timer.
const fireTimer = (id) => {
  const timer = timers[id];
  if (timer === undefined) return;
  if (!timer.every) delete timers[id];
  else {
    try { ask("timer " + id + " " + timer.ms); } catch (error) {
      delete timers[id];
      raise(error);
    }
  }
  try { apply(timer.callback, undefined, timer.args); } catch (error) { raise(error); }
};

// A settled promise without a look at the guest's `Promise`.
const nothing = async () => {};

const clockGlobals = {
  performance,
  crypto,
  setTimeout(callback, ms, ...args) { return addTimer("setTimeout", callback, ms, args); },
  setInterval(callback, ms, ...args) { return addTimer("setInterval", callback, ms, args); },
  clearTimeout(id) { dropTimer(id); },
  clearInterval(id) { dropTimer(id); },
  queueMicrotask(callback) {
    if (typeof callback !== "function") throw new TypeErrorCtor("queueMicrotask takes a function");
    settled(nothing(), () => {
      try { apply(callback, undefined, []); } catch (error) { raise(error); }
    });
  },
};
