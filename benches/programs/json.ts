interface Row { id: number; key: string; score: number; tags: string[] }
let seed: number = 42
function next(): number {
  seed = (seed * 16807) % 2147483647
  return seed
}
const rows: Row[] = []
for (let i: number = 0; i < count; i++) {
  rows.push({ id: i, key: 'key-' + next(), score: next() % 100000, tags: ['t' + (i % 7), 'u' + (i % 11), 'v' + (i % 13)] })
}
const text: string = JSON.stringify(rows)
const back: Row[] = JSON.parse(text)
back.sort((a: Row, b: Row) => a.score - b.score || a.id - b.id)
const groups: { [k: string]: number } = {}
for (const row of back) {
  groups[row.tags[0]] = (groups[row.tags[0]] || 0) + row.score
}
return { length: text.length, first: back[0].id, last: back[back.length - 1].id, groups: groups }
