/** Colours for a bare expression of the language; meaning comes from the server's own parser. */
import { StreamLanguage, syntaxHighlighting, type StreamParser } from '@codemirror/language';
import { tags } from '@lezer/highlight';
import { style } from './yaml';

const WORDS = new Set(['let', 'and', 'or', 'not', 'true', 'false']);

export const expressionParser: StreamParser<null> = {
  name: 'expression',
  startState: () => null,
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.peek() === '#') {
      stream.skipToEnd();
      return 'comment';
    }
    if (stream.match(/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/)) return 'number';
    if (stream.match(/^[A-Za-z_]\w*(?=\s*\()/)) return WORDS.has(stream.current()) ? 'keyword' : 'function';
    const word = stream.match(/^[A-Za-z_]\w*/) as RegExpMatchArray | null;
    if (word) return WORDS.has(word[0]) ? 'keyword' : 'variableName';
    if (stream.match(/^(?:[<>]=?|==|!=|[+\-*/^%=])/)) return 'operator';
    if (stream.match(/^[(),;]/)) return 'bracket';
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: '#' }, closeBrackets: { brackets: ['('] } },
  tokenTable: { function: tags.function(tags.variableName) },
};

export const expressionLanguage = [StreamLanguage.define(expressionParser), syntaxHighlighting(style)];

/** The word under an offset, its end included. */
export function wordAt(text: string, offset: number): { word: string; from: number; to: number } | null {
  let from = offset;
  let to = offset;
  while (from > 0 && /\w/.test(text[from - 1] ?? '')) from -= 1;
  while (to < text.length && /\w/.test(text[to] ?? '')) to += 1;
  const word = text.slice(from, to);
  return /^[A-Za-z_]/.test(word) ? { word, from, to } : null;
}

/** What the cursor is about: the known word under it, else the call whose parameters it stands among. */
export function operatorAt(text: string, offset: number, known: (name: string) => boolean): string | null {
  const here = wordAt(text, offset);
  if (here && known(here.word)) return here.word;
  const before = text.slice(0, offset).replace(/#.*/g, (comment) => ' '.repeat(comment.length));
  let depth = 0;
  for (let at = before.length - 1; at >= 0; at -= 1) {
    if (before[at] === ')') depth += 1;
    if (before[at] !== '(') continue;
    if (depth > 0) {
      depth -= 1;
      continue;
    }
    const call = /([A-Za-z_]\w*)\s*$/.exec(before.slice(0, at))?.[1];
    if (call && known(call)) return call;
  }
  return null;
}
