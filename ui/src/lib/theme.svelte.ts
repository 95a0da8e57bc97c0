/** Dark, light or the system's choice; `theme-boot.js` applies the stored one before paint. */

export type Theme = 'auto' | 'light' | 'dark';

function stored(): Theme {
  const value = localStorage.getItem('stockade.theme');
  return value === 'light' || value === 'dark' ? value : 'auto';
}

class ThemeChoice {
  choice: Theme = $state(stored());
  #systemDark = $state(matchMedia('(prefers-color-scheme: dark)').matches);
  resolved: 'light' | 'dark' = $derived(
    this.choice === 'auto' ? (this.#systemDark ? 'dark' : 'light') : this.choice,
  );

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
      this.#systemDark = event.matches;
    });
  }

  /** Writes the choice down again, after a sign-out has emptied the browser's storage. */
  keep(): void {
    this.choose(this.choice);
  }

  choose(theme: Theme): void {
    this.choice = theme;
    if (theme === 'auto') {
      localStorage.removeItem('stockade.theme');
      delete document.documentElement.dataset.theme;
    } else {
      localStorage.setItem('stockade.theme', theme);
      document.documentElement.dataset.theme = theme;
    }
  }
}

export const theme = new ThemeChoice();
