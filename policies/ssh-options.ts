import { sharedConnection } from "../planning/ssh-options.ts";

/**
 * Its path as the kernel walks it: `/etc//ssh` and `/x/../etc/ssh` would be other names of what must not be there. No
 * `~`, `%d` or `${HOME}` either: the user's own files accept whatever that user has ever accepted.
 */
const knownHosts = /^(?!.*(\.ssh|\/etc\/ssh)(\/|$))\/?((?!\.{1,2}(\/|$))[\w.-]+(\/(?=.)|$))+$/;

/** What each option of `ssh` may be; the first two groups are what makes a connection accept one key only. */
const options: Readonly<Record<string, RegExp>> = {
  stricthostkeychecking: /^yes$/,
  knownhostscommand:
    /^(\/usr)?\/bin\/echo (\*|%H) (ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,2}$/,
  userknownhostsfile: knownHosts,
  globalknownhostsfile: knownHosts,
  hostkeyalgorithms: /^[\w,@.-]+$/,
  // A shared connection is made under another command's options, unless its name says under which.
  controlmaster: /^(auto|no)$/,
  controlpath: /^(none|~\/\.ssh\/ascend-pd-[0-9a-f]{12})$/,
  controlpersist: /^(yes|no|\d+[smhd]?)$/,
  addressfamily: /^(any|inet6?)$/,
  batchmode: /^(yes|no)$/,
  compression: /^(yes|no)$/,
  connectionattempts: /^\d+$/,
  connecttimeout: /^\d+$/,
  identitiesonly: /^(yes|no)$/,
  identityfile: /^[\w.~/-]+$/,
  loglevel: /^\w+$/,
  serveralivecountmax: /^\d+$/,
  serveraliveinterval: /^\d+$/,
  tcpkeepalive: /^(yes|no)$/,
};

const files = ["userknownhostsfile", "globalknownhostsfile"];
const isNone = (value: string | undefined): boolean => value === "/dev/null" || value === "none";

/** Why a connection with these options may accept another host key than the pinned one, after the name of its host. */
export function sshFault(endpoint: string, sshOpts: readonly string[]): string | undefined {
  const set = new Map<string, string>();
  for (const option of separate(sshOpts)) {
    const [, written = "", value = ""] = /^-o\n?\s*(\w+)\s*[=\s]\s*(.*)$/s.exec(option) ?? [];
    const key = written.toLowerCase();
    if (!options[key]?.test(value)) return `with the ssh option ${JSON.stringify(option.replace("\n", " "))}`;
    // ssh takes the first of two.
    if (!set.has(key)) set.set(key, value);
  }
  if (!set.has("stricthostkeychecking")) return "with StrictHostKeyChecking unset";
  const unset = files.find((file) => !set.has(file));
  if (unset !== undefined)
    return `with whatever keys the ${unset === files[0] ? "user's" : "machine's"} known_hosts hold`;
  const [, hostKey = ""] = /^\S+ \S+ (.*)$/.exec(set.get("knownhostscommand") ?? "") ?? [];
  const shared = set.get("controlpath") ?? "none";
  if (!["none", sharedConnection(endpoint, hostKey)].includes(shared))
    return `by a connection that others share: ${shared}`;
  const isPinned = hostKey !== "" || files.some((file) => !isNone(set.get(file)));
  return isPinned ? undefined : "with no host key that it could know";
}

/** `-o X` and `-oX`, one each; whatever else stands there is one by itself. */
function separate(sshOpts: readonly string[]): string[] {
  return sshOpts.flatMap((word, index) => {
    if (sshOpts[index - 1] === "-o") return [];
    return word === "-o" ? [`-o\n${sshOpts[index + 1] ?? ""}`] : [word];
  });
}
