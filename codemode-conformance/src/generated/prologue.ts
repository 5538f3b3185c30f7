let seen: any;
const use = (value: any) => { seen = value };
const hidden: any = {
  TypedArrayClass: Object.getPrototypeOf(Uint8Array),
  TypedArray: Object.getPrototypeOf(Uint8Array).prototype,
  ArrayIterator: Object.getPrototypeOf([].values()),
  MapIterator: Object.getPrototypeOf(new Map().values()),
  SetIterator: Object.getPrototypeOf(new Set().values()),
  StringIterator: Object.getPrototypeOf(""[Symbol.iterator]()),
  RegExpStringIterator: Object.getPrototypeOf("".matchAll(/x/g)),
  IteratorHelper: Object.getPrototypeOf([].values().map(() => 1)),
  WrapForValidIterator: Object.getPrototypeOf(Iterator.from({ next() { return { done: true, value: 1 } } })),
  GeneratorFunction: Object.getPrototypeOf(function* () {}),
  AsyncFunction: Object.getPrototypeOf(async () => {}),
  AsyncGeneratorFunction: Object.getPrototypeOf(async function* () {}),
};
const flip = (...answers: any[]) => {
  let at = 0;
  const next = () => answers[Math.min(at++, answers.length - 1)];
  return { valueOf: next, toString: () => String(next()) } as any;
};
const text = (length: number, unit = "x") => {
  let s = unit;
  while (s.length < length) s += s;
  return s;
};
const sized = (length: any, more: any = {}) => ({ length, 0: 1, 1: "a", 5: 2, ...more }) as any;
const lying = (...lengths: any[]) => {
  let at = 0;
  return { 0: 1, 1: 2, get length() { return lengths[Math.min(at++, lengths.length - 1)] }, set length(_) {} } as any;
};
const species = (length: any) => class extends Array { static get [Symbol.species]() { return function () { return sized(length) } } } as any;
const repeat = (count: number, v: any, wrap: (v: any) => any) => {
  for (let i = 0; i < count; i++) v = wrap(v);
  return v;
};
