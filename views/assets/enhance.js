// Comfort only: every page is complete without it.
(() => {
  // On a narrow window the topics are one row that scrolls: the page that is open is seen in it whole, and so is the
  // topic that the keyboard has come to, which browsers take for seen when a corner of it is.
  const topics = document.querySelector('.portal-topics');
  const show = (topic) => topic?.scrollIntoView({ block: 'nearest', inline: 'center' });
  show(topics?.querySelector('[aria-current]'));
  topics?.addEventListener('focusin', ({ target }) => show(target));

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

  // How easy a new password is to guess, while it is typed. A hint: the server judges, and knows more.
  for (const hint of document.querySelectorAll('[data-strength-of]')) {
    const field = document.getElementById(hint.dataset.strengthOf);
    if (!field) continue;
    const words = hint.dataset.words
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .filter((word) => word.length > 2);
    let timer;
    field.addEventListener('input', () => {
      clearTimeout(timer);
      // Said after a pause: a screen reader is not interrupted at every key.
      timer = setTimeout(() => {
        const kind = strengthOf(field.value, Number(hint.dataset.least), words);
        hint.hidden = kind === undefined;
        hint.dataset.kind = kind ?? '';
        hint.textContent = kind === undefined ? '' : hint.dataset[kind];
      }, 600);
    });
  }

  function strengthOf(password, least, words) {
    const letters = Array.from(password.normalize('NFKC').toLowerCase());
    if (letters.length === 0) return undefined;
    if (letters.length < least) return 'short';
    const rest = words.reduce((left, word) => left.replaceAll(word, ''), letters.join(''));
    if (Array.from(rest).length < least / 2) return 'known';
    // Letters that neither repeat nor follow the one before them.
    const surprising = letters.filter((letter, n) => {
      const step = n === 0 ? 9 : letter.codePointAt(0) - letters[n - 1].codePointAt(0);
      return Math.abs(step) > 1;
    });
    if (new Set(letters).size < 6 || surprising.length < least * 0.6) return 'weak';
    return letters.length < least + 6 ? 'fair' : 'good';
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
