/** A password that somebody chooses for themselves: long enough, and typed twice alike. */

export const PASSWORD_CHARS = 12;

/** Characters that are still missing; 0 or less is long enough. */
export function missing(password: string): number {
  return PASSWORD_CHARS - [...password].length;
}

/** Everything that redeeming a code needs is there. */
export function isChosen(code: string, password: string, again: string): boolean {
  return code.trim() !== '' && missing(password) <= 0 && again === password;
}
