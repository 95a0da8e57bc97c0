// How passwords are asked for, read out of the sources of all pages.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const OWN = 'lib/components/PasswordField.svelte';
/** Keys of programs are no passwords: a password manager has nothing to do with them. */
const KEYS = 'lib/components/KeyField.svelte';

/** What would hinder a person or a password manager. */
function wrong(name: string, text: string): string[] {
  const found: string[] = [];
  for (const [tag] of text.matchAll(/<input\b[^>]*>/g)) {
    if (/type=\{?['"]?password|'password'/.test(tag) && name !== OWN && name !== KEYS) found.push(tag);
    if (/bind:value=\{password\}/.test(tag)) found.push(tag);
  }
  for (const [tag] of text.matchAll(/<PasswordField\b[^>]*>/g)) {
    if (!/autocomplete="(current|new)-password"/.test(tag)) found.push(tag);
  }
  for (const [hindrance] of text.matchAll(/\bon(?:paste|copy|cut|drop|contextmenu)=/g)) found.push(hindrance);
  return found;
}

test('a password is asked for in one kind of field, and nothing hinders pasting or filling in', () => {
  const source = join(import.meta.dirname, '../..');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.svelte'));
  const all = files.map((name) => [name, readFileSync(join(source, name), 'utf8')] as const);
  expect(all.flatMap(([, text]) => [...text.matchAll(/<PasswordField\b/g)]).length).toBeGreaterThan(6);
  expect(all.flatMap(([name, text]) => wrong(name, text).map((found) => `${name}: ${found}`))).toEqual([]);
  const own = all.find(([name]) => name === OWN)?.[1] ?? '';
  expect(own).toContain("type={visible ? 'text' : 'password'}");
  expect(own).toContain('let visible = $state(false)');
  expect(own).toMatch(/name="password"/);
  expect(own).not.toMatch(/maxlength|readonly/);
  const keys = all.find(([name]) => name === KEYS)?.[1] ?? '';
  expect(keys).toContain('autocomplete="off"');
  expect(keys).toContain('let visible = $state(false)');
  expect(keys).not.toMatch(/maxlength|readonly|name="password"/);
});

test('the rule bites', () => {
  const bad = [
    '<input type="password" name="x" />', "<input type={shown ? 'text' : 'password'} />", '<PasswordField label="a" bind:value={b} />',
    '<PasswordField label="a" autocomplete="off" />', '<input onpaste={stop} />', '<input type="text" bind:value={password} />',
  ];
  for (const text of bad) expect(wrong('pages/Some.svelte', text), text).toHaveLength(1);
  expect(wrong('pages/Some.svelte', '<PasswordField label="a" bind:value={b} autocomplete="new-password" />')).toEqual([]);
});
