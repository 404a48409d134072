/* Before the first paint: light or dark as the person chose, and whether somebody is signed in here. */
(() => {
  try {
    const chosen = localStorage.getItem('rowcast.theme');
    if (sessionStorage.getItem('rowcast.session') !== null) document.documentElement.dataset.known = 'true';
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
  } catch {
    // No storage: the system decides.
  }
})();
