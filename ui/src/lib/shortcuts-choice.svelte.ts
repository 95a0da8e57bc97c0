/** Single-key shortcuts can be turned off: speech input would otherwise trigger them (WCAG 2.1.4). */
const STORED = 'stockade.shortcuts';

class Choice {
  on = $state(localStorage.getItem(STORED) !== 'off');
  choose(on: boolean): void {
    this.on = on;
    if (on) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, 'off');
  }
}
export const shortcutsEnabled = new Choice();
