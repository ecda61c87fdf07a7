/** Offices as a tree. */

export interface Branch {
  code: string;
  depth: number;
}

/** The offices as a tree, each under its own; one whose parent is not among them stands at the top. */
export function branches(offices: readonly { code: string; parent: string | null }[]): Branch[] {
  const known = new Set(offices.map((office) => office.code));
  const rows: Branch[] = [];
  const seen = new Set<string>();
  const add = (code: string, depth: number): void => {
    if (seen.has(code)) return;
    seen.add(code);
    rows.push({ code, depth });
    for (const child of offices) if (child.parent === code) add(child.code, depth + 1);
  };
  for (const office of offices) if (office.parent === null || !known.has(office.parent)) add(office.code, 0);
  // A ring has no top; nobody may vanish for it.
  for (const office of offices) add(office.code, 0);
  return rows;
}

/** The office itself and all that stands under it: it cannot be moved there. */
export function under(offices: readonly { code: string; parent: string | null }[], code: string): Set<string> {
  const all = new Set([code]);
  for (let before = 0; before !== all.size;) {
    before = all.size;
    for (const office of offices) if (office.parent !== null && all.has(office.parent)) all.add(office.code);
  }
  return all;
}
