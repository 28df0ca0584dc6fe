import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";

/** Starts a command at an ssh:// address. */
export function startSsh(url: URL, options: readonly string[], command: readonly string[]) {
  // Shared connections lie there, and `ssh` does not make it. It goes by the account, not by HOME.
  mkdirSync(join(userInfo().homedir, ".ssh"), { recursive: true, mode: 0o700 });
  const user = url.username === "" ? [] : ["-l", url.username];
  const port = url.port === "" ? [] : ["-p", url.port];
  return spawn("ssh", [...options, ...user, ...port, "--", url.hostname, ...command]);
}

/**
 * A connection to the Docker Engine behind an ssh:// address, the way the docker CLI does it: the CLI on the far side
 * copies between its socket and our pipe.
 */
export function dialThroughSsh(url: URL, options: readonly string[]): Duplex {
  const ssh = startSsh(url, options, ["docker", "system", "dial-stdio"]);
  let complaint = "";
  ssh.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  // Broken pipes are only how the end of ssh shows first; its own words come with "close".
  ssh.stdin.on("error", () => {});
  const stream = new Duplex({
    read: () => ssh.stdout.resume(),
    write: (chunk, _encoding, done) => ssh.stdin.write(chunk, () => done()),
    final: (done) => ssh.stdin.end(done),
    destroy: (error, done) => {
      ssh.kill();
      done(error);
    },
  });
  ssh.stdout.on("data", (chunk) => stream.push(chunk) || ssh.stdout.pause());
  ssh.on("error", (error) => stream.destroy(error));
  ssh.on("close", (code) =>
    code === 0
      ? stream.push(null)
      : stream.destroy(new Error(complaint.replaceAll("\r", "").trim() || "the SSH connection broke off")),
  );
  return stream;
}
