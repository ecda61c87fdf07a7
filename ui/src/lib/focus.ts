/** Where the keyboard starts on a step: the first open question, else the first field, else the first button. */
function isOpen(field: Element): boolean {
  if (field instanceof HTMLInputElement && field.type === 'radio') {
    const group = field.closest('[role="radiogroup"]');
    return group !== null && group.querySelector('input:checked') === null;
  }
  if (field instanceof HTMLInputElement && field.type === 'checkbox') return !field.checked;
  return (field as HTMLInputElement).value === '';
}

const FIELDS =
  'input:not([readonly]):not([type=file]):not(:disabled), textarea:not([readonly]):not(:disabled), select:not(:disabled)';

/** `data-focus` marks what should win; a closed fold is passed over. */
export function firstOpen(body: HTMLElement): HTMLElement | null {
  const marked = body.querySelector<HTMLElement>('[data-focus] button, button[data-focus]');
  if (marked) return marked;
  const fields = [...body.querySelectorAll<HTMLElement>(FIELDS)].filter(
    (field) => !field.closest('details:not([open])'),
  );
  return fields.find(isOpen) ?? fields[0] ?? body.querySelector<HTMLElement>('button');
}
