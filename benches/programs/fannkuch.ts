function fannkuch(n: number): number[] {
  const perm: number[] = []
  const perm1: number[] = []
  const count: number[] = []
  for (let i: number = 0; i < n; i++) { perm.push(0); perm1.push(i); count.push(0) }
  let maxFlips: number = 0
  let checksum: number = 0
  let r: number = n
  let nperm: number = 0
  while (true) {
    while (r !== 1) { count[r - 1] = r; r-- }
    for (let i: number = 0; i < n; i++) perm[i] = perm1[i]
    let flips: number = 0
    let k: number = perm[0]
    while (k !== 0) {
      const k2: number = (k + 1) >> 1
      for (let i: number = 0; i < k2; i++) {
        const t: number = perm[i]
        perm[i] = perm[k - i]
        perm[k - i] = t
      }
      flips++
      k = perm[0]
    }
    if (flips > maxFlips) maxFlips = flips
    checksum += nperm % 2 === 0 ? flips : -flips
    while (true) {
      if (r === n) return [checksum, maxFlips]
      const p0: number = perm1[0]
      for (let i: number = 0; i < r; i++) perm1[i] = perm1[i + 1]
      perm1[r] = p0
      count[r] = count[r] - 1
      if (count[r] > 0) break
      r++
    }
    nperm++
  }
}
