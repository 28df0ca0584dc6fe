import { visible } from "../problems/text.ts";

export interface Listener {
  readonly port: number;
  readonly pid: number;
  /** Its program's file, without arguments, which may hold what is nobody's business. */
  readonly program: string;
  /** Id of the container that it runs in, if any. */
  readonly container?: string;
}

/**
 * The shell function `listeners PORT…`: sockets by port, then their processes; to root all of them show, to others their
 * own.
 */
export const listenersFunction = String.raw`
listeners() {
  sockets=$(awk -v ports="$*" '
    BEGIN { n = split(ports, all, " "); for (i = 1; i <= n; i++) wanted[sprintf("%04X", all[i])] = all[i] }
    $4 == "0A" { hex = substr($2, length($2) - 3); if (hex in wanted) print wanted[hex], $10 }
  ' /proc/net/tcp /proc/net/tcp6 2> /dev/null)
  [ -n "$sockets" ] || return 0
  { echo "$sockets"; ls -l /proc/[0-9]*/fd 2> /dev/null; } | awk '
    /^[0-9]+ [0-9]+$/ { port["socket:[" $2 "]"] = $1; next }
    /^\/proc\// { split($0, part, "/"); next }
    $NF in port { print port[$NF], part[3]; delete port[$NF] }
  ' | while read -r port pid; do
    container=$(sed -n 's/.*[/-]\([0-9a-f]\{64\}\).*/\1/p' "/proc/$pid/cgroup" 2> /dev/null | head -n 1)
    [ -n "$container" ] || container=-
    printf '%s %s %s %s\n' "$port" "$pid" "$container" "$(readlink "/proc/$pid/exe")"
  done
}`.trimStart();

/** What that function printed. */
export function readListeners(output: string): Listener[] {
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [port, pid, container = "", ...words] = line.split(" ");
      return {
        port: Number(port),
        pid: Number(pid),
        program: visible(words.join(" ")),
        ...(container !== "-" && { container }),
      };
    });
}
