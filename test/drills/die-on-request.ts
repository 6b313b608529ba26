// Preloaded with `--import` into a server that a test started: a request may say when the process is to die by kill -9.
//   x-drill: die-on-arrival    before anything is done for it
//   x-drill: die-before-answer when all is stored and the first byte of the answer would leave
import { type IncomingMessage, Server, ServerResponse } from 'node:http';

const wishOf = (request: IncomingMessage): unknown => request.headers['x-drill'];
const die = () => process.kill(process.pid, 'SIGKILL');

const { writeHead } = ServerResponse.prototype;
ServerResponse.prototype.writeHead = function (this: ServerResponse, ...args: unknown[]) {
  if (wishOf(this.req) === 'die-before-answer') die();
  return Reflect.apply(writeHead, this, args);
} as typeof writeHead;

const { emit } = Server.prototype;
Server.prototype.emit = function (this: Server, event: string | symbol, ...args: unknown[]) {
  if (event === 'request' && wishOf(args[0] as IncomingMessage) === 'die-on-arrival') die();
  return Reflect.apply(emit, this, [event, ...args]);
} as typeof emit;
