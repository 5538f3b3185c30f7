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

const RealDate = Date, datePrototype = Date.prototype, { UTC: utc } = Date;
const { toUTCString } = datePrototype;

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
// Engines agree on ISO dates only; the rest here is what all of them and most people write. Without a zone it is UTC.
const isoDate = /^([+-]\d{6}|\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(?:Z|([+-])(\d\d):?(\d\d))?$/i;
const dateToken = /(\d+)|([a-z]+)|\([^)]*\)|[^\s,]/gi;
const monthNames = "janfebmaraprmayjunjulaugsepoctnovdec", dayNames = "sunmontuewedthufrisat";
const zoneHours = { __proto__: null, z: 0, ut: 0, utc: 0, gmt: 0, est: -5, edt: -4, cst: -6, cdt: -5, mst: -7, mdt: -6, pst: -8, pdt: -7 };
const { setUTCFullYear, setUTCHours } = datePrototype;
const timeOf = (year, month, day, hours, minutes, seconds, ms, offset) => {
  if (month < 1 || month > 12 || day < 1 || day > 31 || hours > 24 || minutes > 59 || seconds > 59 || hours === 24 && (minutes || seconds || ms)) return NaN;
  const date = new RealDate(0);
  apply(setUTCFullYear, date, [year, month - 1, day]);
  return apply(setUTCHours, date, [hours, minutes, seconds, ms]) - offset * 60000;
};
const parseAsUtc = (text) => {
  const p = apply(exec, isoDate, [text]);
  if (p === null) return parseWords(text);
  const part = (i, missing) => p[i] === undefined ? missing : +p[i];
  const offset = (part(9, 0) * 60 + part(10, 0)) * (p[8] === "-" ? -1 : 1);
  const ms = p[7] === undefined ? 0 : floor(+("0." + p[7]) * 1000 + 1e-6);
  return p[1] === "-000000" ? NaN : timeOf(part(1), part(2, 1), part(3, 1), part(4, 0), part(5, 0), part(6, 0), ms, offset);
};
// "Sun, 10 Mar 2024 08:00:00 GMT", "March 10, 2024 8:00 PM", "3/10/2024", and what `toString` writes.
const parseWords = (text) => {
  const words = list();
  dateToken.lastIndex = 0;
  for (let found = apply(exec, dateToken, [text]); found !== null && words.length < 40; found = apply(exec, dateToken, [text])) words[words.length] = found[0];
  let year, month, day, hours = 0, minutes = 0, seconds = 0, offset = 0, timed = false, sign = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i], number = +word;
    if (word[0] === "(") continue;
    if (number === number) {
      if (sign !== 0) {
        offset = sign * (word.length > 2 ? floor(number / 100) * 60 + number % 100 : number * 60);
        if (words[i + 1] === ":") { offset += sign * words[i + 2]; i += 2; }
        sign = 0;
      } else if (words[i + 1] === ":") {
        hours = number;
        minutes = +words[i + 2];
        i += 2;
        if (words[i + 1] === ":") { seconds = +words[i + 2]; i += 2; }
        timed = true;
      } else if (words[i + 1] === "/") {
        month = number;
        day = +words[i + 2];
        i += 2;
        if (words[i + 1] === "/") i += 1;
      } else if (word.length > 2 || number > 31 || day !== undefined) {
        if (year !== undefined) return NaN;
        year = word.length > 2 ? number : number + (number < 50 ? 2000 : 1900);
      } else day = number;
      continue;
    }
    if (word === "+" || word === "-") {
      if (timed) sign = word === "+" ? 1 : -1;
      continue;
    }
    if (word === ".") continue;
    const lower = apply(toLowerCase, word, []), short = slice(lower, 0, 3);
    const at = indexOf(monthNames, short), weekday = indexOf(dayNames, short);
    if (lower === "am" || lower === "pm") {
      if (hours < 1 || hours > 12) return NaN;
      hours = hours % 12 + (lower === "pm" ? 12 : 0);
    } else if (zoneHours[lower] !== undefined) {
      offset = zoneHours[lower] * 60;
      timed = true;
    } else if (short.length === 3 && at >= 0 && at % 3 === 0) month = at / 3 + 1;
    else if (short.length !== 3 || weekday < 0 || weekday % 3 !== 0) return NaN;
  }
  if (month === undefined || year === undefined) return NaN;
  return timeOf(year, month, day ?? 1, hours, minutes, seconds, 0, offset);
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
const { getUTCFullYear, setTime } = datePrototype;
const dateMethods = {
  getYear() { return apply(getUTCFullYear, this, []) - 1900; },
  setYear(year) {
    const number = +year, whole = number < 0 ? -floor(-number) : floor(number);
    // QuickJS leaves a date as it is that is told to be in no year.
    return whole !== whole ? apply(setTime, this, [NaN]) : apply(setUTCFullYear, this, [whole >= 0 && whole <= 99 ? 1900 + whole : whole]);
  },
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
