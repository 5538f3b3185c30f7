//! Programs as models write them, and the JSON of their results; data only, so that a real engine can run it too.
//!
//! The tools: `external_getUsers({})` gives Ada (1), Bob (2) and Cy (3) as `{ id, name, team, age }` with teams 10, 10, 20
//! and ages 36, 41, 29; `external_getUser({ id })` one of them or throws `not found`; `external_getTeam({ id })` gives
//! `{ id, label: "T" + id }`; `external_search({ query })` gives `{ hits: [query, query + "!"] }`.

/// Source and result.
pub const PROGRAMS: &[(&str, &str)] = &[
    // Plain bodies.
    ("return 1", "1"),
    ("", "undefined"),
    ("// nothing to do\n/* at all */", "undefined"),
    ("return 1 // done", "1"),
    ("const users = await external_getUsers({});\nreturn users.length;", "3"),
    (
        "const users = await external_getUsers({})\nconst ids = users.map((u) => u.id)\nreturn { ids, total: ids.length }\n",
        r#"{"ids":[1,2,3],"total":3}"#,
    ),
    (
        "const [a, b] = await Promise.all([external_getUser({ id: 1 }), external_getUser({ id: 2 })]);\nreturn a.name + b.name;",
        r#""AdaBob""#,
    ),
    (
        "const names: string[] = [];\nfor (const user of await external_getUsers({})) {\n  names.push(user.name.toUpperCase());\n}\nreturn names;",
        r#"["ADA","BOB","CY"]"#,
    ),
    (
        "try {\n  return await external_getUser({ id: 99 });\n} catch (error: unknown) {\n  return (error as Error).message;\n}",
        r#""not found""#,
    ),
    (
        "const settled = await Promise.allSettled([1, 99].map((id) => external_getUser({ id })));\nreturn settled.map((s) => s.status);",
        r#"["fulfilled","rejected"]"#,
    ),
    // TypeScript as models write it.
    (
        "interface User {\n  id: number;\n  name: string;\n  team?: number;\n}\n\nconst users: User[] = await external_getUsers({});\nconst byTeam = users.reduce<Record<number, User[]>>((acc, u) => {\n  (acc[u.team!] ??= []).push(u);\n  return acc;\n}, {});\nreturn Object.entries(byTeam).map(([team, list]) => ({ team: Number(team), n: list.length }));",
        r#"[{"team":10,"n":2},{"team":20,"n":1}]"#,
    ),
    (
        "type Stats = { min: number; max: number };\nconst ages = (await external_getUsers({}) as { age: number }[]).map(u => u.age);\nconst stats: Stats = { min: Math.min(...ages), max: Math.max(...ages) };\nreturn stats;",
        r#"{"min":29,"max":41}"#,
    ),
    (
        "const groupBy = <T, K extends string | number>(list: T[], key: (item: T) => K): Map<K, T[]> => {\n  const map = new Map<K, T[]>();\n  for (const item of list) {\n    const k = key(item);\n    const bucket = map.get(k);\n    if (bucket) bucket.push(item); else map.set(k, [item]);\n  }\n  return map;\n};\nconst groups = groupBy(await external_getUsers({}), (u) => u.team);\nreturn [...groups].map(([team, list]) => [team, list.length]);",
        "[[10,2],[20,1]]",
    ),
    (
        "function isString(x: unknown): x is string {\n  return typeof x === 'string';\n}\nreturn [1, 'a', null, 'b'].filter(isString) satisfies string[];",
        r#"["a","b"]"#,
    ),
    ("const config = { retries: 3, mode: 'fast' } as const;\nreturn config.retries + config.mode.length;", "7"),
    (
        "let best: { name: string; age: number } | undefined;\nfor (const u of await external_getUsers({})) {\n  if (!best || u.age > best.age) best = u;\n}\nreturn best!.name;",
        r#""Bob""#,
    ),
    (
        "abstract class Shape {\n  abstract area(): number;\n  describe(): string { return `area ${this.area()}`; }\n}\nclass Square extends Shape {\n  readonly sides = 4;\n  private cache?: number;\n  constructor(public side: number) { super(); }\n  override area(): number { return (this.cache ??= this.side ** 2); }\n}\nreturn new Square(3).describe();",
        r#""area 9""#,
    ),
    (
        "enum Level { Low, Mid = 5, High }\nconst level: Level = Level.High;\nreturn [level, Level[5], Level.Low];",
        r#"[6,"Mid",0]"#,
    ),
    ("const enum Kind { A = 'a', B = 'b' }\nreturn [Kind.A, Kind.B];", r#"["a","b"]"#),
    (
        "namespace Tax {\n  export const rate = 0.2;\n  export function of(x: number) { return x * rate; }\n}\nreturn Tax.of(100);",
        "20",
    ),
    (
        "function add(a: number, b: number): number;\nfunction add(a: string, b: string): string;\nfunction add(a: any, b: any): any { return a + b; }\nreturn [add(1, 2), add('x', 'y')];",
        r#"[3,"xy"]"#,
    ),
    (
        "declare function external_getUser(input: { id: number }): Promise<{ id: number; name: string }>;\nconst user = await external_getUser({ id: 2 });\nreturn user.name;",
        r#""Bob""#,
    ),
    ("import type { User } from './types';\nconst u: User = await external_getUser({ id: 1 });\nreturn u.id;", "1"),
    (
        "class Stack<T> {\n  #items: T[] = [];\n  static of<U>(...xs: U[]): Stack<U> { const s = new Stack<U>(); xs.forEach(x => s.push(x)); return s; }\n  push(x: T): this { this.#items.push(x); return this; }\n  get size(): number { return this.#items.length; }\n  *[Symbol.iterator](): Iterator<T> { yield* this.#items; }\n}\nconst s = Stack.of<number>(1, 2).push(3);\nreturn { size: s.size, all: [...s] };",
        r#"{"size":3,"all":[1,2,3]}"#,
    ),
    (
        "const sleep = (ms: number): Promise<void> => new Promise<void>((resolve) => setTimeout(resolve, ms));\nawait sleep(1);\nreturn 'awake';",
        r#""awake""#,
    ),
    (
        "async function* pages(): AsyncGenerator<number[], void, unknown> {\n  for (let p = 0; p < 3; p++) yield await Promise.resolve([p, p * 10]);\n}\nconst all: number[] = [];\nfor await (const page of pages()) all.push(...page);\nreturn all;",
        "[0,0,1,10,2,20]",
    ),
    (
        "const pick = <T extends object, K extends keyof T>(o: T, ...keys: K[]): Pick<T, K> =>\n  Object.fromEntries(keys.map((k) => [k, o[k]])) as Pick<T, K>;\nreturn pick(await external_getUser({ id: 1 }), 'name', 'age');",
        r#"{"name":"Ada","age":36}"#,
    ),
    (
        "const f = async (\n  a: number,\n  b: number\n): Promise<\n  number\n> => {\n  return a + b;\n};\nreturn f(1, 2);",
        "3",
    ),
    ("const value = <unknown>'text';\nreturn (<string>value).length;", "4"),
    ("const parse = (s: string) => <{ a: number }>{ a: s.length };\nreturn parse('four').a;", "4"),
    ("let total!: number;\nconst init = () => { total = 4 };\ninit();\nreturn total as number + 1;", "5"),
    ("const a = 1\ntype Id = string | number\n;[1, 2].forEach((x) => x)\nreturn a", "1"),
    ("const n = 5 as number\nconst list = [n] as number[]\n;(list as any).push(6)\nreturn list", "[5,6]"),
    ("const x = [1, 2, 3] as const\n`tagged`.length\nreturn x[1]", "2"),
    ("const o: { [key: string]: number } = {};\no['a'] = 1;\no.b = 2;\nreturn Object.keys(o).join();", r#""a,b""#),
    (
        "type Result<T> =\n  | { ok: true; value: T }\n  | { ok: false; error: string };\nconst get = async (id: number): Promise<Result<string>> => {\n  try {\n    const { name } = await external_getUser({ id });\n    return { ok: true, value: name };\n  } catch (e: any) {\n    return { ok: false, error: e.message };\n  }\n};\nreturn [await get(1), await get(7)];",
        r#"[{"ok":true,"value":"Ada"},{"ok":false,"error":"not found"}]"#,
    ),
    // Fences and what comes with them.
    ("```ts\nreturn 1\n```", "1"),
    ("```typescript\nconst u = await external_getUser({ id: 3 });\nreturn u.name;\n```\n", r#""Cy""#),
    ("```\nreturn [1, 2].length\n```", "2"),
    ("~~~js\nreturn 'tilde'\n~~~", r#""tilde""#),
    (
        "Sure! Here's the program:\n\n```ts\nconst x: number = 2;\nreturn x * 2;\n```\n\nIt doubles 2. Let me know if it's right!",
        "4",
    ),
    (
        "First the types:\n```ts\ninterface A { x: number }\n```\nThen the program:\n```ts\nconst a: A = { x: 7 };\nreturn a.x;\n```",
        "7",
    ),
    ("Run `npm install` first:\n```bash\nnpm install\n```\n```js\nreturn 'js'\n```", r#""js""#),
    ("````ts\nconst md = `\n\\`\\`\\`\ncode\n\\`\\`\\`\n`;\nreturn md.split('\\n').length;\n````", "5"),
    ("const md = `# Title\n\n\\`\\`\\`ts\nlet a\n\\`\\`\\`\n`;\nreturn md.length;", "25"),
    ("```ts\nreturn 'cut off'", r#""cut off""#),
    ("\u{FEFF}return 'bom'", r#""bom""#),
    ("#!/usr/bin/env node\nreturn 'shebang'", r#""shebang""#),
    ("const a = 1;\r\nconst b = `x\r\ny`;\r\nreturn a + b.length;\r\n", "4"),
    ("const a = 1\rreturn a + 1", "2"),
    // Shapes.
    ("async () => {\n  const users = await external_getUsers({});\n  return users.length;\n}", "3"),
    ("() => {\n  return 42;\n};", "42"),
    ("() => ({ a: 1 })", r#"{"a":1}"#),
    ("async function() {\n  return 'anonymous';\n}", r#""anonymous""#),
    ("(async () => {\n  return (await external_getUser({ id: 1 })).name;\n})()", r#""Ada""#),
    ("(async function () {\n  return 5;\n})();", "5"),
    ("(function () {\n  return 6;\n}());", "6"),
    ("await (async () => { await null; return 7 })()", "7"),
    ("async function main() {\n  return 'uncalled';\n}", r#""uncalled""#),
    (
        "async function main(): Promise<string> {\n  return helper(2);\n}\nfunction helper(n: number): string {\n  return 'x'.repeat(n);\n}",
        r#""xx""#,
    ),
    ("async function main() {\n  return 'called';\n}\n\nmain();", r#""called""#),
    ("async function main() {\n  return 'awaited';\n}\nawait main();", r#""awaited""#),
    ("const main = async () => {\n  return 'arrow';\n};\nmain();", r#""arrow""#),
    ("const main = async (): Promise<string> => {\n  return 'uncalled arrow';\n};", r#""uncalled arrow""#),
    ("run();\n\nasync function run() {\n  return 'hoisted';\n}", r#""hoisted""#),
    ("async function main() { return 1 }\nmain().then((r) => r + 1).catch(console.error);", "2"),
    ("export default async function main() {\n  return helper();\n}\nconst helper = () => 'default';", r#""default""#),
    ("export default async () => {\n  return 'default arrow';\n};", r#""default arrow""#),
    ("export default function () { return 'anonymous default' }", r#""anonymous default""#),
    ("async function work() { return 'named' }\nexport default work;", r#""named""#),
    ("const data = { a: 1 };\nexport default data;", r#"{"a":1}"#),
    ("export default { b: [2] }", r#"{"b":[2]}"#),
    ("export default await external_getTeam({ id: 10 });", r#"{"id":10,"label":"T10"}"#),
    (
        "export const limit = 2;\nexport async function top() {\n  return (await external_getUsers({})).slice(0, limit).length;\n}",
        "2",
    ),
    ("const users = await external_getUsers({});\nusers.map((u) => u.name);", r#"["Ada","Bob","Cy"]"#),
    ("const users = await external_getUsers({})\n;({ count: users.length })", r#"{"count":3}"#),
    ("const total = 3;\ntotal", "3"),
    ("const total = 3;\n({ total });", r#"{"total":3}"#),
    ("const total = 3;\n{ total }", r#"{"total":3}"#),
    ("{ a: 1 }", r#"{"a":1}"#),
    ("{ \"a\": 1, \"b\": [1, 2] }", r#"{"a":1,"b":[1,2]}"#),
    ("{ users: await external_getUsers({}).then((u) => u.length), n: 1 };", r#"{"users":3,"n":1}"#),
    ("{}", "{}"),
    ("{ const x = 1; return x + 1 }", "2"),
    ("[1, 2, 3].map((x) => x * 2)", "[2,4,6]"),
    ("`${1 + 1}`", r#""2""#),
    ("'just text'", r#""just text""#),
    ("await external_search({ query: 'q' })", r#"{"hits":["q","q!"]}"#),
    ("external_search({ query: 'p' })", r#"{"hits":["p","p!"]}"#),
    ("if (true) {\n  return 'early';\n}\n'late'", r#""early""#),
    ("const f = (n: number): number => (n <= 1 ? 1 : n * f(n - 1));\nf(5)", "120"),
    ("new Promise((resolve) => setTimeout(() => resolve('later'), 1))", r#""later""#),
    ("'use strict';\nreturn (function () { return this === undefined })()", "true"),
    ("return (function () { return this === undefined })()", "true"),
    // Markers and the names that the front end adds.
    ("const $at = 1, $done = 2;\nawait null;\nreturn $at + $done;", "3"),
    ("const r = await Promise.all([1, 2].map(async (x) => (await Promise.resolve(x)) * 2));\nreturn r;", "[2,4]"),
    (
        "const o = { async m(x = 1) { return await await Promise.resolve(x) } };\nreturn `${await o.m()}-${(await o.m(2)) + 1}`;",
        r#""1-3""#,
    ),
    (
        "let i = 0;\nconst next = async () => ++i;\nconst list = [await next(), await next(), i, await next()];\nreturn list;",
        "[1,2,2,3]",
    ),
    ("const done = new Promise<number>((r) => r(1));\nreturn (await done) as number\n", "1"),
    ("let a = 1, b = 1;\nreturn a<!--b ? 'yes' : 'no' // }\n", r#""no""#),
    ("let b = 1;\nreturn 0<!--b\n", "true"),
];
