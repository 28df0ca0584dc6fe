import { homedir } from "node:os";
import { bracketed, canonical, isIpv6 } from "../../rank-tables/addresses.ts";
import { tryRun } from "../../system/programs.ts";
import { UserError } from "../user-error.ts";

/** Where `ssh TARGET` goes, by the user's own configuration. */
export interface SshTarget {
  /** `ssh://user@host`, with the port where one was given. */
  readonly docker: string;
  /** As known_hosts has it: `host`, or `[host]:port`. */
  readonly known: string;
  readonly host: string;
  readonly port: number;
  /** The user's known_hosts, and the system's. */
  readonly files: readonly string[];
}

/** A name, an IPv4 address, or an IPv6 address, which needs no brackets where there is no port. */
const TARGET =
  /^(?:ssh:\/\/)?(?:(?<user>[\w.-]+)@)?(?<written>[\w.-]+|\[[\da-f:.]+\]|[\da-f:.]+)(?::(?<port>\d{1,5}))?$/i;

const isPort = (text = "22"): boolean => Number(text) >= 1 && Number(text) <= 65_535;

/** Throws UserError for what is no target. */
export async function sshTarget(target: string): Promise<SshTarget> {
  const { user, written = "", port: given } = TARGET.exec(target)?.groups ?? {};
  const name = canonical(written.replace(/^\[(.*)\]$/, "$1"));
  if (name === "" || name.startsWith("-") || (name.includes(":") && !isIpv6(name)) || !isPort(given)) {
    throw new UserError(
      `${target} is no host\nfix: give hosts as ssh takes them: root@10.0.0.18, root@host-a:2222, root@[2001:db8::18]:2222`,
    );
  }
  const options = [
    ...(user === undefined ? [] : ["-l", user]),
    ...(given === undefined ? [] : ["-p", given]),
  ];
  const { code, stdout, stderr } = await tryRun("ssh", ["-G", ...options, "--", name]);
  if (code !== 0) throw new UserError(`ssh cannot read its configuration: ${stderr.trim()}\nfix: mend it`);
  const setting = (key: string) => new RegExp(`^${key} (.+)$`, "m").exec(stdout)?.[1] ?? "";
  const [host, port] = [setting("hostname"), Number(setting("port"))];
  return {
    // By the name that was given, which their configuration may have more to say of, such as a host to jump over.
    docker: `ssh://${setting("user")}@${bracketed(name)}${given === undefined ? "" : `:${given}`}`,
    known: setting("hostkeyalias") || (port === 22 ? host : `[${host}]:${port}`),
    host,
    port,
    files: ["userknownhostsfile", "globalknownhostsfile"].flatMap((key) =>
      setting(key)
        .split(" ")
        .filter(Boolean)
        .map((file) => file.replace(/^~(?=\/)/, homedir())),
    ),
  };
}

/** A public key, without the name before it. */
const KEY = /(ssh-ed25519|ecdsa-sha2-nistp\d+|ssh-rsa) [A-Za-z0-9+/]+={0,2}/g;

/** The key that known_hosts have, an Ed25519 one where there are several. */
export async function knownKey({ known, files }: SshTarget): Promise<string | undefined> {
  const found = await Promise.all(files.map((file) => tryRun("ssh-keygen", ["-F", known, "-f", file])));
  const lines = found.flatMap(({ stdout }) => stdout.split("\n"));
  // A line that begins so is of an authority, or of a key that is not to be trusted any more.
  return best(lines.filter((line) => !line.startsWith("@")).join("\n"));
}

/** The key that the host shows now, which anybody in between could have put there. */
export async function shownKey({ host, port }: SshTarget): Promise<string | undefined> {
  const { stdout } = await tryRun("ssh-keyscan", ["-T", "5", "-p", String(port), "--", host]);
  return best(stdout);
}

function best(text: string): string | undefined {
  const keys = text.match(KEY) ?? [];
  return keys.find((key) => key.startsWith("ssh-ed25519")) ?? keys[0];
}
