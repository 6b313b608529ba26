/** Requests that no HTTP library would send. */
import { connect } from 'node:net';

/** Sends bytes as they are. @returns the number of the status line; 0 when there is none */
export function sendRaw(port: number, text: string): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let got = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      got += chunk;
      socket.end();
    });
    socket.on('close', () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(got)?.[1] ?? 0) }));
    socket.on('error', reject);
  });
}
