// Runs before the first paint: a stored choice wins over the system's preference.
(() => {
  try {
    const theme = localStorage.getItem('stockade.theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
    const language = localStorage.getItem('stockade.language');
    if (language) document.documentElement.lang = language;
  } catch {
    // Storage may be refused; the style sheet then follows the system.
  }
})();
