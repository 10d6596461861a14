// Finds the tests of a file: name, line, whether it is a group of tests, and whether it is left out of a run.

/**
 * The tests of a Rust or TypeScript file, in their order.
 * @returns {{ name: string, line: number, group: boolean, skipped: boolean }[]}
 */
export function testsOf(file, text) {
  return file.endsWith(".rs") ? rustTests(text) : vitestTests(text);
}

/** The line, counted from 1, that the character at `index` is in. */
const lineAt = (text, index) => text.slice(0, index).split("\n").length;

/** Functions under `#[test]`, in `proptest!` blocks too. The line is that of the first attribute. */
function rustTests(text) {
  return [...text.matchAll(/^[ \t]*#\[test\]\s*(?:#\[[^\n]*\]\s*)*(?:\/\/[^\n]*\s*)*fn\s+(\w+)/gm)].map((found) => ({
    name: found[1],
    line: lineAt(text, attributesFrom(text, found.index)),
    group: false,
    skipped: found[0].includes("#[ignore") || text.slice(attributesFrom(text, found.index), found.index).includes("#[ignore"),
  }));
}

/** Where the attributes begin that stand directly above this place. */
function attributesFrom(text, index) {
  let from = index;
  for (;;) {
    const before = /[ \t]*#\[[^\n]*\]\n$/.exec(text.slice(0, from));
    if (!before) return from;
    from = before.index;
  }
}

/** Calls of `test`, `it` and `describe`, with `.each(...)` and the like between word and name. */
function vitestTests(text) {
  const tests = [];
  for (const found of text.matchAll(/^[ \t]*(?:await )?(test|it|describe)(?=[.(])/gm)) {
    let at = found.index + found[0].length;
    let skipped = false;
    for (;;) {
      const word = /^\s*\.\s*\w+/.exec(text.slice(at, at + 200));
      if (word) {
        skipped ||= /\.\s*(skip|todo|fails)$/.test(word[0]);
        at += word[0].length;
        continue;
      }
      if (text[at] !== "(") break;
      const name = /^\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)\s*,/.exec(text.slice(at, at + 1000));
      if (name) {
        const written = name[1] ?? name[2] ?? name[3];
        tests.push({ name: written.replace(/\\(.)/g, "$1"), line: lineAt(text, found.index), group: found[1] === "describe", skipped });
        break;
      }
      at = afterBracket(text, at);
    }
  }
  return tests;
}

/** The place after the bracket that closes the one at `open`; strings and comments between are passed over. */
function afterBracket(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '"' || sign === "'" || sign === "`") {
      for (at += 1; at < text.length && text[at] !== sign; at += 1) if (text[at] === "\\") at += 1;
    } else if (sign === "/" && text[at + 1] === "/") at = text.indexOf("\n", at);
    else if ("([{".includes(sign)) depth += 1;
    else if (")]}".includes(sign)) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}
