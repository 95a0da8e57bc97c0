/** Completion by the server's own parser, so that the editor can never promise what a run refuses. */
import { snippetCompletion, type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { own } from '../api/read';
import type { Completed, CompletionOption, Operator } from '../api/wire';
import { docsOf } from './docs';

const KINDS: Record<string, string> = { operator: 'function', function: 'function', field: 'variable', group: 'variable', key: 'property', value: 'constant', keyword: 'keyword', word: 'constant', symbol: 'text', dataset: 'text' };

/** Asks what may stand at an offset. */
export type Ask = (text: string, offset: number, signal: AbortSignal) => Promise<Completed>;
/** The operator of a name, where the language is known already. */
export type Known = (name: string) => Operator | undefined;

export const completer = (ask: Ask, known: Known) => async (context: CompletionContext): Promise<CompletionResult | null> => {
  const word = context.matchBefore(/[\w.]+/);
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  if (/(^|\s)#/.test(before)) return null;
  if (!context.explicit && !word) return null;
  const abort = new AbortController();
  context.addEventListener('abort', () => abort.abort());
  try {
    const { from, options } = await ask(context.state.doc.toString(), context.pos, abort.signal);
    if (context.aborted || options.length === 0) return null;
    return { from, options: options.map((option) => optionOf(option, known)), validFor: /^\w*$/ };
  } catch {
    return null;
  }
};

function optionOf(option: CompletionOption, known: Known): Completion {
  const plain: Completion = { label: option.label, type: own(KINDS, option.kind) ?? 'text' };
  if (option.detail) plain.detail = option.detail;
  const operator = plain.type === 'function' ? known(option.label) : undefined;
  if (operator) plain.info = () => docsOf(operator);
  else if (option.info) plain.info = option.info;
  if (plain.type === 'function') return snippetCompletion(`${option.label}(\${})`, plain);
  if (option.kind === 'key') return { ...plain, apply: `${option.label.replace(/:\s*$/, '')}: ` };
  return plain;
}
