// Reads what a breakdown of size needs from a WebAssembly module: sections, lengths and names of functions, texts.

export interface Function {
  name: string;
  bytes: number;
}

export interface Module {
  bytes: number;
  sections: Map<string, number>;
  functions: Function[];
  /** The contents of the data segments, where constants and texts are. */
  data: Uint8Array[];
}

const SECTIONS = ["custom", "type", "import", "function", "table", "memory", "global", "export", "start", "element", "code", "data", "data count", "tag"];

class Reader {
  at: number;
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) throw new Error("the module ends too early");
    this.at += 1;
    return value;
  }
  /** LEB128, unsigned; a signed one is skipped just as well. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const next = this.byte();
      value += (next & 127) * scale;
      if (next < 128) return value;
    }
  }
  take(length: number): Uint8Array {
    const taken = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return taken;
  }
  text(): string {
    return new TextDecoder().decode(this.take(this.number()));
  }
  limits(): void {
    if ((this.byte() & 1) === 1) this.number();
    this.number();
  }
}

/** Imported functions are counted before the module's own. */
function importedFunctions(reader: Reader): number {
  let functions = 0;
  for (let left = reader.number(); left > 0; left -= 1) {
    reader.text();
    reader.text();
    switch (reader.byte()) {
      case 0:
        functions += 1;
        reader.number();
        break;
      case 1:
        reader.byte();
        reader.limits();
        break;
      case 2:
        reader.limits();
        break;
      case 3:
        reader.take(2);
        break;
      default:
        reader.byte();
        reader.number();
    }
  }
  return functions;
}

function functionNames(reader: Reader, end: number): Map<number, string> {
  const names = new Map<number, string>();
  while (reader.at < end) {
    const kind = reader.byte();
    const next = reader.number() + reader.at;
    if (kind === 1) {
      for (let left = reader.number(); left > 0; left -= 1) names.set(reader.number(), reader.text());
    }
    reader.at = next;
  }
  return names;
}

/** A segment's contents: only those that a constant places, which is all that wasm-bindgen makes. */
function segment(reader: Reader): Uint8Array {
  const flags = reader.number();
  if (flags === 2) reader.number();
  if (flags !== 1) {
    reader.byte(); // i32.const
    reader.number();
    reader.byte(); // end
  }
  return reader.take(reader.number());
}

export function readModule(bytes: Uint8Array): Module {
  const reader = new Reader(bytes, 8);
  const sections = new Map<string, number>();
  const lengths: number[] = [];
  const data: Uint8Array[] = [];
  let names = new Map<number, string>();
  let imported = 0;
  while (reader.at < bytes.length) {
    const begin = reader.at;
    const kind = reader.byte();
    const end = reader.number() + reader.at;
    let title = SECTIONS[kind] ?? String(kind);
    if (kind === 0) {
      title = `custom: ${reader.text()}`;
      if (title === "custom: name") names = functionNames(reader, end);
    } else if (kind === 2) imported = importedFunctions(reader);
    else if (kind === 10) {
      for (let left = reader.number(); left > 0; left -= 1) {
        const length = reader.number();
        lengths.push(length);
        reader.take(length);
      }
    } else if (kind === 11) {
      for (let left = reader.number(); left > 0; left -= 1) data.push(segment(reader));
    }
    sections.set(title, (sections.get(title) ?? 0) + end - begin);
    reader.at = end;
  }
  const functions = lengths.map((length, index) => ({ name: names.get(imported + index) ?? "?", bytes: length }));
  return { bytes: bytes.length, sections, functions, data };
}
