import { expect, test } from 'vitest';
import { shortcut, type Stroke } from './shortcuts';

const stroke = (key: string, more: Partial<Stroke> = {}, path: object[] = []): Stroke => ({
  key, ctrlKey: false, metaKey: false, altKey: false, composedPath: () => path as EventTarget[], ...more,
});

test('g and a letter go somewhere; ? helps; everything else is left alone', () => {
  expect(shortcut(stroke('g'), null)).toEqual({ pending: 'g', action: null });
  expect(shortcut(stroke('d'), 'g')).toEqual({ pending: null, action: '/data' });
  expect(shortcut(stroke('f'), 'g')).toEqual({ pending: null, action: '/factors' });
  expect(shortcut(stroke('r'), 'g')).toEqual({ pending: null, action: '/routes' });
  expect(shortcut(stroke('x'), 'g')).toEqual({ pending: null, action: 'sign-out' });
  expect(shortcut(stroke('z'), 'g')).toEqual({ pending: null, action: null });
  expect(shortcut(stroke('d'), null)).toEqual({ pending: null, action: null });
  expect(shortcut(stroke('?'), null)).toEqual({ pending: null, action: 'help' });
  expect(shortcut(stroke('d', { ctrlKey: true }), 'g')).toEqual({ pending: null, action: null });
});

test('typing is never a shortcut, in the editor’s shadow root neither', () => {
  expect(shortcut(stroke('g', {}, [{ tagName: 'INPUT' }]), null).pending).toBeNull();
  expect(shortcut(stroke('?', {}, [{ tagName: 'SPAN' }, { tagName: 'DIV', isContentEditable: true }]), null).action).toBeNull();
});
