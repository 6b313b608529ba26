// Comfort only: every page is complete without it.
(() => {
  for (const button of document.querySelectorAll('button.reveal')) {
    const field = document.getElementById(button.getAttribute('aria-controls') ?? '');
    if (!field) continue;
    button.hidden = false;
    button.addEventListener('click', () => {
      const shown = field.type === 'text';
      field.type = shown ? 'password' : 'text';
      button.textContent = shown ? button.dataset.show : button.dataset.hide;
      button.setAttribute('aria-pressed', String(!shown));
      field.focus();
    });
    // A password that stays visible while it is sent would be offered as plain text by form history.
    field.form?.addEventListener('submit', () => {
      field.type = 'password';
    });
  }

  for (const form of document.querySelectorAll('form')) {
    form.addEventListener('submit', (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = 'true';
      const button = event.submitter ?? form.querySelector('button[type=submit]');
      if (!button || !form.dataset.busy || !button.classList.contains('main')) return;
      button.dataset.idle = button.textContent;
      button.textContent = form.dataset.busy;
      button.setAttribute('aria-disabled', 'true');
    });
  }

  for (const acts of document.querySelectorAll('[data-codes]')) {
    acts.hidden = false;
    acts.querySelector('[data-print]')?.addEventListener('click', () => window.print());
    const copy = acts.querySelector('[data-copy]');
    if (!navigator.clipboard) copy?.remove();
    copy?.addEventListener('click', async () => {
      const codes = document.querySelectorAll(`${copy.dataset.copy} code`);
      await navigator.clipboard.writeText([...codes].map((code) => code.textContent).join('\n'));
      copy.textContent = copy.dataset.done;
    });
  }

  // The portal's bar of topics scrolls on a phone: the present one is brought into sight.
  const topic = document.querySelector('.portal-topics a[aria-current]');
  const bar = topic?.closest('ul');
  if (topic && bar)
    bar.scrollLeft += topic.getBoundingClientRect().left - bar.getBoundingClientRect().left - 16;

  // Coming back by the browser's own button shows the page as it was left.
  window.addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('form[data-sent]')) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll('button[data-idle]')) {
        button.textContent = button.dataset.idle;
        button.removeAttribute('aria-disabled');
        delete button.dataset.idle;
      }
    }
  });
})();
