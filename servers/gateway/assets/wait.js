// Waits for the phone's answer and goes on by itself: <… data-wait="STATE-URL" data-continue="URL">.
const waiting = document.querySelector('[data-wait]');
let next;

async function look() {
  clearTimeout(next);
  try {
    const answer = await fetch(waiting.dataset.wait, { cache: 'no-store' });
    const { state } = await answer.json();
    if (state === 'answered') return location.replace(waiting.dataset.continue);
    if (state !== 'waiting') return location.reload();
  } catch {
    // Nobody answers just now: look again.
  }
  next = setTimeout(look, 1500);
}

document.addEventListener('visibilitychange', () => document.hidden || look());
addEventListener('pageshow', look);
