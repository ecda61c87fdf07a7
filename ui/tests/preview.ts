/** The development preview: the real interface on the mock host. Built by `npm run preview` into its own folder, never shipped. */
import { install } from './mock-host';

const query = new URLSearchParams(location.search);
install({
  phase: query.get('phase') ?? 'ready',
  theme: query.get('theme') ?? 'light',
  language: query.get('lang') ?? 'zh-CN',
  role: query.get('role') ?? 'agent',
  state: query.get('state') ?? 'draft',
});
void import('../src/main');
