import type { StateSignature } from "../signature.ts";

const stopped = (status: string) => status === "exited" || status === "dead";
const exitStatus = "https://docs.docker.com/engine/containers/run/#exit-status";

/** How a container ended, or does not get on, of which its log may say nothing. */
export const container: readonly StateSignature[] = [
  {
    code: "LS901",
    severity: "error",
    rank: "cause",
    title: "the kernel killed it for its memory",
    seen: ({ oomKilled }) => (oomKilled ? "OOMKilled" : undefined),
    cause: "The container reached its limit of memory, or the host had none left.",
    fix: "`free -g` and `dmesg` on the host; raise the limit, load fewer instances at once or offload less",
    source: "https://docs.docker.com/engine/containers/resource_constraints/",
  },
  {
    code: "LS902",
    severity: "error",
    rank: "consequence",
    title: "it was killed by SIGKILL",
    seen: ({ oomKilled, exitCode, status }) =>
      exitCode === 137 && !oomKilled && status !== "running" ? "exit code 137" : undefined,
    cause:
      "The kernel killed a process for the host's memory, or the container did not end in time when it was stopped.",
    fix: "`dmesg | grep -i 'killed process'` on the host; if it was stopped by hand, nothing",
    source: exitStatus,
  },
  {
    code: "LS903",
    severity: "error",
    rank: "consequence",
    title: "its process crashed",
    seen: ({ exitCode, status }) =>
      status !== "running" && [132, 134, 135, 136, 139].includes(exitCode)
        ? `exit code ${exitCode}`
        : undefined,
    cause: "A fault in native code: SIGABRT (134), SIGBUS (135: /dev/shm is too small) or SIGSEGV (139).",
    fix: "135: raise `engine.sharedMemory`; else compare the versions of driver, CANN and image",
    source: exitStatus,
  },
  {
    code: "LS904",
    severity: "error",
    rank: "cause",
    title: "its command cannot be run",
    seen: ({ exitCode, status }) =>
      status !== "running" && (exitCode === 126 || exitCode === 127) ? `exit code ${exitCode}` : undefined,
    cause: "The image does not have the program (127), or it cannot be executed (126).",
    fix: "correct `image` in the stack file, or the entry point",
    source: exitStatus,
  },
  {
    code: "LS905",
    severity: "error",
    rank: "symptom",
    title: "it is started again and again",
    seen: ({ restarts, answer }) =>
      restarts >= 3 && answer !== "ready" ? `${restarts} restarts` : undefined,
    cause: "Its process ends before it serves, and Docker starts it anew: it never gets ready.",
    fix: "mend what its log says; then `pulumi up`",
    source: "https://docs.docker.com/engine/containers/start-containers-automatically/",
  },
  {
    code: "LS906",
    severity: "error",
    rank: "symptom",
    title: "it does not run",
    seen: ({ status, exitCode }) =>
      stopped(status)
        ? `${status}, exit code ${exitCode}`
        : ["created", "paused"].includes(status)
          ? status
          : undefined,
    cause: "Its process ended, or somebody stopped or paused it.",
    fix: "mend what its log says; `pulumi up --refresh` starts it",
    source: "https://docs.docker.com/reference/cli/docker/container/ls/#status",
  },
  {
    code: "LS907",
    severity: "error",
    rank: "symptom",
    title: "it runs, but has not become ready in its time",
    seen: ({ status, answer, age, startTimeoutSeconds }) =>
      status === "running" && answer !== "ready" && age > startTimeoutSeconds ? answer : undefined,
    cause:
      "A start that hangs (weights, network between ranks), a port that another holds, or an engine that died while its server goes on.",
    fix: "mend what its log says; with nothing there, see where its processes wait, and whether the ready path is reachable from here",
    source: "https://docs.vllm.ai/en/latest/usage/troubleshooting/",
  },
];
