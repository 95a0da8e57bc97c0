/** The editor in the design's tokens; custom properties reach into the shadow root. */
import { EditorView } from '@codemirror/view';

const squiggle = { backgroundImage: 'none', textDecoration: 'underline wavy', textUnderlineOffset: '3px', textDecorationThickness: '1.3px', paddingBottom: '0' };

export const editorLook = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'var(--surface)', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.65', fontVariantLigatures: 'none' },
  '.cm-content': { padding: '12px 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 16px 0 8px' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)', borderLeftWidth: '2px' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--ink-3)', border: 'none', paddingLeft: '4px' },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '28px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { background: 'color-mix(in srgb, var(--accent) 24%, transparent)' },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-wash)', outline: '1px solid var(--line)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--line)', borderRadius: '8px', boxShadow: 'var(--shadow-3)', overflow: 'hidden', color: 'var(--ink)' },
  // What an option does stands beside the list, outside of its box.
  '.cm-tooltip.cm-tooltip-autocomplete': { overflow: 'visible' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { borderRadius: '8px', fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '16em' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '4px 10px', lineHeight: '1.5' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--accent-fill)', color: 'var(--on-accent)' },
  '.cm-completionDetail': { color: 'var(--ink-3)', fontStyle: 'normal', marginLeft: '1em' },
  'li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-tooltip.cm-completionInfo': { padding: '10px 12px', fontFamily: 'var(--font)', fontSize: '12px', maxWidth: '20rem' },
  '.cm-tooltip .docs': { display: 'grid', gap: '6px', fontFamily: 'var(--font)', fontSize: '12px', lineHeight: '1.45', whiteSpace: 'normal' },
  '.cm-tooltip-hover .docs': { padding: '10px 12px', maxWidth: 'min(26rem, 88vw)' },
  '.docs > p': { margin: '0' },
  '.docs-signature': { fontFamily: 'var(--mono)', fontWeight: '600', color: 'var(--syntax-function)', overflowWrap: 'anywhere' },
  '.docs dl': { display: 'grid', gridTemplateColumns: 'auto minmax(0, 1fr)', gap: '2px 10px', margin: '0', color: 'var(--ink-2)' },
  '.docs dt': { color: 'var(--ink-3)' },
  '.docs dd': { margin: '0', overflowWrap: 'anywhere' },
  '.cm-diagnostic': { borderLeft: '3px solid', padding: '8px 12px', fontFamily: 'var(--font)', fontSize: '12.5px', maxWidth: '28rem', whiteSpace: 'pre-wrap' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--loss)' },
  '.cm-diagnostic-warning': { borderLeftColor: 'var(--warn)' },
  '.cm-lintRange-error': { ...squiggle, textDecorationColor: 'var(--loss)' },
  '.cm-lintRange-warning': { ...squiggle, textDecorationColor: 'var(--warn)' },
  '.cm-lintRange-info, .cm-lintRange-hint': { ...squiggle, textDecorationColor: 'var(--accent)' },
  '.cm-lint-marker': { width: '8px', height: '8px', content: 'none', borderRadius: '50%', margin: '6px 0 0 4px' },
  '.cm-lint-marker-error': { content: 'none', backgroundColor: 'var(--loss)' },
  '.cm-lint-marker-warning': { content: 'none', backgroundColor: 'var(--warn)' },
  '.cm-lint-marker-info, .cm-lint-marker-hint': { content: 'none', backgroundColor: 'var(--accent)' },
  '.cm-gutter-lint': { width: '16px' },
  // No room beside the list on a phone: the detail in the list itself must do.
  '@media (max-width: 600px)': { '.cm-tooltip.cm-completionInfo': { display: 'none' } },
});
