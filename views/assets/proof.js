// Computes what a page under pressure asks of a browser, while the form is filled in: nothing to see and nothing to do.
// In a worker of its own where there are workers; else here, in slices. The same file is both.
(() => {
  const CONSTANTS = new Uint32Array([
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ]);
  const START = new Int32Array([
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ]);
  const words = new Int32Array(64);

  // FIPS 180-4 section 6.2.2: one block of 64 bytes into the state.
  function compress(state, bytes, at) {
    for (let n = 0; n < 16; n += 1) {
      const i = at + 4 * n;
      words[n] = (bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3];
    }
    for (let n = 16; n < 64; n += 1) {
      const x = words[n - 15];
      const y = words[n - 2];
      const small = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const large = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      words[n] = (words[n - 16] + small + words[n - 7] + large) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let n = 0; n < 64; n += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + CONSTANTS[n] + words[n]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }

  // Looks for the number whose SHA-256 behind `challenge:` begins with that many zero bits (at most 32).
  function createSearch(challenge, bits) {
    const text = `${challenge}:`;
    const whole = text.length - (text.length % 64);
    const before = START.slice();
    const first = new TextEncoder().encode(text.slice(0, whole));
    for (let at = 0; at < whole; at += 64) compress(before, first, at);
    const rest = text.slice(whole);
    const state = new Int32Array(8);
    const block = new Uint8Array(128);
    let next = 0;

    function leads(answer) {
      const tail = rest + answer;
      const size = tail.length + 9 > 64 ? 128 : 64;
      block.fill(0);
      for (let n = 0; n < tail.length; n += 1) block[n] = tail.charCodeAt(n);
      block[tail.length] = 0x80;
      const length = (whole + tail.length) * 8;
      block[size - 2] = length >>> 8;
      block[size - 1] = length & 255;
      state.set(before);
      for (let at = 0; at < size; at += 64) compress(state, block, at);
      return Math.clz32(state[0]) >= bits;
    }

    // The answer, or undefined after so many tries.
    return (tries) => {
      for (let n = 0; n < tries; n += 1, next += 1) {
        if (leads(next)) return String(next);
      }
      return undefined;
    };
  }

  if (typeof document === 'undefined') {
    self.addEventListener('message', ({ data }) => {
      const search = createSearch(data.challenge, data.bits);
      let answer;
      while (answer === undefined) answer = search(50_000);
      self.postMessage(answer);
    });
    return;
  }

  function solve({ challenge, bits }, script) {
    const here = () =>
      new Promise((resolve) => {
        const search = createSearch(challenge, bits);
        const slice = () => {
          const answer = search(5_000);
          if (answer === undefined) setTimeout(slice, 0);
          else resolve(answer);
        };
        slice();
      });
    if (typeof Worker === 'undefined') return here();
    return new Promise((resolve, reject) => {
      const worker = new Worker(script);
      worker.addEventListener('message', ({ data }) => {
        worker.terminate();
        resolve(data);
      });
      worker.addEventListener('error', reject);
      worker.postMessage({ challenge, bits });
    }).catch(here);
  }

  for (const status of document.querySelectorAll('[data-proof]')) {
    const form = status.closest('form');
    const { challenge, answer, csrf } = form.elements;
    const { purpose, renew, script, working } = status.dataset;
    let expiresAt = performance.now() + Number(status.dataset.seconds) * 1000;
    let waiting;

    for (const other of form.querySelectorAll('[data-without-script]')) other.hidden = true;

    const start = async (terms) => {
      challenge.value = terms.challenge;
      answer.value = '';
      const found = await solve(terms, script);
      if (challenge.value !== terms.challenge) return;
      answer.value = found;
      status.textContent = '';
      go();
    };

    // What was typed stays; only the challenge is another one. When that fails, the server says what comes next.
    const renewed = async () => {
      challenge.value = '';
      answer.value = '';
      expiresAt = Number.POSITIVE_INFINITY;
      try {
        const body = new URLSearchParams({ csrf: csrf.value, purpose });
        const reply = await fetch(renew, { method: 'POST', body });
        const terms = reply.ok ? await reply.json() : {};
        if (terms.challenge === undefined) return go();
        expiresAt = performance.now() + terms.seconds * 1000;
        return start(terms);
      } catch {
        return go();
      }
    };

    const isFresh = () => performance.now() < expiresAt - 20_000;
    const go = () => {
      if (waiting === undefined) return;
      const { button } = waiting;
      waiting = undefined;
      status.dataset.over = 'yes';
      form.requestSubmit(button);
    };

    // Before any other listener: nobody else has seen this submission when it is put off.
    document.addEventListener(
      'submit',
      (event) => {
        if (event.target !== form || status.dataset.over) return;
        if (isFresh() && (answer.value !== '' || challenge.value === '')) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        const isFirst = waiting === undefined;
        waiting = { button: event.submitter ?? undefined };
        status.textContent = working;
        if (isFirst && !isFresh()) renewed();
      },
      true,
    );

    // A page that is shown again by the browser's own button holds a solution that was taken.
    window.addEventListener('pageshow', ({ persisted }) => {
      if (!persisted) return;
      delete status.dataset.over;
      expiresAt = 0;
    });

    start({ challenge: challenge.value, bits: Number(status.dataset.bits) });
  }
})();
