/**
 * Colours for strategy files: YAML keys on the left, the expression language on the right.
 * A stream parser is enough here; meaning comes from the server's own parser.
 */
import { HighlightStyle, StreamLanguage, syntaxHighlighting, type StreamParser } from '@codemirror/language';
import { tags } from '@lezer/highlight';

const WORDS = new Set(['and', 'or', 'not', 'true', 'false', 'null', 'every', 'bars', 'daily', 'weekly', 'monthly', 'splits', 'none', 'next_open', 'same_close']);

/** Keys whose values are names. */
const NAMES = new Set(['name', 'data', 'universe', 'currency']);

interface State {
  /** True right of the first colon of a line. */
  value: boolean;
  /** The value is a name, not an expression: hyphens do not subtract. */
  plain: boolean;
}

export const strategyParser: StreamParser<State> = {
  name: 'strategy',
  startState: () => ({ value: false, plain: false }),
  token(stream, state) {
    if (stream.sol()) state.value = state.plain = false;
    if (stream.eatSpace()) return null;
    if (stream.peek() === '#' && (stream.sol() || /\s/.test(stream.string[stream.pos - 1] ?? ' '))) {
      stream.skipToEnd();
      return 'comment';
    }
    if (!state.value && stream.match(/^-(?=\s)/)) return 'punctuation';
    const key = stream.match(/^[A-Za-z_][\w-]*(?=\s*:(?:\s|$))/) as RegExpMatchArray | null;
    if (key) {
      state.plain = NAMES.has(key[0]);
      return 'propertyName';
    }
    if (stream.match(/^:(?=\s|$)/)) {
      state.value = true;
      return 'punctuation';
    }
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/) || stream.match(/^'(?:[^']|'')*'?/)) return 'string';
    if (state.plain && state.value && stream.match(/^[^#\s[\],{}](?:[^#[\],{}]*[^#\s[\],{}])?/)) return 'string';
    if (stream.match(/^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[dhm]?\b/)) return 'number';
    // A parameter stands for a number.
    if (stream.match(/^\$[a-z][a-z0-9_]*/)) return 'number';
    if (stream.match(/^[A-Za-z_]\w*(?=\s*\()/)) return 'function';
    const word = stream.match(/^[A-Za-z_]\w*/) as RegExpMatchArray | null;
    if (word) return WORDS.has(word[0]) ? 'keyword' : 'variableName';
    if (stream.match(/^(?:[<>]=?|==|!=|[+\-*/^%=])/)) return 'operator';
    if (stream.match(/^[{}[\](),]/)) return 'bracket';
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: '#' }, closeBrackets: { brackets: ['(', '[', '{', '"', "'"] } },
  tokenTable: { function: tags.function(tags.variableName) },
};

export const style = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--syntax-key)', fontWeight: '560' },
  { tag: tags.function(tags.variableName), color: 'var(--syntax-function)' },
  { tag: tags.number, color: 'var(--syntax-number)' },
  { tag: tags.string, color: 'var(--syntax-string)' },
  { tag: tags.comment, color: 'var(--syntax-comment)', fontStyle: 'italic' },
  { tag: tags.keyword, color: 'var(--syntax-keyword)' },
  { tag: [tags.operator, tags.punctuation, tags.bracket], color: 'var(--ink-3)' },
]);

export const strategyLanguage = [StreamLanguage.define(strategyParser), syntaxHighlighting(style)];
