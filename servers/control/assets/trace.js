// The live trace: rows come from the server as HTML, in the page's language.
const ROWS_MAX = 200;
const list = document.getElementById('trace');
const status = document.getElementById('trace-status');
const filter = document.getElementById('actor');
const pause = document.getElementById('trace-pause');
const copy = document.getElementById('trace-copy');
const waiting = [];
let paused = false;
let unsaid = 0;

const wanted = (row) => !filter?.value || row.dataset.lanes.split(' ').includes(filter.value);

function add(html) {
  const holder = document.createElement('template');
  holder.innerHTML = html;
  const row = holder.content.firstElementChild;
  row.hidden = !wanted(row);
  list.append(row);
  while (list.children.length > ROWS_MAX) list.firstElementChild.remove();
  unsaid += 1;
}

const source = new EventSource(`/events?after=${list.dataset.last}`);
source.addEventListener('message', (event) => {
  if (paused) {
    waiting.push(event.data);
    if (waiting.length > ROWS_MAX) waiting.shift();
  } else {
    add(event.data);
  }
});
addEventListener('pagehide', () => source.close());

// Told to screen readers now and then, not line by line.
setInterval(() => {
  if (unsaid === 0 || paused) return;
  status.textContent = `${status.dataset.more} ${unsaid}`;
  unsaid = 0;
}, 8000);

if (filter) {
  document.getElementById('trace-filter').hidden = true;
  filter.addEventListener('change', () => {
    for (const row of list.children) row.hidden = !wanted(row);
  });
}

const word = pause.querySelector('span');
const stop = word.textContent;
pause.hidden = false;
pause.addEventListener('click', () => {
  paused = !paused;
  word.textContent = paused ? pause.dataset.go : stop;
  if (!paused) waiting.splice(0).forEach(add);
});

copy.hidden = false;
copy.addEventListener('click', async () => {
  const text = (row, part) => row.querySelector(part)?.textContent.trim() ?? '';
  const line = (row) => [
    row.querySelector('time').dateTime, `${text(row, '.who')}:`, text(row, '.told code'), text(row, '.why'),
    ...[...row.querySelectorAll('.bytes code')].map((octets) => `\n    ${octets.textContent}`),
  ].join(' ');
  const rows = [...list.children].filter((row) => !row.hidden);
  await navigator.clipboard.writeText(rows.map(line).join('\n'));
  const word = copy.querySelector('span');
  const before = word.textContent;
  word.textContent = copy.dataset.done;
  setTimeout(() => { word.textContent = before; }, 2000);
});
