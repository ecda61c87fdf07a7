/** Differing characters of two short texts, by longest common subsequence over Unicode scalars. */
export interface Piece {
  text: string;
  differs: boolean;
}

// Longer texts are compared whole: the table below grows with the product of both lengths.
const MAX_CHARS = 400;

function table(a: readonly string[], b: readonly string[]): number[][] {
  const rows: number[][] = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const row = rows[i] as number[];
      const below = rows[i + 1] as number[];
      row[j] = a[i] === b[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return rows;
}

function append(pieces: Piece[], text: string, differs: boolean): void {
  const last = pieces.at(-1);
  if (last?.differs === differs) last.text += text;
  else pieces.push({ text, differs });
}

/** Both texts cut into pieces; the pieces that the other side lacks are marked. */
export function diffChars(left: string, right: string): { left: Piece[]; right: Piece[] } {
  const a = Array.from(left);
  const b = Array.from(right);
  const out = { left: [] as Piece[], right: [] as Piece[] };
  if (a.length > MAX_CHARS || b.length > MAX_CHARS) {
    append(out.left, left, left !== right);
    append(out.right, right, left !== right);
    return out;
  }
  const common = table(a, b);
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const down = common[i + 1]?.[j] ?? -1;
    const across = common[i]?.[j + 1] ?? -1;
    if (i < a.length && j < b.length && a[i] === b[j]) {
      append(out.left, a[i++] as string, false);
      append(out.right, b[j++] as string, false);
    } else if (i < a.length && (j >= b.length || down >= across)) {
      append(out.left, a[i++] as string, true);
    } else {
      append(out.right, b[j++] as string, true);
    }
  }
  return out;
}
