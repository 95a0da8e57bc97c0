import { untrack } from 'svelte';

/** One polite live region for the whole application. */
class Announcer {
  text = $state('');
  say(text: string): void {
    untrack(() => {
      // The same words twice are otherwise heard once.
      this.text = this.text === text ? `${text}\u00A0` : text;
    });
  }
}
export const announcer = new Announcer();
