const attempt = (f: () => any): any => { try { return f() } catch (error) { return "threw " + (error instanceof Error ? error.name : typeof error) } };
const caught = (error: any) => console.log("caught", error instanceof Error ? error.name + (/^~/.test(error.message) ? error.message : "") : error);
const num = (x: any): number => typeof x === "number" ? x : typeof x === "string" ? x.length : NaN;
const str = (x: any): string => typeof x === "string" ? x : JSON.stringify(x) ?? "none";
const arr = (x: any): any[] => Array.isArray(x) ? x : [x, 3, "b"];
const obj = (x: any): any => typeof x === "object" && x !== null ? x : { x };
const finite = (x: any): number[] => arr(x).map((y) => num(y)).filter((y) => Number.isFinite(y));
