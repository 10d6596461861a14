// Whether two lists of times differ: the Mann-Whitney U test (two-sided, normal approximation with ties), which asks
// nothing of how times are distributed.

export function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The standard normal distribution's tail beyond z, by Abramowitz and Stegun 7.1.26; good to 1e-7. */
function tail(z: number): number {
  const t = 1 / (1 + (0.3275911 * z) / Math.SQRT2);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return (poly * Math.exp((-z * z) / 2)) / 2;
}

/** The difference of the medians (second minus first) and the probability of such ranks by chance. */
export function compare(first: readonly number[], second: readonly number[]): { difference: number; p: number } {
  const all = [...first.map((value) => ({ value, own: true })), ...second.map((value) => ({ value, own: false }))];
  all.sort((a, b) => a.value - b.value);
  let [rankSum, ties] = [0, 0];
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to += 1;
    const count = to - from;
    ties += count ** 3 - count;
    for (let index = from; index < to; index += 1) if (all[index]?.own) rankSum += (from + 1 + to) / 2;
    from = to;
  }
  const [m, n, total] = [first.length, second.length, all.length];
  const u = rankSum - (m * (m + 1)) / 2;
  const deviation = Math.sqrt(((m * n) / 12) * (total + 1 - ties / (total * (total - 1))));
  const z = Math.max(0, Math.abs(u - (m * n) / 2) - 0.5) / deviation;
  return { difference: median(second) - median(first), p: Math.min(1, 2 * tail(z)) };
}
