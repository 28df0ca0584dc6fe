import { readdirSync, readFileSync } from "node:fs";

/** CPU time in microseconds that all threads of a process and of its children have used. */
export function cpuMicros(pid: number): number {
  return sum(processTree(pid), (member) =>
    sum(readdirSync(`/proc/${member}/task`), (thread) => {
      // Nanoseconds; the ticks of `stat` are 10 ms each, too coarse for a short run.
      const onCpu = read(`/proc/${member}/task/${thread}/schedstat`).split(" ")[0];
      return Number(onCpu) / 1000;
    }),
  );
}

/** Resident memory in KiB of a process and its children. */
export function rssKib(pid: number): number {
  return sum(processTree(pid), (member) =>
    Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${member}/status`))?.[1] ?? 0),
  );
}

function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}

/** Empty for a thread that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
