// A desk of its own for each test file: the loopback host on a fresh profile, ended by its own pid.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const built = (name) => path.join(root, 'target/debug', name);

/** Starts a program and waits for the first line that it prints. */
async function start(name, args) {
  const child = spawn(built(name), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((done, failed) => {
    child.stdout.once('data', (text) => done(String(text).trim()));
    child.once('exit', (code) => failed(new Error(`${name} ended with ${code}: is it built?`)));
  });
  child.stdout.resume();
  return { child, line };
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await ended;
}

/** A server of its own with a few synthetic cases. */
export async function openOffice() {
  const data = mkdtempSync(path.join(tmpdir(), 'office-pages-'));
  const admin = (...args) => {
    const done = spawnSync(built('unbind-desk-server'), [...args, '--data', data], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`unbind-desk-server ${args.join(' ')}: ${done.stderr}`);
    return done.stdout.split('\n')[0].trim();
  };
  admin('demo', '--cases', '3');
  const serve = ['serve', '--auto-approve', '--gateway', 'log', '--listen', '127.0.0.1:0', '--data', data];
  const { child, line } = await start('unbind-desk-server', serve);
  const url = line.split(/\s+/).find((word) => word.startsWith('http://'));
  const close = async () => {
    await end(child);
    rmSync(data, { recursive: true, force: true });
  };
  return { url, close, code: () => admin('device', 'code', 'HZ001') };
}

/** Starts a desk; resolves to its address, its commands and its end. */
export async function openDesk(profile = mkdtempSync(path.join(tmpdir(), 'desk-pages-')), more = []) {
  const { child: host, line: url } = await start('desk-loopback', ['--profile', path.join(profile, 'desk'), ...more]);
  const ask = async (command, args = {}) => {
    const headers = { 'content-type': 'application/json' };
    const reply = await fetch(`${url}/cmd/${command}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(args),
    });
    const body = await reply.json();
    if (!reply.ok) throw new Error(`${command}: ${JSON.stringify(body)}`);
    return body;
  };
  /** Ends it at once, as a power cut would; the profile stays. */
  const kill = () => end(host);
  /** Ends it and removes the profile. */
  const close = async () => {
    await kill();
    rmSync(profile, { recursive: true, force: true });
  };
  return { url, ask, kill, close, profile };
}
