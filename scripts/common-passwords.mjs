// Makes crates/core/src/identity/common.bin, the filter of common passwords that crates/core/src/identity/common_passwords.rs reads.
//
//   npm install --no-save @zxcvbn-ts/language-common@4.1.3 && node scripts/common-passwords.mjs
//
// The list is not in the repository, only what comes of it; the package's licence is in crates/core/src/identity/common.txt. The
// same version of the package gives the same bytes.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Shorter ones are refused for their length. */
const SHORTEST = 8;
/** The list is ordered by how common they are; 10 000 make 12 kB, and an online attack does not get that far. */
const COUNT = 10_000;

const { dictionary } = createRequire(import.meta.url)("@zxcvbn-ts/language-common");
const keys = [...new Set(dictionary["passwords-common"].map((word) => word.toLowerCase()))]
  .filter((word) => Buffer.byteLength(word) >= SHORTEST)
  .slice(0, COUNT);

/** An xor filter: every key has a place in each third, and the three fingerprints there give the key's own. */
const third = Math.ceil((1.23 * keys.length + 32) / 3);

function placesOf(seed, key) {
  const hash = createHash("sha256").update(seed).update(key).digest();
  return { fingerprint: hash[0], places: [0, 1, 2].map((index) => index * third + (hash.readUInt32BE(1 + 4 * index) % third)) };
}

/** An order in which each key has a place that no later one has, or undefined when this seed allows none. */
function peel(entries) {
  const cells = Array.from({ length: 3 * third }, () => new Set());
  entries.forEach(({ places }, index) => places.forEach((place) => cells[place].add(index)));
  const lonely = cells.flatMap((cell, place) => (cell.size === 1 ? [place] : []));
  const order = [];
  while (lonely.length > 0) {
    const place = lonely.pop();
    if (cells[place].size !== 1) continue;
    const [index] = cells[place];
    order.push([index, place]);
    for (const other of entries[index].places) {
      cells[other].delete(index);
      if (cells[other].size === 1) lonely.push(other);
    }
  }
  return order.length === entries.length ? order.reverse() : undefined;
}

for (let attempt = 0; ; attempt += 1) {
  const seed = Buffer.alloc(4);
  seed.writeUInt32BE(attempt);
  const entries = keys.map((key) => placesOf(seed, key));
  const order = peel(entries);
  if (!order) continue;
  const cells = Buffer.alloc(3 * third);
  for (const [index, place] of order) {
    const { fingerprint, places } = entries[index];
    cells[place] = places.reduce((sum, other) => (other === place ? sum : sum ^ cells[other]), fingerprint);
  }
  const head = Buffer.alloc(8);
  seed.copy(head);
  head.writeUInt32BE(third, 4);
  writeFileSync(new URL("../crates/core/src/identity/common.bin", import.meta.url), Buffer.concat([head, cells]));
  console.log(`${keys.length} passwords in ${head.length + cells.length} bytes, seed ${attempt}`);
  break;
}
