/** The second factor of a sign-in: asked for only once the server has said so. */

const ASKING = ['auth.totp_required', 'auth.totp_wrong'];

/** The server wants the six digits, or others than those that were typed. */
export function asksForFactor(code: string | undefined): boolean {
  return code !== undefined && ASKING.includes(code);
}

/** What is sent: full-width digits of an input method are digits too; nothing typed is nothing sent. */
export function plainFactor(text: string): string | null {
  const plain = text.normalize('NFKC').trim();
  return plain === '' ? null : plain;
}
