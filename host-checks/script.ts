import { portsIn } from "../planning/engines/port-range.ts";
import { word } from "../problems/shell-word.ts";
import { listenersFunction } from "./listeners.ts";
import type { WantedHost } from "./wanted.ts";

/**
 * What a host is asked, all at once: a script for any POSIX shell that only reads. It needs neither root nor tools
 * beyond those of busybox; what is not there or not allowed is said in the section's own words.
 *
 * A section begins with `@` and its name; every line below is one of the tool's, after a blank, so that no tool can
 * forge a section. Its last line is `=` and the exit code, unless the output was longer than 32 KiB. A tool that does
 * not end is killed, and the slowest one is not asked again. Being a function, half a script does nothing.
 */
export function hostScript(wanted: WantedHost): string {
  const { npus, nodes, model, ports } = wanted;
  const lines = [
    prelude,
    listenersFunction,
    "main() {",
    "part clock date +%s",
    "part user id -u",
    "part machine uname -m",
    `part nodes kinds ${words(nodes)}`,
    ...(npus.length > 0 ? npuSections(wanted) : []),
    "part tcp awk '$4 == \"0A\" { print $2 }' /proc/net/tcp /proc/net/tcp6",
    `part listeners listeners ${ports.flatMap(portsIn).join(" ")}`,
    "part addresses addresses",
    "part outgoing cat /proc/sys/net/ipv4/ip_local_port_range",
    "part reserved cat /proc/sys/net/ipv4/ip_local_reserved_ports",
    ...(wanted.docker?.startsWith("ssh:") ? ["part sshd within 5 sshd -T"] : []),
    // The last ones may be on a file server that is gone: whoever looks then waits.
    `part files kinds ${words(askedFiles(wanted))}`,
    ...(model === undefined
      ? []
      : [
          `part folders within 5 ls -ldn ${words([...model.folders, model.path])}`,
          `part weights within 5 ls -lnL ${word(model.path)}`,
        ]),
    "part df within 5 df -Pk",
    "}",
    "main",
  ];
  return `${lines.join("\n")}\n`;
}

/** For a claim on devices alone: what stands at their paths. */
export function kindsScript(paths: readonly string[]): string {
  return `${prelude}\npart nodes kinds ${words(paths)}\n`;
}

/** How the NPUs of running instances are: what `drift` asks, counters twice. */
export function npuScript(npus: readonly number[]): string {
  const ask = (option: string) => npus.map((id) => `hccn ${id} ${option}`);
  const lines = [
    prelude,
    "main() {",
    "part user id -u",
    ...findTools,
    'if [ -n "$npu_smi" ]; then part "npu-smi info" within 15 "$npu_smi" info; fi',
    'if [ -n "$hccn_tool" ]; then',
    ...["stat", "link", "optical"].flatMap(ask),
    "again=' again'; sleep 2",
    ...ask("stat"),
    "fi",
    "}",
    "main",
  ];
  return `${lines.join("\n")}\n`;
}

/** What a host is of which nothing is known yet: what `init` asks. */
export function discoveryScript(): string {
  const lines = [
    prelude,
    "main() {",
    "part user id -u",
    "part machine uname -m",
    'part connection echo "$SSH_CONNECTION"',
    "part nodes npu_ids",
    "part interfaces ip -o addr show",
    "part docker within 10 docker version --format '{{.Server.Version}}'",
    ...findTools,
    'if [ -n "$npu_smi" ]; then part "npu-smi info" within 15 "$npu_smi" info; fi',
    "part version.info cat /usr/local/Ascend/driver/version.info",
    'if [ -n "$hccn_tool" ]; then for id in $(npu_ids); do hccn "$id" ip; done; fi',
    "}",
    "main",
  ];
  return `${lines.join("\n")}\n`;
}

/** Files and folders whose kind is asked for, in the order of the answer. */
export function askedFiles({ mounts, model }: WantedHost): string[] {
  const weights = model === undefined ? [] : [model.path, `${model.path}/config.json`];
  return [...mounts.map(({ source }) => source), ...weights];
}

const words = (texts: readonly string[]): string => texts.map(word).join(" ");

function npuSections({ npus }: WantedHost): string[] {
  return [
    ...findTools,
    'if [ -n "$npu_smi" ]; then',
    'part "npu-smi info" within 15 "$npu_smi" info',
    "card=$(first_card)",
    "part owners owners",
    'part board within 10 "$npu_smi" info -t board -i "$card"',
    "fi",
    "part version.info cat /usr/local/Ascend/driver/version.info",
    "part hccn.conf grep '^[[:space:]]*address_' /etc/hccn.conf",
    'if [ -n "$hccn_tool" ]; then',
    ...npus.flatMap(({ id }) => ["ip", "link", "net_health", "tls"].map((option) => `hccn ${id} ${option}`)),
    "fi",
  ];
}

/** Where driver releases put their tools; PATH comes last. */
const npuSmiPaths: readonly string[] = ["/usr/local/sbin/npu-smi", "/usr/local/bin/npu-smi"];
const hccnToolPaths: readonly string[] = [
  "/usr/local/Ascend/driver/tools/hccn_tool",
  "/usr/local/bin/hccn_tool",
];

const findTools: readonly string[] = [
  `npu_smi=$(find_tool ${npuSmiPaths.join(" ")} npu-smi)`,
  `hccn_tool=$(find_tool ${hccnToolPaths.join(" ")} hccn_tool)`,
  'part npu-smi echo "$npu_smi"',
  'part hccn_tool echo "$hccn_tool"',
];

const prelude = String.raw`
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
if timeout -s KILL 2 true 2>/dev/null; then
  within() { timeout -s KILL "$@"; }
else
  within() { shift; "$@"; }
fi
patience=6
part() {
  echo "@$1"; section=$1; shift
  while :; do
    text=$({ "$@" 2>&1; printf '\n=%s' "$?"; } | head -c 32768)
    # hccn_tool serves one caller at a time.
    case $section:$text in hccn*"is busy"*|hccn*"Get lock failed"*) ;; *) break ;; esac
    [ "$patience" -gt 0 ] || break
    patience=$((patience - 1)); sleep 1
  done
  printf '%s\n' "$text" | sed 's/^/ /'
  case $text in *=137) return 1 ;; esac
}
addresses() {
  # A kernel without IPv6 has no list of its addresses.
  [ ! -r /proc/net/if_inet6 ] || awk '{ print $1 }' /proc/net/if_inet6
  awk '/[|]--/ { a = $2 } /32 host LOCAL/ { print a }' /proc/net/fib_trie
}
find_tool() {
  for tool in "$@"; do command -v "$tool" && return; done
  for tool in "$@"; do [ -f "$tool" ] && echo "$tool" && return; done
  return 0
}
kinds() {
  for path in "$@"; do
    if [ -d "$path" ]; then echo folder
    elif [ -f "$path" ]; then echo file
    elif [ -c "$path" ]; then echo device
    elif [ -e "$path" ]; then echo other
    else
      while [ ! -e "$path" ]; do path=$(dirname -- "$path"); done
      if [ -d "$path" ] && [ ! -x "$path" ]; then echo hidden; else echo missing; fi
    fi
  done
}
npu_ids() {
  for node in /dev/davinci[0-9]*; do
    [ -c "$node" ] && echo "$node"
  done | sed 's|^/dev/davinci||' | sort -n
}
first_card() {
  printf '%s\n| 0 |' "$text" | sed -n 's/^| *\([0-9][0-9]*\) .*/\1/p' | head -n 1
}
owners() {
  printf '%s\n' "$text" | sed -n 's/^| *[0-9][0-9 ]*| *\([0-9][0-9]*\) *|.*/\1/p' | head -n 64 |
    while read -r pid; do echo "$pid" $(cat "/proc/$pid/cgroup"); done
}
hangs=
again=
hccn() {
  if [ -n "$hangs" ]; then
    printf '@hccn %s %s%s\n =137\n' "$1" "$2" "$again"
  else
    part "hccn $1 $2$again" within 5 "$hccn_tool" -i "$1" "-$2" -g || hangs=yes
  fi
}`.trimStart();
