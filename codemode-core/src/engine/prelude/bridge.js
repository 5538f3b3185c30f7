// The bridge: what the guest says through `post`, and what the host delivers. The form of the messages is in
// message.rs. Nothing in here is reachable for the guest, except the functions that it is meant to have.

// id -> [resolve, reject, site]
const calls = { __proto__: null };
let lastCall = 0;

const hostCall = (name, input, site) => new PromiseCtor((resolve, reject) => {
  const text = inputText(name, input), id = lastCall + 1;
  ask(text === undefined ? "call " + id + " " + name : "call " + id + " " + name + "\n" + text);
  lastCall = id;
  calls[id] = [resolve, reject, site];
});

const inputText = (name, input) => {
  if (input === undefined) return undefined;
  const text = encode(input);
  if (typeof text !== "object") return text;
  const place = text.path === "$" ? "" : " at " + text.path;
  throw new TypeErrorCtor("the input of " + name + place + " is " + text.reason + ", which cannot be sent to the host");
};

// The error of a failed call is made when the answer comes, when the guest's frames are gone; so they are taken here,
// where the fewest frames of this file stand above them: engines that write a stack as text pay for each.
const addFunction = (name) => {
  const external = { external(input) { return hostCall(name, input, new ErrorCtor()); } }.external;
  defineProperty(external, "name", { __proto__: null, value: name, configurable: true });
  fix(globalThis, name, external);
};

const settleCall = (id, failed, body) => {
  const call = calls[id];
  if (call === undefined) return;
  delete calls[id];
  if (failed) call[1](toolError(parse(body), call[2]));
  else call[0](body === undefined ? undefined : parse(body));
};

const toolError = (fields, site) => {
  const error = namedError(fields.name, fields.message);
  if (fields.code !== undefined) put(error, "code", fields.code);
  if (fields.data !== undefined) put(error, "data", fields.data);
  const stack = stackText(site);
  if (typeof stack === "string") define(error, "stack", programFrames(stack));
  return error;
};

// The frames of this file are of no use to the program, and no business of its.
const programFrames = (stack) => {
  let kept = "";
  for (let from = 0, end = 0; end >= 0; from = end + 1) {
    end = indexOf(stack, "\n", from);
    const line = end < 0 ? slice(stack, from) : slice(stack, from, end);
    if (indexOf(line, "program.ts:") >= 0) kept += kept === "" ? line : "\n" + line;
  }
  return kept;
};

// Said once the host keeps no more lines, so that a flood does not cost more than its loop.
let consoleFull = false;
const emitLog = (level, text) => {
  if (!consoleFull && post("log " + level + "\n" + text) !== undefined) consoleFull = true;
};

function raise(error) {
  post("fail\n" + ownJson(describe(error)));
}

// The awaits that have begun and not ended, by the order in which they began. An await that threw stays, below the
// ones that began later.
const awaits = { __proto__: null };
let lastAwait = 0;
const awaitBegins = (line) => {
  awaits[++lastAwait] = line;
  return lastAwait;
};
const awaitEnded = (id, value) => {
  delete awaits[id];
  return value;
};
const lastLine = () => {
  let last = 0;
  for (const id in awaits) if (+id > last) last = +id;
  return last === 0 ? 0 : awaits[last];
};

const runProgram = (main) => {
  settled(main(awaitBegins, awaitEnded, tick), finish, raise);
};
const finish = (value) => {
  const text = encode(value);
  if (typeof text === "object") post("unserializable\n" + ownJson({ __proto__: null, path: text.path, reason: text.reason }));
  else post(text === undefined ? "done" : "done\n" + text);
};

const startProgram = (ms, seedText, names) => {
  startClock(ms, seedText);
  for (let i = 0; i < names.length; i++) addFunction(names[i]);
};

// One line of words, and after a newline a body.
const take = (text) => {
  const end = indexOf(text, "\n"), line = end < 0 ? text : slice(text, 0, end);
  const body = end < 0 ? undefined : slice(text, end + 1), kind = line[0];
  if (kind === "w") return void post("waiting " + lastLine());
  if (kind === "l") return lockDown();
  const gap = indexOf(line, " ", 2), first = +slice(line, 2, gap), second = slice(line, gap + 1);
  if (kind === "s") return startProgram(first, second, parse(body));
  setNow(+second);
  if (kind === "t") fireTimer(first);
  else settleCall(first, kind === "e", body);
};

return (message) => typeof message === "string" ? take(message) : runProgram(message);
