/* Light or dark before the first paint: what the person chose, else what the system says. */
(() => {
  try {
    const chosen = localStorage.getItem('rowcast.theme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch {
    // No storage: the system decides.
  }
})();
