// Looks again at what goes on, and shows it, for as long as the page says so: <div id="live" data-watch="MILLISECONDS">.
const look = async () => {
  const live = document.getElementById('live');
  if (live?.dataset.watch === undefined) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = page.getElementById('live');
    if (answer.redirected || !next) return location.assign(answer.redirected ? answer.url : location.href);
    const focused = document.activeElement?.getAttribute('href');
    if (next.outerHTML !== live.outerHTML) live.replaceWith(next);
    if (focused) next.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    document.title = page.title;
  } catch { /* asked again */ }
  setTimeout(look, Number(document.getElementById('live')?.dataset.watch ?? 2000));
};
look();
