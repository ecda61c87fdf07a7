// A desk of its own for each test file: the loopback host on a fresh profile, ended by its own pid.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Starts a desk; resolves to its address, its commands and its end. */
export async function openDesk(profile = mkdtempSync(path.join(tmpdir(), 'desk-pages-'))) {
  const program = path.join(root, 'target/debug/desk-loopback');
  const host = spawn(program, ['--profile', path.join(profile, 'desk')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((done, failed) => {
    host.stdout.once('data', (line) => done(String(line).trim()));
    host.once('exit', (code) => failed(new Error(`desk-loopback ended with ${code}: is it built?`)));
  });
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
  const kill = async () => {
    const ended = new Promise((done) => host.once('exit', done));
    host.kill('SIGKILL');
    await ended;
  };
  /** Ends it and removes the profile. */
  const close = async () => {
    if (host.exitCode === null && host.signalCode === null) await kill();
    rmSync(profile, { recursive: true, force: true });
  };
  return { url, ask, kill, close, profile };
}
