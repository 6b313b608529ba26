/** A real SMTP server that keeps what it takes, and can be slow or refuse. */
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

export interface Sink {
  readonly url: string;
  readonly port: number;
  readonly mails: ParsedMail[];
  readonly envelopes: string[][];
  /** What the next messages get; `undefined` takes them. */
  answer: { code: number } | 'silence' | undefined;
  close(): Promise<void>;
}

/** @param credentials the one user that it lets in; anybody when absent */
export async function openSink(
  o: { port?: number; credentials?: { user: string; password: string } } = {},
): Promise<Sink> {
  const { credentials } = o;
  const sink: { mails: ParsedMail[]; envelopes: string[][]; answer: Sink['answer'] } = {
    mails: [],
    envelopes: [],
    answer: undefined,
  };
  const server = new SMTPServer({
    authOptional: credentials === undefined,
    disabledCommands: credentials ? ['STARTTLS'] : ['AUTH', 'STARTTLS'],
    allowInsecureAuth: true,
    logger: false,
    onAuth(auth, _session, done) {
      if (auth.username === credentials?.user && auth.password === credentials?.password) {
        done(null, { user: auth.username });
      } else done(new Error('no'));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { answer } = sink;
        if (answer === 'silence') return;
        if (answer) {
          done(Object.assign(new Error('not now'), { responseCode: answer.code }));
          return;
        }
        void simpleParser(Buffer.concat(chunks)).then((mail) => {
          sink.mails.push(mail);
          sink.envelopes.push(session.envelope.rcptTo.map(({ address }) => address));
          done();
        });
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(o.port ?? 0, '127.0.0.1', () => resolve());
  });
  const address = server.server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const user = credentials ? `${credentials.user}:${credentials.password}@` : '';
  return Object.assign(sink, {
    port,
    url: `smtp://${user}127.0.0.1:${port}`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  });
}
