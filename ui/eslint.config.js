import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const noRawHtml = 'Text nodes only: data never becomes markup (security.md, section 2).';

export default ts.config(
  { ignores: ['dist', 'preview-dist', 'node_modules', 'src/lib/types'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs['flat/recommended'],
  { languageOptions: { globals: globals.browser } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
  },
  {
    rules: {
      'svelte/no-at-html-tags': 'error',
      'svelte/no-inline-styles': 'error',
      'max-lines': ['error', { max: 500, skipBlankLines: false }],
      'max-depth': ['error', 3],
      'no-undef': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[property.name=/^(innerHTML|outerHTML|insertAdjacentHTML)$/]',
          message: noRawHtml,
        },
      ],
      'no-restricted-globals': ['error', { name: 'fetch', message: 'The only door to the host is src/lib/bridge.ts.' }],
    },
  },
  { files: ['src/**/*.svelte'], rules: { 'max-lines': ['error', { max: 200 }] } },
  { files: ['src/lib/bridge.ts', 'src/lib/bridge/**', 'tests/**'], rules: { 'no-restricted-globals': 'off' } },
);
