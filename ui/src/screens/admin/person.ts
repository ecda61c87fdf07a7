/** How an account stands, in one word. */
import type { AdminPersonView } from '$lib/dto';

export type PersonState = 'active' | 'disabled' | 'invited' | 'lapsed' | 'unset';

export function personState(
  person: Pick<AdminPersonView, 'active' | 'settled' | 'invitation'>,
  nowMs: number,
): PersonState {
  if (!person.active) return 'disabled';
  if (person.settled) return 'active';
  if (person.invitation === null) return 'unset';
  return person.invitation.expires_at <= nowMs ? 'lapsed' : 'invited';
}

export const TONES: Record<PersonState, string> = {
  active: 'ok',
  disabled: 'danger',
  invited: 'brand',
  lapsed: 'warn',
  unset: 'warn',
};
