import type { HostPlan } from "../../planning/plan.ts";
import { runScript } from "../../toolchain/host-report.ts";
import { engineOf } from "./docker.ts";

export interface Listener {
  readonly port: number;
  readonly pid: number;
  /** Its program's file, without arguments, which may hold what is nobody's business. */
  readonly program: string;
  /** Id of the container that it runs in, if any. */
  readonly container?: string;
}

// Sockets by port, then their processes; to root all of them show, to others their own.
const script = `
sockets=$(awk -v ports="$*" '
  BEGIN { n = split(ports, all, " "); for (i = 1; i <= n; i++) wanted[sprintf("%04X", all[i])] = all[i] }
  $4 == "0A" { hex = substr($2, length($2) - 3); if (hex in wanted) print wanted[hex], $10 }
' /proc/net/tcp /proc/net/tcp6 2> /dev/null)
[ -n "$sockets" ] || exit 0
{ echo "$sockets"; ls -l /proc/[0-9]*/fd 2> /dev/null; } | awk '
  /^[0-9]+ [0-9]+$/ { port["socket:[" $2 "]"] = $1; next }
  /^\\/proc\\// { split($0, part, "/"); next }
  $NF in port { print port[$NF], part[3]; delete port[$NF] }
' | while read -r port pid; do
  container=$(sed -n 's/.*[/-]\\([0-9a-f]\\{64\\}\\).*/\\1/p' "/proc/$pid/cgroup" 2> /dev/null | head -n 1)
  printf '%s %s %s %s\\n' "$port" "$pid" "\${container:--}" "$(readlink "/proc/$pid/exe")"
done
`;

/**
 * Who listens on which of `ports` on a host, as far as it can be seen: nobody where it cannot. Docker cannot know: on
 * the host's network a port is nobody's until it is opened.
 */
export async function listenersOn(host: HostPlan, ports: readonly number[]): Promise<Listener[]> {
  const { output } = await runScript(engineOf(host), `set -- ${ports.join(" ")}\n${script}`);
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [port, pid, container = "", ...words] = line.split(" ");
      return {
        port: Number(port),
        pid: Number(pid),
        program: words.join(" ").replaceAll(/\p{Cc}/gu, "\uFFFD"),
        ...(container !== "-" && { container }),
      };
    });
}
