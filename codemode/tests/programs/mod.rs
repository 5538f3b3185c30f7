//! The wrong programs: what is wrong, and the program.

pub const PROGRAMS: &[(&str, &str)] = &[
    // Names.
    ("a tool's name misspelt", "const user = await external_getUsr({ id: 1 });\nreturn user.name;"),
    ("a tool without its prefix", "const user = await getUser({ id: 1 });\nreturn user.name;"),
    ("a tool in another style", "const user = await external_get_user({ id: 1 });\nreturn user;"),
    ("a tool with other words", "return await external_fetchUser({ id: 1 });"),
    ("a tool by its own name", "await external_send-email({ to: 'a@b.c', subject: 'Hi' });\nreturn 'sent';"),
    ("a tool that does not exist", "return await external_deleteEverything({});"),
    ("tools as methods of an object", "const user = await tools.getUser({ id: 1 });\nreturn user;"),
    ("tools as members of external", "const user = await external.getUser({ id: 1 });\nreturn user;"),
    ("a variable of an earlier run", "return users.filter((u) => u.active).length;"),
    ("a variable of a block that has ended", "if (Math.random() < 2) {\n  const total = 3;\n}\nreturn total;"),
    (
        "a variable of another namespace block",
        "namespace A { export const n = 1 }\nnamespace A { export const more = n + 1 }\nreturn A.more;",
    ),
    ("an abort controller", "const controller = new AbortController();\nreturn controller.signal.aborted;"),
    ("a property of null set", "const user: any = JSON.parse('null');\nuser.name = 'Ada';\nreturn user;"),
    ("a library", "return _.groupBy([1, 2, 3], (n) => n % 2);"),
    ("a variable misspelt", "const orders = await external_listOrders({ userId: 1 });\nreturn order.length;"),
    (
        "an undeclared variable assigned",
        "total = 0;\nfor (const o of await external_listOrders({ userId: 1 })) total += o.total;\nreturn total;",
    ),
    (
        "a name used before its declaration",
        "const sum = values.reduce((a, b) => a + b, 0);\nconst values = [1, 2];\nreturn sum;",
    ),
    // APIs of other places.
    ("fetch", "const r = await fetch('https://api.example.com/users/1');\nreturn await r.json();"),
    ("require", "const fs = require('fs');\nreturn fs.readFileSync('/etc/hosts', 'utf8');"),
    (
        "import of a module",
        "import axios from 'axios';\nconst { data } = await axios.get('https://example.com');\nreturn data;",
    ),
    (
        "import of the tools",
        "import { external_getUser } from './tools';\nreturn (await external_getUser({ id: 1 })).name;",
    ),
    ("dynamic import", "const { readFile } = await import('fs/promises');\nreturn await readFile('/tmp/a', 'utf8');"),
    ("process.env", "return process.env.API_KEY;"),
    ("Buffer", "return Buffer.from('hello').toString('base64');"),
    ("window and document", "return document.querySelector('h1').textContent;"),
    ("localStorage", "localStorage.setItem('k', 'v');\nreturn 1;"),
    ("Temporal", "return Temporal.Now.plainDateISO().toString();"),
    ("Intl", "return new Intl.NumberFormat('de-DE').format(1234.5);"),
    ("eval", "return eval('1 + 1');"),
    ("new Function", "return new Function('a', 'return a + 1')(1);"),
    ("a method the engine lacks", "return [3, 1, 2].sortBy((n) => n);"),
    // Missing await.
    ("property of a promise", "const user = external_getUser({ id: 1 });\nreturn user.name;"),
    ("method of a property of a promise", "const user = external_getUser({ id: 1 });\nreturn user.name.toUpperCase();"),
    (
        "array method on a promise",
        "const orders = external_listOrders({ userId: 1 });\nreturn orders.map((o) => o.total);",
    ),
    ("await in the wrong place", "const name = await external_getUser({ id: 1 }).name;\nreturn name.length;"),
    (
        "iteration over a promise",
        "let total = 0;\nfor (const o of external_listOrders({ userId: 1 })) total += o.total;\nreturn total;",
    ),
    ("destructuring a promise", "const { name } = external_getUser({ id: 1 });\nreturn name.length;"),
    ("promise in a text", "const user = external_getUser({ id: 1 });\nreturn `Hello ${user}`;"),
    ("promise in a condition", "if (external_getUser({ id: 1 })) return 'there is a user';"),
    ("promise inside the result", "return { user: external_getUser({ id: 1 }), n: 1 };"),
    ("promises in an array", "return [1, 2].map((id) => external_getUser({ id }));"),
    (
        "Promise.all not awaited",
        "const users = Promise.all([1, 2].map((id) => external_getUser({ id })));\nreturn users.map((u) => u.name);",
    ),
    (
        "async callback of map not awaited",
        "const names = [1, 2].map(async (id) => (await external_getUser({ id })).name);\nreturn names.join(', ');",
    ),
    (
        "async callback of filter",
        "const ids = [1, 2].filter(async (id) => (await external_getUser({ id })).email);\nreturn ids;",
    ),
    (
        "forEach with an async callback",
        "const names: string[] = [];\n[1, 2].forEach(async (id) => {\n  names.push((await external_getUser({ id })).name);\n});\nreturn names;",
    ),
    ("a call that nobody waits for", "external_send_email({ to: 'a@b.c', subject: 'Hi' });\nreturn 'sent';"),
    (
        "await in a function that is not async",
        "function name(id: number) {\n  return (await external_getUser({ id })).name;\n}\nreturn name(1);",
    ),
    (
        "own async function not awaited",
        "async function load(id: number) {\n  return await external_getUser({ id });\n}\nconst user = load(1);\nreturn user.name.length;",
    ),
    // Input of tools.
    ("input of a wrong type", "return await external_getUser({ id: '1' });"),
    ("input with a wrong key", "return await external_getUser({ userId: 1 });"),
    ("input left out", "return await external_getUser();"),
    ("input not an object", "return await external_getUser(1);"),
    ("several arguments", "return await external_send_email('a@b.c', 'Hi', 'Text');"),
    ("a value that is not in the list", "return await external_listOrders({ userId: 1, status: 'closed' });"),
    (
        "a value out of bounds, known only at run time",
        "const limit = 50 * 4;\nreturn await external_listOrders({ userId: 1, limit });",
    ),
    (
        "a nested key that does not exist",
        "const n = 1;\nreturn await external_listOrders({ userId: n, filter: { min: 5 } });",
    ),
    (
        "undefined for a required property",
        "const user = { email: undefined };\nreturn await external_send_email({ to: user.email, subject: 'Hi' });",
    ),
    // What tools answer.
    ("a tool that fails", "const user = await external_getUser({ id: 99 });\nreturn user.name;"),
    ("a tool that fails with code and data", "await external_chargeCard({ amount: 5 });\nreturn 'paid';"),
    (
        "a failure in Promise.all",
        "const users = await Promise.all([1, 2, 3].map((id) => external_getUser({ id })));\nreturn users.length;",
    ),
    (
        "a property that is not there",
        "const user = await external_getUser({ id: 2 });\nreturn user.email.toLowerCase();",
    ),
    (
        "a result taken for a list",
        "const docs = await external_searchDocs({ query: 'a' });\nreturn docs.map((d) => d.title);",
    ),
    ("a result taken for text", "const user = await external_getUser({ id: 1 });\nreturn JSON.parse(user).name;"),
    ("JSON that is none", "return JSON.parse(\"{'a': 1}\");"),
    (
        "own error thrown",
        "const orders = await external_listOrders({ userId: 1 });\nif (orders.length < 5) throw new Error('too few orders: ' + orders.length);\nreturn orders;",
    ),
    ("a string thrown", "throw 'nothing found';"),
    // The shape of programs.
    ("no return", "const user = await external_getUser({ id: 1 });\nconst name = user.name;"),
    ("output by console.log alone", "const user = await external_getUser({ id: 1 });\nconsole.log(user.name);"),
    (
        "a function that is never called",
        "async function report(id: number) {\n  return await external_getUser({ id });\n}\nconst unused = 1;",
    ),
    (
        "a bracket left open",
        "const users = await Promise.all([1, 2].map((id) => external_getUser({ id }));\nreturn users;",
    ),
    ("a quote left open", "return 'it's done';"),
    (
        "a constant assigned again",
        "const total = 0;\nfor (const o of await external_listOrders({ userId: 1 })) total += o.total;\nreturn total;",
    ),
    (
        "a variable declared twice",
        "const user = await external_getUser({ id: 1 });\nconst user = await external_getUser({ id: 2 });\nreturn user;",
    ),
    ("Python", "user = external_getUser(id=1)\nprint(user['name'])"),
    ("JSX", "return <b>{(await external_getUser({ id: 1 })).name}</b>;"),
    ("a function returned", "return () => external_getUser({ id: 1 });"),
    ("a BigInt returned", "return { total: 10n ** 20n };"),
    ("a cycle returned", "const a: any = { name: 'a' };\na.self = a;\nreturn a;"),
    ("a Map returned", "return new Map([['a', 1]]);"),
    ("a promise that nobody settles", "const done = new Promise((resolve) => {});\nawait done;\nreturn 1;"),
    ("recursion without end", "const f = (n: number): number => f(n + 1) + 1;\nreturn f(0);"),
    ("prose around no code", "I will call the tool now and return the user."),
    ("nothing at all", ""),
];

/// Run with small limits.
pub const LIMITED: &[(&str, &str)] = &[
    ("a loop without end", "let n = 0;\nwhile (true) n++;"),
    ("a tool that never answers", "await external_waitForApproval();\nreturn 'approved';"),
    (
        "too many calls",
        "const all = [];\nfor (let id = 1; id < 20; id++) all.push(await external_getUser({ id: 1 }));\nreturn all;",
    ),
    ("a result that is too large", "return Array.from({ length: 500 }, (_, id) => ({ id, name: 'user' + id }));"),
    ("an answer that is too large", "return (await external_exportAll()).length;"),
    ("out of memory", "const all: string[] = [];\nfor (;;) all.push('x'.repeat(1000) + all.length);"),
    ("too much console", "for (let n = 0; n < 100; n++) console.log('line', n, 'of a hundred');\nreturn 1;"),
];
