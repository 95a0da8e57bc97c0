// Runs before the first paint: a stored choice wins over the system's preference.
(() => {
  try {
    const theme = localStorage.getItem('stockade.theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
    const language = localStorage.getItem('stockade.language');
    if (language) document.documentElement.lang = language;
  } catch {
    // Site data are refused: nobody can sign in then, and the page says so.
    document.documentElement.dataset.storage = 'refused';
  }
})();
