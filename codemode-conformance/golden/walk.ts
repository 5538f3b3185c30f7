// Lists every global of the sandbox, and every property that can be reached from it, one a line:
//   path: what it is [< its prototype]
// An object that was listed before is named by its first path.
const lines: string[] = [];
const found = new Map<unknown, string>();
const keyText = (key: string | symbol) =>
  typeof key === "symbol" ? `[${key.description}]` : /^[\w$]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
const isObject = (value: unknown) => typeof value === "function" || (typeof value === "object" && value !== null);
const kind = (value: unknown) => {
  if (typeof value === "function") return Object.getOwnPropertyDescriptor(value, "prototype")?.writable === false ? "class" : "function";
  return isObject(value) ? "object" : value === null ? "null" : typeof value;
};
const marks = (d: PropertyDescriptor) =>
  (d.writable === false ? " fixed" : "") + (d.enumerable ? " enumerable" : "") + (d.configurable ? "" : " permanent");

const queue: [any, string][] = [];
const name = (object: unknown, path: string) => {
  const known = found.get(object);
  if (known !== undefined) return known;
  found.set(object, path);
  queue.push([object, path]);
  return path;
};
const list = (object: any, path: string) => {
  const keys = Reflect.ownKeys(object).filter((key) => !(typeof key === "string" && key.startsWith("external_")));
  for (const key of keys.sort((a, b) => (keyText(a) < keyText(b) ? -1 : 1))) {
    // Their values are the engine's own wording, and a tool or a name of the program can be anything.
    if (typeof object === "function" && (key === "name" || key === "length")) continue;
    // QuickJS has it configurable, which it should not be; it cannot be told otherwise.
    if (object === String.prototype && key === "length") continue;
    const at = path === "" ? keyText(key).replace(/^\./, "") : path + keyText(key);
    const d = Object.getOwnPropertyDescriptor(object, key)!;
    let what = kind(d.value);
    if (d.get || d.set) what = `accessor${d.get ? " get" : ""}${d.set ? " set" : ""}`;
    else if (isObject(d.value)) {
      const first = name(d.value, at);
      if (first !== at) what = `= ${first}`;
    }
    lines.push(`${at}: ${what}${marks(d)}`);
  }
};

found.set(globalThis, "globalThis");
// Short names for what would be found by a long way.
name(Object.prototype, "Object.prototype");
name(Function.prototype, "Function.prototype");
name(Object.getPrototypeOf(Uint8Array), "%TypedArray%");
list(globalThis, "");
const roots: Record<string, unknown> = {
  "%ArrayIterator%": [][Symbol.iterator](),
  "%MapIterator%": new Map().entries(),
  "%SetIterator%": new Set().values(),
  "%StringIterator%": ""[Symbol.iterator](),
  "%RegExpStringIterator%": "".matchAll(/x/g),
  "%IteratorHelper%": [].values().map((x) => x),
  "%WrapForValidIterator%": Iterator.from({ next: () => ({ done: true, value: 0 }) } as any),
  "%AsyncFunction%": async () => {},
  "%GeneratorFunction%": function* () {},
  "%AsyncGeneratorFunction%": async function* () {},
};
for (const [root, object] of Object.entries(roots)) {
  const first = name(Object.getPrototypeOf(object), `${root}.prototype`);
  lines.push(`${root}.prototype: ${first === `${root}.prototype` ? "object" : `= ${first}`}`);
}
for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
  const [object, path] = next;
  const prototype = Object.getPrototypeOf(object);
  lines.push(`${path} < ${prototype === null ? "null" : name(prototype, `%prototype of ${path}%`)}`);
  list(object, path);
}
return lines.sort();
