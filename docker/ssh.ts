import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { Agent } from "./http.ts";

/** Starts a command at an ssh:// address. */
export function startSsh(url: URL, options: readonly string[], command: readonly string[]) {
  // Shared connections lie there, and `ssh` does not make it. It goes by the account, not by HOME.
  mkdirSync(join(userInfo().homedir, ".ssh"), { recursive: true, mode: 0o700 });
  const user = url.username === "" ? [] : ["-l", url.username];
  const port = url.port === "" ? [] : ["-p", url.port];
  // A URL has an IPv6 address in brackets, which would be a part of the name to `ssh`.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return spawn("ssh", [...options, ...user, ...port, "--", host, ...command]);
}

/**
 * A connection to the Docker Engine behind an ssh:// address, the way the docker CLI does it: the CLI on the far side
 * copies between its socket and our pipe.
 */
class SshStream extends Duplex {
  readonly #ssh: ReturnType<typeof startSsh>;
  #end: NodeJS.Timeout | undefined;

  constructor(url: URL, options: readonly string[]) {
    super();
    const ssh = startSsh(url, options, ["docker", "system", "dial-stdio"]);
    this.#ssh = ssh;
    let complaint = "";
    ssh.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    // Broken pipes are only how the end of ssh shows first; its own words come with "close".
    ssh.stdin.on("error", () => {});
    ssh.stdout.on("data", (chunk) => this.push(chunk) || ssh.stdout.pause());
    ssh.on("error", (error) => this.destroy(error));
    ssh.on("close", (code) => {
      if (code !== 0)
        this.destroy(new Error(complaint.replaceAll("\r", "").trim() || "the SSH connection broke off"));
      // Of one that is put aside nobody reads the end.
      else if (this.#end !== undefined) this.destroy();
      else this.push(null);
    });
  }

  override _read(): void {
    this.#ssh.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#ssh.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#ssh.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#end);
    this.#ssh.kill();
    done(error);
  }

  /** Puts it aside for the next call: for a few seconds, in which it keeps no process alive. */
  rest(): void {
    this.#end = setTimeout(() => this.destroy(), restMs).unref();
    for (const one of this.#handles()) one.unref();
  }

  wake(): void {
    clearTimeout(this.#end);
    this.#end = undefined;
    for (const one of this.#handles()) one.ref();
  }

  #handles(): readonly Pick<ChildProcess, "ref" | "unref">[] {
    const { stdin, stdout, stderr } = this.#ssh;
    return [this.#ssh, ...([stdin, stdout, stderr] as unknown as Socket[])];
  }
}

/** Longer than whoever waits for a container sleeps between two looks at it. */
const restMs = 5_000;

/** Gives each call a stream that another one has done with: a new one is an `ssh` here, and a login and a `docker` there. */
class SshAgent extends Agent {
  readonly #dial: () => SshStream;

  constructor(dial: () => SshStream) {
    super({ keepAlive: true });
    this.#dial = dial;
  }

  override createConnection(): SshStream {
    return this.#dial();
  }

  override keepSocketAlive(stream: Duplex): boolean {
    (stream as SshStream).rest();
    return true;
  }

  override reuseSocket(stream: Duplex, call: ClientRequest): void {
    (stream as SshStream).wake();
    call.reusedSocket = true;
  }
}

const agents = new Map<string, SshAgent>();
// Those that are put aside would see the end of this process, but not through a host that hangs.
process.on("exit", () => {
  for (const agent of agents.values()) agent.destroy();
});

/** What makes the connections to the Docker Engine behind an ssh:// address. */
export function sshAgent(url: URL, options: readonly string[]): SshAgent {
  const key = JSON.stringify([url.href, options]);
  const agent = agents.get(key) ?? new SshAgent(() => new SshStream(url, options));
  agents.set(key, agent);
  return agent;
}
