/** Completion by the server's own parser, so that the editor can never promise what a run refuses. */
import { snippetCompletion, type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { api } from '../api';
import type { CompletionOption } from '../api/wire';

const KINDS: Record<string, string> = { operator: 'function', function: 'function', field: 'variable', group: 'variable', key: 'property', value: 'constant', symbol: 'text', dataset: 'text' };

export async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  const word = context.matchBefore(/[\w.]+/);
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  if (/(^|\s)#/.test(before)) return null;
  if (!context.explicit && !word) return null;
  const abort = new AbortController();
  context.addEventListener('abort', () => abort.abort());
  try {
    const { from, options } = await api.complete(context.state.doc.toString(), context.pos, abort.signal);
    if (context.aborted || options.length === 0) return null;
    return { from, options: options.map(optionOf), validFor: /^\w*$/ };
  } catch {
    return null;
  }
}

function optionOf(option: CompletionOption): Completion {
  const plain: Completion = { label: option.label, type: KINDS[option.kind] ?? 'text' };
  if (option.detail) plain.detail = option.detail;
  if (option.info) plain.info = option.info;
  if (KINDS[option.kind] === 'function') return snippetCompletion(`${option.label}(\${})`, plain);
  if (option.kind === 'key') return { ...plain, apply: `${option.label.replace(/:\s*$/, '')}: ` };
  return plain;
}
