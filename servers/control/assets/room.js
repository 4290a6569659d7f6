// Pick a card up and put it on a phone, with mouse or finger. By keyboard and without script: its link "hold".
const phones = [...document.querySelectorAll('[data-enrol]')];
for (const card of document.querySelectorAll('[data-card]')) {
  card.draggable = true;
  card.addEventListener('dragstart', (event) => {
    event.dataTransfer.setData('text/x-tefuda-card', card.dataset.card);
    event.dataTransfer.effectAllowed = 'move';
    card.classList.add('lifted');
    for (const phone of phones) phone.classList.add('waits');
  });
  card.addEventListener('dragend', () => {
    card.classList.remove('lifted');
    for (const phone of phones) phone.classList.remove('waits', 'near');
  });
}
for (const phone of phones) {
  const carries = (event) => event.dataTransfer.types.includes('text/x-tefuda-card');
  phone.addEventListener('dragover', (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    phone.classList.add('near');
  });
  phone.addEventListener('dragleave', () => phone.classList.remove('near'));
  phone.addEventListener('drop', (event) => {
    const card = event.dataTransfer.getData('text/x-tefuda-card');
    if (!card) return;
    event.preventDefault();
    const url = new URL(phone.dataset.enrol);
    url.searchParams.set('resident', card);
    location.assign(url);
  });
}
