// A test runner of one screen: in order, each with a deadline, later steps skipped when a needed one fails.

const DEADLINE_MS = 180_000;
const results = { passed: 0, failed: 0, skipped: 0 };
let broken = null;

/** Runs one test; `needed` means that the rest makes no sense without it. */
export async function test(name, work, { needed = false, onFailure } = {}) {
  if (broken) {
    results.skipped += 1;
    console.log(`skip  ${name} (needs: ${broken})`);
    return;
  }
  const begun = Date.now();
  try {
    await within(DEADLINE_MS, work());
    results.passed += 1;
    console.log(`pass  ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    results.failed += 1;
    console.log(`FAIL  ${name}\n${indent(error?.stack ?? String(error))}`);
    if (needed) broken = name;
    await onFailure?.(name);
  }
}

/** The closing line; the exit code. */
export function close() {
  const { passed, failed, skipped } = results;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || skipped > 0 ? 1 : 0;
}

/** Asks again until the answer is true, at most `limit` milliseconds; never for a fixed time. */
export async function eventually(what, condition, limit = 15_000) {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${limit} ms: ${what}`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

export function equal(got, want, what) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  if (a !== b) throw new Error(`${what}: got ${cut(a)}, want ${cut(b)}`);
}

export function holds(condition, what) {
  if (!condition) throw new Error(what);
}

function within(limit, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limit / 1000} s`)), limit);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const cut = (text = 'undefined') => (text.length > 400 ? `${text.slice(0, 400)}…` : text);
const indent = (text) => text.split('\n').slice(0, 24).map((line) => `      ${line}`).join('\n');
