import { expect, test } from 'vitest';
import { EventParser, follow, type ServerEvent, type StreamWorld } from './events';

test('events are the same wherever the stream is cut', () => {
  const text = ': hello\nretry: 500\nid: 1\nevent: progress\ndata: {"done":1}\n\nid: 2\r\nevent: done\r\ndata: a\r\ndata: b\r\n\r\ndata: plain\n\n';
  const whole = new EventParser().push(text);
  expect(whole).toEqual([
    { id: '1', event: 'progress', data: '{"done":1}' },
    { id: '2', event: 'done', data: 'a\nb' },
    { id: '2', event: 'message', data: 'plain' },
  ]);
  for (let cut = 0; cut <= text.length; cut += 1) {
    const parser = new EventParser();
    expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))], `cut at ${cut}`).toEqual(whole);
  }
  const slow = new EventParser();
  expect([...text].flatMap((character) => slow.push(character))).toEqual(whole);
});

test('comments and empty blocks are no events; a bad id is ignored', () => {
  expect(new EventParser().push(': ping\n\n\n\nid: a\0b\ndata: x\n\n')).toEqual([{ id: '', event: 'message', data: 'x' }]);
});

/** A server that sends each of `parts` on one connection, then hangs up. */
function server(parts: (string | Error)[]) {
  const asked: string[] = [];
  const world: StreamWorld = {
    open: async (lastId) => {
      asked.push(lastId);
      const part = parts.shift() ?? new Error('gone');
      if (part instanceof Error) throw part;
      return new Response(part);
    },
    wait: () => Promise.resolve(),
  };
  return { world, asked };
}

const progress = (n: number) => `id: ${n}\nevent: progress\ndata: ${n}\n\n`;
const seen: ServerEvent[] = [];
const handlers = { event: (event: ServerEvent) => (seen.push(event), event.event === 'done') };

test('a broken stream resumes after the last event it saw', async () => {
  seen.length = 0;
  const { world, asked } = server([progress(1) + progress(2), new Error('reset'), progress(3), 'id: 4\nevent: done\ndata: {}\n\n']);
  expect(await follow(world, handlers, new AbortController().signal)).toBe('finished');
  expect(asked).toEqual(['', '2', '2', '3']);
  expect(seen.map((event) => event.id)).toEqual(['1', '2', '3', '4']);
});

test('a stream that never comes back is given up', async () => {
  const { world, asked } = server([progress(1)]);
  expect(await follow(world, handlers, new AbortController().signal)).toBe('gave_up');
  expect(asked.length).toBe(6);
});

test('leaving the page stops the stream', async () => {
  const abort = new AbortController();
  const { world } = server([progress(1), progress(2)]);
  const end = follow({ ...world, wait: async () => abort.abort() }, handlers, abort.signal);
  expect(await end).toBe('stopped');
});
