// Passkeys: the one thing that needs scripting. Forms marked data-passkey stay hidden without it; each holds a field
// "credential" that is filled with the authenticator's answer, and is then sent like any other form.
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  const Key = PublicKeyCredential;

  const bytesOf = (text) => {
    const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
    return Uint8Array.from(plain, (char) => char.charCodeAt(0));
  };
  const textOf = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, '-')
      .replace(/\//g, '_')
      .replace(/=+$/, '');
  const named = (list = []) => list.map((one) => ({ ...one, id: bytesOf(one.id) }));

  // WebAuthn Level 3 has these three; browsers of some years ago have not.
  const requestOf = (json) =>
    Key.parseRequestOptionsFromJSON
      ? Key.parseRequestOptionsFromJSON(json)
      : { ...json, challenge: bytesOf(json.challenge), allowCredentials: named(json.allowCredentials) };
  const creationOf = (json) =>
    Key.parseCreationOptionsFromJSON
      ? Key.parseCreationOptionsFromJSON(json)
      : {
          ...json,
          challenge: bytesOf(json.challenge),
          user: { ...json.user, id: bytesOf(json.user.id) },
          excludeCredentials: named(json.excludeCredentials),
        };
  const answerOf = (credential) => {
    const { id, type, authenticatorAttachment, response } = credential;
    const answer = { clientDataJSON: textOf(response.clientDataJSON) };
    if (response.attestationObject) {
      answer.attestationObject = textOf(response.attestationObject);
      answer.transports = response.getTransports ? response.getTransports() : [];
    } else {
      answer.authenticatorData = textOf(response.authenticatorData);
      answer.signature = textOf(response.signature);
      if (response.userHandle) answer.userHandle = textOf(response.userHandle);
    }
    return JSON.stringify({ id, rawId: id, type, authenticatorAttachment, response: answer });
  };

  const send = (form, credential) => {
    form.elements.credential.value = answerOf(credential);
    const remember = document.getElementById('remember');
    if (remember && form.elements.remember) form.elements.remember.value = remember.checked ? 'yes' : '';
    for (const copy of form.querySelectorAll('[data-copies]')) {
      copy.value = document.getElementById(copy.dataset.copies).value;
    }
    HTMLFormElement.prototype.submit.call(form);
  };

  const optionsOf = async (form) => {
    if (form.dataset.ask) return JSON.parse(form.dataset.ask);
    const answer = await fetch(form.dataset.options, {
      headers: { accept: 'application/json' },
      cache: 'no-store',
    });
    if (!answer.ok) throw new Error(`options: ${answer.status}`);
    return answer.json();
  };

  // One request to the authenticator at a time: the one that waits in the field gives way to the button.
  let waiting;
  const offerInField = async (form) => {
    const field = document.querySelector('input[autocomplete~="webauthn"]');
    if (!field || !Key.isConditionalMediationAvailable || !(await Key.isConditionalMediationAvailable()))
      return;
    for (;;) {
      const mine = new AbortController();
      waiting = mine;
      let renew = false;
      let timer;
      try {
        const json = await optionsOf(form);
        timer = setTimeout(
          () => {
            renew = true;
            mine.abort();
          },
          Math.max(10_000, json.timeout * 0.8),
        );
        const found = await navigator.credentials.get({
          mediation: 'conditional',
          publicKey: requestOf(json),
          signal: mine.signal,
        });
        if (found) send(form, found);
        return;
      } catch {
        // Given way, declined, or a browser that does not do this: the button is there.
        if (!renew) return;
      } finally {
        clearTimeout(timer);
      }
    }
  };

  const act = async (form, use) => {
    const button = form.querySelector('button[data-act]');
    const status = form.querySelector('[role=status]');
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    status.textContent = form.dataset.waiting;
    waiting?.abort();
    try {
      send(form, await use(await optionsOf(form)));
    } catch (error) {
      button.removeAttribute('aria-disabled');
      // Chosen to be left out of the list: this device has one for the account already.
      const here = error?.name === 'InvalidStateError' && form.dataset.known;
      status.textContent = here || form.dataset.failed;
      if (form.dataset.passkey === 'get' && form.dataset.options) void offerInField(form);
    }
  };

  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    const use =
      form.dataset.passkey === 'create'
        ? (json) => navigator.credentials.create({ publicKey: creationOf(json) })
        : (json) => navigator.credentials.get({ publicKey: requestOf(json) });
    form.querySelector('button[data-act]').addEventListener('click', () => void act(form, use));
    if (form.dataset.passkey === 'get' && form.dataset.options) void offerInField(form);
  }
  for (const note of document.querySelectorAll('[data-without-passkeys]')) note.hidden = true;

  // What this browser can do by itself; the server offers a passkey only where it is so.
  const remember = (can) => {
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    // biome-ignore lint/suspicious/noDocumentCookie: not every browser that knows passkeys has the Cookie Store API
    document.cookie = `cardea.passkeys=1; Path=/; SameSite=Lax; Max-Age=${can ? 31_536_000 : 0}${secure}`;
  };
  Key.isUserVerifyingPlatformAuthenticatorAvailable?.().then(remember, () => remember(false));

  // What keeps passkeys is told which ones still work, so that it offers no others (Signal API).
  const told = (name, what) => Key[name]?.(what).catch(() => undefined);
  for (const { dataset } of document.querySelectorAll('[data-passkey-unknown]')) {
    told('signalUnknownCredential', { rpId: dataset.rp, credentialId: dataset.passkeyUnknown });
  }
  for (const { dataset } of document.querySelectorAll('[data-passkeys-accepted]')) {
    const allAcceptedCredentialIds = dataset.passkeysAccepted.split(' ').filter(Boolean);
    told('signalAllAcceptedCredentials', {
      rpId: dataset.rp,
      userId: dataset.user,
      allAcceptedCredentialIds,
    });
  }
})();
