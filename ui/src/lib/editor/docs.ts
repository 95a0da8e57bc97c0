/** What an operator does, as elements for the editor's own boxes. Text goes in as text. */
import type { Operator } from '../api/wire';
import { t } from '../i18n/index.svelte';

/** The facts of an operator, in reading order, without those that it does not have. */
export function factsOf(operator: Operator): [string, string][] {
  const facts: [string, string | null | undefined][] = [
    [t('reference.missing'), operator.missing],
    [t('reference.cost'), operator.cost],
    [t('reference.source'), operator.source],
    [t('reference.definition'), operator.definition],
  ];
  return facts.flatMap(([name, text]): [string, string][] => (text ? [[name, text]] : []));
}

export function docsOf(operator: Operator): HTMLElement {
  const box = element('div', 'docs');
  box.append(element('code', 'docs-signature', operator.signature), element('p', '', operator.summary));
  const list = element('dl', '');
  for (const [name, text] of factsOf(operator)) list.append(element('dt', '', name), element('dd', '', text));
  box.append(list);
  return box;
}

/** The same as one sentence, for those who hear it. */
export function spoken(operator: Operator): string {
  return [operator.signature, operator.summary, ...factsOf(operator).map(([name, text]) => `${name}: ${text}`)].join('. ');
}

function element(tag: string, name: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}
